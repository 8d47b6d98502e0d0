"""What could an order match with, and how many stand before it?

The book is the venue's and does not know our orders. What they take of a level is remembered until
the venue tells that level anew: only then does it know what is left.
"""

from collections.abc import Iterator

from marea.domain import book as order_book
from marea.messages.market import BookDelta, BookSnapshot, Side, Trade
from services.paper.core.state import Market, Order


def levels(market: Market, side: Side, limit: int | None) -> Iterator[tuple[int, int]]:
    """Prices and quantities that an order of this side could take now, the best first.

    None where the book is not LIVE. `limit` None takes any price.
    """
    book = market.book
    if book.status != "LIVE":
        return
    is_buy = side == "buy"
    opposite, sign, taken = (
        (book.asks, -1, market.taken_asks) if is_buy else (book.bids, 1, market.taken_bids)
    )
    for key in reversed(opposite.keys):
        price = key * sign
        if limit is not None and (price > limit if is_buy else price < limit):
            return
        qty = opposite.qtys[key] - taken.get(price, 0)
        if qty > 0:
            yield price, qty


def best_level(market: Market, order: Order) -> tuple[int, int] | None:
    """The best price that this order could match with now, and how much there is; None: nothing."""
    limit = order.price if order.kind == "limit" else None
    return next(levels(market, order.side, limit), None)


def would_take(market: Market, side: Side, price: int) -> bool:
    """Does the book show the other side at this price or better?"""
    if side == "buy":
        ask = order_book.best_ask(market.book)
        return ask is not None and ask[0] <= price
    bid = order_book.best_bid(market.book)
    return bid is not None and bid[0] >= price


def take(market: Market, order: Order, qty: int) -> None:
    """Remember that this order took so much of the best that it could take."""
    taken = market.taken_asks if order.side == "buy" else market.taken_bids
    limit = order.price if order.kind == "limit" else None
    for price, there in levels(market, order.side, limit):
        part = min(qty, there)
        taken[price] = taken.get(price, 0) + part
        qty -= part
        if not qty:
            return


def visible_qty(market: Market, side: Side, price: int) -> int:
    """What the book shows at this price on this side."""
    if side == "buy":
        return market.book.bids.qtys.get(price, 0)
    return market.book.asks.qtys.get(-price, 0)


def renew(market: Market, event: BookDelta | BookSnapshot) -> None:
    """Bring the book to it, and give back what was taken of the levels that it tells."""
    if isinstance(event, BookDelta):
        effect = order_book.apply_delta(market.book, event)
        if effect not in ("applied", "synchronised"):
            return
        for price in event.bid_prices if market.taken_bids else ():
            market.taken_bids.pop(price, None)
        for price in event.ask_prices if market.taken_asks else ():
            market.taken_asks.pop(price, None)
    elif order_book.apply_snapshot(market.book, event) != "ignored":
        market.taken_bids.clear()
        market.taken_asks.clear()


def reaches(order: Order, trade: Trade) -> bool:
    """Would this trade have matched with a resting order of ours, had it stood in the book?

    Through its price any trade shows that it would; at its price one of the other side's takers.
    """
    if order.kind != "limit":
        return False
    if trade.price == order.price:
        return trade.taker_side != order.side
    return trade.price < order.price if order.side == "buy" else trade.price > order.price


def triggers(order: Order, trade: Trade) -> bool:
    """Does this trade trigger a stop?"""
    if order.kind != "stop":
        return False
    return trade.price <= order.price if order.side == "sell" else trade.price >= order.price


def ahead_after(order: Order, trade: Trade) -> int:
    """What is left before this order in its queue after a trade that reaches it."""
    return max(0, order.ahead_qty - trade.qty) if trade.price == order.price else 0
