"""What must hold of order books, and of what is told with them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from marea.bus.reading import Placed
from marea.invariants.followed import FollowedBook
from marea.invariants.violation import Rule
from marea.messages.envelope import Log, Nanos
from marea.messages.features import FeatureVector
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    BookStatusChanged,
    InstrumentChanged,
    Price,
    Quote,
)
from marea.messages.portfolio import Mark
from marea.messages.system import Clock, GapFound

CLOCKS_KEPT = 4_096
"""Of each market log; what was told at an older one is judged by its own figures only."""


class _Seen(NamedTuple):
    """What was known of a market at one of its clocks."""

    is_live: bool
    """Whether the book was whole, and called so."""
    quote: Quote | None
    best: tuple[Price, Price] | None
    """Of the book, where it is of the very update that the quote is of."""


@dataclass(slots=True)
class _Stream:
    """One market log, as far as it was read."""

    book: FollowedBook
    told: str = ""
    """The status that was told last; empty: none, or records are missing since."""
    quote: Quote | None = None
    clocks: dict[int, _Seen] = field(default_factory=dict)
    """By position."""
    now: Nanos = 0
    end: int = 0
    """Below it all was read."""
    waiting: list[Placed] = field(default_factory=list)
    """What rests on a clock that was not read yet."""


class BookIsNotCrossed(Rule):
    """A book is LIVE only if it is whole and not crossed, whoever says so; a mark is its quote."""

    number = 31
    code = "BOOK_NOT_CROSSED"
    kinds = (
        InstrumentChanged,
        Quote,
        BookDelta,
        BookSnapshot,
        BookStatusChanged,
        GapFound,
        Clock,
        Mark,
        FeatureVector,
    )

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[Log, _Stream] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, Mark | FeatureVector):
            self._hear(at, message)
        elif at.log.channel == "market":
            if isinstance(message, InstrumentChanged):
                book = FollowedBook(is_linked=message.book_sequencing == "linked")
                self._streams.setdefault(at.log, _Stream(book))
            elif at.log in self._streams:
                self._follow(at, self._streams[at.log])

    def _follow(self, at: Placed, stream: _Stream) -> None:
        match at.message:
            case Quote() as quote:
                stream.quote = quote
            case BookDelta() as delta:
                stream.book.take_delta(delta)
            case BookSnapshot() as snapshot:
                stream.book.take_snapshot(snapshot)
            case GapFound():
                stream.told = ""
            case BookStatusChanged() as changed:
                stream.told = changed.status
                self._judge_status(at, stream)
                if changed.status == "BROKEN" and changed.reason != stream.book.broken_by:
                    what = "a book that is lost tells why"
                    self.report(at, what, stream.book.broken_by, changed.reason)
            case Clock():
                self._judge_status(at, stream)
                self._remember(at, stream)

    def _judge_status(self, at: Placed, stream: _Stream) -> None:
        if stream.told and (stream.told == "LIVE") != stream.book.is_whole:
            what = "a book is LIVE if nothing of it is missing and it is not crossed"
            found = f"{'whole' if stream.book.is_whole else 'not whole'} at {stream.book.update_id}"
            self.report(at, what, stream.told, found)
            stream.told = ""

    def _remember(self, at: Placed, stream: _Stream) -> None:
        quote, book = stream.quote, stream.book
        is_same = quote is not None and quote.update_id == book.update_id
        is_live = stream.told == "LIVE" and book.is_whole
        stream.clocks[at.position] = _Seen(is_live, quote, book.best() if is_same else None)
        if len(stream.clocks) > CLOCKS_KEPT:
            del stream.clocks[next(iter(stream.clocks))]
        stream.end = at.position + 1
        waiting, stream.waiting = stream.waiting, []
        for each in waiting:
            assert isinstance(each.message, Mark | FeatureVector)
            self._hear(each, each.message)

    def _hear(self, at: Placed, told: Mark | FeatureVector) -> None:
        if isinstance(told, Mark):
            is_sane = 0 < told.bid_price < told.ask_price
            if told.book_status == "LIVE" and not is_sane:
                found = (told.bid_price, told.ask_price)
                self.report(at, "a mark of a LIVE book is not crossed", "0 < bid < ask", found)
        stream = self._streams.get(at.record.writer.input_log or at.log)
        if stream is None:
            return
        if at.record.input_offset >= stream.end:
            stream.waiting.append(at)
        elif seen := stream.clocks.get(at.record.input_offset):
            self._judge(at, told, seen)

    def _judge(self, at: Placed, told: Mark | FeatureVector, seen: _Seen) -> None:
        if told.book_status == "LIVE" and not seen.is_live:
            what = f"what {type(told).__name__} calls LIVE is a book that is whole, and called so"
            self.report(at, what, "another status", told.book_status)
        if isinstance(told, Mark) and seen.quote is not None:
            quote = seen.quote
            expected = (quote.bid_price, quote.ask_price, quote.ts_event)
            found = (told.bid_price, told.ask_price, told.ts_quote)
            if found != expected:
                self.report(at, "a mark is the last quote before its clock", expected, found)
            elif told.book_status == "LIVE" and seen.best not in (None, expected[:2]):
                self.report(at, "a quote is the best of its book", seen.best, expected[:2])
