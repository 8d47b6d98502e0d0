"""What is due: the bars and vectors of a clock, the corrections of a late trade."""

from collections.abc import Sequence

from marea.domain import bars as trade_bars
from marea.domain.bars import SECOND_NS, BarFigures
from marea.kernels.kernel import State
from marea.messages.envelope import Log
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.ids import output_id
from marea.messages.market import Trade
from marea.messages.system import Clock
from services.features.core import vector
from services.features.core.state import SERVICE, FeaturesOutput, FeaturesState, bar_key
from services.features.core.vector import UNITS


def corrections(state: FeaturesState, trade: Trade) -> Sequence[BarCorrection]:
    """The closed bars that this trade came too late for, as they would have been with it."""
    if trade.condition != "MARKET":
        return ()
    found: list[BarCorrection] = []
    for bars in state.bars:
        interval_s = bars.interval_ns // SECOND_NS
        for figures in trade_bars.corrections(bars, trade):
            correction = BarCorrection(
                bar_id=state.bar_ids.get(bar_key(interval_s, figures.ts_open), ""),
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


def at_clock(state: FeaturesState, clock: Clock) -> Sequence[FeaturesOutput]:
    """The bars that close at this clock, each with its vector; else the vector that is due."""
    found: list[FeaturesOutput] = []
    has_vector = False
    features = vector.feature_set(state.set_version, state.config)
    kernels = state.kernels
    for bars in state.bars:
        interval_s = bars.interval_ns // SECOND_NS
        for figures in trade_bars.closing(bars, clock.ts_event):
            bar = _bar(state, clock.stream, interval_s, figures)
            found.append(bar)
            if interval_s == state.config.vector_interval_s:
                if kernels is state.kernels:
                    kernels = [kernel.copy() for kernel in kernels]
                vector.feed(features.on_bar, kernels, vector.bar_row(bar))
                found += _vector(state, kernels, clock, _bar_id(state, clock, bar))
                vector.begin_bar(features, kernels)
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
    features = vector.feature_set(state.set_version, state.config)
    qty_unit = UNITS[state.qty_scale]
    values = vector.look(features, kernels, state.top.row, state.book, qty_unit)
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
