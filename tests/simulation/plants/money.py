"""Bugs of money: what is booked, shared and charged."""

from tests.simulation.plants.edits import CodeEdit
from tests.simulation.plants.plant import Plant

ACCOUNTS = "services.risk.core.accounts"
SHARING = "services.risk.core.sharing"
BOOK_FILL = "services.execution.core.money:book_fill"

TAKEN_AGAIN = (
    CodeEdit(
        "services.execution.shell.venue:_following",
        {
            "sorted(reports, key=lambda each: each.number)": "reports",
            "report.number == number + 1": "True",
        },
    ),
    CodeEdit(
        "services.execution.core.changes:take_report",
        {"report.number <= state.report_number": "False"},
    ),
)

PLANTS = (
    Plant(
        name="fill_booked_twice",
        what="A fill that the venue reports twice is booked twice.",
        cores=("risk", "execution"),
        edits=(
            CodeEdit(f"{ACCOUNTS}:is_new", {"fill.number > state.report_number": "True"}),
            *TAKEN_AGAIN,
        ),
    ),
    Plant(
        name="report_taken_twice",
        what="Execution takes a report of the venue as often as it comes.",
        cores=("execution",),
        edits=TAKEN_AGAIN,
    ),
    Plant(
        name="fee_left_out_of_the_journal",
        what="The journal books a fill without its commission.",
        cores=("risk",),
        edits=(
            CodeEdit(
                f"{ACCOUNTS}:at_fill",
                {
                    "books.transaction_of_fill(share)": (
                        "books.transaction_of_fill(replace(share, commission=0))"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="fee_left_out_of_the_position",
        what="Execution believes that it holds what a fill brought before its commission.",
        cores=("execution",),
        edits=(
            CodeEdit(
                BOOK_FILL,
                {"moved(fill)[fill.base]": 'fill.qty if fill.side == "buy" else -fill.qty'},
            ),
        ),
    ),
    Plant(
        name="fee_left_out_of_the_stop",
        what="A stop sells what its entry brought before its commission.",
        cores=("paper",),
        edits=(
            CodeEdit(
                "services.paper.core.changes:_fill",
                {"bracket.received += qty - report.commission": "bracket.received += qty"},
            ),
        ),
    ),
    Plant(
        name="fee_in_the_wrong_asset",
        what="A strategy is charged its part of a commission in the quote asset, whatever it was in.",
        cores=("risk",),
        edits=(CodeEdit(f"{SHARING}:_part", {"whole.commission_asset": "whole.quote"}),),
    ),
    Plant(
        name="money_in_floats",
        what="Balances are summed up as floating-point numbers.",
        cores=("execution",),
        edits=(
            CodeEdit(
                BOOK_FILL,
                {
                    "settle(state.balances, fill)": """
for asset, units in moved(fill).items():
    whole = state.balances.get(asset, 0) / 10**ASSET_SCALE + units / 10**ASSET_SCALE
    state.balances[asset] = int(whole * 10**ASSET_SCALE)
"""
                },
            ),
        ),
    ),
    Plant(
        name="journal_one_sided",
        what="The journal books what comes into the wallet, and not where it comes from.",
        cores=("risk",),
        edits=(
            CodeEdit(
                f"{ACCOUNTS}:at_fill",
                {
                    "books.transaction_of_fill(share)": (
                        "[each for each in books.transaction_of_fill(share)"
                        " if each.account == WALLET]"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="share_loses_a_unit",
        what="What is shared among strategies is rounded down, and the rest is nobody's.",
        cores=("risk",),
        edits=(
            CodeEdit(
                f"{SHARING}:shared",
                {
                    "split(whole.notional, weights)": (
                        "[whole.notional * weight // sum(weights) for weight in weights]"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="shared_by_the_first_wish",
        what="Each part of a fill is shared by what was wanted at first, not by what is still due.",
        cores=("risk",),
        edits=(CodeEdit(f"{SHARING}:take_bought", {"approval.wanted[strategy] -= qty": "pass"}),),
    ),
)
