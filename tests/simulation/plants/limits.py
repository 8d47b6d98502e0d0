"""Bugs of what holds openings back: limits, breakers, commands, doubts."""

from services.risk.core import reasons
from services.risk.core.gates import OPENING
from tests.simulation.plants.edits import GONE, CodeEdit, TableEdit
from tests.simulation.plants.plant import Plant

CONTROL = "services.risk.core.control"
CHANGES = "services.risk.core.changes"


def without_gate(code: str) -> TableEdit:
    """Let through what this gate would hold back."""
    return TableEdit("services.risk.core.gates:OPENING", (code,), OPENING[code], GONE)


PLANTS = (
    Plant(
        name="rates_unlimited",
        what="There is no limit to the orders of a second or of a minute.",
        cores=("risk",),
        edits=(without_gate(reasons.ORDERS_PER_S), without_gate(reasons.ORDERS_PER_MIN)),
    ),
    Plant(
        name="breaker_unheard_by_risk",
        what="Openings are approved while a breaker is open.",
        cores=("risk",),
        edits=(without_gate(reasons.BREAKER_OPEN),),
    ),
    Plant(
        name="breaker_ends_early",
        what="A breaker ends at the first clock after it has tripped.",
        cores=("domain", "risk"),
        edits=(
            CodeEdit(
                "marea.domain.drawdown:ending",
                {"is_open(level) and level.ts_until <= now": "is_open(level)"},
            ),
        ),
    ),
    Plant(
        name="breaker_never_trips",
        what="No fall of equity trips the breaker.",
        cores=("risk",),
        edits=(CodeEdit(f"{CONTROL}:_tripped", {"due(state)": "()"}),),
    ),
    Plant(
        name="halt_unheard",
        what="A person's halt holds no opening back.",
        cores=("risk", "execution"),
        edits=(
            without_gate(reasons.HALTED),
            CodeEdit("services.execution.core.carrying:why_not_open", {"state.is_halted": "False"}),
        ),
    ),
    Plant(
        name="command_taken_twice",
        what="A command that comes twice counts twice.",
        cores=("risk",),
        edits=(CodeEdit(f"{CONTROL}:_judged", {"command.key in state.command_keys": "False"}),),
    ),
    Plant(
        name="unknown_let_go",
        what="An order that nobody can vouch for is forgotten, with what it may still cost.",
        cores=("risk",),
        edits=(
            CodeEdit(
                f"{CHANGES}:take_doubt",
                {
                    "state.unknown[event.client_order_id] = event.instrument": (
                        "_end_order(state, event.client_order_id)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="working_orders_unreserved",
        what="What working orders may cost counts as free.",
        cores=("risk",),
        edits=(
            CodeEdit(
                "services.risk.core.sizing:_reserved",
                {'approval.notional if approval.side == "buy" else 0': "0"},
            ),
        ),
    ),
    Plant(
        name="quantity_off_the_increment",
        what="A quantity is not rounded to what the venue takes.",
        cores=("risk",),
        edits=(
            CodeEdit(
                "services.risk.core.sizing:size",
                {"qty = round_to_increment(qty, known.qty_increment, Rounding.DOWN)": "pass"},
            ),
        ),
    ),
    Plant(
        name="opens_after_a_gap",
        what="Openings go on although records of the log are missing or were decided otherwise.",
        cores=("risk", "execution"),
        edits=(
            CodeEdit(f"{CHANGES}:take_doubt", {"state.is_diverged = True": "pass"}),
            CodeEdit("services.execution.core:_take_turn", {"state.is_frozen = True": "pass"}),
        ),
    ),
)
