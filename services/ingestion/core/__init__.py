"""Ingestion: is this message valid, in sequence and plausible, and can its order book be trusted?

What a venue says is passed on as it is, once. Beside it goes what it means: that the local order
book changed its status, that a check failed, that a snapshot is needed.
"""

from collections.abc import Sequence
from typing import assert_never

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
from services.ingestion.core import changes, findings
from services.ingestion.core.state import (
    IngestionInput,
    IngestionOutput,
    IngestionState,
    Said,
    StreamState,
)

__all__ = ["IngestionInput", "IngestionOutput", "IngestionState", "StreamState", "apply", "decide"]


def decide(state: IngestionState, event: IngestionInput) -> Sequence[IngestionOutput]:
    """What follows from this message; it comes first itself, unless it says nothing new."""
    match event:
        case Quote():
            return findings.of_quote(state.streams[event.instrument], event)
        case BookDelta():
            return findings.of_delta(state.config, state.streams[event.instrument], event)
        case Trade():
            return findings.of_trade(state.config, state.streams[event.instrument], event)
        case Clock():
            return findings.of_clock(state.config, state.streams[event.stream], event)
        case BookSnapshot():
            return findings.of_snapshot(state.streams[event.instrument], event)
        case MarkPrice() | VenueBar():
            return findings.of_stamped(state.config, state.streams[event.instrument], event)
        case InstrumentChanged() | ClockOffset() | DeadLetter() | GapFound():
            return findings.of_told(state.streams, event)
        case _:
            assert_never(event)


def apply(state: IngestionState, event: IngestionInput | Said) -> None:
    """Take a message, or what was said about one, into the state."""
    match event:
        case Quote():
            changes.take_quote(state, state.streams[event.instrument], event)
        case BookDelta() | BookSnapshot():
            changes.take_book(state, state.streams[event.instrument], event)
        case Trade():
            changes.take_trade(state, state.streams[event.instrument], event)
        case Clock():
            stream = state.streams[event.stream]
            stream.clock = max(stream.clock, event.ts_event)
        case MarkPrice() | VenueBar():
            changes.take_stamped(state, state.streams[event.instrument], event)
        case InstrumentChanged() | ClockOffset() | DeadLetter() | GapFound():
            changes.take_told(state, event)
        case BookStatusChanged() | RequestSnapshot() | QualityCheckFailed():
            changes.take_said(state, state.streams[event.instrument], event)
        case _:
            assert_never(event)
