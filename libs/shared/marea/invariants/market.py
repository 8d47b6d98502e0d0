"""What must hold of bars and order books."""

from typing import TypeAlias

from marea.bus.reading import Placed
from marea.domain.book import Book, apply_delta, apply_snapshot, best_ask, best_bid, sequencing_of
from marea.invariants.violation import Rule
from marea.messages.envelope import Nanos
from marea.messages.features import Bar
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    BookStatusChanged,
    InstrumentChanged,
    Trade,
)
from marea.messages.portfolio import Mark
from marea.messages.system import Clock

SECOND_NS: Nanos = 1_000_000_000
SECONDS_KEPT = 180
"""Of trades, behind the newest bar; one that began before is judged by its own figures only."""
CLOCKS_KEPT_MAX = 20_000

Seconds: TypeAlias = dict[int, list[tuple[int, int, int]]]
"""By the second since 1970: position on the log, price and quantity of each trade in it."""


class BarsAreSane(Rule):
    """A bar's prices are in order, it is told once, and it is its trades and nothing else."""

    number = 30
    code = "BAR_IS_ITS_TRADES"
    kinds = (Trade, Clock, Bar)

    def __init__(self) -> None:
        super().__init__()
        self._trades: dict[str, Seconds] = {}
        self._clocks: dict[str, int] = {}
        """Where the latest clocks stand on their logs, by id: bars are closed at them."""
        self._last: dict[tuple[str, int], Nanos] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, Trade):
            seconds = self._trades.setdefault(message.instrument, {})
            if message.condition == "MARKET":
                trades = seconds.setdefault(message.ts_event // SECOND_NS, [])
                trades.append((at.position, message.price, message.qty))
        elif isinstance(message, Clock):
            self._clocks[message.id] = at.position
            if len(self._clocks) > CLOCKS_KEPT_MAX:
                del self._clocks[next(iter(self._clocks))]
        elif isinstance(message, Bar):
            self._judge(at, message)

    def _judge(self, at: Placed, bar: Bar) -> None:
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        if not (bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high):
            self.report(at, "low ≤ open, close ≤ high", "in order", figures)
        if bar.volume < 0 or bar.trade_count < 0:
            self.report(at, "a volume is at least 0", "≥ 0", figures)
        place = (bar.instrument, bar.interval_s)
        last = self._last.get(place, -1)
        if bar.ts_open <= last:
            self.report(at, "a bar closes once, after the one before", f"> {last}", bar.ts_open)
        self._last[place] = bar.ts_open
        if bar.instrument in self._trades:
            self._compare(at, bar, self._trades[bar.instrument])

    def _compare(self, at: Placed, bar: Bar, seconds: Seconds) -> None:
        begin = bar.ts_open // SECOND_NS
        end = begin + bar.interval_s
        while seconds and (oldest := next(iter(seconds))) < end - SECONDS_KEPT:
            del seconds[oldest]
        if bar.status != "complete" or bar.interval_s > SECONDS_KEPT:
            return
        closed = self._clocks.get(bar.parents[0] if bar.parents else "", at.record.input_offset)
        inside = [
            trade
            for second in range(begin, end)
            for trade in seconds.get(second, ())
            if trade[0] < closed
        ]
        prices = [price for _, price, _ in inside] or [0]
        expected = (sum(qty for _, _, qty in inside), len(inside), max(prices), min(prices))
        found = (bar.volume, bar.trade_count, bar.high, bar.low)
        if found != expected:
            what = "a complete bar has the volume, count, high and low of its trades"
            self.report(at, what, expected, found)


class BookIsNotCrossed(Rule):
    """A book that may be traded on is whole, and its best bid is below its best ask."""

    number = 31
    code = "BOOK_NOT_CROSSED"
    kinds = (InstrumentChanged, BookDelta, BookSnapshot, BookStatusChanged, Mark)

    def __init__(self) -> None:
        super().__init__()
        self._books: dict[str, Book] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        match message:
            case Mark():
                is_sane = 0 < message.bid_price < message.ask_price
                if message.book_status == "LIVE" and not is_sane:
                    found = (message.bid_price, message.ask_price)
                    self.report(at, "a mark of a LIVE book is not crossed", "0 < bid < ask", found)
            case InstrumentChanged() if at.log.channel == "market":
                sequencing = sequencing_of(message.book_sequencing)
                self._books.setdefault(message.instrument, Book(sequencing=sequencing))
            case BookStatusChanged() if message.instrument in self._books:
                self._judge(at, message, self._books[message.instrument])
            case BookDelta() if message.instrument in self._books:
                apply_delta(self._books[message.instrument], message)
            case BookSnapshot() if message.instrument in self._books:
                apply_snapshot(self._books[message.instrument], message)

    def _judge(self, at: Placed, told: BookStatusChanged, book: Book) -> None:
        bid, ask = best_bid(book), best_ask(book)
        is_crossed = bid is not None and ask is not None and bid[0] >= ask[0]
        if book.status != told.status or is_crossed:
            found = f"{book.status}, bid {bid}, ask {ask}"
            self.report(at, "a book is what is told of it, and not crossed", told.status, found)
