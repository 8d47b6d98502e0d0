"""What must follow at the venue for another market when this one is known."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from marea.messages.paper import ExecutionReport
from services.paper.core import PaperInput, PaperState
from tests.unit.features.market import clock, trade
from tests.unit.paper.desk import CONFIG, UNIT, begin, place, play

QTYS = st.integers(60, 400)
ODD_FEES = replace(CONFIG, maker_e8=99_999)
"""Of which parts must be rounded."""


def account(events: list[PaperInput]) -> tuple[dict[str, int], list[ExecutionReport]]:
    """What the account has after these, and its fills."""
    state = PaperState(config=ODD_FEES)
    reports = play(state, [*begin(BTC=2 * UNIT, USDT=1_000 * UNIT), *events, clock(900)])
    return state.balances, [each for each in reports if each.kind == "filled"]


@settings(max_examples=60, deadline=None)
@given(
    side=st.sampled_from(["buy", "sell"]),
    qty=QTYS,
    off=st.integers(0, 9),
    first_pct=st.integers(1, 99),
)
def test_trade_in_two_parts_leaves_the_account_equal_but_for_one_unit_of_fee(
    side: str, qty: int, off: int, first_pct: int
) -> None:
    price = 10_003 + off if side == "sell" else 10_007 - off
    through = price + 1 if side == "sell" else price - 1
    order = place("a", 2, "sell" if side == "sell" else "buy", qty, price)
    taker = "buy" if side == "sell" else "sell"
    first = min(max(1, qty * first_pct // 100), qty - 1)
    at_once, [whole] = account([order, trade(1, 200, through, qty, taker)])  # type: ignore[arg-type] # one of two texts
    in_two, parts = account(
        [
            order,
            trade(1, 200, through, first, taker),  # type: ignore[arg-type] # one of two texts
            trade(2, 201, through, qty - first, taker),  # type: ignore[arg-type] # one of two texts
        ]
    )
    assert [each.last_qty for each in parts] == [first, qty - first]
    more = sum(each.commission for each in parts) - whole.commission
    assert 0 <= more <= 1
    received = "BTC" if side == "buy" else "USDT"
    assert in_two == at_once | {received: at_once[received] - more}
