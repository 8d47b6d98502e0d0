"""Features: what bars and features does the market of one instrument make at this instant?

Bars close on the stream's clock. At each bar's close, and at most once a period between two, goes
the vector of all features, provided that each of them means something: every kernel is warm, the
order book is LIVE and there is a best bid and ask. What is not sent is counted, by reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from marea.domain import bars as trade_bars
from marea.domain import book as order_book
from marea.domain.bars import BarFigures, BarState
from marea.domain.book import Book
from marea.kernels.kernel import State
from marea.messages.envelope import Log, Nanos
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.ids import output_id
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
from marea.messages.system import Clock, ClockOffset, CoreDiverged, GapFound, Started
from services.features.config import FeaturesConfig
from services.features.core import vector

SERVICE = "features"
SECOND_NS = 1_000_000_000
UNITS = tuple(float(10**places) for places in range(19))
"""How many of an amount's integers make one, by its scale."""

FeaturesInput: TypeAlias = (
    Quote
    | Trade
    | BookDelta
    | BookSnapshot
    | Clock
    | InstrumentChanged
    | MarkPrice
    | VenueBar
    | ClockOffset
    | BookStatusChanged
    | RequestSnapshot
    | GapFound
    | Started
    | CoreDiverged
)
FeaturesOutput: TypeAlias = Bar | BarCorrection | FeatureVector | GapFound


@dataclass(slots=True)
class Top:
    """The best bid and ask, by whichever stream told them last."""

    row: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Bid price and quantity, ask price and quantity, in whole assets."""
    is_known: bool = False
    update_id: int = -1
    message_id: str = ""


@dataclass(slots=True)
class FeaturesState:
    """All that the next bar and the next vector depend on."""

    config: FeaturesConfig
    set_version: str
    bars: list[BarState]
    """One for each of the configuration's intervals."""
    kernels: list[State]
    """One for each of the configuration's indicators."""
    book: Book = field(default_factory=lambda: Book(sequencing="contiguous"))
    top: Top = field(default_factory=Top)
    price_scale: int = -1
    qty_scale: int = -1
    trade_id: int = -1
    """The venue's number of the last trade; -1: none yet."""
    trade_message_id: str = ""
    ts_trade: Nanos = 0
    book_message_id: str = ""
    bar_ids: dict[str, str] = field(default_factory=dict)
    """Of the closed bars that a late trade can still correct, by interval and begin."""
    clock: Nanos = 0
    ts_vector: Nanos = 0
    is_changed: bool = False
    """Whether anything came since the last vector that another one would show."""
    bar_count: int = 0
    vector_count: int = 0
    not_warm_count: int = 0
    """Closed bars without a vector because a kernel had not seen enough."""
    not_live_count: int = 0
    """Closed bars without a vector because the book or its best bid and ask were not known."""


def begin(config: FeaturesConfig) -> FeaturesState:
    """The state before the first message.

    Raises `ValueError` for an indicator that can't be made.
    """
    return FeaturesState(
        config=config,
        set_version=vector.set_version(config),
        bars=[BarState(interval_ns=seconds * SECOND_NS) for seconds in config.intervals_s],
        kernels=vector.start(config),
    )


def decide(state: FeaturesState, event: FeaturesInput) -> Sequence[FeaturesOutput]:
    """The bars and vectors that are due, and the corrections of closed bars."""
    match event:
        case Quote() | BookDelta():
            return ()
        case Trade():
            return _corrections(state, event)
        case Clock():
            return _due(state, event)
        case GapFound():
            return (event,)
        case (
            BookSnapshot()
            | InstrumentChanged()
            | MarkPrice()
            | VenueBar()
            | ClockOffset()
            | BookStatusChanged()
            | RequestSnapshot()
            | Started()
            | CoreDiverged()
        ):
            return ()
        case _:
            assert_never(event)


def apply(state: FeaturesState, event: FeaturesInput | FeaturesOutput) -> None:
    """Take a market event, or what followed from one, into the state."""
    match event:
        case Quote():
            _take_quote(state, event)
        case BookDelta() | BookSnapshot():
            _take_book(state, event)
        case Trade():
            _take_trade(state, event)
        case Clock():
            _take_clock(state, event)
        case Bar() | FeatureVector():
            _take_own(state, event)
        case InstrumentChanged() | GapFound():
            _take_change(state, event)
        case (
            BarCorrection()
            | MarkPrice()
            | VenueBar()
            | ClockOffset()
            | BookStatusChanged()
            | RequestSnapshot()
            | Started()
            | CoreDiverged()
        ):
            pass
        case _:
            assert_never(event)


# What follows


def _corrections(state: FeaturesState, trade: Trade) -> Sequence[BarCorrection]:
    if trade.condition != "MARKET":
        return ()
    found: list[BarCorrection] = []
    for bars in state.bars:
        interval_s = bars.interval_ns // SECOND_NS
        for figures in trade_bars.corrections(bars, trade):
            correction = BarCorrection(
                bar_id=state.bar_ids.get(_key(interval_s, figures.ts_open), ""),
                instrument=trade.instrument,
                price_scale=trade.price_scale,
                qty_scale=trade.qty_scale,
                interval_s=interval_s,
                ts_open=figures.ts_open,
                open=figures.open,
                high=figures.high,
                low=figures.low,
                close=figures.close,
                volume=figures.volume,
                trade_count=figures.trade_count,
                first_trade_id=figures.first_trade_id,
                last_trade_id=figures.last_trade_id,
                status=figures.status,
            )
            found.append(correction)
    return found


def _due(state: FeaturesState, clock: Clock) -> Sequence[FeaturesOutput]:
    found: list[FeaturesOutput] = []
    has_vector = False
    kernels = state.kernels
    for bars in state.bars:
        interval_s = bars.interval_ns // SECOND_NS
        for figures in trade_bars.closing(bars, clock.ts_event):
            bar = _bar(state, clock.stream, interval_s, figures)
            found.append(bar)
            if interval_s == state.config.vector_interval_s:
                if kernels is state.kernels:
                    kernels = [kernel.copy() for kernel in kernels]
                _feed_bar(_set(state), kernels, bar)
                found += _vector(state, kernels, clock, _bar_id(state, clock, bar))
                vector.begin_bar(_set(state), kernels)
                has_vector = True
    waited_ns = clock.ts_event - state.ts_vector
    if state.is_changed and not has_vector and waited_ns >= state.config.vector_period_ns:
        found += _vector(state, state.kernels, clock, "")
    return found


def _vector(
    state: FeaturesState, kernels: Sequence[State], clock: Clock, bar_id: str
) -> Sequence[FeatureVector]:
    if state.book.status != "LIVE" or not state.top.is_known:
        return ()
    qty_unit = UNITS[state.qty_scale]
    values = vector.look(_set(state), kernels, state.top.row, state.book, qty_unit)
    if values is None:
        return ()
    parents = [bar_id] if bar_id else []
    parents += [state.top.message_id, state.book_message_id]
    found = FeatureVector(
        parents=tuple(parents),
        instrument=clock.stream,
        interval_s=state.config.vector_interval_s,
        set_version=state.set_version,
        bar_id=bar_id,
        book_status=state.book.status,
        values=values,
    )
    return (found,)


def _bar(state: FeaturesState, instrument: str, interval_s: int, figures: BarFigures) -> Bar:
    return Bar(
        parents=(state.trade_message_id,) if figures.trade_count else (),
        instrument=instrument,
        price_scale=state.price_scale,
        qty_scale=state.qty_scale,
        interval_s=interval_s,
        ts_open=figures.ts_open,
        open=figures.open,
        high=figures.high,
        low=figures.low,
        close=figures.close,
        volume=figures.volume,
        trade_count=figures.trade_count,
        first_trade_id=figures.first_trade_id,
        last_trade_id=figures.last_trade_id,
        status=figures.status,
    )


def _bar_id(state: FeaturesState, clock: Clock, bar: Bar) -> str:
    return output_id(SERVICE, Log("features", state.config.shard), bar, clock.id)


# What changes


def _take_quote(state: FeaturesState, quote: Quote) -> None:
    top = state.top
    if quote.update_id <= top.update_id:
        return  # the order book has told of a later state already
    top.update_id = quote.update_id
    top.message_id = quote.id
    top.is_known = quote.bid_price < quote.ask_price
    if not top.is_known:
        return
    price_unit, qty_unit = UNITS[quote.price_scale], UNITS[quote.qty_scale]
    top.row = (
        quote.bid_price / price_unit,
        quote.bid_qty / qty_unit,
        quote.ask_price / price_unit,
        quote.ask_qty / qty_unit,
    )
    vector.feed(_set(state).on_quote, state.kernels, top.row)
    state.is_changed = True


def _take_book(state: FeaturesState, event: BookDelta | BookSnapshot) -> None:
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
    vector.feed(_set(state).on_quote, state.kernels, top.row)


def _take_trade(state: FeaturesState, trade: Trade) -> None:
    if 0 <= state.trade_id < trade.first_trade_id - 1:
        for bars in state.bars:
            trade_bars.miss(bars, min(state.ts_trade, trade.ts_event), trade.ts_event)
    state.trade_id = max(state.trade_id, trade.last_trade_id)
    if trade.condition != "MARKET":
        return
    for bars in state.bars:
        trade_bars.take(bars, trade)
    sign = 1.0 if trade.taker_side == "buy" else -1.0
    vector.feed(_set(state).on_trade, state.kernels, (trade.qty / UNITS[trade.qty_scale], sign))
    state.trade_message_id = trade.id
    state.ts_trade = trade.ts_event
    state.is_changed = True


def _take_clock(state: FeaturesState, clock: Clock) -> None:
    state.clock = max(state.clock, clock.ts_event)
    for bars in state.bars:
        trade_bars.advance(bars, clock.ts_event)


def _take_own(state: FeaturesState, own: Bar | FeatureVector) -> None:
    if isinstance(own, Bar):
        _take_bar(state, own)
        return
    state.ts_vector = own.ts_event
    state.is_changed = False
    state.vector_count += 1


def _take_bar(state: FeaturesState, bar: Bar) -> None:
    state.bar_count += 1
    state.bar_ids[_key(bar.interval_s, bar.ts_open)] = bar.id
    if len(state.bar_ids) > trade_bars.CLOSED_BARS_KEPT * len(state.bars):
        del state.bar_ids[next(iter(state.bar_ids))]
    if bar.interval_s != state.config.vector_interval_s:
        return
    features = _set(state)
    _feed_bar(features, state.kernels, bar)
    if not vector.are_warm(features, state.kernels):
        state.not_warm_count += 1
    elif state.book.status != "LIVE" or not state.top.is_known:
        state.not_live_count += 1
    vector.begin_bar(features, state.kernels)


def _take_change(state: FeaturesState, changed: InstrumentChanged | GapFound) -> None:
    if isinstance(changed, GapFound):
        for bars in state.bars:
            trade_bars.miss(bars, state.ts_trade, max(state.ts_trade, state.clock))
        return
    if state.price_scale < 0:
        state.book = Book(
            sequencing="linked" if changed.book_sequencing == "linked" else "contiguous"
        )
    elif (state.price_scale, state.qty_scale) != (changed.price_scale, changed.qty_scale):
        raise ValueError(
            f"{changed.instrument} changed its scales from {state.price_scale}, {state.qty_scale} "
            f"to {changed.price_scale}, {changed.qty_scale}: start a new shard for it"
        )
    state.price_scale, state.qty_scale = changed.price_scale, changed.qty_scale


def _feed_bar(features: vector.FeatureSet, kernels: list[State], bar: Bar) -> None:
    price_unit, qty_unit = UNITS[bar.price_scale], UNITS[bar.qty_scale]
    row = (
        bar.open / price_unit,
        bar.high / price_unit,
        bar.low / price_unit,
        bar.close / price_unit,
        bar.volume / qty_unit,
        bar.ts_open / 1e9,
    )
    vector.feed(features.on_bar, kernels, row)


def _set(state: FeaturesState) -> vector.FeatureSet:
    return vector.feature_set(state.set_version, state.config)


def _key(interval_s: int, ts_open: Nanos) -> str:
    return f"{interval_s}:{ts_open}"
