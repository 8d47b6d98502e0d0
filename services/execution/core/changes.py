"""How the state changes: by what is told, and by what execution itself decides."""

from typing import assert_never

from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, rescale
from marea.domain.order_life import BEGIN
from marea.messages.envelope import Nanos
from marea.messages.market import InstrumentChanged, Price
from marea.messages.orders import (
    AccountReported,
    ApprovalRefused,
    CancelIntended,
    Leg,
    LookUpOrder,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderSent,
    ReconciliationDone,
    ReportAccount,
)
from marea.messages.portfolio import CommandTaken, Mark, PortfolioOpened, RiskDecision
from marea.messages.system import Clock, Started
from services.execution.core import reasons
from services.execution.core.carrying import is_settling
from services.execution.core.life import event_of, fits, is_over, taken, turned
from services.execution.core.money import book_fill, sellable_qty
from services.execution.core.protection import uncovered_qty
from services.execution.core.reconciling import is_comparable
from services.execution.core.state import (
    ASK_AGAIN_NS,
    Approval,
    ExecutionState,
    Order,
    Report,
    ShellReport,
)

COMPARE_AGAIN_NS = 1_000_000_000
"""After reports were under way as the venue told its figures."""
MISFITS_KEPT_MAX = 100


def take_portfolio(state: ExecutionState, opened: PortfolioOpened) -> None:
    """Whose account it is, and what it holds."""
    if opened.portfolio != state.config.portfolio:
        return
    state.account = opened.account
    state.sends = opened.mode != "advisory"
    state.balances = {
        asset: rescale(units, opened.asset_scale, ASSET_SCALE, Rounding.DOWN)
        for asset, units in opened.balances.items()
    }


def take_command(state: ExecutionState, command: CommandTaken) -> None:
    """A halt, or the end of one; a resume also accepts what froze it, and who is there."""
    if command.accepted and command.action == "halt":
        state.is_halted = True
    elif command.accepted and command.action == "resume":
        state.is_halted = state.is_frozen = False
        state.builds = {}  # who is gone for good holds nothing back any longer


def take_start(state: ExecutionState, started: Started) -> None:
    """What somebody on the log runs from now on; a start of old names nobody, and is over."""
    if started.producer:
        state.builds[started.producer] = started.build


def take_market(state: ExecutionState, event: Clock | Mark | InstrumentChanged) -> None:
    """The time, what an instrument is and what it is worth."""
    match event:
        case Clock():
            _take_clock(state, event.ts_event)
        case Mark():
            state.marks[event.instrument] = event
        case InstrumentChanged():
            state.instruments[event.instrument] = event
        case _:
            assert_never(event)


def _take_clock(state: ExecutionState, now: Nanos) -> None:
    state.now = max(state.now, now)
    for instrument, position in state.positions.items():
        since = position.ts_uncovered or state.now
        position.ts_uncovered = since if uncovered_qty(state, instrument) else 0
    for name, order in list(state.orders.items()):
        if _is_idle(state, order):
            del state.orders[name]


def _is_idle(state: ExecutionState, order: Order) -> bool:
    # An entry that left less than an increment has nothing to protect: nothing was activated.
    if order.intent is not None or order.status != BEGIN or not order.ts_doubt:
        return False
    return not is_settling(order, state.now) and not sellable_qty(state, order.instrument)


def take_shell_report(state: ExecutionState, report: ShellReport) -> None:
    """What became of a request of ours."""
    order = state.orders.get(report.client_order_id)
    if order is None:
        return
    after = taken(order, report, state.now)
    state.orders[order.client_order_id] = after
    approval = state.approvals.get(order.decision_id)
    if isinstance(report, OrderSent) and approval and not approval.arrival_price:
        approval.arrival_price = _mid(report)
    _forget_protection(state, after)


def _mid(report: OrderSent) -> Price:
    if not report.bid_price or not report.ask_price:
        return 0
    return (report.bid_price + report.ask_price) // 2


def take_report(state: ExecutionState, report: Report) -> None:
    """What the venue reports, once: money first, for it has moved whatever the order was."""
    if report.number <= state.report_number:
        return
    state.report_number = report.number
    if isinstance(report, OrderFilled):
        book_fill(state, report)
    order = state.orders.get(report.client_order_id)
    if order is None:
        return
    if not fits(order, report):
        _note_misfit(state, order, report)
        return
    after = taken(order, report, state.now)
    state.orders[order.client_order_id] = after
    if isinstance(report, OrderFilled) and order.leg == "entry" and order.intent is not None:
        _expect_protection(state, order.intent)
    _forget_protection(state, after)


def _note_misfit(state: ExecutionState, order: Order, report: Report) -> None:
    if len(state.reconciliation.misfits) < MISFITS_KEPT_MAX:
        told = (reasons.MISFIT, order.client_order_id, order.status, event_of(order, report))
        state.reconciliation.misfits.append("|".join(told))


def _expect_protection(state: ExecutionState, entry: OrderIntended) -> None:
    position = state.positions[entry.instrument]
    if position.entry is None or position.entry.decision_id != entry.decision_id:
        position.stop_count = 0
    position.entry = entry
    for name in (entry.stop_order_id, entry.target_order_id):
        order = state.orders.get(name)
        if order is not None and order.status == BEGIN:
            order.ts_doubt = state.now


def _forget_protection(state: ExecutionState, order: Order) -> None:
    if order.leg in ("stop", "target") and is_over(order):
        del state.orders[order.client_order_id]


def take_own(state: ExecutionState, event: OrderIntended | CancelIntended | LookUpOrder) -> None:
    """An order of ours, its end, or a question about it."""
    match event:
        case OrderIntended():
            _take_intent(state, event)
        case CancelIntended():
            _take_cancel(state, event)
        case LookUpOrder():
            state.orders[event.client_order_id].ts_asked = state.now
        case _:
            assert_never(event)


def _take_intent(state: ExecutionState, intent: OrderIntended) -> None:
    now, name = state.now, intent.client_order_id
    if intent.attempt > 1:
        again = turned(state.orders[name], "intended", now)
        again.intent, again.is_vouched = intent, False
        again.ts_intended = again.ts_asked = again.ts_doubt = now
        state.orders[name] = again
        return
    state.orders[name] = _order(state, intent, name, intent.leg, intent.decision_price)
    if intent.leg == "stop":
        state.positions[intent.instrument].stop_count += 1
        return
    state.approvals[intent.decision_id].order_ids.append(name)
    for leg, protective, price in _protective(intent):
        if protective:
            state.orders[protective] = _order(state, intent, protective, leg, price)


def _protective(intent: OrderIntended) -> tuple[tuple[Leg, str, Price], tuple[Leg, str, Price]]:
    return (
        ("stop", intent.stop_order_id, intent.stop_price),
        ("target", intent.target_order_id, intent.target_price),
    )


def _order(
    state: ExecutionState, intent: OrderIntended, name: str, leg: Leg, price: Price
) -> Order:
    is_own = name == intent.client_order_id
    return Order(
        client_order_id=name,
        instrument=intent.instrument,
        decision_id=intent.decision_id,
        strategy=intent.strategy,
        leg=leg,
        side=intent.side if is_own else "sell" if intent.side == "buy" else "buy",
        price_scale=intent.price_scale,
        qty_scale=intent.qty_scale,
        qty=intent.qty if is_own else 0,
        reference_price=price,
        status=BEGIN,
        ts_intended=state.now,
        ts_asked=state.now,
        ts_doubt=state.now if is_own else 0,
        intent=intent if is_own else None,
        entry_order_id="" if is_own else intent.client_order_id,
    )


def _take_cancel(state: ExecutionState, cancel: CancelIntended) -> None:
    order = state.orders[cancel.client_order_id]
    after = turned(order, "cancel_intended", state.now)
    after.cancel_reason = cancel.reason
    after.ts_asked = state.now
    state.orders[cancel.client_order_id] = after


def take_approval(
    state: ExecutionState, event: RiskDecision | ApprovalRefused | OrderCompleted
) -> None:
    """An approval begins, or is over."""
    match event:
        case RiskDecision():
            if event.approved:
                state.approvals[event.id] = Approval(event)
        case ApprovalRefused():
            del state.approvals[event.decision_id]
        case OrderCompleted():
            if event.leg in ("entry", "exit"):
                _take_completion(state, event)
        case _:
            assert_never(event)


def _take_completion(state: ExecutionState, done: OrderCompleted) -> None:
    # Its orders leave, and with them what would have protected nothing.
    for name in state.approvals.pop(done.decision_id).order_ids:
        intent = state.orders.pop(name).intent
        for protective in (intent.stop_order_id, intent.target_order_id) if intent else ():
            order = state.orders.get(protective)
            if order is not None and order.status == BEGIN and not order.ts_doubt:
                del state.orders[protective]


def take_comparison(
    state: ExecutionState, event: AccountReported | ReportAccount | ReconciliationDone
) -> None:
    """A comparison is asked for, can't be made of what was reported, or is done."""
    told = state.reconciliation
    match event:
        case ReportAccount():
            told.ts_due = state.now + ASK_AGAIN_NS
            told.ts_unanswered = told.ts_unanswered or state.now
        case AccountReported():
            if not is_comparable(state, event):
                told.ts_due = state.now + COMPARE_AGAIN_NS
        case ReconciliationDone():
            told.rounds = event.rounds
            told.ts_due = state.now + state.config.reconcile_ns
            told.ts_unanswered = 0
            told.misfits = []
        case _:
            assert_never(event)
