"""Which rows does a message of the market make, or one about the market?

Each function gives the columns after the lineage, in the order of `columns`.
"""

from marea.domain.instrument import venue_of
from marea.domain.money import format_amount
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    BookStatusChanged,
    InstrumentChanged,
    Quote,
    Trade,
    VenueBar,
)
from marea.messages.system import GapFound, QualityCheckFailed
from services.recorder.sinks.postgres.tables import Row
from services.recorder.sinks.postgres.texts import json, levels
from services.recorder.sinks.texts import interval, utc

OURS = "marea"
"""The source of our own bars."""
OURS_RANK, VENUE_RANK, PARTIAL_RANK = "2", "1", "0"
"""Of two bars of one key the higher wins: the venue's where trades of ours are missing."""


def _figures(bar: Bar | BarCorrection | VenueBar, status: str) -> Row:
    price_scale = bar.price_scale
    return (
        format_amount(bar.open, price_scale),
        format_amount(bar.high, price_scale),
        format_amount(bar.low, price_scale),
        format_amount(bar.close, price_scale),
        format_amount(bar.volume, bar.qty_scale),
        str(bar.trade_count),
        status,
    )


def bars(bar: Bar) -> list[Row]:
    """One of ours."""
    key = (utc(bar.ts_open), bar.instrument, interval(bar.interval_s))
    rank = PARTIAL_RANK if bar.status == "partial" else OURS_RANK
    return [(*key, *_figures(bar, bar.status), OURS, rank)]


def venue_bars(bar: VenueBar) -> list[Row]:
    """One of the venue's, once it calls it final."""
    if not bar.closed:
        return []
    key = (utc(bar.ts_open), bar.instrument, interval(bar.interval_s))
    return [(*key, *_figures(bar, "complete"), venue_of(bar.instrument), VENUE_RANK)]


def corrections(bar: BarCorrection) -> list[Row]:
    """A bar of ours, with what came too late for it."""
    key = (utc(bar.ts_open), bar.instrument, interval(bar.interval_s))
    return [(*key, *_figures(bar, bar.status), bar.bar_id)]


def market_trades(trade: Trade) -> list[Row]:
    """What the venue printed."""
    return [
        (
            utc(trade.ts_event),
            trade.instrument,
            format_amount(trade.price, trade.price_scale),
            format_amount(trade.qty, trade.qty_scale),
            trade.taker_side,
            str(trade.first_trade_id),
            str(trade.last_trade_id),
            trade.condition,
        )
    ]


def best_levels(quote: Quote) -> list[Row]:
    """An order book of one level on each side."""
    scales = (quote.price_scale, quote.qty_scale)
    sequence = str(quote.update_id)
    return [
        (
            utc(quote.ts_event),
            quote.instrument,
            "quote",
            levels((quote.bid_price,), (quote.bid_qty,), scales),
            levels((quote.ask_price,), (quote.ask_qty,), scales),
            sequence,
            sequence,
            venue_of(quote.instrument),
        )
    ]


def order_books(book: BookDelta | BookSnapshot) -> list[Row]:
    """Levels that changed, or all of them."""
    scales = (book.price_scale, book.qty_scale)
    last = book.last_update_id
    kind, first = (
        ("delta", book.first_update_id) if isinstance(book, BookDelta) else ("snapshot", last)
    )
    return [
        (
            utc(book.ts_event),
            book.instrument,
            kind,
            levels(book.bid_prices, book.bid_qtys, scales),
            levels(book.ask_prices, book.ask_qtys, scales),
            str(first),
            str(last),
            venue_of(book.instrument),
        )
    ]


def instruments(changed: InstrumentChanged) -> list[Row]:
    """A version of an instrument."""
    return [
        (
            changed.instrument,
            str(changed.valid_from),
            changed.venue,
            changed.venue_symbol,
            changed.kind,
            changed.base,
            changed.quote,
            format_amount(changed.price_increment, changed.price_scale),
            format_amount(changed.qty_increment, changed.qty_scale),
            format_amount(changed.notional_min, changed.price_scale),
        )
    ]


def features(vector: FeatureVector) -> list[Row]:
    """All features at one instant."""
    return [
        (
            utc(vector.ts_event),
            vector.instrument,
            interval(vector.interval_s),
            vector.set_version,
            vector.bar_id,
            vector.book_status,
            json(vector.values),
        )
    ]


def failed_checks(failed: QualityCheckFailed) -> list[Row]:
    """A check that did not hold."""
    return [
        (
            utc(failed.ts_event),
            failed.instrument,
            failed.check,
            repr(failed.observed),
            repr(failed.limit),
            failed.detail,
        )
    ]


def book_statuses(changed: BookStatusChanged) -> list[Row]:
    """An order book that is lost, or found again."""
    told = f"{changed.status}: {changed.reason}, at {changed.update_id}"
    return [(utc(changed.ts_event), changed.instrument, "book_status", None, None, told)]


def gaps(gap: GapFound) -> list[Row]:
    """Records of a producer that never came."""
    told = f"seq {gap.first_missing} to {gap.last_missing} of epoch {gap.producer_epoch}"
    return [(utc(gap.ts_event), gap.producer, "gap", None, None, told)]
