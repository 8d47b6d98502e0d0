"""What is a portfolio worth, and what has come of it?"""

from hypothesis import given
from hypothesis import strategies as st

from marea.domain.ledger import ASSET_SCALE
from services.risk.core.accounts import valued
from tests.unit.risk.play import BID, Desk, approved, clock, mark

START = 10_000 * 10**ASSET_SCALE


@given(
    bid=st.integers(1_000_000, 9_000_000),
    spread=st.integers(1, 999),
    sold_pct=st.integers(0, 99),
)
def test_what_is_realized_and_what_is_not_make_the_change_of_equity(
    bid: int, spread: int, sold_pct: int
) -> None:
    desk = Desk()
    decision = approved(desk.signals(weighted=1.0))
    desk.bought(decision)
    qty = decision.qty * sold_pct // 100
    if qty:
        desk.sold(f"stop-{decision.id}", qty, decision.qty - qty, BID - 777)
    desk.tell(mark(bid, bid + spread), clock(1_000))
    now = valued(desk.state)
    assert now.equity - START == now.realized_pnl + now.unrealized_pnl
    assert now.equity == now.cash + now.exposure
