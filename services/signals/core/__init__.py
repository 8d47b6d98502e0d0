"""Signals: what does each strategy, the combiner and each ensemble think at the close of a bar?

A vector that closes a bar is answered by everybody, in an order that never changes: strategies,
combiner, ensembles, and last those that are acted on, so that the last of them tells the reader
that all has been said.
"""

from collections.abc import Sequence
from typing import assert_never

from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.signals import Signal
from marea.messages.system import CoreDiverged, Degraded, GapFound, Started
from services.signals.core import changes, speech
from services.signals.core.state import (
    SERVICE,
    SignalsInput,
    SignalsOutput,
    SignalsState,
    begin,
    configure,
)

__all__ = [
    "SERVICE",
    "SignalsInput",
    "SignalsOutput",
    "SignalsState",
    "apply",
    "begin",
    "configure",
    "decide",
]


def decide(state: SignalsState, event: SignalsInput) -> Sequence[SignalsOutput]:
    """What everybody says of a vector that closes a bar."""
    match event:
        case FeatureVector():
            return speech.at_vector(state, event)
        case GapFound():
            return (event,)
        case Bar() | BarCorrection() | Degraded() | Started() | CoreDiverged():
            return ()
        case _:
            assert_never(event)


def apply(state: SignalsState, event: SignalsInput | SignalsOutput) -> None:
    """Take a bar, or what was said of it, into the state."""
    match event:
        case Bar():
            changes.take_bar(state, event)
        case Signal():
            changes.take_own(state, event)
        case Degraded():
            changes.take_degraded(state, event)
        case FeatureVector() | BarCorrection() | GapFound() | Started() | CoreDiverged():
            pass
        case _:
            assert_never(event)
