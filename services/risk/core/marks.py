"""Marks: what is an instrument worth to a portfolio now, and can its market be trusted?

A core of its own beside risk's: it hears the market of one instrument, and says on the trading log
what risk, execution and the ledger value it at. A mark is said at a clock, so it rests on what was
known before: at most one a second, and one more when the mid moved by `MOVE_BPS` or the book's
status changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from marea.domain.book import BookStatus
from marea.messages.envelope import Message, Nanos
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    BookStatusChanged,
    InstrumentChanged,
    MarkPrice,
    Quote,
    RequestSnapshot,
    Trade,
    VenueBar,
)
from marea.messages.portfolio import Mark
from marea.messages.system import Clock, ClockOffset, CoreDiverged, Degraded, GapFound, Started

PERIOD_NS = 1_000_000_000
MOVE_BPS = 10

MarksInput: TypeAlias = (
    Quote
    | BookStatusChanged
    | InstrumentChanged
    | Clock
    | Trade
    | BookDelta
    | BookSnapshot
    | MarkPrice
    | VenueBar
    | ClockOffset
    | RequestSnapshot
    | GapFound
    | Degraded
    | Started
    | CoreDiverged
)
HEARS: frozenset[type[Message]] = frozenset(
    {Quote, BookStatusChanged, InstrumentChanged, Clock, GapFound, Degraded}
)


@dataclass(slots=True)
class MarksState:
    """What the next mark depends on."""

    instrument: str
    price_scale: int = 0
    bid_price: int = 0
    ask_price: int = 0
    ts_quote: Nanos = 0
    quote_id: str = ""
    book_status: BookStatus = "SYNCING"
    status_id: str = ""
    degraded_id: str = ""
    """What told that the record of the market is too far behind; empty: it is not."""
    clock_bid_price: int = 0
    """As it was known at the last clock, as the next."""
    clock_ask_price: int = 0
    said_bid_price: int = 0
    said_ask_price: int = 0
    said_status: BookStatus = "SYNCING"
    ts_said: Nanos = 0


def decide(state: MarksState, event: MarksInput) -> Sequence[Mark | InstrumentChanged]:
    """The mark that is due at a clock; an instrument is passed on."""
    match event:
        case Clock():
            return (_mark(state),) if _is_due(state, event.ts_event) else ()
        case InstrumentChanged():
            return (event,)
        case (
            Quote()
            | BookStatusChanged()
            | Trade()
            | BookDelta()
            | BookSnapshot()
            | MarkPrice()
            | VenueBar()
            | ClockOffset()
            | RequestSnapshot()
            | GapFound()
            | Degraded()
            | Started()
            | CoreDiverged()
        ):
            return ()
        case _:
            assert_never(event)


def apply(state: MarksState, event: MarksInput | Mark) -> None:
    """Take what the market says, and what was said of it."""
    match event:
        case Quote():
            state.bid_price, state.ask_price = event.bid_price, event.ask_price
            state.price_scale = event.price_scale
            state.ts_quote, state.quote_id = event.ts_event, event.id
        case BookStatusChanged() | GapFound() | Degraded():
            _take_trust(state, event)
        case Mark():
            state.said_bid_price, state.said_ask_price = event.bid_price, event.ask_price
            state.said_status = event.book_status
            state.ts_said = event.ts_event
        case InstrumentChanged():
            state.price_scale = event.price_scale
        case Clock():
            state.clock_bid_price, state.clock_ask_price = state.bid_price, state.ask_price
        case (
            Trade()
            | BookDelta()
            | BookSnapshot()
            | MarkPrice()
            | VenueBar()
            | ClockOffset()
            | RequestSnapshot()
            | Started()
            | CoreDiverged()
        ):
            pass
        case _:
            assert_never(event)


def _take_trust(state: MarksState, event: BookStatusChanged | GapFound | Degraded) -> None:
    match event:
        case BookStatusChanged():
            state.book_status, state.status_id = event.status, event.id
        case GapFound():
            state.book_status, state.status_id = "BROKEN", event.id  # until its status is told
        case Degraded():
            state.degraded_id = "" if event.is_over else event.id


def _is_due(state: MarksState, now: Nanos) -> bool:
    if not state.quote_id:
        return False
    moved = abs(state.bid_price + state.ask_price - state.said_bid_price - state.said_ask_price)
    return (
        _status(state) != state.said_status
        or now - state.ts_said >= PERIOD_NS
        or moved * 10_000 >= MOVE_BPS * (state.said_bid_price + state.said_ask_price)
    )


def _status(state: MarksState) -> BookStatus:
    # Nothing may be opened on what is not on record, however good the book is.
    return "BROKEN" if state.degraded_id else state.book_status


def _mark(state: MarksState) -> Mark:
    return Mark(
        parents=tuple(filter(None, (state.quote_id, state.status_id, state.degraded_id))),
        instrument=state.instrument,
        price_scale=state.price_scale,
        bid_price=state.bid_price,
        ask_price=state.ask_price,
        book_status=_status(state),
        ts_quote=state.ts_quote,
    )
