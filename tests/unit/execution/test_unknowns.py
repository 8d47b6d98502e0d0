"""What nobody can vouch for: looked up, adopted or sent once more, never doubled."""

import pytest

from marea.messages.orders import (
    CancelIntended,
    LookUpOrder,
    OrderCompleted,
    OrderIntended,
    OrderLookedUp,
    ReportAccount,
)
from services.execution.core import ExecutionInput, ExecutionState, next_deadline
from tests.unit.execution.trading import (
    BTC,
    Told,
    clock,
    command,
    decision,
    mark,
    of,
    only,
    play,
    ready,
    started,
    ts,
)


def intended() -> tuple[ExecutionState, OrderIntended, Told]:
    """An entry that was decided on and is not sent yet."""
    state = ready()
    return state, only(OrderIntended, play(state, [decision()])), Told()


def unknown() -> tuple[ExecutionState, OrderIntended, Told]:
    """An entry of which nobody knows whether it arrived."""
    state, intent, told = intended()
    question = only(LookUpOrder, play(state, [told.unknown(intent)]))
    assert (question.client_order_id, question.attempt) == (intent.client_order_id, 1)
    return state, intent, told


def looked_up(intent: OrderIntended, found: bool) -> OrderLookedUp:
    return OrderLookedUp(
        id=f"looked-up-{intent.attempt}-{found}",
        portfolio="main",
        instrument=BTC,
        client_order_id=intent.client_order_id,
        attempt=intent.attempt,
        found=found,
    )


def test_order_that_the_venue_has_is_adopted() -> None:
    state, intent, told = unknown()
    assert play(state, [looked_up(intent, found=True)]) == []
    said = play(state, [told.filled(intent.client_order_id, 800)])
    assert only(OrderCompleted, said).filled_qty == 800


def test_order_that_the_venue_has_not_is_sent_once_more_under_the_same_name() -> None:
    state, intent, _ = unknown()
    again = only(OrderIntended, play(state, [looked_up(intent, found=False)]))
    assert (again.attempt, again.client_order_id) == (2, intent.client_order_id)
    assert again.id != intent.id
    assert (again.qty, again.price, again.stop_order_id) == (
        intent.qty,
        intent.price,
        intent.stop_order_id,
    )


def test_question_is_put_again_while_nobody_answers() -> None:
    state, _, _ = unknown()
    assert play(state, [clock(4900)]) == []
    assert len(of(LookUpOrder, play(state, [clock(5000)]))) == 1


def test_intent_that_nobody_acted_on_is_looked_up_after_a_while() -> None:
    state, _, _ = intended()
    assert play(state, [clock(4900)]) == []
    assert len(of(LookUpOrder, play(state, [clock(5000)]))) == 1


def test_answer_about_an_older_attempt_says_nothing() -> None:
    state, intent, told = unknown()
    again = only(OrderIntended, play(state, [looked_up(intent, found=False)]))
    late: list[ExecutionInput] = [
        looked_up(intent, found=False),
        told.not_sent(intent),
        told.unknown(intent),
    ]
    assert play(state, late) == []
    assert state.orders[again.client_order_id].status == "intended"


def test_order_that_expired_meanwhile_is_closed_as_not_sent() -> None:
    state, intent, _ = unknown()
    play(state, [clock(5000)])
    done = only(OrderCompleted, play(state, [looked_up(intent, found=False)]))
    assert (done.filled_qty, done.arrival_price) == (0, 0)
    assert state.orders == {}


def test_order_is_not_sent_once_more_after_a_halt() -> None:
    state, intent, _ = unknown()
    play(state, [command("halt")])
    assert only(OrderCompleted, play(state, [looked_up(intent, found=False)])).filled_qty == 0


def test_order_is_not_sent_once_more_while_the_book_can_not_be_trusted() -> None:
    state, intent, _ = unknown()
    play(state, [mark(status="BROKEN")])
    assert only(OrderCompleted, play(state, [looked_up(intent, found=False)])).filled_qty == 0


def test_order_is_sent_three_times_at_most() -> None:
    state, intent, told = intended()
    second = only(OrderIntended, play(state, [told.not_sent(intent)]))
    third = only(OrderIntended, play(state, [told.not_sent(second)]))
    assert (second.attempt, third.attempt) == (2, 3)
    assert only(OrderCompleted, play(state, [told.not_sent(third)])).filled_qty == 0


def test_order_that_was_sent_and_of_which_nothing_is_heard_is_looked_up() -> None:
    state, intent, told = intended()
    play(state, [told.sent(intent), clock(1999)])
    said = play(state, [clock(2000)])
    assert only(CancelIntended, said).reason == "passive_over"
    said = play(state, [told.cancel_rejected(intent.client_order_id, "UNKNOWN_ORDER")])
    assert only(LookUpOrder, said).client_order_id == intent.client_order_id
    crossing = only(OrderIntended, play(state, [looked_up(intent, found=False)]))
    assert (crossing.child, crossing.attempt) == (1, 1)
    play(state, [told.sent(crossing)])
    assert [each.client_order_id for each in of(LookUpOrder, play(state, [clock(7000)]))] == []


def test_rejection_of_a_cancel_that_was_taken_before_says_nothing() -> None:
    state, intent, told = intended()
    rejection = told.cancel_rejected(intent.client_order_id)
    play(state, [told.sent(intent), clock(2000), rejection])
    play(state, [looked_up(intent, found=True), clock(2100)])
    assert state.orders[intent.client_order_id].status == "canceling"
    assert play(state, [rejection]) == []


def test_found_order_that_is_to_end_is_canceled_at_the_next_clock() -> None:
    state, intent, _ = unknown()
    assert only(CancelIntended, play(state, [command("halt")])).reason == "halted"
    assert state.orders[intent.client_order_id].status == "unknown"
    assert play(state, [looked_up(intent, found=True)]) == []
    assert only(CancelIntended, play(state, [clock(100)])).reason == "halted"


def test_venue_that_lists_nothing_of_an_order_that_worked_proves_nothing() -> None:
    state, intent, told = intended()
    name = intent.client_order_id
    play(state, [told.sent(intent), told.accepted(name, 800), clock(2000)])
    said = play(state, [told.cancel_rejected(name), looked_up(intent, found=False)])
    assert only(LookUpOrder, said).client_order_id == name
    assert state.orders[name].status == "unknown"


def test_refusal_of_a_second_copy_does_not_end_the_order() -> None:
    state, intent, told = intended()
    name = intent.client_order_id
    said = play(
        state, [told.sent(intent), told.accepted(name, 800), told.rejected(name, "DUPLICATE_ID")]
    )
    assert said == []
    assert state.orders[name].status == "working"


def test_request_that_came_too_late_says_nothing_of_the_attempt_after_it() -> None:
    state, intent, told = intended()
    late = told.rejected(intent.client_order_id, "TIMESTAMP")
    play(state, [told.unknown(intent)])
    again = only(OrderIntended, play(state, [looked_up(intent, found=False)]))
    assert play(state, [told.sent(again), late]) == []
    assert state.orders[intent.client_order_id].status == "sent"


def test_order_that_was_refused_for_its_time_is_looked_up() -> None:
    state, intent, told = intended()
    play(state, [told.unknown(intent), told.rejected(intent.client_order_id, "TIMESTAMP")])
    asked = only(LookUpOrder, play(state, [clock(5000)])[:1])
    assert asked.client_order_id == intent.client_order_id


def test_order_that_is_known_only_after_its_expiry_waits_for_no_other_clock() -> None:
    state, intent, told = intended()
    play(state, [told.unknown(intent), clock(7000), told.accepted(intent.client_order_id, 800)])
    assert next_deadline(state) == state.now + 1


def test_new_life_looks_up_what_the_last_one_may_or_may_not_have_sent() -> None:
    state, intent, _ = intended()
    said = play(state, [started()])
    assert [type(each) for each in said] == [LookUpOrder, ReportAccount]
    again = only(OrderIntended, play(state, [looked_up(intent, found=False)]))
    assert (again.attempt, again.ts_event) == (2, ts(0))


def test_new_life_leaves_alone_what_was_sent_and_repeats_a_cancel() -> None:
    state, intent, told = intended()
    play(state, [told.sent(intent), told.accepted(intent.client_order_id, 800)])
    assert [type(each) for each in play(state, [started(name="two")])] == [ReportAccount]
    play(state, [clock(2000)])
    said = play(state, [started(name="three")])
    assert [type(each) for each in said] == [CancelIntended, ReportAccount]


@pytest.mark.parametrize("service", ["risk", "signals"])
def test_life_of_another_service_is_nothing_to_execution(service: str) -> None:
    state, _, _ = intended()
    assert play(state, [started(service)]) == []
