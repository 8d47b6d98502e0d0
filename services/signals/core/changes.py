"""How an event changes what is known."""

from marea.messages.features import Bar
from marea.messages.signals import Signal
from marea.messages.system import Degraded
from services.signals.core import record
from services.signals.core.speech import ABSTENTIONS
from services.signals.core.state import SignalsState, begin_series


def take_bar(state: SignalsState, bar: Bar) -> None:
    """Remember the last bar of the length that vectors rest on."""
    if bar.interval_s != state.config.interval_s:
        return
    series = state.series.get(bar.instrument)
    if series is None:
        series = state.series[bar.instrument] = begin_series(state.config)
    series.bar_id = bar.id
    series.price = bar.close
    series.price_scale = bar.price_scale


def take_degraded(state: SignalsState, degraded: Degraded) -> None:
    """Remember whose features come too late to the record."""
    if degraded.is_over:
        state.degraded.pop(degraded.producer, None)
    else:
        state.degraded[degraded.producer] = degraded.id


def take_own(state: SignalsState, signal: Signal) -> None:
    """Take what a strategy said into its record; who abstains leaves it as it is."""
    series = state.series.get(signal.instrument)
    if series is None:
        return
    kept = series.records.get(signal.strategy)
    if kept is not None and signal.reasons[0] not in ABSTENTIONS:
        record.take(kept, signal.score, signal.price)
