"""What is a portfolio worth, and what has come of it?"""

from hypothesis import given
from hypothesis import strategies as st

from services.risk.core.accounts import valued
from tests.unit.risk.desk import BTC, COIN, PRICES, SECOND, Desk, order_of

START = 10_000 * COIN


@given(
    bid=st.integers(1_000_000, 9_000_000),
    spread=st.integers(1, 999),
    sold_pct=st.integers(0, 99),
)
def test_what_is_realized_and_what_is_not_make_the_change_of_equity(
    bid: int, spread: int, sold_pct: int
) -> None:
    desk = Desk.ready()
    decision = desk.enter()
    qty = decision.qty * sold_pct // 100
    if qty:
        stop, left = f"{order_of(decision)}-stop", decision.qty - qty
        desk.fill(stop, qty, PRICES[BTC] - 777, leaves=left)
    desk.mark(bid=bid, ask=bid + spread)
    desk.wait(SECOND)
    now = valued(desk.state)
    assert now.equity - START == now.realized_pnl + now.unrealized_pnl
    assert now.equity == now.cash + now.exposure
