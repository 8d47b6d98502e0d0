"""Which message does an event of Binance become? One function for each kind of event.

`ts_event` is the venue's time of the fact itself: T where there is one (trades; on USD-M also
quotes, deltas and snapshots), else E, when the event was pushed (deltas of spot, bars, marks).
Quotes and snapshots of spot carry no time: theirs is `ts_known`.
All raise `UnreadableMessage` for what can't be true, `BadAmountError` for an amount that can't be
read.
"""

from operator import gt, lt
from typing import NamedTuple

from marea.domain.instrument import Instrument
from marea.domain.money import RATE_SCALE, AmountParser, parse_amount
from marea.messages.ids import market_id
from marea.messages.market import BookDelta, BookSnapshot, MarkPrice, Quote, Trade, VenueBar
from marea.venues.binance import wire
from marea.venues.port import UnreadableMessage

NANOS_PER_MILLI = 1_000_000
MARK_SCALE = 8
"""Marks and indices come with 8 places, more than the prices of most instruments have."""
INTERVALS_S = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14400,
    "6h": 21600,
    "8h": 28800,
    "12h": 43200,
    "1d": 86400,
    "3d": 259200,
    "1w": 604800,
}
"""The intervals of one length: the venue's month has none."""


class Listed(NamedTuple):
    """An instrument with the readers of its amounts."""

    id: str
    price_scale: int
    qty_scale: int
    prices: AmountParser
    qtys: AmountParser

    @classmethod
    def of(cls, instrument: Instrument) -> "Listed":
        """The readers at the instrument's scales."""
        return cls(
            instrument.id,
            instrument.price_scale,
            instrument.qty_scale,
            AmountParser(instrument.price_scale),
            AmountParser(instrument.qty_scale),
        )


def trade(listed: Listed, event: wire.Trade, _ts_known: int) -> Trade:
    """The match. A kind other than MARKET may have no amounts: USD-M sends zeros with NA."""
    price, qty = listed.prices[event.p], listed.qtys[event.q]
    least = 1 if event.X == "MARKET" else 0
    if price < least or qty < least:
        raise UnreadableMessage("bad_amount", f"p {event.p}, q {event.q}: expected more than 0")
    return Trade(
        id=market_id(listed.id, "trade", event.t),
        ts_event=event.T * NANOS_PER_MILLI,
        instrument=listed.id,
        price_scale=listed.price_scale,
        qty_scale=listed.qty_scale,
        price=price,
        qty=qty,
        taker_side="sell" if event.m else "buy",
        first_trade_id=event.t,
        last_trade_id=event.t,
        condition=event.X,
    )


def agg_trade(listed: Listed, event: wire.AggTrade, _ts_known: int) -> Trade:
    """The matches of one taker order at one price."""
    price, qty = listed.prices[event.p], listed.qtys[event.q]
    if price < 1 or qty < 1:
        raise UnreadableMessage("bad_amount", f"p {event.p}, q {event.q}: expected more than 0")
    if event.l < event.f:
        raise UnreadableMessage("bad_sequence", f"l {event.l}: expected f {event.f} or more")
    return Trade(
        id=market_id(listed.id, "aggtrade", event.a),
        ts_event=event.T * NANOS_PER_MILLI,
        instrument=listed.id,
        price_scale=listed.price_scale,
        qty_scale=listed.qty_scale,
        price=price,
        qty=qty,
        taker_side="sell" if event.m else "buy",
        first_trade_id=event.f,
        last_trade_id=event.l,
    )


def spot_quote(listed: Listed, event: wire.SpotQuote, ts_known: int) -> Quote:
    """The best levels; the venue gives no time."""
    return _quote(listed, event, ts_known)


def usdm_quote(listed: Listed, event: wire.UsdmQuote, _ts_known: int) -> Quote:
    """The best levels."""
    return _quote(listed, event, event.T * NANOS_PER_MILLI)


def _quote(listed: Listed, event: wire.SpotQuote | wire.UsdmQuote, ts_event: int) -> Quote:
    bid_price, bid_qty = listed.prices[event.b], listed.qtys[event.B]
    ask_price, ask_qty = listed.prices[event.a], listed.qtys[event.A]
    if bid_price < 1 or bid_qty < 1 or ask_qty < 1:
        raise UnreadableMessage(
            "bad_amount", f"b {event.b}, B {event.B}, A {event.A}: expected more than 0"
        )
    if bid_price >= ask_price:
        raise UnreadableMessage("crossed", f"b {event.b}, a {event.a}: expected b below a")
    return Quote(
        id=market_id(listed.id, "quote", event.u),
        ts_event=ts_event,
        instrument=listed.id,
        price_scale=listed.price_scale,
        qty_scale=listed.qty_scale,
        bid_price=bid_price,
        bid_qty=bid_qty,
        ask_price=ask_price,
        ask_qty=ask_qty,
        update_id=event.u,
    )


def spot_delta(listed: Listed, event: wire.SpotDelta, _ts_known: int) -> BookDelta:
    """The levels that changed; the venue names no predecessor."""
    return _delta(listed, event, -1, event.E * NANOS_PER_MILLI)


def usdm_delta(listed: Listed, event: wire.UsdmDelta, _ts_known: int) -> BookDelta:
    """The levels that changed."""
    return _delta(listed, event, event.pu, event.T * NANOS_PER_MILLI)


def _delta(
    listed: Listed, event: wire.SpotDelta | wire.UsdmDelta, prev_update_id: int, ts_event: int
) -> BookDelta:
    if event.u < event.U:
        raise UnreadableMessage("bad_sequence", f"u {event.u}: expected U {event.U} or more")
    bid_prices, bid_qtys = _levels(listed, event.b, 0)
    ask_prices, ask_qtys = _levels(listed, event.a, 0)
    return BookDelta(
        id=market_id(listed.id, "delta", event.u),
        ts_event=ts_event,
        instrument=listed.id,
        price_scale=listed.price_scale,
        qty_scale=listed.qty_scale,
        first_update_id=event.U,
        last_update_id=event.u,
        prev_update_id=prev_update_id,
        bid_prices=bid_prices,
        bid_qtys=bid_qtys,
        ask_prices=ask_prices,
        ask_qtys=ask_qtys,
    )


def spot_snapshot(listed: Listed, event: wire.SpotSnapshot, ts_known: int) -> BookSnapshot:
    """The order book; the venue gives no time."""
    return _snapshot(listed, event, ts_known)


def usdm_snapshot(listed: Listed, event: wire.UsdmSnapshot, _ts_known: int) -> BookSnapshot:
    """The order book."""
    return _snapshot(listed, event, event.T * NANOS_PER_MILLI)


def _snapshot(
    listed: Listed, event: wire.SpotSnapshot | wire.UsdmSnapshot, ts_event: int
) -> BookSnapshot:
    bid_prices, bid_qtys = _levels(listed, event.bids, 1)
    ask_prices, ask_qtys = _levels(listed, event.asks, 1)
    if not all(map(gt, bid_prices, bid_prices[1:])):
        raise UnreadableMessage("bad_order", "bids: expected falling prices")
    if not all(map(lt, ask_prices, ask_prices[1:])):
        raise UnreadableMessage("bad_order", "asks: expected rising prices")
    if bid_prices and ask_prices and bid_prices[0] >= ask_prices[0]:
        raise UnreadableMessage(
            "crossed", f"bid {event.bids[0][0]}, ask {event.asks[0][0]}: expected the bid below"
        )
    return BookSnapshot(
        id=market_id(listed.id, "snapshot", event.lastUpdateId),
        ts_event=ts_event,
        instrument=listed.id,
        price_scale=listed.price_scale,
        qty_scale=listed.qty_scale,
        last_update_id=event.lastUpdateId,
        bid_prices=bid_prices,
        bid_qtys=bid_qtys,
        ask_prices=ask_prices,
        ask_qtys=ask_qtys,
    )


def _levels(
    listed: Listed, levels: wire.Levels, qty_min: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if not levels:
        return (), ()
    price_texts, qty_texts = zip(*levels, strict=True)
    prices = tuple(map(listed.prices.__getitem__, price_texts))
    qtys = tuple(map(listed.qtys.__getitem__, qty_texts))
    if min(prices) < 1 or min(qtys) < qty_min:
        raise UnreadableMessage("bad_amount", f"a level: expected price > 0 and qty >= {qty_min}")
    return prices, qtys


def venue_bar(listed: Listed, event: wire.Bar, _ts_known: int) -> VenueBar:
    """The bar as it stands. It is pushed many times: its id counts the ms since it opened."""
    body = event.k
    interval_s = INTERVALS_S.get(body.i)
    if interval_s is None:
        raise UnreadableMessage(
            "unknown_interval", f"i {body.i}: expected {', '.join(INTERVALS_S)}"
        )
    read_price = listed.prices
    open_, close = read_price[body.o], read_price[body.c]
    high, low, volume = read_price[body.h], read_price[body.l], listed.qtys[body.v]
    if not (0 < low <= min(open_, close) <= max(open_, close) <= high and volume >= 0):
        raise UnreadableMessage(
            "bad_amount",
            f"o {body.o}, h {body.h}, l {body.l}, c {body.c}, v {body.v}: "
            "expected prices > 0 within l and h, and v >= 0",
        )
    if body.t > event.E:
        raise UnreadableMessage("bad_time", f"E {event.E}: expected t {body.t} or later")
    if not (body.f == body.L == -1 or 0 <= body.f <= body.L):
        raise UnreadableMessage(
            "bad_sequence", f"f {body.f}, L {body.L}: expected f <= L, or both -1"
        )
    return VenueBar(
        id=market_id(listed.id, f"bar_{interval_s}s", body.t, revision=event.E - body.t),
        ts_event=event.E * NANOS_PER_MILLI,
        instrument=listed.id,
        price_scale=listed.price_scale,
        qty_scale=listed.qty_scale,
        interval_s=interval_s,
        ts_open=body.t * NANOS_PER_MILLI,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        first_trade_id=body.f,
        last_trade_id=body.L,
        trade_count=body.n,
        closed=body.x,
    )


def mark_price(listed: Listed, event: wire.MarkPrice, _ts_known: int) -> MarkPrice:
    """The mark with its own scale; the funding rate alone may be negative."""
    mark, index, settle = (parse_amount(text, MARK_SCALE) for text in (event.p, event.i, event.P))
    if min(mark, index, settle) < 0 or mark == 0:
        raise UnreadableMessage(
            "bad_amount", f"p {event.p}, i {event.i}, P {event.P}: expected p > 0, none negative"
        )
    return MarkPrice(
        id=market_id(listed.id, "mark", event.E),
        ts_event=event.E * NANOS_PER_MILLI,
        instrument=listed.id,
        price_scale=MARK_SCALE,
        qty_scale=listed.qty_scale,
        mark_price=mark,
        index_price=index,
        settle_price=settle,
        funding_rate_e8=parse_amount(event.r, RATE_SCALE),
        ts_funding=event.T * NANOS_PER_MILLI,
    )
