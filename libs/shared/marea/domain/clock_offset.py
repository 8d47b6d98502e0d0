"""How far does our clock stand from a venue's?

Each stamped message gives a sample: when it came by our clock, less when the venue says that it was
sent. The smallest of many is the offset plus the shortest way that a message takes; what is above
it is delay. (A minimum filter, as NTP's clock filter, RFC 5905 section 10, but of one direction:
the shortest way itself can't be told from the offset and stays in it.)

A stamp from the future would pass for the shortest way of all, and a stream's clock never comes
back: what lies far below all that is known counts only once several in a row say so, and the
first ones are held against the middle of those that follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

WINDOW_NS = 60_000_000_000
DROP_NS = 1_000_000
"""A new minimum is told at once when it is lower by as much as this."""
DOUBT_NS = 250_000_000
"""A sample that lies below the least by more than this is doubted."""
CONFIRMING_SAMPLES = 8
"""So many doubted samples in a row show a clock that was set; the last of them counts."""


@dataclass(slots=True)
class Samples:
    """Samples of one window: the least, and what their mean is made of; ns."""

    least_ns: int = 0
    total_ns: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Offset:
    """Our clock less the venue's, ns."""

    offset_ns: int
    uncertainty_ns: int
    """How far the mean sample lies above the least."""
    sample_count: int


@dataclass(slots=True)
class OffsetState:
    """The samples of this window and of the one before, and what was last told."""

    expected_ns: int | None = None
    """Against which the first samples are held; None: the very first is believed."""
    ts_window: int = 0
    """Begin of this window by our clock; 0: there is no sample yet."""
    running: Samples = field(default_factory=Samples)
    before: Samples = field(default_factory=Samples)
    doubted_count: int = 0
    """Doubted samples in a row, up to the last."""
    told_ns: int = 0
    told_in: int = -1
    """The window in which an offset was last told; -1: none was."""


def begun(differences_ns: Sequence[int]) -> OffsetState:
    """No sample yet, but a look ahead: our clock less the venue's stamp, of some first messages."""
    ranked = sorted(differences_ns)
    return OffsetState(expected_ns=ranked[len(ranked) // 2] if ranked else None)


def sample(state: OffsetState, ts_local: int, ts_venue: int) -> None:
    """Take a message that came at `ts_local` and that the venue stamped `ts_venue`; ns UTC."""
    difference_ns = ts_local - ts_venue
    if ts_local - state.ts_window >= WINDOW_NS:
        state.ts_window = ts_local
        state.before, state.running = state.running, Samples()
    samples = state.running
    if not samples.count or difference_ns < samples.least_ns:
        if _is_doubted(state, difference_ns):
            state.doubted_count += 1
            return
        samples.least_ns = difference_ns
    if state.doubted_count:
        state.doubted_count = 0
    samples.total_ns += difference_ns
    samples.count += 1


def to_tell(state: OffsetState) -> Offset | None:
    """The offset, where it is due: the first one, one much lower, and one a window."""
    parts = _parts(state)
    if not parts:
        return None
    least_ns = min(samples.least_ns for samples in parts)
    is_due = state.told_in != state.ts_window or least_ns <= state.told_ns - DROP_NS
    if not is_due:
        return None
    count = 0
    total_ns = 0
    for samples in parts:
        count += samples.count
        total_ns += samples.total_ns
    return Offset(least_ns, total_ns // count - least_ns, count)


def tell(state: OffsetState, offset: Offset) -> None:
    """Remember that an offset was told."""
    state.told_ns = offset.offset_ns
    state.told_in = state.ts_window


def _is_doubted(state: OffsetState, difference_ns: int) -> bool:
    known = [samples.least_ns for samples in _parts(state)]
    least_ns = min(known) if known else state.expected_ns
    is_far_below = least_ns is not None and difference_ns < least_ns - DOUBT_NS
    return is_far_below and state.doubted_count < CONFIRMING_SAMPLES - 1


def _parts(state: OffsetState) -> list[Samples]:
    return [samples for samples in (state.running, state.before) if samples.count]
