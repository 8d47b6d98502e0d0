"""An approved entry: rests, crosses the spread, ends; and when there is none."""

import pytest
from msgspec.structs import replace

from marea.messages.orders import (
    ApprovalRefused,
    CancelIntended,
    LookUpOrder,
    OrderCompleted,
    OrderIntended,
)
from services.execution.core import ExecutionInput, ExecutionState, begin
from services.execution.core.intents import client_order_id
from tests.unit.execution.trading import (
    ASK,
    BID,
    BTC,
    CONFIG,
    Told,
    clock,
    command,
    decision,
    ended,
    instrument,
    mark,
    of,
    only,
    opened,
    play,
    ready,
    tripped,
    ts,
)


def resting() -> tuple[ExecutionState, OrderIntended, Told]:
    """An entry that was sent and accepted at the begin."""
    state, told = ready(), Told()
    intent = only(OrderIntended, play(state, [decision()]))
    play(state, [told.sent(intent), told.accepted(intent.client_order_id, 800)])
    return state, intent, told


def canceling() -> tuple[ExecutionState, OrderIntended, Told]:
    """An entry that rested in vain and is to end."""
    state, intent, told = resting()
    play(state, [clock(2000)])
    return state, intent, told


def test_entry_rests_at_the_best_price_with_its_protective_orders() -> None:
    intent = only(OrderIntended, play(ready(), [decision()]))
    assert (intent.leg, intent.child, intent.attempt) == ("entry", 0, 1)
    assert (intent.side, intent.post_only, intent.reduce_only) == ("buy", True, False)
    assert (intent.qty, intent.price, intent.decision_price) == (800, BID, BID)
    assert (intent.stop_price, intent.target_price) == (5_990_000, 6_020_000)
    assert intent.client_order_id == client_order_id("main", "d1", "entry", 0)
    assert intent.stop_order_id == client_order_id("main", "d1", "stop", 0)
    assert intent.target_order_id == client_order_id("main", "d1", "target", 0)
    assert intent.ts_expiry == ts(5000)


def test_client_order_id_is_18_letters_and_digits_that_tell_each_order() -> None:
    names = {
        client_order_id(account, name, leg, child)
        for account in ("main", "other")
        for name in ("d1", "d2")
        for leg in ("entry", "exit", "stop", "target")
        for child in (0, 1)
    }
    assert len(names) == 32
    assert all(len(name) == 18 and name.isalnum() and name == name.lower() for name in names)


def test_denied_decision_leads_to_nothing() -> None:
    assert play(ready(), [replace(decision(), approved=False)]) == []


def test_entry_that_rested_in_vain_is_canceled_and_crosses_the_spread() -> None:
    state, intent, told = resting()
    assert play(state, [clock(1999)]) == []
    cancel = only(CancelIntended, play(state, [clock(2000)]))
    assert (cancel.client_order_id, cancel.reason) == (intent.client_order_id, "passive_over")
    crossing = only(OrderIntended, play(state, [told.canceled(intent.client_order_id)]))
    assert (crossing.child, crossing.post_only) == (1, False)
    assert (crossing.qty, crossing.price) == (800, ASK)
    assert crossing.stop_order_id != intent.stop_order_id
    assert crossing.client_order_id != intent.client_order_id


def test_what_is_left_of_a_partly_filled_entry_crosses_the_spread() -> None:
    state, intent, told = canceling()
    name = intent.client_order_id
    crossing = only(
        OrderIntended, play(state, [told.filled(name, 300, leaves=500), told.canceled(name)])
    )
    assert crossing.qty == 500


def test_entry_crosses_at_the_collar_when_the_price_has_run_beyond_it() -> None:
    state, intent, told = canceling()
    play(state, [mark(7_000_000, 7_000_100)])
    crossing = only(OrderIntended, play(state, [told.canceled(intent.client_order_id)]))
    assert crossing.price == decision().collar_price


@pytest.mark.parametrize(
    "told_before",
    [
        mark(status="BROKEN"),
        mark(BID, 0),
        command("halt"),
        tripped(),
        clock(5000),
        mark(5_990_000, 5_990_001),
    ],
    ids=["broken", "no-ask", "halt", "breaker", "expired", "at-its-stop"],
)
def test_entry_crosses_no_spread_when_nothing_may_open(told_before: ExecutionInput) -> None:
    state, intent, told = canceling()
    play(state, [told_before])
    done = only(OrderCompleted, play(state, [told.canceled(intent.client_order_id)]))
    assert (done.filled_qty, done.avg_price, done.slippage_bps) == (0, 0, 0.0)


def test_rest_that_is_worth_less_than_an_order_is_left() -> None:
    state, intent, told = canceling()
    name = intent.client_order_id
    said = play(state, [told.filled(name, 793, leaves=7), told.canceled(name)])
    assert only(OrderCompleted, said).filled_qty == 793


def test_entry_that_may_not_rest_crosses_at_once() -> None:
    state, told = ready(), Told()
    intent = only(OrderIntended, play(state, [decision()]))
    said = play(state, [told.sent(intent), told.rejected(intent.client_order_id, "POST_ONLY")])
    assert only(OrderIntended, said).child == 1


def test_other_rejection_ends_the_decision() -> None:
    state, told = ready(), Told()
    intent = only(OrderIntended, play(state, [decision()]))
    said = play(state, [told.sent(intent), told.rejected(intent.client_order_id, "BALANCE")])
    assert only(OrderCompleted, said).filled_qty == 0
    assert not state.approvals
    assert not state.orders


def test_filled_entry_is_complete_with_its_slippage() -> None:
    state, intent, told = resting()
    done = only(OrderCompleted, play(state, [told.filled(intent.client_order_id, 800)]))
    assert (done.decision_id, done.leg, done.qty, done.filled_qty) == ("d1", "entry", 800, 800)
    assert (done.decision_price, done.arrival_price, done.avg_price) == (BID, BID, BID)
    assert done.slippage_bps == 0.0


def test_slippage_of_two_orders_is_of_their_average_price() -> None:
    state, intent, told = canceling()
    name = intent.client_order_id
    said = play(state, [told.filled(name, 400, leaves=400), told.canceled(name)])
    crossing = only(OrderIntended, said).client_order_id
    done = only(OrderCompleted, play(state, [told.filled(crossing, 400, price=BID + 6000)]))
    assert done.avg_price == BID + 3000
    assert done.slippage_bps == 5.0


def test_order_expires_with_its_decision() -> None:
    state, intent, told = canceling()
    crossing = only(OrderIntended, play(state, [told.canceled(intent.client_order_id)]))
    play(state, [told.sent(crossing), told.accepted(crossing.client_order_id, 800)])
    assert play(state, [clock(4999)]) == []
    cancel = only(CancelIntended, play(state, [clock(5000)]))
    assert (cancel.client_order_id, cancel.reason) == (crossing.client_order_id, "expired")
    said = play(state, [told.canceled(crossing.client_order_id)])
    assert only(OrderCompleted, said).filled_qty == 0


def test_cancel_that_nobody_answers_is_repeated() -> None:
    state, intent, _ = canceling()
    assert play(state, [clock(6999)]) == []
    again = only(CancelIntended, play(state, [clock(7000)]))
    assert (again.client_order_id, again.reason) == (intent.client_order_id, "passive_over")


def test_fill_beats_a_cancel() -> None:
    state, intent, told = canceling()
    name = intent.client_order_id
    said = play(state, [told.filled(name, 800), told.cancel_rejected(name)])
    assert only(OrderCompleted, said).filled_qty == 800


def test_rejected_cancel_of_an_order_that_did_not_end_is_looked_up() -> None:
    state, intent, told = canceling()
    said = play(state, [told.cancel_rejected(intent.client_order_id, "UNKNOWN_ORDER")])
    assert only(LookUpOrder, said).client_order_id == intent.client_order_id


def test_reports_count_before_our_own_word_that_the_order_was_sent() -> None:
    state, told = ready(), Told()
    intent = only(OrderIntended, play(state, [decision()]))
    name = intent.client_order_id
    said = play(state, [told.accepted(name, 800), told.filled(name, 800), told.sent(intent)])
    assert only(OrderCompleted, said).filled_qty == 800


def test_report_counts_once() -> None:
    state, intent, told = resting()
    fill = told.filled(intent.client_order_id, 300, leaves=500)
    play(state, [fill])
    before = dict(state.balances)
    assert play(state, [fill]) == []
    assert state.balances == before
    assert state.orders[intent.client_order_id].filled_qty == 300


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (clock(5000), "EXPIRED"),
        (command("halt"), "HALTED"),
        (tripped(), "BREAKER_OPEN"),
        (decision("d0"), "ORDER_WORKING"),
        (mark(status="SYNCING"), "NOT_LIVE"),
        (opened("advisory"), "ADVISORY"),
    ],
)
def test_entry_is_refused(before: ExecutionInput, reason: str) -> None:
    state = ready(before)
    refusal = only(ApprovalRefused, play(state, [decision()]))
    assert (refusal.decision_id, refusal.reason) == ("d1", reason)
    assert "d1" not in state.approvals


def test_nothing_is_sent_before_a_portfolio_is_open() -> None:
    state = begin(CONFIG)
    said = play(state, [instrument(), mark(), clock(0), decision()])
    assert only(ApprovalRefused, said).reason == "ADVISORY"


def test_entry_without_an_instrument_or_a_mark_is_refused() -> None:
    state = begin(CONFIG)
    said = play(state, [opened(), clock(0), decision()])
    assert only(ApprovalRefused, of(ApprovalRefused, said)).reason == "NOT_LIVE"


def test_one_decision_of_an_instrument_at_a_time_and_the_next_after_it() -> None:
    state, intent, told = resting()
    assert only(ApprovalRefused, play(state, [decision("d2")])).reason == "ORDER_WORKING"
    play(state, [told.filled(intent.client_order_id, 800)])
    assert only(OrderIntended, play(state, [decision("d3")])).decision_id == "d3"


@pytest.mark.parametrize(("stops", "reason"), [(command("halt"), "halted"), (tripped(), "breaker")])
def test_what_forbids_openings_cancels_the_entries_that_work(
    stops: ExecutionInput, reason: str
) -> None:
    state, intent, _ = resting()
    cancel = only(CancelIntended, play(state, [stops]))
    assert (cancel.client_order_id, cancel.reason) == (intent.client_order_id, reason)


def test_halt_that_was_not_accepted_changes_nothing() -> None:
    state, _, _ = resting()
    assert play(state, [command("halt", accepted=False)]) == []
    assert not state.is_halted


@pytest.mark.parametrize(
    ("stops", "lets"), [(command("halt"), command("resume")), (tripped(), ended())]
)
def test_openings_come_back_as_what_forbade_them_ends(
    stops: ExecutionInput, lets: ExecutionInput
) -> None:
    state = ready(stops, lets)
    assert only(OrderIntended, play(state, [decision()])).instrument == BTC


def test_one_breaker_that_ends_leaves_the_other_in_force() -> None:
    state = ready(tripped(1), tripped(2), ended(1))
    assert only(ApprovalRefused, play(state, [decision()])).reason == "BREAKER_OPEN"
