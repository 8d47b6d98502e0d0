"""How an event changes what risk knows."""

from typing import assert_never

from marea.domain import drawdown
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, notional, rescale
from marea.messages.market import InstrumentChanged
from marea.messages.orders import (
    ApprovalRefused,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    ReconciliationDone,
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
from marea.messages.system import CoreDiverged, GapFound
from services.risk.core import accounts, control, reasons
from services.risk.core.decisions import bar_of
from services.risk.core.state import Approval, Denial, Market, Opinion, Order, RiskState

ROUNDS_MAX = 3
"""Comparisons with the venue in a row that found a difference: openings freeze from there."""


def take_market(state: RiskState, event: Signal | Mark | InstrumentChanged) -> None:
    """Take what is said of an instrument."""
    match event:
        case Signal():
            if event.strategy in state.config.trades:
                opinions = state.opinions.setdefault(event.instrument, {})
                opinions[event.strategy] = Opinion(event, bar_of(event))
        case Mark():
            market = state.markets.get(event.instrument)
            if market is None:
                return  # its instrument was not told yet
            market.bid_price, market.ask_price = event.bid_price, event.ask_price
            market.book_status, market.ts_quote = event.book_status, event.ts_quote
            state.is_changed = True
        case InstrumentChanged():
            known = state.markets.get(event.instrument)
            if known is None:
                state.markets[event.instrument] = Market(event)
            else:
                known.instrument = event
        case _:
            assert_never(event)


def take_books(
    state: RiskState,
    event: PortfolioOpened | OrderFilled | JournalPosted | PositionClosed | PortfolioValued,
) -> None:
    """Take what moves money."""
    match event:
        case PortfolioOpened():
            if not state.portfolio:
                accounts.take_opening(state, event)
        case OrderFilled():
            accounts.take_fill(state, event)
            state.unknown.pop(event.client_order_id, None)
        case JournalPosted():
            if event.cause == reasons.CROSS:
                accounts.take_cross(state, event)
        case PositionClosed():
            accounts.take_closed(state, event)
            _forget_orders(state, event.instrument)
        case PortfolioValued():
            state.ts_valued = event.ts_event
        case _:
            assert_never(event)


def take_control(
    state: RiskState, event: Command | CommandTaken | BreakerTripped | BreakerEnded
) -> None:
    """Take what holds openings back, or lets them through."""
    match event:
        case Command():
            state.command_keys[event.key] = True
        case CommandTaken():
            control.take_command(state, event)
        case BreakerTripped():
            drawdown.trip(state.drawdown, event.level - 1, event.ts_until)
        case BreakerEnded():
            drawdown.end(state.drawdown, event.level - 1, event.reference)
        case _:
            assert_never(event)


def take_order(
    state: RiskState, event: RiskDecision | OrderIntended | OrderCompleted | ApprovalRefused
) -> None:
    """Take what is to be ordered, and how it ended."""
    match event:
        case RiskDecision():
            if event.approved:
                _approve(state, event)
            else:
                denial = Denial(event.side, event.reason, event.ts_event)
                state.denials[event.instrument] = denial
        case OrderIntended():
            _bind(state, event)
        case OrderCompleted() | ApprovalRefused():
            approval = state.working.get(event.instrument)
            if approval is not None and approval.decision_id == event.decision_id:
                del state.working[event.instrument]
            _forget_orders(state, event.instrument)
        case _:
            assert_never(event)


def take_doubt(
    state: RiskState,
    event: OrderUnknown
    | OrderLookedUp
    | OrderNotSent
    | OrderRejected
    | ReconciliationDone
    | CoreDiverged
    | GapFound,
) -> None:
    """Take what cannot be trusted, and what ends a doubt."""
    match event:
        case OrderUnknown():
            state.unknown[event.client_order_id] = event.instrument
        case OrderLookedUp() | OrderNotSent() | OrderRejected():
            state.unknown.pop(event.client_order_id, None)
        case ReconciliationDone():
            state.is_frozen = event.rounds >= ROUNDS_MAX
        case CoreDiverged() | GapFound():
            state.is_diverged = True  # until a person resumes
        case _:
            assert_never(event)


def _approve(state: RiskState, decision: RiskDecision) -> None:
    scales = (decision.price_scale, decision.qty_scale, ASSET_SCALE)
    approval = Approval(
        decision_id=decision.id,
        instrument=decision.instrument,
        side=decision.side,
        strategies=decision.strategy.split("+"),
        weights=[
            rescale(each, decision.qty_scale, ASSET_SCALE, Rounding.DOWN)
            for each in decision.shares
        ],
        notional=notional(decision.collar_price, decision.qty, *scales, Rounding.UP),
    )
    state.working[decision.instrument] = state.approvals[decision.id] = approval
    state.denials.pop(decision.instrument, None)


def _bind(state: RiskState, intent: OrderIntended) -> None:
    state.order_times.append(intent.ts_event)
    state.orders[intent.client_order_id] = Order(intent.decision_id, intent.leg)
    for name, leg in ((intent.stop_order_id, "stop"), (intent.target_order_id, "target")):
        if name:
            state.orders[name] = Order(intent.decision_id, leg)


def _forget_orders(state: RiskState, instrument: str) -> None:
    # Once nothing is held and nothing works no order of the instrument can fill any more.
    if instrument in state.working or any(
        accounts.holds(state, strategy, instrument) for strategy in state.positions
    ):
        return
    gone = [name for name, each in state.approvals.items() if each.instrument == instrument]
    for name in gone:
        del state.approvals[name]
    for name in [name for name, order in state.orders.items() if order.decision_id in gone]:
        del state.orders[name]
