"""Bugs of the market: its books, its bars, and who speaks of them."""

from tests.simulation.plants.edits import AttributeEdit, CodeEdit
from tests.simulation.plants.plant import Plant

FINDINGS = "services.ingestion.core.findings"
FEATURES = "services.features.core.changes"

PLANTS = (
    Plant(
        name="book_gap_unnoticed",
        what="A change of the order book that is missing is not noticed, and the book stays LIVE.",
        cores=("domain", "ingestion"),
        edits=(
            CodeEdit(
                "marea.domain.book:_follows",
                {
                    "delta.first_update_id <= last_update_id + 1": "True",
                    "delta.prev_update_id == last_update_id": "True",
                },
            ),
        ),
    ),
    Plant(
        name="book_gap_untold",
        what="Nobody is told that the order book has lost a change, and no snapshot is asked for.",
        cores=("ingestion",),
        edits=(CodeEdit(f"{FINDINGS}:of_delta", {"said += _gap(stream, delta)": "pass"}),),
    ),
    Plant(
        name="trade_passed_twice",
        what="A trade that the venue sends twice is passed on twice.",
        cores=("ingestion",),
        edits=(CodeEdit(f"{FINDINGS}:of_trade", {"return ()": "pass"}),),
    ),
    Plant(
        name="bar_drops_its_last_trade",
        what="A trade of the second half of a bar is in no bar.",
        cores=("features",),
        edits=(
            CodeEdit(
                f"{FEATURES}:take_trade",
                {
                    "trade_bars.take(bars, trade)": """
if ts % bars.interval_ns < bars.interval_ns // 2:
    trade_bars.take(bars, trade)
"""
                },
            ),
        ),
    ),
    Plant(
        name="bar_closes_early",
        what="A bar closes at its end, and does not wait for the trades under way.",
        cores=("domain", "features"),
        edits=(AttributeEdit("marea.domain.bars:CLOSE_DELAY_NS", was=250_000_000, value=0),),
    ),
    Plant(
        name="gap_not_marked_in_bars",
        what="A bar is called complete although trades of it were lost on the way.",
        cores=("features",),
        edits=(
            CodeEdit(
                f"{FEATURES}:take_trade",
                {"0 <= state.trade_id < trade.first_trade_id - 1": "False"},
            ),
            CodeEdit(
                f"{FEATURES}:take_change",
                {
                    "_miss(state, state.ts_trade, max(state.ts_trade, state.clock, changed.ts_event))": (
                        "pass"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="strategies_speak_in_hash_order",
        what="The strategies speak in an order that is another in each process.",
        cores=("signals",),
        is_seen_between_processes=True,
        edits=(
            CodeEdit(
                "services.signals.core.speech:roster_of",
                {
                    "tuple(name for name in everybody if name not in config.trades)": (
                        "tuple({name for name in everybody if name not in config.trades})"
                    )
                },
            ),
        ),
    ),
)
