"""What must follow for the bars of another stream when those of this one are known."""

from typing import NamedTuple, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from marea.domain.bars import SECOND_NS, BarFigures, BarState, advance, closing, take

NOON_NS = 1_723_204_800 * SECOND_NS
MILLISECOND_NS = 1_000_000
END_NS = NOON_NS + 100 * SECOND_NS  # after any stream here


class Trade(NamedTuple):
    ts_event: int
    price: int
    qty: int
    first_trade_id: int
    last_trade_id: int


Event: TypeAlias = Trade | int
"""A trade, or a clock in ns UTC."""


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Clocks that never go back, and trades up to 200 ms behind or ahead of them."""
    steps = st.tuples(
        st.integers(0, 1000),
        st.booleans(),
        st.integers(-200, 200),
        st.integers(95, 105),
        st.integers(1, 9),
    )
    clock_ns = NOON_NS + draw(st.integers(0, 2000)) * MILLISECOND_NS
    events: list[Event] = [clock_ns] if draw(st.booleans()) else []
    for number, step in enumerate(draw(st.lists(steps, min_size=15, max_size=50))):
        ahead_ms, is_clock, lag_ms, price, qty = step
        clock_ns += ahead_ms * MILLISECOND_NS
        if is_clock:
            events.append(clock_ns)
        else:
            ts = clock_ns - lag_ms * MILLISECOND_NS
            events.append(Trade(ts, price, qty, number, number))
    return events


def play(events: list[Event], interval_s: int) -> list[BarFigures]:
    """The bars that are told of a stream in which no trade is late."""
    state = BarState(interval_s * SECOND_NS)
    told: list[BarFigures] = []
    for event in [*events, END_NS]:
        if isinstance(event, int):
            told += closing(state, event)
            advance(state, event)
        else:
            take(state, event)
    assert state.late_count == state.too_old_count == state.too_early_count == 0
    return told


@given(streams(), st.data(), st.sampled_from((1, 2, 5)))
@settings(max_examples=200, deadline=None)
def test_which_clocks_come_does_not_matter_where_no_trade_is_late(
    events: list[Event], data: st.DataObject, interval_s: int
) -> None:
    first, rest = events[:1], events[1:]
    keep = data.draw(st.lists(st.booleans(), min_size=len(rest), max_size=len(rest)))
    fewer = [
        event for event, kept in zip(rest, keep, strict=True) if kept or isinstance(event, Trade)
    ]
    assert play(events, interval_s) == play(first + fewer, interval_s)
