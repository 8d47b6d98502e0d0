"""Execution: which orders, when, and what state is each in?

An approved decision becomes an order that is written down before it is sent, and is followed until
nothing of it works any more. What the venue reports is taken as it is; what nobody can vouch for is
looked up before anything is sent again.
"""

from collections.abc import Sequence
from typing import assert_never

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
from services.execution.core import changes, reasons, reconciling, timers
from services.execution.core.carrying import cancels, on_decision, on_report
from services.execution.core.protection import at_mark
from services.execution.core.state import (
    HEARS,
    SERVICE,
    ExecutionInput,
    ExecutionOutput,
    ExecutionState,
    Turn,
    Unheard,
    begin,
)
from services.execution.core.timers import next_deadline

__all__ = [
    "HEARS",
    "SERVICE",
    "ExecutionInput",
    "ExecutionOutput",
    "ExecutionState",
    "Unheard",
    "apply",
    "begin",
    "decide",
    "next_deadline",
]


def decide(state: ExecutionState, event: ExecutionInput) -> Sequence[ExecutionOutput]:
    """The orders, cancels and questions that follow, and what is over."""
    match event:
        case RiskDecision():
            return on_decision(state, event)
        case Clock():
            return list(timers.at_clock(state, event.ts_event))
        case Mark():
            return list(at_mark(state, event))
        case (
            OrderAccepted()
            | OrderRejected()
            | OrderAmended()
            | OrderTriggered()
            | OrderFilled()
            | OrderCanceled()
            | CancelRejected()
            | OrderSent()
            | OrderNotSent()
            | OrderUnknown()
            | OrderLookedUp()
        ):
            return on_report(state, event)
        case CommandTaken() | BreakerTripped() | Started() | AccountReported():
            return _on_turn(state, event)
        case (
            InstrumentChanged()
            | PortfolioOpened()
            | BreakerEnded()
            | CoreDiverged()
            | GapFound()
            | OrderIntended()
            | CancelIntended()
            | LookUpOrder()
            | ReportAccount()
            | ApprovalRefused()
            | OrderCompleted()
            | ReconciliationDone()
            | Signal()
            | Command()
            | JournalPosted()
            | PositionClosed()
            | PortfolioValued()
        ):
            return ()
        case _:
            assert_never(event)


def _on_turn(
    state: ExecutionState, event: CommandTaken | BreakerTripped | Started | AccountReported
) -> Sequence[ExecutionOutput]:
    match event:
        case CommandTaken():
            is_halt = event.accepted and event.action == "halt"
            return list(cancels(state, reasons.HALT)) if is_halt else ()
        case BreakerTripped():
            return list(cancels(state, reasons.BREAKER))
        case Started():
            return list(timers.at_start(state)) if event.service == SERVICE else ()
        case AccountReported():
            return list(reconciling.on_account(state, event))
        case _:
            assert_never(event)


def apply(state: ExecutionState, event: ExecutionInput | ExecutionOutput) -> None:
    """Take what was told, or what execution decided, into the state."""
    match event:
        case Clock() | Mark() | InstrumentChanged():
            changes.take_market(state, event)
        case RiskDecision() | ApprovalRefused() | OrderCompleted():
            changes.take_approval(state, event)
        case OrderIntended() | CancelIntended() | LookUpOrder():
            changes.take_own(state, event)
        case (
            OrderAccepted()
            | OrderRejected()
            | OrderAmended()
            | OrderTriggered()
            | OrderFilled()
            | OrderCanceled()
            | CancelRejected()
        ):
            changes.take_report(state, event)
        case OrderSent() | OrderNotSent() | OrderUnknown() | OrderLookedUp():
            changes.take_shell_report(state, event)
        case AccountReported() | ReportAccount() | ReconciliationDone():
            changes.take_comparison(state, event)
        case _:
            _take_turn(state, event)


def _take_turn(state: ExecutionState, event: Turn | Unheard) -> None:
    match event:
        case PortfolioOpened():
            changes.take_portfolio(state, event)
        case CommandTaken():
            changes.take_command(state, event)
        case BreakerTripped():
            state.open_levels = [*state.open_levels, event.level]
        case BreakerEnded():
            state.open_levels = [level for level in state.open_levels if level != event.level]
        case CoreDiverged() | GapFound():
            state.is_frozen = True
        case Started():
            changes.take_start(state, event)
        case Signal() | Command() | JournalPosted() | PositionClosed() | PortfolioValued():
            pass
        case _:
            assert_never(event)
