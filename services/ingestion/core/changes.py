"""How a message, or what was said about one, changes what is known."""

from marea.domain import book as order_book
from marea.domain.book import Book
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    InstrumentChanged,
    Quote,
    RequestSnapshot,
    Trade,
)
from marea.messages.system import DeadLetter, QualityCheckFailed
from services.ingestion.core.findings import skew_ns
from services.ingestion.core.numbers import judge, see
from services.ingestion.core.state import (
    Best,
    IngestionState,
    Said,
    Stamped,
    StreamState,
    Told,
)

QUOTES_KEPT_MAX = 256
"""A venue sends its book less often than its quotes: so many may be between."""
BESTS_KEPT_MAX = 16
IDS_KEPT_MAX = 64
"""A message that comes twice comes again soon: two connections, a recorder that starts anew."""


def take_quote(state: IngestionState, stream: StreamState, quote: Quote) -> None:
    """Keep it, until the book has come as far and can be compared with it."""
    update_id = quote.update_id
    if update_id <= stream.quote_id:
        state.duplicate_count += 1
        return
    _see(stream)
    state.passed_count += 1
    stream.quote_id = update_id
    shown = (quote.bid_price, quote.bid_qty, quote.ask_price, quote.ask_qty)
    if stream.failing and shown[0] < shown[2]:
        _recover(stream, "crossed")
    if update_id in stream.bests:
        _compare(stream, update_id, stream.bests.pop(update_id), shown)
        return
    quotes = stream.quotes
    quotes[update_id] = shown
    if len(quotes) > QUOTES_KEPT_MAX:
        del quotes[next(iter(quotes))]


def take_book(state: IngestionState, stream: StreamState, event: BookDelta | BookSnapshot) -> None:
    """Bring the book to it."""
    is_delta = isinstance(event, BookDelta)
    if event.last_update_id <= (stream.delta_id if is_delta else stream.snapshot_id):
        state.duplicate_count += 1
        return
    _see(stream)
    state.passed_count += 1
    if isinstance(event, BookDelta):
        stream.delta_id = event.last_update_id
        order_book.apply_delta(stream.book, event)
        _show_best(stream)
        _recover_skew(state, stream, event)
    else:
        stream.snapshot_id = event.last_update_id
        order_book.apply_snapshot(stream.book, event)
    if stream.book.status == "LIVE":
        stream.ts_requested = 0


def take_trade(state: IngestionState, stream: StreamState, trade: Trade) -> None:
    """Remember its number and its price."""
    first, last = trade.first_trade_id, trade.last_trade_id
    if first == stream.numbers.last + 1:  # as nearly always
        stream.numbers.last = last
    elif judge(stream.numbers, first, last) == "duplicate":
        state.duplicate_count += 1
        return
    else:
        see(stream.numbers, first, last)
    _see(stream)
    state.passed_count += 1
    if trade.condition == "MARKET" and last == stream.numbers.last:
        stream.price = trade.price
    _recover_skew(state, stream, trade)


def take_stamped(state: IngestionState, stream: StreamState, event: Stamped) -> None:
    """Its stamp shows how far its stream's clock can be trusted."""
    if event.id in stream.ids:
        state.duplicate_count += 1
        return
    _see(stream)
    state.passed_count += 1
    stream.ids.append(event.id)
    if len(stream.ids) > IDS_KEPT_MAX:
        del stream.ids[0]
    _recover_skew(state, stream, event)


def take_told(state: IngestionState, event: Told) -> None:
    """Begin an instrument's stream; count a dead letter."""
    if isinstance(event, InstrumentChanged):
        fresh = StreamState(book=Book(sequencing=order_book.sequencing_of(event.book_sequencing)))
        state.streams.setdefault(event.instrument, fresh)
    elif isinstance(event, DeadLetter):
        state.dead_letter_count += 1


def take_said(state: IngestionState, stream: StreamState, said: Said) -> None:
    """Remember what was asked for and what was called bad."""
    if isinstance(said, RequestSnapshot):
        stream.ts_requested = said.ts_event
    elif isinstance(said, QualityCheckFailed):
        state.failed_counts[said.check] = state.failed_counts.get(said.check, 0) + 1
        if said.check == "agreement":
            stream.disagreement = ""
        elif said.check in ("stale", "skew", "crossed") and said.check not in stream.failing:
            stream.failing.append(said.check)


def _see(stream: StreamState) -> None:
    # What says nothing new is no sign of life: a venue whose numbers begin anew must not pass for well.
    stream.ts_seen = stream.clock
    if stream.failing:
        _recover(stream, "stale")


def _recover(stream: StreamState, check: str) -> None:
    if check in stream.failing:
        stream.failing.remove(check)


def _recover_skew(state: IngestionState, stream: StreamState, event: Stamped) -> None:
    if stream.failing and skew_ns(stream, event) <= state.config.skew_ns_max:
        _recover(stream, "skew")


def _show_best(stream: StreamState) -> None:
    # They are compared with the quote of the same update, as soon as there is one.
    book = stream.book
    bid, ask = order_book.best_bid(book), order_book.best_ask(book)
    if book.status != "LIVE" or bid is None or ask is None:
        return
    best = (*bid, *ask)
    shown = stream.quotes.pop(book.last_update_id, None)
    if shown is None:
        stream.bests[book.last_update_id] = best
        if len(stream.bests) > BESTS_KEPT_MAX:
            del stream.bests[next(iter(stream.bests))]
    else:
        _compare(stream, book.last_update_id, best, shown)


def _compare(stream: StreamState, update_id: int, best: Best, shown: Best) -> None:
    stream.compared_count += 1
    if best == shown:
        stream.agreed_count += 1
    else:
        stream.disagreement = f"update:{update_id},book:{best},quote:{shown}"
