"""How an event changes what risk knows."""

from typing import assert_never

from marea.domain import drawdown
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, notional, rescale
from marea.messages.market import InstrumentChanged
from marea.messages.orders import (
    ApprovalRefused,
    OrderCanceled,
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
            _fill(state, event)
        case JournalPosted():
            if event.cause == reasons.CROSS:
                accounts.take_cross(state, event)
        case PositionClosed():
            accounts.take_closed(state, event)
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
    state: RiskState,
    event: RiskDecision | OrderIntended | OrderCompleted | ApprovalRefused | OrderCanceled,
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
        case OrderCompleted():
            _complete(state, event)
        case ApprovalRefused():
            _end_decision(state, event.instrument, event.decision_id, "")
        case OrderCanceled():
            _end_order(state, event.client_order_id)
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
        case OrderLookedUp() | OrderNotSent():
            state.unknown.pop(event.client_order_id, None)
        case OrderRejected():
            state.unknown.pop(event.client_order_id, None)
            _end_order(state, event.client_order_id)
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


def _fill(state: RiskState, fill: OrderFilled) -> None:
    accounts.take_fill(state, fill)
    state.unknown.pop(fill.client_order_id, None)
    if not fill.leaves_qty:
        _end_order(state, fill.client_order_id)


def _complete(state: RiskState, completed: OrderCompleted) -> None:
    _end_decision(state, completed.instrument, completed.decision_id, completed.leg)
    if completed.leg == "entry" and not completed.filled_qty:  # nothing to protect
        for leg in ("stop", "target"):
            _end_decision(state, completed.instrument, completed.decision_id, leg)


def _end_decision(state: RiskState, instrument: str, decision_id: str, leg: str) -> None:
    # No order of this leg can fill any more.
    working = state.working.get(instrument)
    if working is not None and working.decision_id == decision_id and leg in ("entry", "exit", ""):
        del state.working[instrument]
    ended = [
        name
        for name, order in state.orders.items()
        if order.decision_id == decision_id and order.leg == leg
    ]
    for name in ended:
        del state.orders[name]
    _forget(state, decision_id)


def _end_order(state: RiskState, client_order_id: str) -> None:
    order = state.orders.pop(client_order_id, None)
    if order is not None:
        _forget(state, order.decision_id)


def _forget(state: RiskState, decision_id: str) -> None:
    # An approval is kept as long as anything of it may still fill.
    may_fill = any(order.decision_id == decision_id for order in state.orders.values())
    works = any(each.decision_id == decision_id for each in state.working.values())
    if not may_fill and not works:
        state.approvals.pop(decision_id, None)
