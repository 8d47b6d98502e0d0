"""What holds of the bars of any stream of trades and clocks."""

from collections import Counter
from copy import deepcopy
from typing import NamedTuple, TypeAlias

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marea.domain.bars import (
    CLOSE_DELAY_NS,
    SECOND_NS,
    BarFigures,
    BarState,
    advance,
    closing,
    corrections,
    placement,
    take,
)

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


class Outcome(NamedTuple):
    published: list[BarFigures]
    corrected: dict[int, BarFigures]
    """The published bars with every correction applied, by their begin."""
    placements: Counter[str]
    taken: list[Trade]


@st.composite
def streams(draw: st.DrawFn, lag_ms_max: int = 3000) -> list[Event]:
    """Clocks that never go back, and trades up to `lag_ms_max` behind or 200 ms ahead of them."""
    steps = st.tuples(
        st.integers(0, 1000),
        st.booleans(),
        st.integers(-200, lag_ms_max),
        st.integers(95, 105),
        st.integers(1, 9),
    )
    clock_ns = NOON_NS + draw(st.integers(0, 2000)) * MILLISECOND_NS
    events: list[Event] = [clock_ns] if draw(st.booleans()) else []
    for number, step in enumerate(draw(st.lists(steps, max_size=50))):
        ahead_ms, is_clock, lag_ms, price, qty = step
        clock_ns += ahead_ms * MILLISECOND_NS
        if is_clock:
            events.append(clock_ns)
        else:
            ts = clock_ns - lag_ms * MILLISECOND_NS
            events.append(Trade(ts, price, qty, number, number))
    return events


def play(events: list[Event], interval_s: int) -> Outcome:
    """As a core plays them: it reads first, then changes."""
    state = BarState(interval_s * SECOND_NS)
    outcome = Outcome([], {}, Counter(), [])
    for event in [*events, END_NS]:
        if isinstance(event, int):
            bars = closing(state, event)
            outcome.published.extend(bars)
            outcome.corrected.update({bar.ts_open: bar for bar in bars})
            advance(state, event)
        else:
            where = placement(state, event)
            outcome.placements[where] += 1
            if where in {"running", "late"}:
                outcome.taken.append(event)
            changed = corrections(state, event)
            assert bool(changed) == (where == "late")
            outcome.corrected.update({bar.ts_open: bar for bar in changed})
            take(state, event)
    counts = (state.late_count, state.too_old_count, state.too_early_count, state.too_large_count)
    kinds = ("late", "too_old", "too_early", "too_large")
    assert counts == tuple(outcome.placements[kind] for kind in kinds)
    return outcome


def figures(bar: BarFigures) -> tuple[int, ...]:
    prices = (bar.open, bar.high, bar.low, bar.close)
    return (*prices, bar.volume, bar.trade_count, bar.first_trade_id, bar.last_trade_id)


def bars_of(trades: list[Trade], begins: list[int], interval_ns: int) -> list[tuple[int, ...]]:
    """The figures of the bars, reckoned from all trades at once."""
    rows: list[tuple[int, ...]] = []
    close = 0
    for begin in begins:
        inside = [trade for trade in trades if begin <= trade.ts_event < begin + interval_ns]
        inside.sort(key=lambda trade: (trade.ts_event, trade.first_trade_id))
        if not inside:
            rows.append((close, close, close, close, 0, 0, -1, -1))
            continue
        first, last = inside[0], inside[-1]
        prices = [trade.price for trade in inside]
        close = last.price
        volume = sum(trade.qty for trade in inside)
        ids = (first.first_trade_id, last.last_trade_id)
        rows.append((first.price, max(prices), min(prices), close, volume, len(inside), *ids))
    return rows


@given(streams(), st.sampled_from((1, 2, 5)))
@settings(max_examples=200, deadline=None)
def test_bars_with_their_corrections_are_those_of_a_stream_where_nothing_is_late(
    events: list[Event], interval_s: int
) -> None:
    outcome = play(events, interval_s)
    begins = list(outcome.corrected)
    expected = bars_of(outcome.taken, begins, interval_s * SECOND_NS)
    assert [figures(bar) for bar in outcome.corrected.values()] == expected


@given(streams(), st.sampled_from((1, 2, 5)))
@settings(max_examples=200, deadline=None)
def test_bars_are_well_formed_without_a_hole_and_published_once(
    events: list[Event], interval_s: int
) -> None:
    outcome = play(events, interval_s)
    begins = [bar.ts_open for bar in outcome.published]
    step = interval_s * SECOND_NS
    assert begins == [begins[0] + place * step for place in range(len(begins))]
    assert bool(begins) == bool(outcome.placements["running"])
    for bar in [*outcome.published, *outcome.corrected.values()]:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert (bar.trade_count == 0) == (bar.volume == 0)
        assert bar.trade_count == 0 or bar.status != "empty"


@given(streams(), st.sampled_from((1, 2, 5)))
@settings(max_examples=200, deadline=None)
def test_every_trade_is_in_one_bar_or_one_correction_or_counted(
    events: list[Event], interval_s: int
) -> None:
    outcome = play(events, interval_s)
    trades = [event for event in events if isinstance(event, Trade)]
    published = sum(bar.trade_count for bar in outcome.published)
    corrected = sum(bar.trade_count for bar in outcome.corrected.values())
    assert outcome.placements["running"] == published
    assert outcome.placements["running"] + outcome.placements["late"] == corrected
    assert sum(outcome.placements.values()) == len(trades)
    volume = sum(bar.volume for bar in outcome.corrected.values())
    assert volume == sum(trade.qty for trade in outcome.taken)


@given(streams(lag_ms_max=200), st.data(), st.sampled_from((1, 2, 5)))
@settings(max_examples=200, deadline=None)
def test_which_clocks_come_does_not_matter_where_no_trade_is_late(
    events: list[Event], data: st.DataObject, interval_s: int
) -> None:
    first, rest = events[:1], events[1:]
    keep = data.draw(st.lists(st.booleans(), min_size=len(rest), max_size=len(rest)))
    fewer = [
        event for event, kept in zip(rest, keep, strict=True) if kept or isinstance(event, Trade)
    ]
    whole, part = play(events, interval_s), play(first + fewer, interval_s)
    assert whole.placements["late"] == part.placements["late"] == 0
    assert whole.published == part.published


@given(streams(), st.sampled_from(((1, 2), (1, 5), (2, 10))))
@settings(max_examples=200, deadline=None)
def test_bar_of_a_longer_interval_is_made_of_the_shorter_ones_in_it(
    events: list[Event], intervals_s: tuple[int, int]
) -> None:
    shorter_s, longer_s = intervals_s
    short, long = play(events, shorter_s), play(events, longer_s)
    assume(short.taken == long.taken)  # neither found a bar too old to correct
    for begin, bar in long.corrected.items():
        parts = [
            part
            for part in short.corrected.values()
            if begin <= part.ts_open < begin + longer_s * SECOND_NS and part.trade_count
        ]
        assert bar.volume == sum(part.volume for part in parts)
        assert bar.trade_count == sum(part.trade_count for part in parts)
        if parts:
            assert (bar.open, bar.close) == (parts[0].open, parts[-1].close)
            assert bar.high == max(part.high for part in parts)
            assert bar.low == min(part.low for part in parts)


@given(streams(), st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_state_restored_at_any_moment_goes_on_the_same(events: list[Event], moment: int) -> None:
    state = BarState(SECOND_NS)
    restored = BarState(SECOND_NS)
    for place, event in enumerate([*events, END_NS]):
        if place == moment:
            restored = msgspec.json.decode(msgspec.json.encode(state), type=BarState)
        for each in (state, restored):
            before = deepcopy(each)
            if isinstance(event, int):
                due = closing(each, event)
                assert all(event >= bar.ts_open + SECOND_NS + CLOSE_DELAY_NS for bar in due)
                assert each == before
                advance(each, event)
            else:
                corrections(each, event)
                assert each == before
                take(each, event)
    assert state == restored
