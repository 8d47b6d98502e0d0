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
from marea.messages.system import Clock, ClockOffset, CoreDiverged, GapFound, Started
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


def bar_key(interval_s: int, ts_open: Nanos) -> str:
    """What tells a bar from the instrument's others."""
    return f"{interval_s}:{ts_open}"
