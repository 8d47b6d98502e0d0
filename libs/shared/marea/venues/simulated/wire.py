"""What the simulated venue puts on the wire: Binance spot's combined stream, field by field.

Source: binance-spot-api-docs, `web-socket-streams.md` and `rest-api.md` (read 2026-07-21); the
snapshot stands under a stream name of its own, as in the recorded tapes.
"""

from collections.abc import Callable

from marea.domain.instrument import Instrument
from marea.venues.simulated.book import Level

PLACES = 8
"""Binance writes every amount with eight places, whatever the scale."""

Levels = list[Level]


def amount_writer(scale: int) -> Callable[[int], str]:
    """How an amount in units of 10^-scale is written; 1 ≤ scale ≤ 8."""
    width, zeros = scale + 1, "0" * (PLACES - scale)

    def write(units: int) -> str:
        digits = str(units).rjust(width, "0")
        return f"{digits[:-scale]}.{digits[-scale:]}{zeros}"

    return write


class Wire:
    """How one instrument's events are written; times are ns of the venue's clock."""

    def __init__(self, instrument: Instrument) -> None:
        self._venue_symbol = instrument.venue_symbol
        self._stream = instrument.venue_symbol.lower()
        self._price = amount_writer(instrument.price_scale)
        self._qty = amount_writer(instrument.qty_scale)

    def quote(self, update_id: int, bid: Level, ask: Level) -> bytes:
        """The best bid and ask, price and quantity each, at `update_id`."""
        price, qty = self._price, self._qty
        return (
            f'{{"stream":"{self._stream}@bookTicker","data":{{"u":{update_id},"s":"{self._venue_symbol}",'
            f'"b":"{price(bid[0])}","B":"{qty(bid[1])}","a":"{price(ask[0])}","A":"{qty(ask[1])}"}}}}'
        ).encode()

    def trade(self, at_ns: int, trade_id: int, fill: tuple[int, int], taker_buys: bool) -> bytes:
        """One match: price and quantity of `fill`, and whether the taker bought."""
        ms = at_ns // 1_000_000
        return (
            f'{{"stream":"{self._stream}@trade","data":{{"e":"trade","E":{ms + 1},"s":"{self._venue_symbol}",'
            f'"t":{trade_id},"p":"{self._price(fill[0])}","q":"{self._qty(fill[1])}","T":{ms},'
            f'"m":{"false" if taker_buys else "true"},"M":true}}}}'
        ).encode()

    def diff(self, at_ns: int, ids: tuple[int, int], bids: Levels, asks: Levels) -> bytes:
        """The levels that changed from the first to the last of `ids`; quantity 0: gone."""
        return (
            f'{{"stream":"{self._stream}@depth@100ms","data":{{"e":"depthUpdate",'
            f'"E":{at_ns // 1_000_000},"s":"{self._venue_symbol}","U":{ids[0]},"u":{ids[1]},'
            f'"b":{self._levels(bids)},"a":{self._levels(asks)}}}}}'
        ).encode()

    def snapshot(self, last_id: int, bids: Levels, asks: Levels) -> bytes:
        """The order book at `last_id`, best levels first."""
        return (
            f'{{"stream":"{self._stream}@restDepthSnapshot","data":{{"lastUpdateId":{last_id},'
            f'"bids":{self._levels(bids)},"asks":{self._levels(asks)}}}}}'
        ).encode()

    def _levels(self, levels: Levels) -> str:
        price, qty = self._price, self._qty
        return "[" + ",".join([f'["{price(p)}","{qty(q)}"]' for p, q in levels]) + "]"
