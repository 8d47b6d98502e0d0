"""What came of a signal, a decision or an order, up to the end of its position?"""

from collections.abc import Sequence
from typing import TypeAlias

from marea.bus.port import Bus
from marea.messages.envelope import Message
from marea.messages.orders import (
    ApprovalRefused,
    CancelIntended,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderReport,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    JournalPosted,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from services.standalone.history import Placed, forward
from services.standalone.lineage import order_ids

FOLLOWERS_MAX = 400

_Follower: TypeAlias = (
    RiskDecision
    | ApprovalRefused
    | OrderIntended
    | CancelIntended
    | OrderReport
    | OrderCompleted
    | JournalPosted
    | PositionClosed
    | CommandTaken
    | BreakerTripped
    | BreakerEnded
)


async def aftermath(bus: Bus, subject: Placed, ancestors: Sequence[Placed]) -> list[Placed]:
    """All that followed from an event, and, where it is of an order, from that order's decision.

    In the order of the log; it ends with the position, or after so many (`FOLLOWERS_MAX`).
    """
    begin = _begin(subject, ancestors)
    if begin is None:
        return []
    family = _Family(begin.record.message)
    found: list[Placed] = []
    async for placed in forward(bus, begin.log, begin.position + 1):
        if family.takes(placed.record.message):
            found.append(placed)
            if family.is_over or len(found) == FOLLOWERS_MAX:
                break
    return found


def _begin(subject: Placed, ancestors: Sequence[Placed]) -> Placed | None:
    # The decision if it is of one: its other orders and its fills belong to the story.
    match subject.record.message:
        case RiskDecision() | Signal():
            return subject
        case (
            ApprovalRefused()
            | OrderIntended()
            | CancelIntended()
            | OrderReport()
            | OrderCompleted()
            | JournalPosted()
            | PositionClosed()
        ):
            return next((a for a in ancestors if isinstance(a.record.message, RiskDecision)), None)
        case _:
            return subject if subject.log.channel == "trading" else None


class _Family:
    """The events that followed from the first one."""

    def __init__(self, first: Message) -> None:
        self.is_over = False
        self._ids = {first.id}
        self._orders: set[str] = set()
        self._held: set[str] = set()
        """Instruments that it has bought or sold."""
        self._strategies = _strategies(first)

    def takes(self, message: Message) -> bool:
        """Whether this one belongs to it as well."""
        if not isinstance(message, _Follower) or not self._is_of_it(message):
            return False
        self._ids.add(message.id)
        match message:
            case RiskDecision():
                self._strategies |= _strategies(message)
            case OrderIntended():
                self._orders.update(order_ids(message))
            case OrderFilled():
                self._held.add(message.instrument)
            case PositionClosed():
                self.is_over = True
            case _:
                pass
        return True

    def _is_of_it(self, message: _Follower) -> bool:
        if isinstance(message, OrderReport):
            return message.client_order_id in self._orders
        if isinstance(message, (OrderIntended, OrderCompleted, ApprovalRefused)):
            return message.decision_id in self._ids
        if isinstance(message, PositionClosed) and message.strategy in self._strategies:
            return message.instrument in self._held
        return not self._ids.isdisjoint(message.parents)


def _strategies(message: Message) -> set[str]:
    return set(message.strategy.split("+")) if isinstance(message, RiskDecision) else set()
