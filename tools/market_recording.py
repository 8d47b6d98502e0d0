"""What a client notes of a market: trades, quotes, and its order book, from a tape or a simulation."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from marea.venues.tape import Tape

Frame = tuple[int, bytes]
Levels = list[tuple[str, str]]
MS, S = 1_000_000, 1_000_000_000
WIRE_SCALE = 8
"""Binance writes amounts with eight places."""
SPAN_LEVELS = 100


class Quote(msgspec.Struct):
    """A bookTicker, by the venue's field names."""

    b: str
    B: str
    a: str
    A: str


class Match(msgspec.Struct):
    """A trade, by the venue's field names."""

    T: int
    p: str
    q: str
    m: bool


class Diff(msgspec.Struct):
    """A depthUpdate, by the venue's field names."""

    E: int
    u: int
    b: Levels
    a: Levels


class Snapshot(msgspec.Struct, rename="camel"):
    """An answer to a request for the book."""

    last_update_id: int
    bids: Levels
    asks: Levels


Told = Quote | Match | Diff | Snapshot
DECODERS: dict[str, msgspec.json.Decoder[Told]] = {
    "bookTicker": msgspec.json.Decoder(Quote),
    "trade": msgspec.json.Decoder(Match),
    "depth": msgspec.json.Decoder(Diff),
    "restDepthSnapshot": msgspec.json.Decoder(Snapshot),
}
"""By the part of the stream's name after the instrument."""


class Envelope(msgspec.Struct):
    """The combined stream."""

    stream: str
    data: msgspec.Raw


@dataclass
class Recording:
    """What was seen of one instrument; times are ns of the client's clock, amounts 10^-8."""

    trades: list[tuple[int, int, int, int, bool]] = field(default_factory=list)
    """Stamp, venue's ms, price, quantity, whether the taker sold."""
    quotes: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    """Stamp, bid, ask, their quantities."""
    diffs: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Stamp, venue's ms, levels in it, levels in it at the best price or better."""
    best_qtys: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Stamp, and the quantity of the best 1, 5 and 10 levels, mean of both sides."""
    behind: list[tuple[int, int, int]] = field(default_factory=list)
    """Changes behind the best price: distance to it, quantity before and after."""
    spans: list[int] = field(default_factory=list)
    """From the best price to the hundredth level, once a second."""
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    last_id: int | None = None
    early: list[tuple[int, Diff]] = field(default_factory=list)
    """Diffs that came before the snapshot."""

    def take(self, stamp: int, data: Told) -> None:
        """Note one message."""
        match data:
            case Quote(b, bid_qty, a, ask_qty):
                quote = (units(b), units(a), units(bid_qty), units(ask_qty))
                self.quotes.append((stamp, *quote))
            case Match(ms, price, qty, sells):
                self.trades.append((stamp, ms, units(price), units(qty), sells))
            case Snapshot():
                self.bids, self.asks = dict(levels(data.bids)), dict(levels(data.asks))
                self.last_id = data.last_update_id
                for at, diff in self.early:
                    self._apply(at, diff)
                self.early.clear()
            case Diff():
                if self.last_id is None:
                    self.early.append((stamp, data))
                else:
                    self._apply(stamp, data)

    def _apply(self, stamp: int, diff: Diff) -> None:
        if self.last_id is None or diff.u <= self.last_id:
            return
        bids, asks = levels(diff.b), levels(diff.a)
        bid, ask = max(self.bids), min(self.asks)
        self._change(self.bids, bids, bid, 1)
        self._change(self.asks, asks, ask, -1)
        bid, ask = min(bid, max(self.bids)), max(ask, min(self.asks))
        at_best = sum(price >= bid for price, _ in bids) + sum(price <= ask for price, _ in asks)
        self.diffs.append((stamp, diff.E, len(bids) + len(asks), at_best))
        if not self.best_qtys or stamp - self.best_qtys[-1][0] >= S:
            self._sample(stamp)

    def _change(
        self, side: dict[int, int], changes: list[tuple[int, int]], best: int, sign: int
    ) -> None:
        for price, qty in changes:
            distance = sign * (best - price)
            if distance > 0:
                self.behind.append((distance, side.get(price, 0), qty))
            if qty:
                side[price] = qty
            else:
                side.pop(price, None)

    def _sample(self, stamp: int) -> None:
        bids = heapq.nlargest(SPAN_LEVELS, self.bids)
        asks = heapq.nsmallest(SPAN_LEVELS, self.asks)
        self.spans += [bids[0] - bids[-1], asks[-1] - asks[0]]
        qtys = [self.bids[b] + self.asks[a] for b, a in zip(bids[:10], asks[:10], strict=True)]
        self.best_qtys.append((stamp, qtys[0] // 2, sum(qtys[:5]) // 2, sum(qtys) // 2))


def units(text: str) -> int:
    """An amount in units of 10^-8."""
    return int(text.replace(".", ""))


def levels(texts: Levels) -> list[tuple[int, int]]:
    """Prices and quantities in units of 10^-8."""
    return [(units(price), units(qty)) for price, qty in texts]


def read_tape(files: Sequence[Path]) -> Iterator[Frame]:
    """The frames of the files in a row, as stamp and payload."""
    for frame in Tape(files):
        yield frame.ts_local, frame.payload


def record(frames: Iterable[Frame]) -> dict[str, Recording]:
    """What the frames say of each instrument, by venue symbol."""
    envelopes = msgspec.json.Decoder(Envelope)
    recordings: dict[str, Recording] = {}
    for stamp, payload in frames:
        envelope = envelopes.decode(payload)
        name, kind = envelope.stream.split("@")[:2]
        data = DECODERS[kind].decode(envelope.data)
        recordings.setdefault(name.upper(), Recording()).take(stamp, data)
    return recordings


def between(recording: Recording, first_ns: int, end_ns: int) -> Recording:
    """The part of a recording from `first_ns` up to `end_ns`."""
    return Recording(
        trades=[row for row in recording.trades if first_ns <= row[0] < end_ns],
        quotes=[row for row in recording.quotes if first_ns <= row[0] < end_ns],
        diffs=[row for row in recording.diffs if first_ns <= row[0] < end_ns],
        best_qtys=[row for row in recording.best_qtys if first_ns <= row[0] < end_ns],
    )
