"""What is due: the bars and vectors of a clock, the corrections of a late trade."""

from collections.abc import Sequence

from marea.domain import bars as trade_bars
from marea.domain.bars import BarFigures
from marea.kernels.kernel import State
from marea.messages.envelope import Log
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.ids import output_id
from marea.messages.market import Trade
from marea.messages.system import Clock
from services.features.core import vector
from services.features.core.state import (
    SERVICE,
    FeaturesOutput,
    FeaturesState,
    Series,
    is_live,
)
from services.features.core.vector import UNITS


def corrections(state: FeaturesState, trade: Trade) -> Sequence[BarCorrection]:
    """The closed bars that this trade came too late for, as they would have been with it."""
    if trade.condition != "MARKET":
        return ()
    found: list[BarCorrection] = []
    for series in state.series.values():
        for figures in trade_bars.corrections(series.bars, trade):
            bar_id = series.bar_ids.get(figures.ts_open)
            if bar_id is None:
                continue  # it was never said
            correction = BarCorrection(
                parents=(bar_id,),
                bar_id=bar_id,
                instrument=trade.instrument,
                price_scale=trade.price_scale,
                qty_scale=trade.qty_scale,
                interval_s=series.interval_s,
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


def at_clock(state: FeaturesState, clock: Clock) -> Sequence[FeaturesOutput]:
    """The bars that close at this clock, each with its vector; else the vector that is due.

    Nothing is due of an instrument whose scales nobody has told yet.
    """
    if state.price_scale < 0:
        return ()
    found: list[FeaturesOutput] = []
    is_between = True
    for series in state.series.values():
        closing = trade_bars.closing(series.bars, clock.ts_event)
        if not closing:
            continue
        bars = [_bar(state, clock.stream, series, figures) for figures in closing]
        if series.interval_s != state.config.vector_interval_s:
            found += bars
        else:
            found += _with_vectors(state, clock, bars)
            is_between = False
    waited_ns = clock.ts_event - state.ts_vector
    if is_between and state.is_changed and waited_ns >= state.config.vector_period_ns:
        found += _vector(state, state.kernels, clock, None)
    return found


def _with_vectors(
    state: FeaturesState, clock: Clock, bars: Sequence[Bar]
) -> Sequence[FeaturesOutput]:
    features = vector.feature_set(state.set_version, state.config)
    kernels = [kernel.copy() for kernel in state.kernels]
    found: list[FeaturesOutput] = []
    for bar in bars:
        vector.feed(features.on_bar, kernels, vector.bar_row(bar))
        found.append(bar)
        found += _vector(state, kernels, clock, bar)
        vector.begin_bar(features, kernels)
    return found


def _vector(
    state: FeaturesState, kernels: Sequence[State], clock: Clock, bar: Bar | None
) -> Sequence[FeatureVector]:
    if not is_live(state):
        return ()
    features = vector.feature_set(state.set_version, state.config)
    values = vector.read(features, kernels, state.top.row, state.book, UNITS[state.qty_scale])
    if values is None:
        return ()
    # A bar's id names the event that goes out in the same breath.
    log = Log("features", state.config.shard)
    bar_id = output_id(SERVICE, log, bar, clock.id) if bar else ""
    parents = (bar_id, state.trade_message_id, state.top.message_id, state.book_message_id)
    found = FeatureVector(
        parents=tuple(dict.fromkeys(filter(None, parents))),
        instrument=clock.stream,
        interval_s=state.config.vector_interval_s,
        set_version=state.set_version,
        bar_id=bar_id,
        book_status=state.book.status,
        values=values,
    )
    return (found,)


def _bar(state: FeaturesState, instrument: str, series: Series, figures: BarFigures) -> Bar:
    last_trade = series.trade_ids.get(figures.ts_open)
    return Bar(
        parents=(last_trade,) if last_trade else (),
        instrument=instrument,
        price_scale=state.price_scale,
        qty_scale=state.qty_scale,
        interval_s=series.interval_s,
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
