"""How an event changes what risk knows."""

from typing import assert_never

from marea.domain import drawdown
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, notional
from marea.messages.market import InstrumentChanged
from marea.messages.orders import (
    DUPLICATE_ID,
    SIGNED_OFF,
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
from services.risk.core.state import Approval, Denial, Market, Opinion, Order, RiskState, let_go

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
            if market.is_whole:
                market.valued_doubled = event.bid_price + event.ask_price
            state.is_changed = True
        case InstrumentChanged():
            _take_instrument(state, event)
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
            state.command_keys[event.key] = state.command_keys.get(event.key, 0) + 1
        case CommandTaken():
            control.take_command(state, event)
        case BreakerTripped():
            drawdown.trip(state.drawdown, event.level - 1, event.ts_until)
        case BreakerEnded():
            drawdown.end(state.drawdown, event.level - 1, event.reference)
            let_go(state)
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
                denials = state.denials.setdefault(event.instrument, {})
                denials[event.strategy] = Denial(event.side, event.reason, event.ts_event)
        case OrderIntended():
            _bind(state, event)
        case OrderCompleted():
            _complete(state, event)
        case ApprovalRefused():
            _end_decision(state, event.instrument, event.decision_id)
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
            if event.reason == SIGNED_OFF:
                return  # one request came too late: another may have made the order
            state.unknown.pop(event.client_order_id, None)  # a refused copy shows the order itself
            if event.reason != DUPLICATE_ID:
                _end_order(state, event.client_order_id)
        case ReconciliationDone():
            state.is_frozen = event.rounds >= ROUNDS_MAX
        case CoreDiverged() | GapFound():
            state.is_diverged = True  # until a person resumes
        case _:
            assert_never(event)


def _take_instrument(state: RiskState, changed: InstrumentChanged) -> None:
    market = state.markets.get(changed.instrument)
    if market is None:
        state.markets[changed.instrument] = Market(changed)
        return
    before = market.instrument
    if (before.price_scale, before.qty_scale) != (changed.price_scale, changed.qty_scale):
        raise ValueError(
            f"{changed.instrument} changed its scales from {before.price_scale}, "
            f"{before.qty_scale} to {changed.price_scale}, {changed.qty_scale}: "
            "trade it in a new portfolio"
        )
    market.instrument = changed


def _approve(state: RiskState, decision: RiskDecision) -> None:
    scales = (decision.price_scale, decision.qty_scale, ASSET_SCALE)
    approval = Approval(
        decision_id=decision.id,
        instrument=decision.instrument,
        side=decision.side,
        wanted=dict(zip(decision.strategy.split("+"), decision.shares, strict=True)),
        notional=notional(decision.collar_price, decision.qty, *scales, Rounding.UP),
    )
    state.approvals[decision.id] = approval
    state.working[decision.instrument] = decision.id
    state.denials.pop(decision.instrument, None)


def _bind(state: RiskState, intent: OrderIntended) -> None:
    if intent.attempt == 1:  # another attempt is the same order
        state.order_times.append(intent.ts_event)
        if intent.decision_id in state.approvals:
            state.approvals[intent.decision_id].order_count += 1
    state.orders[intent.client_order_id] = Order(intent.decision_id, intent.strategy, intent.leg)
    for name, leg in ((intent.stop_order_id, "stop"), (intent.target_order_id, "target")):
        if name:
            state.orders[name] = Order(
                intent.decision_id, intent.strategy, leg, intent.client_order_id
            )


def _fill(state: RiskState, fill: OrderFilled) -> None:
    if not accounts.is_new(state, fill):
        return
    accounts.take_fill(state, fill)
    state.unknown.pop(fill.client_order_id, None)
    state.orders[fill.client_order_id].is_filled = True
    if not fill.leaves_qty:
        _end_order(state, fill.client_order_id)


def _complete(state: RiskState, completed: OrderCompleted) -> None:
    # A stop or target that ends says nothing of the others: each ends by a report of its own.
    if completed.leg not in ("entry", "exit"):
        return
    ended = [
        name
        for name, order in state.orders.items()
        if (order.decision_id, order.leg) == (completed.decision_id, completed.leg)
    ]
    for name in ended:
        _end_order(state, name)
    _end_decision(state, completed.instrument, completed.decision_id)


def _end_decision(state: RiskState, instrument: str, decision_id: str) -> None:
    if state.working.get(instrument) == decision_id:
        del state.working[instrument]
    _forget(state, decision_id)


def _end_order(state: RiskState, client_order_id: str) -> None:
    state.unknown.pop(client_order_id, None)
    order = state.orders.pop(client_order_id, None)
    if order is None:
        return
    if not order.is_filled:  # what was to protect it is never activated
        for name in [n for n, each in state.orders.items() if each.entry_id == client_order_id]:
            del state.orders[name]
    _forget(state, order.decision_id)


def _forget(state: RiskState, decision_id: str) -> None:
    # An approval is kept as long as anything of it may still fill.
    may_fill = any(order.decision_id == decision_id for order in state.orders.values())
    if not may_fill and decision_id not in state.working.values():
        state.approvals.pop(decision_id, None)
