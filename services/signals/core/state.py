"""What signals remembers of each instrument, and what it can be told."""

from dataclasses import dataclass, field
from typing import TypeAlias

from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.signals import Signal
from marea.messages.system import CoreDiverged, Degraded, GapFound, Started
from services.signals.config import SignalsConfig
from services.signals.core.record import VirtualRecord

SERVICE = "signals"

SignalsInput: TypeAlias = (
    Bar | BarCorrection | FeatureVector | GapFound | Degraded | Started | CoreDiverged
)
SignalsOutput: TypeAlias = Signal | GapFound


@dataclass(slots=True)
class Series:
    """One instrument: its last bar, and what each strategy made of it so far."""

    records: dict[str, VirtualRecord]
    """By strategy, in the configuration's order."""
    bar_id: str = ""
    price: int = 0
    price_scale: int = 0


@dataclass(slots=True)
class SignalsState:
    """All that the next signals depend on."""

    config: SignalsConfig
    series: dict[str, Series] = field(default_factory=dict)
    """By instrument."""
    degraded: dict[str, str] = field(default_factory=dict)
    """By producer, what told that the record of its features is too far behind."""


def begin(config: SignalsConfig) -> SignalsState:
    """The state before the first message."""
    return SignalsState(config)


def configure(state: SignalsState, config: SignalsConfig) -> None:
    """Go on under a configuration: what a strategy made of other bars is gone."""
    if config.interval_s != state.config.interval_s:
        state.series.clear()
    for series in state.series.values():
        known = series.records
        series.records = {name: known.get(name) or VirtualRecord() for name in config.strategies}
    state.config = config


def begin_series(config: SignalsConfig) -> Series:
    """What is known of an instrument before its first bar."""
    return Series({name: VirtualRecord() for name in config.strategies})
