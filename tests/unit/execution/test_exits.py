"""An approved exit: sells at once, in place of what protected the position."""

from copy import deepcopy

import pytest
from msgspec.structs import replace

from marea.messages.orders import (
    ApprovalRefused,
    CancelIntended,
    OrderCompleted,
    OrderIntended,
)
from services.execution.core import ExecutionState
from tests.unit.execution.trading import (
    Told,
    clock,
    command,
    decision,
    of,
    only,
    play,
    ready,
    tripped,
)


def working() -> tuple[ExecutionState, OrderIntended, Told]:
    """An entry that was accepted and is not filled yet."""
    state, told = ready(), Told()
    entry = only(OrderIntended, play(state, [decision()]))
    play(state, [told.sent(entry), told.accepted(entry.client_order_id, 800)])
    return state, entry, told


def protected() -> tuple[ExecutionState, OrderIntended, Told]:
    """A position of 799 whose stop and target work."""
    state, entry, told = working()
    said = play(
        state,
        [
            told.filled(entry.client_order_id, 800),
            told.accepted(entry.stop_order_id, 799),
            told.accepted(entry.target_order_id, 799),
        ],
    )
    assert only(OrderCompleted, said).leg == "entry"
    return state, entry, told


def test_exit_takes_the_place_of_the_protective_orders_down_to_the_collar() -> None:
    state, entry, _ = protected()
    intent = only(OrderIntended, play(state, [decision("d2", "exit", 799)]))
    assert (intent.leg, intent.side, intent.qty) == ("exit", "sell", 799)
    assert (intent.reduce_only, intent.post_only) == (True, False)
    assert intent.price == decision("d2", "exit").collar_price
    assert intent.replaces == (entry.stop_order_id, entry.target_order_id)
    assert (intent.stop_order_id, intent.target_order_id) == ("", "")


def test_exit_of_one_strategy_leaves_the_stop_of_another() -> None:
    state, first, told = protected()
    named = replace(decision("d2"), strategy="flow")
    second = only(OrderIntended, play(state, [named]))
    play(
        state,
        [
            told.sent(second),
            told.accepted(second.client_order_id, 800),
            told.filled(second.client_order_id, 800),
            told.accepted(second.stop_order_id, 799),
            told.accepted(second.target_order_id, 799),
        ],
    )
    for strategy, entry in (("flow", second), ("weighted", first)):
        exiting = replace(decision(f"exit of {strategy}", "exit", 799), strategy=strategy)
        state_then = deepcopy(state)
        intent = only(OrderIntended, play(state_then, [exiting]))
        assert intent.replaces == (entry.stop_order_id, entry.target_order_id)


def test_exit_takes_the_stop_of_another_where_that_protects_what_it_sells() -> None:
    state, entry, _ = protected()
    exiting = replace(decision("d2", "exit", 799), strategy="flow")
    intent = only(OrderIntended, play(state, [exiting]))
    assert intent.replaces == (entry.stop_order_id, entry.target_order_id)


def test_exit_is_complete_when_it_is_filled_and_nothing_is_left() -> None:
    state, entry, told = protected()
    intent = only(OrderIntended, play(state, [decision("d2", "exit", 799)]))
    said = play(
        state,
        [
            told.sent(intent),
            told.canceled(entry.stop_order_id, "replaced"),
            told.canceled(entry.target_order_id, "replaced"),
            told.accepted(intent.client_order_id, 799),
            told.filled(intent.client_order_id, 799, price=5_999_400, side="sell"),
            clock(100),
        ],
    )
    done = only(OrderCompleted, said)
    assert (done.leg, done.side, done.filled_qty) == ("exit", "sell", 799)
    assert done.slippage_bps == 1.0
    assert (state.orders, state.approvals) == ({}, {})


@pytest.mark.parametrize("before", [command("halt"), tripped()], ids=["halt", "breaker"])
def test_exit_goes_out_when_nothing_may_open(before: object) -> None:
    state, _, _ = protected()
    play(state, [before])  # type: ignore[list-item] # one of the two above
    assert only(OrderIntended, play(state, [decision("d2", "exit")])).leg == "exit"


def test_exit_waits_for_the_entry_that_it_ends_and_for_its_protective_orders() -> None:
    state, entry, told = working()
    name = entry.client_order_id
    play(state, [told.filled(name, 400, leaves=400)])
    cancel = only(CancelIntended, play(state, [decision("d2", "exit", 399)]))
    assert (cancel.client_order_id, cancel.reason) == (name, "exit")
    assert of(OrderIntended, play(state, [clock(100)])) == []
    said = play(state, [told.canceled(name), clock(200)])
    assert only(OrderCompleted, said).leg == "entry"
    stop, target = entry.stop_order_id, entry.target_order_id
    play(state, [told.accepted(stop, 399), told.accepted(target, 399)])
    assert only(OrderIntended, play(state, [clock(300)])).replaces == (stop, target)


def test_exit_waits_for_protective_orders_no_longer_than_their_reports_take() -> None:
    state, entry, told = working()
    play(state, [told.filled(entry.client_order_id, 800)])
    assert play(state, [decision("d2", "exit", 799), clock(999)]) == []
    assert only(OrderIntended, play(state, [clock(1000)])).replaces == ()


def test_exit_that_waited_too_long_is_refused() -> None:
    state, entry, _ = working()
    play(state, [decision("d2", "exit")])
    refusal = of(ApprovalRefused, play(state, [clock(5000)]))
    assert [(each.decision_id, each.reason) for each in refusal] == [("d2", "EXPIRED")]
    assert list(state.approvals) == [entry.decision_id]


def test_second_exit_is_refused_while_one_works() -> None:
    state, _, _ = protected()
    play(state, [decision("d2", "exit")])
    assert only(ApprovalRefused, play(state, [decision("d3", "exit")])).reason == "ORDER_WORKING"


def test_stop_and_target_are_complete_when_they_end_with_fills() -> None:
    state, entry, told = protected()
    said = play(
        state,
        [
            told.triggered(entry.stop_order_id),
            told.filled(entry.stop_order_id, 400, leaves=399, price=5_989_000, side="sell"),
            told.amended(entry.target_order_id, 399),
            told.filled(entry.stop_order_id, 399, price=5_989_000, side="sell"),
            told.canceled(entry.target_order_id, "sibling_filled"),
        ],
    )
    done = only(OrderCompleted, said)
    assert (done.leg, done.decision_id, done.filled_qty) == ("stop", "d1", 799)
    assert (done.decision_price, done.avg_price) == (5_990_000, 5_989_000)
    assert done.slippage_bps == pytest.approx(1.6694, abs=1e-4)
    assert state.orders == {}


def test_protective_orders_of_an_entry_without_a_fill_are_forgotten() -> None:
    state, entry, told = working()
    play(state, [command("halt"), told.canceled(entry.client_order_id)])
    assert state.orders == {}


def test_protective_orders_of_a_fill_below_the_increment_are_forgotten() -> None:
    state, entry, told = working()
    name = entry.client_order_id
    play(state, [command("halt"), told.filled(name, 1, leaves=799), told.canceled(name)])
    assert list(state.orders) == [entry.stop_order_id, entry.target_order_id]
    play(state, [clock(1000)])
    assert state.orders == {}
