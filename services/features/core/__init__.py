"""Features: what bars and features does the market of one instrument make at this instant?

Bars close on the stream's clock. At each bar's close, and at most once a period between two, goes
the vector of all features, provided that each of them means something: every kernel is warm, the
order book is LIVE, there is a best bid and ask, and the market is not degraded. What is not sent is
counted, by reason.
"""

from collections.abc import Sequence
from typing import assert_never

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
from services.features.core import changes, due
from services.features.core.state import (
    SERVICE,
    FeaturesInput,
    FeaturesOutput,
    FeaturesState,
    begin,
    configure,
)

__all__ = [
    "SERVICE",
    "FeaturesInput",
    "FeaturesOutput",
    "FeaturesState",
    "apply",
    "begin",
    "configure",
    "decide",
]


def decide(state: FeaturesState, event: FeaturesInput) -> Sequence[FeaturesOutput]:
    """The bars and vectors that are due, and the corrections of closed bars."""
    match event:
        case Quote() | BookDelta():
            return ()
        case Trade():
            return due.corrections(state, event)
        case Clock():
            return due.at_clock(state, event)
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
            | Degraded()
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
            changes.take_quote(state, event)
        case BookDelta() | BookSnapshot():
            changes.take_book(state, event)
        case Trade():
            changes.take_trade(state, event)
        case Clock():
            changes.take_clock(state, event)
        case Bar() | FeatureVector():
            changes.take_own(state, event)
        case InstrumentChanged() | GapFound() | Degraded():
            changes.take_change(state, event)
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
