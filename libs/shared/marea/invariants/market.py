"""What must hold of bars and order books."""

from dataclasses import dataclass, field

from marea.domain.book import Book, apply_delta, apply_snapshot, best_ask, best_bid, sequencing_of
from marea.invariants.violation import Invariant, Placed
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

SECOND_NS: Nanos = 1_000_000_000
TRADES_KEPT_NS: Nanos = 180 * SECOND_NS
"""Behind the newest trade; a bar that is longer, or closes later, is judged by its figures only."""


@dataclass(slots=True)
class _Printed:
    """The latest trades of an instrument, in the order of the log."""

    trades: list[tuple[int, Trade]] = field(default_factory=list)
    ts_kept_from: Nanos = 0


class BarsAreSane(Invariant):
    """A bar's prices are in order, it is told once, and it is its trades and nothing else."""

    number = 30
    code = "BAR_IS_ITS_TRADES"
    kinds = (Trade, Bar)

    def __init__(self) -> None:
        super().__init__()
        self._printed: dict[str, _Printed] = {}
        self._last: dict[tuple[str, int], Nanos] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, Trade):
            printed = self._printed.setdefault(message.instrument, _Printed())
            if message.condition == "MARKET":
                printed.trades.append((at.position, message))
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
        if bar.status == "complete" and bar.instrument in self._printed:
            self._compare(at, bar, self._printed[bar.instrument])

    def _compare(self, at: Placed, bar: Bar, printed: _Printed) -> None:
        ts_end = bar.ts_open + bar.interval_s * SECOND_NS
        kept_from = ts_end - TRADES_KEPT_NS
        if kept_from > printed.ts_kept_from + SECOND_NS:
            printed.trades = [each for each in printed.trades if each[1].ts_event >= kept_from]
            printed.ts_kept_from = kept_from
        if bar.ts_open < printed.ts_kept_from:
            return
        inside = [
            trade
            for position, trade in printed.trades
            if bar.ts_open <= trade.ts_event < ts_end and position < at.record.input_offset
        ]
        expected = (
            sum(trade.qty for trade in inside),
            len(inside),
            max((trade.price for trade in inside), default=0),
            min((trade.price for trade in inside), default=0),
        )
        found = (bar.volume, bar.trade_count, bar.high, bar.low)
        if found != expected:
            what = "a complete bar has the volume, count, high and low of its trades"
            self.report(at, what, expected, found)


class BookIsNotCrossed(Invariant):
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
        if told.reason in ("start", "resync"):
            self._books[told.instrument] = Book(sequencing=book.sequencing)
        elif told.status == "LIVE":
            bid, ask = best_bid(book), best_ask(book)
            if book.status != "LIVE" or (bid and ask and bid[0] >= ask[0]):
                found = f"{book.status}, bid {bid}, ask {ask}"
                self.report(at, "a LIVE book is whole and not crossed", "bid < ask", found)
