"""Pre-trade risk: may this signal become an order, and how large?

Strategies that are acted on each have a target and a sub-ledger. When all of them have spoken of a
bar, what they want is netted, held against every gate, and sized by the least of every cap. Fills
are booked by double entry, and shared among the strategies they were made for. A fall of equity
opens the breaker, level by level; people halt, resume and reset.
"""

from collections.abc import Sequence
from typing import assert_never

from marea.messages.envelope import Nanos
from marea.messages.market import InstrumentChanged
from marea.messages.orders import (
    AccountReported,
    ApprovalRefused,
    CancelIntended,
    CancelRejected,
    LookUpOrder,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
    ReconciliationDone,
    ReportAccount,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    JournalPosted,
    Mark,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Clock, CoreDiverged, GapFound, Started
from services.risk.core import accounts, changes, control, decisions
from services.risk.core.state import (
    HEARS,
    SERVICE,
    RiskInput,
    RiskOutput,
    RiskState,
    begin,
    configure,
)

__all__ = [
    "HEARS",
    "SERVICE",
    "RiskInput",
    "RiskOutput",
    "RiskState",
    "apply",
    "begin",
    "configure",
    "decide",
    "next_deadline",
]

TOLD_EVERY_NS = 90_000_000
"""Risk wants the time of every window (they are 100 ms apart), before it decides at it."""


def next_deadline(state: RiskState) -> Nanos:
    """When risk must be told the time at the latest, ns UTC."""
    return state.now + TOLD_EVERY_NS


def decide(state: RiskState, event: RiskInput) -> Sequence[RiskOutput]:
    """Approvals and denials, breakers, the books, and what became of commands."""
    match event:
        case Signal():
            return decisions.at_signal(state, event)
        case Clock():
            return control.at_clock(state, event)
        case OrderFilled():
            return accounts.at_fill(state, event)
        case OrderCompleted():
            return accounts.at_completed(state, event)
        case PortfolioOpened():
            return () if state.portfolio else (accounts.opening(event),)
        case Command():
            return control.at_command(state, event)
        case (
            Mark()
            | InstrumentChanged()
            | OrderIntended()
            | ApprovalRefused()
            | OrderUnknown()
            | OrderLookedUp()
            | OrderNotSent()
            | OrderRejected()
            | ReconciliationDone()
            | CoreDiverged()
            | GapFound()
            | CancelIntended()
            | LookUpOrder()
            | ReportAccount()
            | OrderSent()
            | OrderAccepted()
            | OrderAmended()
            | OrderTriggered()
            | OrderCanceled()
            | CancelRejected()
            | AccountReported()
            | Started()
        ):
            return ()
        case _:
            assert_never(event)


def apply(state: RiskState, event: RiskInput | RiskOutput) -> None:
    """Take an event, or what was decided, into the state: the only place where it changes."""
    match event:
        case Signal() | Mark() | InstrumentChanged():
            changes.take_market(state, event)
        case Clock():
            control.take_clock(state, event)
        case (
            PortfolioOpened()
            | OrderFilled()
            | JournalPosted()
            | PositionClosed()
            | PortfolioValued()
        ):
            changes.take_books(state, event)
        case Command() | CommandTaken() | BreakerTripped() | BreakerEnded():
            changes.take_control(state, event)
        case (
            RiskDecision()
            | OrderIntended()
            | OrderCompleted()
            | ApprovalRefused()
            | OrderCanceled()
        ):
            changes.take_order(state, event)
        case (
            OrderUnknown()
            | OrderLookedUp()
            | OrderNotSent()
            | OrderRejected()
            | ReconciliationDone()
            | CoreDiverged()
            | GapFound()
        ):
            changes.take_doubt(state, event)
        case (
            CancelIntended()
            | LookUpOrder()
            | ReportAccount()
            | OrderSent()
            | OrderAccepted()
            | OrderAmended()
            | OrderTriggered()
            | CancelRejected()
            | AccountReported()
            | Started()
        ):
            pass
        case _:
            assert_never(event)
