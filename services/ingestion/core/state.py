"""What ingestion remembers, and which messages it decides about."""

from dataclasses import dataclass, field
from typing import TypeAlias

from marea.domain.book import Book
from marea.messages.envelope import Nanos
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
from marea.messages.system import Clock, ClockOffset, DeadLetter, GapFound, QualityCheckFailed
from services.ingestion.config import IngestionConfig
from services.ingestion.core.numbers import TradeNumbers

Best: TypeAlias = tuple[int, int, int, int]
"""Bid price and quantity, ask price and quantity; in units."""

Stamped: TypeAlias = Trade | BookDelta | MarkPrice | VenueBar
Observed: TypeAlias = Stamped | Quote | BookSnapshot
Told: TypeAlias = InstrumentChanged | ClockOffset | DeadLetter | GapFound
"""What is passed on without a check."""
IngestionInput: TypeAlias = Observed | Clock | Told
Said: TypeAlias = BookStatusChanged | RequestSnapshot | QualityCheckFailed
IngestionOutput: TypeAlias = IngestionInput | Said


@dataclass(slots=True)
class StreamState:
    """What is known of one instrument's stream."""

    book: Book
    numbers: TradeNumbers = field(default_factory=TradeNumbers)
    clock: Nanos = 0
    ts_seen: Nanos = 0
    """The clock at its last message."""
    ts_requested: Nanos = 0
    """When a snapshot was last asked for; 0: none is awaited."""
    price: int = -1
    """Of its last trade on the market, in price units; -1: none yet."""
    delta_id: int = -1
    snapshot_id: int = -1
    quote_id: int = -1
    ids: list[str] = field(default_factory=list)
    """Of the last marks and bars of the venue, to which it gives no rising number."""
    quotes: dict[int, Best] = field(default_factory=dict)
    """The last quotes by their update, until the book has come as far."""
    bests: dict[int, Best] = field(default_factory=dict)
    """The book's last best levels by their update, until a quote has come as far."""
    compared_count: int = 0
    """How often the book and a quote stood at the same update."""
    agreed_count: int = 0
    disagreement: str = ""
    """How they differed when last compared, until it is said."""
    failing: list[str] = field(default_factory=list)
    """Checks that failed, as was said, and have not held since."""


@dataclass(slots=True)
class IngestionState:
    """All that a decision about the next message depends on."""

    config: IngestionConfig
    streams: dict[str, StreamState] = field(default_factory=dict)
    """By instrument."""
    passed_count: int = 0
    """Messages of the venue that were passed on."""
    duplicate_count: int = 0
    """Messages that said nothing new."""
    dead_letter_count: int = 0
    failed_counts: dict[str, int] = field(default_factory=dict)
    """How often each check failed, by its code."""

    @property
    def taken_count(self) -> int:
        """Messages of the venue."""
        return self.passed_count + self.duplicate_count + self.dead_letter_count
