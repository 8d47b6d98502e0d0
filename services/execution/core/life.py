"""What does a message say of an order, and what is the order after it?"""

from dataclasses import replace
from typing import assert_never

from marea.domain.ledger import notional_of
from marea.domain.order_life import LIFE, is_final, next_status
from marea.messages.envelope import Nanos
from marea.messages.orders import (
    DUPLICATE_ID,
    SIGNED_OFF,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
)
from services.execution.core.state import Order, Report, ShellReport

UNSETTLED = ("intended", "sent", "unknown", "canceling")
"""In these an answer of the venue is due."""


def is_over(order: Order) -> bool:
    """Does nothing of the order work any more, unless it is sent once more?"""
    return is_final(order.status) or order.status == "not_sent"


def leaves(order: Order) -> int:
    """How much of the order can still be filled, in its instrument's quantity units?"""
    return 0 if is_over(order) else order.qty - order.filled_qty


def fits(order: Order, message: Report) -> bool:
    """Can what the venue reports be so, after all that is known of the order?"""
    event = event_of(order, message)
    return not event or event in LIFE[order.status]


def event_of(order: Order, message: Report | ShellReport) -> str:
    """The event of the order's life that the message is; empty where it says nothing new."""
    if isinstance(message, ShellReport):
        event = _told_by_shell(order, message)
        return event if event in LIFE[order.status] else ""  # the venue was faster
    return _told_by_venue(order, message)


def _told_by_shell(order: Order, message: ShellReport) -> str:
    if order.intent is None or message.attempt != order.intent.attempt:
        return ""  # superseded
    match message:
        case OrderSent():
            return "sent"
        case OrderNotSent():
            return "not_sent"
        case OrderUnknown():
            return "unknown"
        case OrderLookedUp():
            if message.found:
                return "looked_up_found"
            # What the venue has reported was there: that it lists nothing now proves nothing.
            return "" if order.is_reported else "looked_up_missing"


def _told_by_venue(order: Order, message: Report) -> str:
    match message:
        case OrderAccepted():
            return "accepted"
        case OrderRejected():
            # A second copy was refused, or an attempt that came too late: the order may live.
            is_copy = message.reason == DUPLICATE_ID and order.is_reported
            return "" if is_copy or message.reason == SIGNED_OFF else "rejected"
        case OrderAmended():
            return "amended"
        case OrderTriggered():
            return "triggered"
        case OrderFilled():
            return "filled_part" if message.leaves_qty else "filled_all"
        case OrderCanceled():
            return "canceled"
        case CancelRejected():
            return "cancel_rejected" if order.status == "canceling" else ""


def taken(order: Order, message: Report | ShellReport, now: Nanos) -> Order:
    """The order after the message; itself where that says nothing new, or nothing that can be."""
    event = event_of(order, message)
    if event not in LIFE[order.status]:
        return order
    after = turned(order, event, now)
    if isinstance(message, ShellReport):
        _vouch(after, event, now)
    else:
        _report(after, message, now)
    return after


def _vouch(order: Order, event: str, now: Nanos) -> None:
    order.is_vouched = order.is_vouched or event in ("sent", "looked_up_found")
    # What was found and is to end can be canceled at once.
    order.ts_asked = 0 if event == "looked_up_found" and order.cancel_reason else now


def _report(order: Order, message: Report, now: Nanos) -> None:
    if isinstance(message, CancelRejected):  # that may be of an order that was never there
        order.ts_asked = now
        return
    order.is_vouched = order.is_reported = True
    match message:
        case OrderAccepted() | OrderAmended():
            order.qty = message.qty
        case OrderRejected():
            order.rejection = message.reason
        case OrderFilled():
            order.filled_qty += message.last_qty
            order.filled_notional += notional_of(message)
        case OrderTriggered() | OrderCanceled():
            pass
        case _:
            assert_never(message)


def turned(order: Order, event: str, now: Nanos) -> Order:
    """The order in the status that follows. Raises `ValueError` where it can't."""
    status = next_status(order.status, event)
    since = order.ts_doubt or now
    return replace(order, status=status, ts_doubt=since if status in UNSETTLED else 0)
