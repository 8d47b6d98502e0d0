"""Frames of two instruments as a recorder writes them, and what a feed makes of them."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from marea.messages.envelope import Message, Record
from marea.venues.binance.parse import BinanceParser
from marea.venues.feed import Feed, FeedPlan, windows_of
from marea.venues.tape import Frame
from tests.unit.venues.binance import samples
from tests.unit.venues.binance.samples import BTC

M = TypeVar("M", bound=Message)

MS = 1_000_000
T0 = 1_723_161_255_000_000_000
T0_MS = T0 // MS
FILE = "/tapes/tape.raw"
BTC_FILE = "/tapes/btcusdt.raw"
"""Nothing in it names an instrument; it is known to be of BTCUSDT."""
ETH = replace(BTC, id="ETH-USDT.BINANCE", venue_symbol="ETHUSDT", base="ETH")
PLAN = FeedPlan(
    venue="BINANCE",
    instruments=(BTC, ETH),
    parser=BinanceParser({"BTCUSDT": BTC, "ETHUSDT": ETH}, "spot"),
    venue_symbol_of_file={BTC_FILE: "BTCUSDT"},
)


def trade(number: int, at_ms: int, venue_symbol: str = "BTCUSDT") -> bytes:
    """A trade that the venue stamped `at_ms` after T0."""
    event = samples.SPOT_TRADE | {"s": venue_symbol, "t": number, "T": T0_MS + at_ms}
    return payload(event, f"{venue_symbol.lower()}@trade")


def quote(number: int, venue_symbol: str = "BTCUSDT") -> bytes:
    """A quote, which has no stamp."""
    event = samples.SPOT_QUOTE | {"s": venue_symbol, "u": number}
    return payload(event, f"{venue_symbol.lower()}@bookTicker")


def payload(event: dict[str, Any], stream: str = "") -> bytes:
    """What the venue sends, in the envelope of a stream where one is named."""
    return json.dumps({"stream": stream, "data": event} if stream else event).encode()


def frames(*sent: tuple[float, bytes], file: str = FILE) -> list[Frame]:
    """Each payload at so many ms after T0 by our clock."""
    return [
        Frame(file, line, T0 + round(at_ms * MS), what)
        for line, (at_ms, what) in enumerate(sent, 1)
    ]


def feed_of(tape: Sequence[Frame]) -> Feed:
    """A feed of a tape, at its begin."""
    return Feed(PLAN, lambda: windows_of(tape))


def read(feed: Feed, position: int, limit: int = 1000) -> list[Record]:
    """One read."""
    return list(asyncio.run(_read(feed, position, limit)))


async def _read(feed: Feed, position: int, limit: int) -> Sequence[Record]:
    return await feed.read(PLAN.log, position, limit)


def read_all(feed: Feed) -> list[Record]:
    """Everything from its begin on."""

    async def collect() -> list[Record]:
        found: list[Record] = []
        while records := await _read(feed, len(found), 1000):
            found += records
        return found

    return asyncio.run(collect())


def messages(tape: Sequence[Frame]) -> list[Message]:
    """What is said of a tape."""
    return [record.message for record in read_all(feed_of(tape))]


def of_kind(kind: type[M], told: Iterable[Message]) -> list[M]:
    """Those of one type."""
    return [message for message in told if isinstance(message, kind)]
