"""What is due at an instant: what rested, expired or was not answered, and the next comparison?"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from marea.messages.envelope import Nanos
from marea.messages.orders import CancelIntended, LookUpOrder
from services.execution.core import reasons, reconciling
from services.execution.core.carrying import cancel, look_up, waiting_exits
from services.execution.core.life import is_over
from services.execution.core.state import (
    ASK_AGAIN_NS,
    ExecutionOutput,
    ExecutionState,
    Order,
)


class Due(NamedTuple):
    """What is to be asked of the venue about an order, and when."""

    ts: Nanos
    asks: Literal["look_up", "cancel"]
    reason: str = ""


def at_clock(state: ExecutionState, now: Nanos) -> Iterator[ExecutionOutput]:
    """All that is due at this clock."""
    now = max(now, state.now)
    for order in state.orders.values():
        due = due_of(state, order)
        if due and due.ts <= now:
            yield _asked(state, order, due)
    yield from waiting_exits(state, now)
    yield from reconciling.at_clock(state, now)


def at_start(state: ExecutionState) -> Iterator[ExecutionOutput]:
    """What a new life does not know: whether what the last one intended has left it."""
    for order in state.orders.values():
        if order.intent is None or is_over(order):
            continue
        if not order.is_vouched:
            yield look_up(state, order)
        elif order.cancel_reason and order.status == "canceling":
            yield cancel(state, order, order.cancel_reason)
    yield from reconciling.at_start(state)


def next_deadline(state: ExecutionState) -> Nanos | None:
    """When the core must be told the time at the latest, ns UTC."""
    deadlines = [
        max(due.ts, state.now + 1)  # what became due by a report is seen at the next clock
        for order in state.orders.values()
        if (due := due_of(state, order))
    ]
    deadlines += reconciling.deadlines(state)
    deadlines += [
        state.now + 1  # it waits for an entry to end, and that is seen at the next clock
        for approval in state.approvals.values()
        if not approval.order_ids
    ]
    return min(deadlines, default=None)


def due_of(state: ExecutionState, order: Order) -> Due | None:
    """What is to be asked about an order next; None where it has no intent of its own or is over."""
    if order.intent is None or is_over(order):
        return None
    again = order.ts_asked + ASK_AGAIN_NS
    if order.status in ("intended", "unknown"):
        return Due(again, "look_up")
    if order.cancel_reason:
        return Due(again if order.ts_asked else state.now, "cancel", order.cancel_reason)
    due = Due(order.intent.ts_expiry, "cancel", reasons.ORDER_EXPIRED)
    if order.intent.post_only:
        due = min(due, Due(_end_of_rest(state, order), "cancel", reasons.PASSIVE_OVER))
    if order.status == "sent":
        due = min(due, Due(again, "look_up"))
    return due


def _end_of_rest(state: ExecutionState, order: Order) -> Nanos:
    return order.ts_intended + state.config.passive_ns


def _asked(state: ExecutionState, order: Order, due: Due) -> CancelIntended | LookUpOrder:
    if due.asks == "look_up":
        return look_up(state, order)
    return cancel(state, order, due.reason)
