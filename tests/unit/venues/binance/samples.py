"""Events as Binance documents them, and parsers that know some instruments."""

import json
from collections.abc import Iterable
from typing import Any

from marea.domain.instrument import Instrument
from marea.messages.market import Observation
from marea.venues.binance.parse import BinanceParser, Market

BTC = Instrument(
    id="BTC-USDT.BINANCE",
    venue="BINANCE",
    venue_symbol="BTCUSDT",
    kind="spot",
    base="BTC",
    quote="USDT",
    price_scale=2,
    qty_scale=5,
    price_increment=1,
    qty_increment=1,
    notional_min=500,
    book_sequencing="contiguous",
)
SPOT_TRADE = {
    "e": "trade",
    "E": 1723161255343,
    "s": "BTCUSDT",
    "t": 3735683259,
    "p": "61837.63000000",
    "q": "0.02000000",
    "T": 1723161255342,
    "m": True,
    "M": True,
}
USDM_TRADE = {
    "e": "trade",
    "E": 1680652700455,
    "T": 1680652700452,
    "s": "BTCUSDT",
    "t": 3535186032,
    "p": "28145.10",
    "q": "0.002",
    "X": "MARKET",
    "m": False,
}
AGG_TRADE = {
    "e": "aggTrade",
    "E": 20,
    "a": 7,
    "s": "BTCUSDT",
    "p": "1.5",
    "q": "2",
    "f": 100,
    "l": 105,
    "T": 19,
    "m": False,
}
SPOT_QUOTE = {"u": 40, "s": "BTCUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}
USDM_QUOTE = SPOT_QUOTE | {"e": "bookTicker", "E": 18, "T": 17}
SPOT_DELTA = {
    "e": "depthUpdate",
    "E": 20,
    "s": "BTCUSDT",
    "U": 157,
    "u": 160,
    "b": [["0.24", "10"], ["0.23", "0.00000000"]],
    "a": [["0.26", "100"]],
}
USDM_DELTA = SPOT_DELTA | {"T": 19, "pu": 149}
SPOT_SNAPSHOT = {
    "lastUpdateId": 160,
    "bids": [["0.24", "10"], ["0.23", "1"]],
    "asks": [["0.26", "100"]],
}
USDM_SNAPSHOT = SPOT_SNAPSHOT | {"E": 20, "T": 19}
BAR_BODY = {
    "t": 60_000,
    "T": 119_999,
    "s": "BTCUSDT",
    "i": "1m",
    "f": 100,
    "L": 200,
    "o": "1.10",
    "c": "2.00",
    "h": "2.50",
    "l": "1.00",
    "v": "1000",
    "n": 100,
    "x": False,
    "q": "1.0000",
}
BAR = {"e": "kline", "E": 60_017, "s": "BTCUSDT", "k": BAR_BODY}
MARK_PRICE = {
    "e": "markPriceUpdate",
    "E": 20,
    "s": "BTCUSDT",
    "p": "11794.15000000",
    "i": "11784.62659091",
    "P": "11784.25641265",
    "r": "-0.00038167",
    "T": 1562306400000,
}


def parse(
    event: dict[str, Any],
    market: Market = "spot",
    stream: str = "",
    venue_symbol: str | None = None,
) -> Observation:
    payload = {"stream": stream, "data": event} if stream else event
    return BinanceParser({"BTCUSDT": BTC}, market).parse(
        json.dumps(payload).encode(), 5, venue_symbol
    )


def parser_of(market: Market, venue_symbols: Iterable[str]) -> BinanceParser:
    """A parser that knows these symbols, each with 8 places, as instrument `SYMBOL.TEST`."""
    return BinanceParser(
        {
            venue_symbol: Instrument(
                id=f"{venue_symbol}.TEST",
                venue="TEST",
                venue_symbol=venue_symbol,
                kind="spot" if market == "spot" else "perpetual",
                base="BASE",
                quote="QUOTE",
                price_scale=8,
                qty_scale=8,
                price_increment=1,
                qty_increment=1,
                notional_min=500,
                book_sequencing="contiguous",
            )
            for venue_symbol in venue_symbols
        },
        market,
    )
