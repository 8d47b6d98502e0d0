"""Whose is each fill? It is shared in whole units among the strategies that its order is made for."""

from collections.abc import Mapping

from marea.domain.ledger import ASSET_SCALE, Fill, fill_of
from marea.domain.money import Rounding, rescale, split
from marea.messages.orders import OrderFilled
from services.risk.core.state import Approval, Order, RiskState


def share_out(units: int, weights: Mapping[str, int]) -> dict[str, int]:
    """How much of these units does each get, in proportion to its weight? Empty where they are 0."""
    if not units:
        return {}
    return dict(zip(weights, split(units, list(weights.values())), strict=True))


def order_of(state: RiskState, fill: OrderFilled) -> Order:
    """The order that was filled. Raises `ValueError` for one that was never intended."""
    order = state.orders.get(fill.client_order_id)
    if order is None or fill.instrument not in state.markets:
        raise ValueError(
            f"client_order_id is '{fill.client_order_id}': expected one that was intended before"
        )
    return order


def shared(state: RiskState, fill: OrderFilled) -> tuple[Fill, list[tuple[str, Fill]]]:
    """The fill whole, and each strategy's part of it; the parts sum to the whole, to the last unit.

    A buy is shared by what each strategy still wants of it; a sale by what those hold that it is for, and
    what is beyond that by what the others hold: a stop outlives a sale of one strategy to another.
    Raises `ValueError` for an order that was never intended, or more than is held in all.
    """
    order = order_of(state, fill)
    known = state.markets[fill.instrument].instrument
    whole = fill_of(fill, known.base, known.quote)
    if fill.side == "buy":
        qtys = _bought(state.approvals[order.decision_id], fill)
    else:
        qtys = _sold(state, order, fill.instrument, whole.qty)
    qtys = {strategy: qty for strategy, qty in qtys.items() if qty}
    weights = list(qtys.values())
    notionals, commissions = split(whole.notional, weights), split(whole.commission, weights)
    parts = zip(qtys.items(), notionals, commissions, strict=True)
    return whole, [
        (strategy, _part(whole, qty, worth, commission))
        for (strategy, qty), worth, commission in parts
    ]


def take_bought(state: RiskState, fill: OrderFilled) -> None:
    """Lessen what the strategies of a buy still want by what this fill gives them."""
    if fill.side == "buy":
        approval = state.approvals[order_of(state, fill).decision_id]
        for strategy, qty in share_out(fill.last_qty, approval.wanted).items():
            approval.wanted[strategy] -= qty


def _bought(approval: Approval, fill: OrderFilled) -> dict[str, int]:
    # In the venue's units: what a position has bought can be told exactly.
    return {
        strategy: rescale(qty, fill.qty_scale, ASSET_SCALE, Rounding.DOWN)
        for strategy, qty in share_out(fill.last_qty, approval.wanted).items()
    }


def _sold(state: RiskState, order: Order, instrument: str, qty: int) -> dict[str, int]:
    held = {
        strategy: by_instrument[instrument].net_qty
        for strategy, by_instrument in state.positions.items()
        if instrument in by_instrument
    }
    meant = {name: held.get(name, 0) for name in order.strategy.split("+")}
    others = {name: units for name, units in held.items() if name not in meant}
    found: dict[str, int] = {}
    for holders in (meant, others):
        taken = min(qty, sum(holders.values()))
        found |= share_out(taken, holders)
        qty -= taken
    if qty:
        raise ValueError(f"qty is {qty} more than is held of {instrument} in all")
    return found


def _part(whole: Fill, qty: int, notional: int, commission: int) -> Fill:
    return Fill(
        side=whole.side,
        base=whole.base,
        quote=whole.quote,
        qty=qty,
        notional=notional,
        commission=commission,
        commission_asset=whole.commission_asset,
    )
