"""Does the venue take this order, and if not, why?"""

from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import AmountRangeError, Rounding, rescale
from marea.messages.envelope import Nanos
from marea.messages.orders import DUPLICATE_ID, POST_ONLY, SIGNED_OFF
from marea.messages.paper import PlaceOrder
from services.paper.core import balances, liquidity
from services.paper.core.state import Market, PaperState

LATE_NS_MAX = 5_000_000_000
"""A request that was signed longer ago is refused on arrival, as venues do."""
AHEAD_NS_MAX = 1_000_000_000
"""So is one that was signed later than this from now."""

UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
PRICE_OFF = "PRICE_TICK"
QTY_OFF = "LOT_SIZE"
MIN_NOTIONAL = "MIN_NOTIONAL"
MARKET_CLOSED = "MARKET_CLOSED"
REDUCE_ONLY = "REDUCE_ONLY"
BALANCE = "BALANCE"


def refusal(state: PaperState, place: PlaceOrder, now: Nanos) -> str:
    """Why the order is rejected, a code; empty where it is taken."""
    if not now - LATE_NS_MAX <= place.ts_sign <= now + AHEAD_NS_MAX:
        return SIGNED_OFF
    market = state.markets.get(place.instrument)
    if market is None or not market.is_traded:
        return UNKNOWN_INSTRUMENT
    if _is_used(state, place):
        return DUPLICATE_ID
    try:
        found = _of_terms(market, place) or _of_account(state, market, place)
    except AmountRangeError:
        return BALANCE  # no account holds so much
    return found or _of_book(market, place)


def _is_used(state: PaperState, place: PlaceOrder) -> bool:
    ids = [place.client_order_id, *filter(None, (place.stop_order_id, place.target_order_id))]
    return len(set(ids)) < len(ids) or any(each in state.ordered for each in ids)


def _of_terms(market: Market, place: PlaceOrder) -> str:
    prices = [place.price]
    if place.stop_order_id:
        prices.append(place.stop_price)
    if place.target_order_id:
        prices.append(place.target_price)
    if place.price_scale != market.price_scale or any(
        price <= 0 or price % market.price_increment for price in prices
    ):
        return PRICE_OFF
    if place.qty_scale != market.qty_scale or place.qty <= 0 or place.qty % market.qty_increment:
        return QTY_OFF
    scales = market.price_scale, market.qty_scale
    least = rescale(market.notional_min, market.price_scale, ASSET_SCALE, Rounding.UP)
    if balances.quote_units(min(prices), place.qty, *scales) < least:
        return MIN_NOTIONAL
    return ""


def _of_account(state: PaperState, market: Market, place: PlaceOrder) -> str:
    if place.side == "buy":
        if place.reduce_only:
            return REDUCE_ONLY
        scales = market.price_scale, market.qty_scale
        cost = balances.quote_units(place.price, place.qty, *scales)
        return BALANCE if cost > balances.free(state, market.quote, place.replaces) else ""
    if place.stop_order_id or place.target_order_id:
        return REDUCE_ONLY
    sold = balances.base_units(place.qty, market.qty_scale)
    if place.reduce_only and sold > state.balances.get(market.base, 0):
        return REDUCE_ONLY
    return BALANCE if sold > balances.free(state, market.base, place.replaces) else ""


def _of_book(market: Market, place: PlaceOrder) -> str:
    if market.book.status != "LIVE":
        return MARKET_CLOSED
    if place.post_only and liquidity.would_take(market, place.side, place.price):
        return POST_ONLY
    return ""
