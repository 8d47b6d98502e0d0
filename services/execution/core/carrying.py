"""How is an approved decision carried out: which order first, which next, and when is it over?"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from marea.messages.envelope import Nanos
from marea.messages.market import Price
from marea.messages.orders import (
    POST_ONLY,
    ApprovalRefused,
    CancelIntended,
    CancelRejected,
    LookUpOrder,
    OrderCompleted,
    OrderIntended,
    OrderUnknown,
    VenueReport,
)
from marea.messages.portfolio import RiskDecision
from services.execution.core import reasons
from services.execution.core.intents import entry_order, exit_order, once_more
from services.execution.core.life import is_over, taken
from services.execution.core.money import completion, is_worth_an_order
from services.execution.core.state import (
    ATTEMPTS_MAX,
    PROTECTION_NS,
    Approval,
    ExecutionOutput,
    ExecutionState,
    Order,
    Report,
    ShellReport,
)

NextStep = OrderIntended | OrderCompleted | LookUpOrder


def on_decision(state: ExecutionState, decision: RiskDecision) -> list[ExecutionOutput]:
    """The first order of an approved decision, or why there is none."""
    if not decision.approved:
        return []
    reason = _refusal(state, decision)
    if reason:
        return [refused(decision, reason)]
    if decision.purpose == "entry":
        price = decision.bid_price if decision.side == "buy" else decision.ask_price
        return [entry_order(state, decision, 0, decision.qty, price)]
    if _is_blocked(state, decision.instrument, state.now):
        return list(cancels(state, reasons.EXIT, decision.instrument))
    return [exit_order(state, decision)]


def refused(decision: RiskDecision, reason: str) -> ApprovalRefused:
    """That nothing was ordered for a decision, and why."""
    return ApprovalRefused(
        portfolio=decision.portfolio,
        instrument=decision.instrument,
        decision_id=decision.id,
        reason=reason,
    )


def _refusal(state: ExecutionState, decision: RiskDecision) -> str:
    working = [
        approval.decision.purpose
        for approval in state.approvals.values()
        if approval.decision.instrument == decision.instrument
    ]
    if not state.sends:
        return reasons.ADVISORY
    if state.now >= decision.ts_expiry:
        return reasons.EXPIRED
    if decision.purpose == "exit":
        return reasons.ORDER_WORKING if "exit" in working else ""
    return reasons.ORDER_WORKING if working else why_not_open(state, decision.instrument)


def why_not_open(state: ExecutionState, instrument: str) -> str:
    """Why no order may open anything in an instrument now; empty: it may."""
    mark = state.marks.get(instrument)
    if state.is_halted:
        return reasons.HALTED
    if state.open_levels:
        return reasons.BREAKER_OPEN
    if state.is_frozen:
        return reasons.FROZEN
    if len(set(state.builds.values())) > 1:
        return reasons.BUILDS_DIFFER
    if instrument not in state.instruments or mark is None or mark.book_status != "LIVE":
        return reasons.NOT_LIVE
    if any(_is_own_stop(order, instrument) for order in state.orders.values()):
        return reasons.ORDER_WORKING  # it, or a copy in doubt, could sell what is bought now
    return ""


def _is_own_stop(order: Order, instrument: str) -> bool:
    is_ours = order.leg == "stop" and order.intent is not None
    return is_ours and order.instrument == instrument and not is_over(order)


def cancels(state: ExecutionState, reason: str, instrument: str = "") -> Iterator[CancelIntended]:
    """Ends the entries that work, in one instrument or in all."""
    for order in state.orders.values():
        works = order.leg == "entry" and not order.cancel_reason and not is_over(order)
        if works and instrument in ("", order.instrument):
            yield cancel(state, order, reason)


def cancel(state: ExecutionState, order: Order, reason: str) -> CancelIntended:
    """Ends one order with what is filled of it."""
    return CancelIntended(
        parents=_cause(order),
        portfolio=state.config.portfolio,
        account=state.account,
        instrument=order.instrument,
        client_order_id=order.client_order_id,
        reason=reason,
    )


def look_up(state: ExecutionState, order: Order) -> LookUpOrder:
    """Asks what the venue knows of one order."""
    return LookUpOrder(
        parents=_cause(order),
        portfolio=state.config.portfolio,
        account=state.account,
        instrument=order.instrument,
        client_order_id=order.client_order_id,
        attempt=order.intent.attempt if order.intent else 1,
    )


def _cause(order: Order) -> tuple[str, ...]:
    return (order.intent.id,) if order.intent else ()


def waiting_exits(state: ExecutionState, now: Nanos) -> Iterator[OrderIntended | ApprovalRefused]:
    """Exits that waited for an entry to end, and need not wait, or may not, any longer."""
    for approval in state.approvals.values():
        decision = approval.decision
        if approval.order_ids:
            continue
        if now >= decision.ts_expiry:
            yield refused(decision, reasons.EXPIRED)
        elif not _is_blocked(state, decision.instrument, now):
            yield replace(exit_order(state, decision), parents=(decision.id,))


def _is_blocked(state: ExecutionState, instrument: str, now: Nanos) -> bool:
    # An exit takes the place of the protective orders, so it must know which there are.
    return any(
        (order.leg == "entry" and not is_over(order)) or is_settling(order, now)
        for order in state.orders.values()
        if order.instrument == instrument
    )


def is_settling(order: Order, now: Nanos) -> bool:
    """Is this a protective order whose entry was filled, and which may be reported any moment?"""
    is_expected = order.intent is None and order.status == "intended" and order.ts_doubt
    return bool(is_expected) and now < order.ts_doubt + PROTECTION_NS


def on_report(state: ExecutionState, message: Report | ShellReport) -> Sequence[NextStep]:
    """What follows from what is told of an order."""
    order = state.orders.get(message.client_order_id)
    if order is None or (
        isinstance(message, VenueReport) and message.number <= state.report_number
    ):
        return ()
    after = taken(order, message, state.now)
    if after is order:
        return ()
    if after.status == "unknown" and isinstance(message, OrderUnknown | CancelRejected):
        return (look_up(state, after),)
    if not is_over(after):
        return ()
    if after.leg in ("stop", "target"):
        portfolio = state.config.portfolio
        return (completion(portfolio, after.qty, [after]),) if after.filled_qty else ()
    if after.status == "not_sent" and after.intent and _may_try_again(state, after, after.intent):
        return (once_more(after.intent),)
    return (_next_of(state, state.approvals[after.decision_id], after),)


def _may_try_again(state: ExecutionState, order: Order, intent: OrderIntended) -> bool:
    is_wanted = intent.attempt < ATTEMPTS_MAX and not order.cancel_reason
    is_allowed = order.leg == "exit" or not why_not_open(state, order.instrument)
    return is_wanted and is_allowed and state.now < intent.ts_expiry


def _next_of(state: ExecutionState, approval: Approval, ended: Order) -> NextStep:
    decision = approval.decision
    orders = [state.orders[name] for name in approval.order_ids[:-1]] + [ended]
    left = decision.qty
    for order in orders:
        left -= order.filled_qty
    price = _crossing_price(state, decision)
    if _may_cross(state, decision, ended) and is_worth_an_order(
        state.instruments[decision.instrument], left, price
    ):
        crossing = entry_order(state, decision, 1, left, price)
        return replace(crossing, parents=(decision.id,))
    done = completion(state.config.portfolio, decision.qty, orders, approval.arrival_price)
    return replace(done, parents=(decision.id,))


def _may_cross(state: ExecutionState, decision: RiskDecision, ended: Order) -> bool:
    # Only what rested in vain crosses the spread: what was canceled or refused for another reason
    # is over, and so is what has already crossed.
    rested = ended.intent is not None and ended.intent.post_only
    in_vain = ended.cancel_reason == reasons.PASSIVE_OVER or ended.rejection == POST_ONLY
    may_open = not why_not_open(state, decision.instrument)
    is_time = state.now < decision.ts_expiry
    return rested and in_vain and may_open and is_time and not _is_stopped(state, decision)


def _is_stopped(state: ExecutionState, decision: RiskDecision) -> bool:
    # A stop at or above the best bid would sell at once what is bought now.
    mark = state.marks.get(decision.instrument)
    return mark is not None and 0 < mark.bid_price <= decision.stop_price


def _crossing_price(state: ExecutionState, decision: RiskDecision) -> Price:
    mark = state.marks.get(decision.instrument)
    if mark is None:
        return 0
    if decision.side == "buy":
        return min(mark.ask_price, decision.collar_price)
    return max(mark.bid_price, decision.collar_price) if mark.bid_price else 0
