"""What follows from a message, given what is known of its stream; nothing changes here."""

from collections.abc import Mapping, Sequence

from marea.domain import book as order_book
from marea.domain.book import BookStatus
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    BookStatusChanged,
    InstrumentChanged,
    Quote,
    RequestSnapshot,
    Trade,
)
from marea.messages.system import Clock, QualityCheckFailed
from services.ingestion.config import IngestionConfig
from services.ingestion.core.numbers import judge
from services.ingestion.core.state import IngestionOutput, Stamped, StreamState, Told

SNAPSHOT_RETRY_NS = 10_000_000_000
CLOCK_PERIOD_NS = 100_000_000
"""How old a stream's clock may be: no stamp is called early by as much as that."""


def of_quote(stream: StreamState, quote: Quote) -> Sequence[IngestionOutput]:
    """Is it newer than the last, and does it hold together?"""
    if quote.update_id <= stream.quote_id:
        return ()
    if quote.bid_price >= quote.ask_price and "crossed" not in stream.failing:
        over = float(quote.bid_price - quote.ask_price)
        return [quote, _failed(quote.instrument, "crossed", over, 0.0, f"quote:{quote.update_id}")]
    return [quote, *_disagreed(stream, quote)] if stream.disagreement else (quote,)


def of_delta(
    config: IngestionConfig, stream: StreamState, delta: BookDelta
) -> Sequence[IngestionOutput]:
    """Does it fit the book, and what becomes of the book with it?"""
    if delta.last_update_id <= stream.delta_id:
        return ()
    said: list[IngestionOutput] = [delta]
    if stream.disagreement:
        said += _disagreed(stream, delta)
    match order_book.foresee_delta(stream.book, delta):
        case "synchronised":
            said.append(_status(delta, "LIVE", "synchronised"))
        case "gap":
            said += _gap(stream, delta)
        case "crossed":
            said += _crossed(delta)
        case "too_old":
            said.append(_request(delta.instrument, "too_old"))
    return [*said, *_skewed(config, stream, delta)]


def of_snapshot(stream: StreamState, snapshot: BookSnapshot) -> Sequence[IngestionOutput]:
    """Does it bring the book back?"""
    if snapshot.last_update_id <= stream.snapshot_id:
        return ()
    match order_book.foresee_snapshot(stream.book, snapshot):
        case "synchronised":
            return [snapshot, _status(snapshot, "LIVE", "synchronised")]
        case "crossed":
            return [snapshot, *_crossed(snapshot)]
        case "ignored":
            return (snapshot,)
        case effect:
            said: list[IngestionOutput] = [snapshot]
            if stream.book.status == "BROKEN":
                said.append(_status(snapshot, "SYNCING", "resync"))
            if effect == "too_old":
                said.append(_request(snapshot.instrument, "too_old"))
            return said


def of_trade(
    config: IngestionConfig, stream: StreamState, trade: Trade
) -> Sequence[IngestionOutput]:
    """Is it new, is none missing before it, and is its price plausible?"""
    said: list[IngestionOutput] = [trade]
    match judge(stream.numbers, trade.first_trade_id, trade.last_trade_id):
        case "duplicate":
            return ()
        case "gap":
            expected = stream.numbers.last + 1
            missing = float(trade.first_trade_id - expected)
            told = f"trades:{expected}-{trade.first_trade_id - 1}"
            said.append(_failed(trade.instrument, "sequence", missing, 0.0, told))
    is_latest = trade.first_trade_id > stream.numbers.last
    if is_latest and trade.condition == "MARKET" and stream.price > 0:
        jump = abs(trade.price - stream.price) * 100 / stream.price
        if jump > config.jump_pct_max:
            told = f"from:{stream.price},to:{trade.price}"
            said.append(_failed(trade.instrument, "jump", jump, config.jump_pct_max, told))
    return [*said, *_skewed(config, stream, trade)]


def of_stamped(
    config: IngestionConfig, stream: StreamState, event: Stamped
) -> Sequence[IngestionOutput]:
    """Is it new, and does its stamp lie near its stream's clock?"""
    if event.id in stream.ids:
        return ()
    return [event, *_skewed(config, stream, event)]


def of_clock(
    config: IngestionConfig, stream: StreamState, clock: Clock
) -> Sequence[IngestionOutput]:
    """Is a message or a snapshot overdue?"""
    said: list[IngestionOutput] = [clock]
    waited_ns = clock.ts_event - stream.ts_seen
    if stream.ts_seen and waited_ns > config.stale_ns_max and "stale" not in stream.failing:
        limit_s = config.stale_ns_max / 1e9
        said.append(_failed(clock.stream, "stale", waited_ns / 1e9, limit_s, "no_message"))
    requested_ns = clock.ts_event - stream.ts_requested
    if stream.ts_requested and requested_ns >= SNAPSHOT_RETRY_NS:
        said.append(_request(clock.stream, "unanswered"))
    return said


def of_told(streams: Mapping[str, StreamState], event: Told) -> Sequence[IngestionOutput]:
    """Does an instrument's stream begin here? Then its book is unknown, and is asked for."""
    if isinstance(event, InstrumentChanged) and event.instrument not in streams:
        asked = RequestSnapshot(
            ts_event=event.ts_event, instrument=event.instrument, reason="start"
        )
        status = BookStatusChanged(
            ts_event=event.ts_event,
            instrument=event.instrument,
            status="SYNCING",
            reason="start",
            update_id=-1,
        )
        return [event, status, asked]
    return (event,)


def skew_ns(stream: StreamState, event: Stamped) -> int:
    """How far does a stamp lie from its stream's clock, beyond what the clock's age explains?"""
    early_ns = event.ts_event - stream.clock - CLOCK_PERIOD_NS
    return max(stream.clock - event.ts_event, early_ns)


def _skewed(
    config: IngestionConfig, stream: StreamState, event: Stamped
) -> Sequence[IngestionOutput]:
    skew = skew_ns(stream, event)
    if skew <= config.skew_ns_max or not stream.clock or "skew" in stream.failing:
        return ()
    told = f"stamp:{event.ts_event},clock:{stream.clock}"
    limit_ms = config.skew_ns_max / 1e6
    return (_failed(event.instrument, "skew", skew / 1e6, limit_ms, told),)


def _disagreed(stream: StreamState, event: Quote | BookDelta) -> Sequence[IngestionOutput]:
    return (_failed(event.instrument, "agreement", 1.0, 0.0, stream.disagreement),)


def _gap(stream: StreamState, delta: BookDelta) -> Sequence[IngestionOutput]:
    expected, got = stream.book.last_update_id + 1, delta.first_update_id
    if stream.book.sequencing == "linked":
        expected, got = stream.book.last_update_id, delta.prev_update_id
    told = f"expected:{expected},got:{got}"
    return (
        _status(delta, "BROKEN", "gap"),
        _failed(delta.instrument, "sequence", float(got - expected), 0.0, told),
        _request(delta.instrument, "gap"),
    )


def _crossed(event: BookDelta | BookSnapshot) -> Sequence[IngestionOutput]:
    return (
        _status(event, "BROKEN", "crossed"),
        _failed(event.instrument, "crossed", 1.0, 0.0, f"book:{event.last_update_id}"),
        _request(event.instrument, "crossed"),
    )


def _status(event: BookDelta | BookSnapshot, status: BookStatus, reason: str) -> BookStatusChanged:
    return BookStatusChanged(
        instrument=event.instrument, status=status, reason=reason, update_id=event.last_update_id
    )


def _request(instrument: str, reason: str) -> RequestSnapshot:
    return RequestSnapshot(instrument=instrument, reason=reason)


def _failed(
    instrument: str, check: str, observed: float, limit: float, detail: str
) -> QualityCheckFailed:
    return QualityCheckFailed(
        instrument=instrument, check=check, observed=observed, limit=limit, detail=detail
    )
