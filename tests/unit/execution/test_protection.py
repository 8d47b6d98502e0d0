"""A position whose stop is gone: seen, told, and sold where the stop stood."""

from marea.messages.orders import ApprovalRefused, OrderCompleted, OrderIntended, ReconciliationDone
from services.execution.core import ExecutionState
from tests.unit.execution.test_reconciliation import BOUGHT
from tests.unit.execution.trading import (
    BID,
    Told,
    account,
    clock,
    decision,
    instrument,
    mark,
    of,
    only,
    play,
    ready,
)

STOP = 5_990_000


def bought(*, with_stop: bool = False) -> tuple[ExecutionState, OrderIntended, Told]:
    """A position of 799; its stop was rejected, unless it works."""
    state, told = ready(), Told()
    entry = only(OrderIntended, play(state, [decision()]))
    stop = entry.stop_order_id
    play(
        state,
        [
            told.sent(entry),
            told.accepted(entry.client_order_id, 800),
            told.filled(entry.client_order_id, 800),
            told.accepted(stop, 799) if with_stop else told.rejected(stop, "BALANCE"),
            clock(100),
        ],
    )
    return state, entry, told


def test_covered_position_is_left_to_the_venue() -> None:
    state, _, _ = bought(with_stop=True)
    assert play(state, [clock(1100), mark(STOP - 1, STOP)]) == []


def test_position_without_its_stop_is_sold_where_the_stop_stood() -> None:
    state, entry, _ = bought()
    assert play(state, [clock(1100), mark(STOP + 1, STOP + 2)]) == []
    stop = only(OrderIntended, play(state, [mark(STOP, STOP + 1)]))
    assert (stop.leg, stop.child, stop.side, stop.qty) == ("stop", 2, "sell", 799)
    assert (stop.decision_id, stop.reduce_only, stop.post_only) == ("d1", True, False)
    assert stop.price == STOP * 98 // 100
    assert stop.client_order_id not in (entry.client_order_id, entry.stop_order_id)


def test_position_may_be_uncovered_as_long_as_reports_take() -> None:
    state, _, _ = bought()
    assert play(state, [clock(1099), mark(STOP, STOP + 1)]) == []


def test_stop_of_our_own_is_not_doubled_and_is_complete_when_it_is_filled() -> None:
    state, _, told = bought()
    stop = only(OrderIntended, play(state, [clock(1100), mark(STOP, STOP + 1)]))
    name = stop.client_order_id
    assert play(state, [told.sent(stop), clock(3000), mark(STOP - 9, STOP)]) == []
    done = only(
        OrderCompleted, play(state, [told.filled(name, 799, price=STOP - 599, side="sell")])
    )
    assert (done.leg, done.decision_id, done.decision_price) == ("stop", "d1", STOP)
    assert done.slippage_bps == 1.0


def test_stop_of_our_own_that_got_nothing_is_followed_by_another() -> None:
    state, _, told = bought()
    stop = only(OrderIntended, play(state, [clock(1100), mark(STOP, STOP + 1)]))
    play(state, [told.sent(stop), told.rejected(stop.client_order_id, "BALANCE")])
    play(state, [clock(1200), clock(2200)])
    again = only(OrderIntended, play(state, [mark(STOP - 1, STOP)]))
    assert (again.child, again.qty) == (3, 799)
    assert again.client_order_id != stop.client_order_id


def test_nothing_opens_while_a_stop_of_our_own_may_sell_it() -> None:
    state, _, told = bought()
    stop = only(OrderIntended, play(state, [clock(1100), mark(STOP, STOP + 1)]))
    for report in (told.sent(stop), told.unknown(stop)):
        play(state, [report])
        refusal = only(ApprovalRefused, play(state, [decision(f"d {type(report).__name__}")]))
        assert refusal.reason == "ORDER_WORKING"
    play(state, [told.filled(stop.client_order_id, 799, price=STOP, side="sell")])
    assert only(OrderIntended, play(state, [decision("d2")])).leg == "entry"


def test_rest_of_an_exit_that_expired_is_covered_by_a_stop_of_our_own() -> None:
    state, entry, told = bought(with_stop=True)
    leaving = only(OrderIntended, play(state, [clock(1100), decision("d2", "exit", 799)]))
    name = leaving.client_order_id
    play(
        state,
        [
            told.sent(leaving),
            told.canceled(entry.stop_order_id, "replaced"),
            told.accepted(name, 799),
            told.filled(name, 300, leaves=499, price=BID, side="sell"),
            clock(5000),
            told.canceled(name),
            clock(5100),
        ],
    )
    stop = only(OrderIntended, play(state, [clock(6100), mark(STOP, STOP + 1)]))
    assert stop.qty == 499


def test_uncovered_position_is_a_difference() -> None:
    state, _, _ = bought()
    play(state, [clock(1100)])
    [done] = of(ReconciliationDone, play(state, [account(3, BOUGHT)]))
    assert done.differences == ("UNPROTECTED|BTC-USDT.SIM|799|0",)


def test_what_is_worth_no_order_at_the_price_of_its_stop_needs_none() -> None:
    state, entry, told = bought(with_stop=True)
    worth_at_entry, worth_at_stop = 540, 528  # of 9 units, at the bid and at the collar below it
    play(state, [instrument((worth_at_entry + worth_at_stop) // 2)])
    play(state, [told.amended(entry.stop_order_id, 790), clock(200), clock(1200)])
    assert play(state, [mark(STOP, STOP + 1)]) == []
    [done] = of(ReconciliationDone, play(state, [account(4, BOUGHT, (entry.stop_order_id,))]))
    assert done.differences == ()


def test_dust_that_is_worth_no_order_needs_no_stop() -> None:
    state, entry, told = bought(with_stop=True)
    stop = entry.stop_order_id
    play(state, [told.amended(stop, 793), clock(200), clock(1200)])
    assert play(state, [mark(STOP, STOP + 1)]) == []
    [done] = of(ReconciliationDone, play(state, [account(4, BOUGHT, (stop,))]))
    assert done.differences == ()
