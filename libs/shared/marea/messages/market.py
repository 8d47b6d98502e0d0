"""What venues say: trades, quotes, order books, their own bars, and how far they can be trusted.

Prices and quantities are integers in units of 10^-scale; each message carries its scales, and on
the wire each amount is a string with exactly that many places.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from marea.domain.book import BookStatus
from marea.messages.envelope import Message, Nanos

Price: TypeAlias = Annotated[int, Meta(extra={"scale": "price_scale"})]
Qty: TypeAlias = Annotated[int, Meta(extra={"scale": "qty_scale"})]
Side: TypeAlias = Literal["buy", "sell"]


class MarketMessage(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Anything that stands on the stream of one instrument."""

    instrument: Annotated[str, Meta(description="ours and for ever: BASE-QUOTE.VENUE")]


class Observation(MarketMessage, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a venue said of an instrument, with the scales of its amounts."""

    outside: ClassVar[bool] = True

    price_scale: Annotated[int, Meta(description="places of a price; units are 10^-price_scale")]
    qty_scale: Annotated[int, Meta(description="places of a quantity; units are 10^-qty_scale")]


class InstrumentChanged(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """An instrument as its venue describes it from `valid_from` on."""

    venue: Annotated[str, Meta(description="where it is traded")]
    venue_symbol: Annotated[str, Meta(description="what the venue calls it")]
    kind: Annotated[str, Meta(description="what it is, a code: spot, perpetual")]
    base: Annotated[str, Meta(description="the asset that is bought and sold")]
    quote: Annotated[str, Meta(description="the asset that it is paid in")]
    price_increment: Annotated[Price, Meta(description="prices are multiples of it")]
    qty_increment: Annotated[Qty, Meta(description="quantities are multiples of it")]
    book_sequencing: Annotated[
        str, Meta(description="how deltas follow, a code: contiguous, by number; linked, by name")
    ]
    valid_from: Annotated[Nanos, Meta(description="ns UTC")]
    notional_min: Annotated[
        Price, Meta(description="the least that an order is worth, in the quote asset; 0: no limit")
    ]


class Trade(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """One match printed by the venue, or several of one taker order at one price."""

    price: Annotated[Price, Meta(description="in the quote asset")]
    qty: Annotated[Qty, Meta(description="in the base asset")]
    taker_side: Annotated[Side, Meta(description="who crossed the spread")]
    first_trade_id: Annotated[int, Meta(description="the venue's number of the first match")]
    last_trade_id: Annotated[int, Meta(description="the venue's number of the last match")]
    condition: Annotated[
        str, Meta(description="the venue's kind of match; bars and features take MARKET only")
    ] = "MARKET"


class Quote(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """The best bid and the best ask."""

    bid_price: Annotated[Price, Meta(description="in the quote asset")]
    bid_qty: Annotated[Qty, Meta(description="in the base asset")]
    ask_price: Annotated[Price, Meta(description="in the quote asset")]
    ask_qty: Annotated[Qty, Meta(description="in the base asset")]
    update_id: Annotated[int, Meta(description="the venue's number of the state of its book")]


class BookDelta(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """Levels of the order book that changed: each quantity replaces the old one, 0 removes it."""

    first_update_id: Annotated[int, Meta(description="the venue's number of the first change")]
    last_update_id: Annotated[int, Meta(description="the venue's number of the last change")]
    prev_update_id: Annotated[int, Meta(description="last of the delta before; -1: not told")]
    bid_prices: Annotated[tuple[Price, ...], Meta(description="in the quote asset")]
    bid_qtys: Annotated[tuple[Qty, ...], Meta(description="in the base asset")]
    ask_prices: Annotated[tuple[Price, ...], Meta(description="in the quote asset")]
    ask_qtys: Annotated[tuple[Qty, ...], Meta(description="in the base asset")]


class BookSnapshot(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """The order book as the venue gives it on request, best levels first."""

    last_update_id: Annotated[int, Meta(description="the venue's number of the last change in it")]
    bid_prices: Annotated[tuple[Price, ...], Meta(description="in the quote asset, falling")]
    bid_qtys: Annotated[tuple[Qty, ...], Meta(description="in the base asset")]
    ask_prices: Annotated[tuple[Price, ...], Meta(description="in the quote asset, rising")]
    ask_qtys: Annotated[tuple[Qty, ...], Meta(description="in the base asset")]


class VenueBar(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """A bar as the venue reckons it, running or closed; it only verifies ours."""

    interval_s: Annotated[int, Meta(description="length, s")]
    ts_open: Annotated[Nanos, Meta(description="begin, ns UTC")]
    open: Annotated[Price, Meta(description="in the quote asset")]
    high: Annotated[Price, Meta(description="in the quote asset")]
    low: Annotated[Price, Meta(description="in the quote asset")]
    close: Annotated[Price, Meta(description="in the quote asset")]
    volume: Annotated[Qty, Meta(description="in the base asset")]
    first_trade_id: Annotated[int, Meta(description="the venue's number; -1: no trade yet")]
    last_trade_id: Annotated[int, Meta(description="the venue's number; -1: no trade yet")]
    trade_count: Annotated[int, Meta(description="matches in it")]
    closed: Annotated[bool, Meta(description="whether the venue calls it final")]


class MarkPrice(Observation, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a perpetual is marked at, and its funding."""

    mark_price: Annotated[Price, Meta(description="in the quote asset")]
    index_price: Annotated[Price, Meta(description="in the quote asset")]
    settle_price: Annotated[Price, Meta(description="estimated, in the quote asset")]
    funding_rate_e8: Annotated[int, Meta(description="for the running period, in units of 10^-8")]
    ts_funding: Annotated[Nanos, Meta(description="next payment, ns UTC")]


class BookStatusChanged(MarketMessage, frozen=True, kw_only=True, array_like=True, gc=False):
    """Whether the local order book can be trusted from here on."""

    discriminator: ClassVar[tuple[str, ...]] = ("status",)

    status: Annotated[BookStatus, Meta(description="only a LIVE book may be traded on")]
    reason: Annotated[str, Meta(description="code: start, synchronised, gap, crossed, resync")]
    update_id: Annotated[int, Meta(description="the venue's number where it changed")]


class RequestSnapshot(MarketMessage, frozen=True, kw_only=True, array_like=True, gc=False):
    """Asks the shell for the venue's order book; the answer comes as a `BookSnapshot`."""

    reason: Annotated[str, Meta(description="code: start, gap, crossed, too_old, unanswered")]
