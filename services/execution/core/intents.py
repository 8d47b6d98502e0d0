"""Which order is it, whole, as it will be sent?"""

from base64 import b32encode
from collections.abc import Sequence
from hashlib import blake2b

from msgspec.structs import replace

from marea.domain.money import Rounding, fee, round_to_increment
from marea.messages.market import Price, Qty
from marea.messages.orders import Leg, OrderIntended
from marea.messages.portfolio import Mark, RiskDecision
from services.execution.core.life import is_over, leaves
from services.execution.core.money import sellable_qty
from services.execution.core.state import ExecutionState, Order

ORDER_ID_CHARS = 18
"""Of 5 bits each; some venue takes no more."""
FIRST_OWN_STOP = 2
"""The stops that the venue activates have the numbers of their entries: 0 and 1."""
OWN_STOP_NS = 5_000_000_000
"""It takes at once or not at all; what is left by then is tried anew."""


def client_order_id(account: str, decision_id: str, leg: Leg, child: int) -> str:
    """The name of an order at its venue: the same however often it is sent."""
    text = "\x1f".join((account, decision_id, leg, str(child)))
    digest = blake2b(text.encode(), digest_size=12).digest()
    return b32encode(digest).decode().lower()[:ORDER_ID_CHARS]


def entry_order(
    state: ExecutionState, decision: RiskDecision, child: int, qty: Qty, price: Price
) -> OrderIntended:
    """An order that opens, with the orders that protect what it gets; child 0 only rests."""
    order = _order(state, decision, child, qty, price)
    stop = client_order_id(state.account, decision.id, "stop", child)
    target = client_order_id(state.account, decision.id, "target", child)
    return replace(
        order,
        post_only=child == 0,
        stop_order_id=stop if decision.stop_price else "",
        stop_price=decision.stop_price,
        target_order_id=target if decision.target_price else "",
        target_price=decision.target_price,
    )


def exit_order(state: ExecutionState, decision: RiskDecision) -> OrderIntended:
    """An order that closes at any price up to the collar, in place of what protected it."""
    order = _order(state, decision, 0, decision.qty, decision.collar_price)
    return replace(order, reduce_only=True, replaces=tuple(_in_its_way(state, decision)))


def _in_its_way(state: ExecutionState, decision: RiskDecision) -> list[str]:
    # The venue locks what is protected. Another strategy keeps its stop, unless that is of what
    # this one sells: it may have bought it in a cross.
    names = decision.strategy.split("+")
    brackets: dict[str, list[Order]] = {}
    free = sellable_qty(state, decision.instrument)
    for order in protective_orders(state, decision.instrument):
        brackets.setdefault(order.entry_order_id or order.client_order_id, []).append(order)
    free -= sum(_locked(bracket) for bracket in brackets.values())
    found: list[str] = []
    for bracket in sorted(brackets.values(), key=lambda each: not _is_of(each, names)):
        if free < decision.qty:
            free += _locked(bracket)
            found += [order.client_order_id for order in bracket]
    return found


def _locked(bracket: Sequence[Order]) -> Qty:
    return max(leaves(order) for order in bracket)


def _is_of(bracket: Sequence[Order], names: Sequence[str]) -> bool:
    return any(name in names for name in bracket[0].strategy.split("+"))


def stop_order(state: ExecutionState, entry: OrderIntended, mark: Mark, qty: Qty) -> OrderIntended:
    """An order that sells at once what has lost its stop, down to the collar below the best bid."""
    position = state.positions[mark.instrument]
    child = FIRST_OWN_STOP + position.stop_count
    return replace(
        entry,
        id="",
        ts_event=0,
        parents=(entry.id,),
        leg="stop",
        child=child,
        attempt=1,
        client_order_id=client_order_id(state.account, entry.decision_id, "stop", child),
        side="sell",
        post_only=False,
        reduce_only=True,
        qty=qty,
        price=lowest_price(state, mark.instrument, mark.bid_price),
        decision_price=entry.stop_price,
        stop_order_id="",
        stop_price=0,
        target_order_id="",
        target_price=0,
        ts_expiry=state.now + OWN_STOP_NS,
    )


def lowest_price(state: ExecutionState, instrument: str, bid_price: Price) -> Price:
    """The collar below a best bid: what an order that must sell takes at the worst."""
    increment = state.instruments[instrument].price_increment
    lowest = bid_price - fee(bid_price, state.config.collar_e8, Rounding.DOWN)
    return round_to_increment(lowest, increment, Rounding.UP)


def once_more(intent: OrderIntended) -> OrderIntended:
    """The same order, to be sent and signed anew."""
    return replace(intent, id="", ts_event=0, parents=(intent.id,), attempt=intent.attempt + 1)


def protective_orders(state: ExecutionState, instrument: str) -> list[Order]:
    """The stops and targets of an instrument that work at the venue."""
    return [
        order
        for order in state.orders.values()
        if order.instrument == instrument
        and order.leg in ("stop", "target")
        and order.is_reported
        and not is_over(order)
    ]


def _order(
    state: ExecutionState, decision: RiskDecision, child: int, qty: Qty, price: Price
) -> OrderIntended:
    leg: Leg = "entry" if decision.purpose == "entry" else "exit"
    return OrderIntended(
        portfolio=decision.portfolio,
        account=state.account,
        instrument=decision.instrument,
        strategy=decision.strategy,
        decision_id=decision.id,
        leg=leg,
        child=child,
        attempt=1,
        client_order_id=client_order_id(state.account, decision.id, leg, child),
        side=decision.side,
        post_only=False,
        reduce_only=False,
        price_scale=decision.price_scale,
        qty_scale=decision.qty_scale,
        qty=qty,
        price=price,
        decision_price=(decision.bid_price + decision.ask_price) // 2,
        stop_order_id="",
        stop_price=0,
        target_order_id="",
        target_price=0,
        replaces=(),
        ts_expiry=decision.ts_expiry,
    )
