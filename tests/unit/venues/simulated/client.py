"""A client of the simulated venue in the fewest lines: its books, and how they came about."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from marea.venues.simulated.market import Frame, SimulatedMarket

MS, S = 1_000_000, 1_000_000_000


@dataclass
class Book:
    """One instrument's local book, by the venue's procedure."""

    status: str = "SYNCING"
    sides: dict[str, dict[str, str]] = field(default_factory=dict)
    last_id: int = 0
    trade_id: int = 0
    waiting: list[dict[str, Any]] = field(default_factory=list)
    history: list[tuple[int, str]] = field(default_factory=list)
    """When the status changed, and to what."""
    equal: int = 0
    """Quotes that were found equal to the book at their update id."""

    def set_status(self, stamp: int, status: str) -> None:
        self.status = status
        self.history.append((stamp, status))

    def best(self) -> tuple[str, str]:
        return max(self.sides["b"], key=float), min(self.sides["a"], key=float)


class Client:
    """Follows every instrument of a market, and asks for a snapshot where it has to."""

    def __init__(self, market: SimulatedMarket, start_ns: int = 0) -> None:
        self.market = market
        self.books = {one.venue_symbol: Book() for one in market.instruments}
        self.frames: list[Frame] = []
        self.quotes: dict[tuple[str, int], dict[str, str]] = {}
        for name in self.books:
            market.request_snapshot(name, start_ns)

    def run(self, until_ns: int, window_ns: int, from_ns: int = 0) -> "Client":
        """Take frames window by window, and hand over what was asked for in each."""
        for end_ns in range(from_ns + window_ns, until_ns + 1, window_ns):
            for frame in self.market.frames(end_ns):
                self.frames.append(frame)
                self.take(*frame)
        return self

    def take(self, stamp: int, payload: bytes) -> None:
        message = msgspec.json.decode(payload)
        name, kind = message["stream"].split("@")[:2]
        name, data = name.upper(), message["data"]
        book = self.books[name]
        if kind == "bookTicker":
            self.quotes[name, data["u"]] = data
        elif kind == "trade":
            assert data["t"] == book.trade_id + 1
            book.trade_id = data["t"]
        elif kind == "restDepthSnapshot":
            book.sides = {"b": dict(data["bids"]), "a": dict(data["asks"])}
            book.last_id = data["lastUpdateId"]
            book.set_status(stamp, "LIVE")
            for diff in book.waiting:
                self._apply(stamp, name, book, diff)
            book.waiting.clear()
        elif book.status == "LIVE":
            self._apply(stamp, name, book, data)
        else:
            book.waiting.append(data)

    def _apply(self, stamp: int, name: str, book: Book, diff: dict[str, Any]) -> None:
        assert diff["U"] <= diff["u"]
        if diff["u"] <= book.last_id:
            return
        if diff["U"] > book.last_id + 1:
            book.set_status(stamp, "BROKEN")
            self.market.request_snapshot(name, stamp)
            return
        for side in ("b", "a"):
            for price, qty in diff[side]:
                if float(qty):
                    book.sides[side][price] = qty
                else:
                    book.sides[side].pop(price, None)
        book.last_id = diff["u"]
        bid, ask = book.best()
        assert float(bid) < float(ask)
        quote = self.quotes.get((name, diff["u"]))
        if quote is not None:
            shown = (quote["b"], quote["B"], quote["a"], quote["A"])
            assert shown == (bid, book.sides["b"][bid], ask, book.sides["a"][ask])
            book.equal += 1
