"""How an event changes what is known."""

from marea.domain import bars as trade_bars
from marea.domain import book as order_book
from marea.domain.book import Book
from marea.messages.envelope import Nanos
from marea.messages.features import Bar, FeatureVector
from marea.messages.market import BookDelta, BookSnapshot, InstrumentChanged, Quote, Trade
from marea.messages.system import Clock, Degraded, GapFound
from services.features.core import vector
from services.features.core.state import FeaturesState, Series, is_live
from services.features.core.vector import UNITS


def take_quote(state: FeaturesState, quote: Quote) -> None:
    """Take the best bid and ask, unless a later state of them is known already."""
    top = state.top
    if quote.update_id <= top.update_id:
        return
    top.update_id = quote.update_id
    top.message_id = quote.id
    top.is_known = 0 < quote.bid_price < quote.ask_price and quote.bid_qty > 0 < quote.ask_qty
    if not top.is_known:
        return
    price_unit, qty_unit = UNITS[quote.price_scale], UNITS[quote.qty_scale]
    top.row = (
        quote.bid_price / price_unit,
        quote.bid_qty / qty_unit,
        quote.ask_price / price_unit,
        quote.ask_qty / qty_unit,
    )
    vector.feed(
        vector.feature_set(state.set_version, state.config).on_quote, state.kernels, top.row
    )
    state.is_changed = True


def take_book(state: FeaturesState, event: BookDelta | BookSnapshot) -> None:
    """Bring the order book to it, and the best bid and ask where it tells them last."""
    book, top = state.book, state.top
    if isinstance(event, BookDelta):
        order_book.apply_delta(book, event)
    else:
        order_book.apply_snapshot(book, event)
    state.book_message_id = event.id
    state.is_changed = True
    if book.status != "LIVE" or book.last_update_id <= top.update_id:
        return
    bid, ask = order_book.best_bid(book), order_book.best_ask(book)
    top.update_id = book.last_update_id
    top.message_id = event.id
    top.is_known = bid is not None and ask is not None
    if bid is None or ask is None:
        return
    price_unit, qty_unit = UNITS[event.price_scale], UNITS[event.qty_scale]
    top.row = (bid[0] / price_unit, bid[1] / qty_unit, ask[0] / price_unit, ask[1] / qty_unit)
    vector.feed(
        vector.feature_set(state.set_version, state.config).on_quote, state.kernels, top.row
    )


def take_trade(state: FeaturesState, trade: Trade) -> None:
    """Take it into the running bars, and into what counts trades."""
    if 0 <= state.trade_id < trade.first_trade_id - 1:
        _miss(state, min(state.ts_trade, trade.ts_event), trade.ts_event)
    state.trade_id = max(state.trade_id, trade.last_trade_id)
    if trade.condition != "MARKET":
        return
    ts = trade.ts_event
    for series in state.series.values():
        bars = series.bars
        trade_bars.take(bars, trade)
        ts_open = ts - ts % bars.interval_ns
        if ts_open in bars.running:
            series.trade_ids[ts_open] = trade.id
    sign = 1.0 if trade.taker_side == "buy" else -1.0
    vector.feed(
        vector.feature_set(state.set_version, state.config).on_trade,
        state.kernels,
        (trade.qty / UNITS[trade.qty_scale], sign),
    )
    state.trade_message_id = trade.id
    state.ts_trade = trade.ts_event
    state.is_changed = True


def take_clock(state: FeaturesState, clock: Clock) -> None:
    """Move the bars on to this time."""
    state.clock = max(state.clock, clock.ts_event)
    for series in state.series.values():
        trade_bars.advance(series.bars, clock.ts_event)


def take_own(state: FeaturesState, own: Bar | FeatureVector) -> None:
    """Take what was decided at a clock."""
    if isinstance(own, Bar):
        _take_bar(state, own)
        return
    state.ts_vector = own.ts_event
    state.is_changed = False
    state.vector_count += 1


def take_change(state: FeaturesState, changed: InstrumentChanged | GapFound | Degraded) -> None:
    """Begin an instrument; mark that messages are missing, or come too late to the record.

    Raises `ValueError` for scales that change, or a book sequencing that there isn't.
    """
    if isinstance(changed, Degraded):
        state.is_degraded = not changed.is_over
        return
    if isinstance(changed, GapFound):
        _miss(state, state.ts_trade, max(state.ts_trade, state.clock, changed.ts_event))
        return
    if state.price_scale < 0:
        state.book = Book(sequencing=order_book.sequencing_of(changed.book_sequencing))
    elif (state.price_scale, state.qty_scale) != (changed.price_scale, changed.qty_scale):
        raise ValueError(
            f"{changed.instrument} changed its scales from {state.price_scale}, {state.qty_scale} "
            f"to {changed.price_scale}, {changed.qty_scale}: start a new shard for it"
        )
    state.price_scale, state.qty_scale = changed.price_scale, changed.qty_scale


def _miss(state: FeaturesState, ts_from: Nanos, ts_to: Nanos) -> None:
    for series in state.series.values():
        trade_bars.miss(series.bars, ts_from, ts_to)


def _take_bar(state: FeaturesState, bar: Bar) -> None:
    state.bar_count += 1
    _name(state.series[bar.interval_s], bar)
    if bar.interval_s != state.config.vector_interval_s:
        return
    features = vector.feature_set(state.set_version, state.config)
    vector.feed(features.on_bar, state.kernels, vector.bar_row(bar))
    if not vector.are_warm(features, state.kernels):
        state.not_warm_count += 1
    elif not is_live(state):
        state.not_live_count += 1
    vector.begin_bar(features, state.kernels)
    state.trade_message_id = ""


def _name(series: Series, bar: Bar) -> None:
    series.bar_ids[bar.ts_open] = bar.id
    if len(series.bar_ids) > trade_bars.CLOSED_BARS_KEPT:
        del series.bar_ids[next(iter(series.bar_ids))]
    for ts_open in [begin for begin in series.trade_ids if begin <= bar.ts_open]:
        del series.trade_ids[ts_open]
