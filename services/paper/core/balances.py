"""What does the account hold, what of it do its orders lock, and what does a fill cost?

Everything is exact at `ASSET_SCALE`; only a commission is rounded, up.
"""

from collections.abc import Sequence

from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, fee, notional, rescale, round_to_increment
from marea.messages.market import Side
from services.paper.core.state import Bracket, Market, Order, PaperState


def base_units(qty: int, qty_scale: int) -> int:
    """A quantity at `ASSET_SCALE`."""
    return rescale(qty, qty_scale, ASSET_SCALE, Rounding.DOWN)


def quote_units(price: int, qty: int, price_scale: int, qty_scale: int) -> int:
    """What a quantity costs at a price, at `ASSET_SCALE`."""
    return notional(price, qty, price_scale, qty_scale, ASSET_SCALE, Rounding.UP)


def commission(market: Market, side: Side, price: int, qty: int, rate_e8: int) -> tuple[int, str]:
    """What a fill costs, of what it brings, and in which asset."""
    if side == "buy":
        return fee(base_units(qty, market.qty_scale), rate_e8, Rounding.UP), market.base
    paid = quote_units(price, qty, market.price_scale, market.qty_scale)
    return fee(paid, rate_e8, Rounding.UP), market.quote


def locked(state: PaperState, asset: str, without: Sequence[str] = ()) -> int:
    """What the working orders lock of an asset: buys what they may cost, sells what they may sell.

    The protective orders of one entry share what they protect, and lock it once. `without`: orders
    that are to be thought away.
    """
    found = 0
    shared: dict[str, int] = {}
    for order in state.orders.values():
        market = state.markets[order.instrument]
        if order.client_order_id in without or asset != _locks(market, order):
            continue
        locks = lock_of(market, order)
        if order.entry_id:
            shared[order.entry_id] = max(shared.get(order.entry_id, 0), locks)
        else:
            found += locks
    for locks in shared.values():
        found += locks
    return found


def free(state: PaperState, asset: str, without: Sequence[str] = ()) -> int:
    """What of an asset no order locks."""
    return state.balances.get(asset, 0) - locked(state, asset, without)


def lock_of(market: Market, order: Order) -> int:
    """What an order locks, of the asset that it gives."""
    if order.side == "buy":
        return quote_units(order.price, order.leaves_qty, market.price_scale, market.qty_scale)
    return base_units(order.leaves_qty, market.qty_scale)


def protected_qty(market: Market, bracket: Bracket) -> int:
    """What an entry's protective orders sell in all: what it brought, down to a whole lot."""
    qty = rescale(bracket.received, ASSET_SCALE, market.qty_scale, Rounding.DOWN)
    return round_to_increment(qty, market.qty_increment, Rounding.DOWN)


def _locks(market: Market, order: Order) -> str:
    return market.quote if order.side == "buy" else market.base
