"""What features knows of one instrument, and what it can be told."""

from dataclasses import dataclass, field
from typing import TypeAlias

from marea.domain.bars import SECOND_NS, BarState
from marea.domain.book import Book
from marea.kernels.kernel import State
from marea.messages.envelope import Nanos
from marea.messages.features import Bar, BarCorrection, FeatureVector
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
from marea.messages.system import Clock, ClockOffset, CoreDiverged, Degraded, GapFound, Started
from services.features.config import FeaturesConfig
from services.features.core import vector

SERVICE = "features"

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
    | Degraded
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
class Series:
    """The bars of one length, and the messages they came from and went out with."""

    interval_s: int
    bars: BarState
    trade_ids: dict[Nanos, str] = field(default_factory=dict)
    """The message that told the last trade of each running bar, by the bar's begin."""
    bar_ids: dict[Nanos, str] = field(default_factory=dict)
    """The closed bars that a late trade can still correct, by their begin."""


@dataclass(slots=True)
class FeaturesState:
    """All that the next bar and the next vector depend on."""

    config: FeaturesConfig
    set_version: str
    series: dict[int, Series]
    """By the configuration's intervals, s, in its order."""
    kernels: list[State]
    """One for each of the configuration's indicators."""
    book: Book = field(default_factory=lambda: Book(sequencing="contiguous"))
    top: Top = field(default_factory=Top)
    price_scale: int = -1
    qty_scale: int = -1
    trade_id: int = -1
    """The venue's number of the last trade; -1: none yet."""
    trade_message_id: str = ""
    """The last trade since those kernels began anew that count trades; empty: none."""
    ts_trade: Nanos = 0
    book_message_id: str = ""
    clock: Nanos = 0
    ts_vector: Nanos = 0
    is_degraded: bool = False
    """Whether the record of the market is too far behind."""
    is_changed: bool = False
    """Whether anything came since the last vector that another one would show."""
    bar_count: int = 0
    vector_count: int = 0
    not_warm_count: int = 0
    """Closed bars without a vector because a kernel had not seen enough."""
    not_live_count: int = 0
    """Closed bars without a vector because the book or its best bid and ask were not known, or the
    market was degraded."""


def begin(config: FeaturesConfig) -> FeaturesState:
    """The state before the first message.

    Raises `ValueError` for an indicator that can't be made.
    """
    version = vector.set_version(config)
    kernels = vector.start(config)
    vector.feature_set(version, config)
    return FeaturesState(
        config=config,
        set_version=version,
        series={seconds: _series(seconds) for seconds in config.intervals_s},
        kernels=kernels,
    )


def configure(state: FeaturesState, config: FeaturesConfig) -> None:
    """Go on under a configuration; bars and kernels that it changes begin anew.

    Raises `ValueError` for an indicator that can't be made.
    """
    if (config.vector_interval_s, config.indicators) != (
        state.config.vector_interval_s,
        state.config.indicators,
    ):
        anew = begin(config)
        state.set_version, state.kernels = anew.set_version, anew.kernels
        state.trade_message_id = ""
    state.series = {each: state.series.get(each) or _series(each) for each in config.intervals_s}
    state.config = config


def is_live(state: FeaturesState) -> bool:
    """Can the order book be trusted and traded on, with both sides, and a best bid and ask?"""
    book = state.book
    return (
        book.status == "LIVE"
        and not state.is_degraded
        and state.top.is_known
        and bool(book.bids.keys)
        and bool(book.asks.keys)
    )


def _series(interval_s: int) -> Series:
    return Series(interval_s=interval_s, bars=BarState(interval_ns=interval_s * SECOND_NS))
