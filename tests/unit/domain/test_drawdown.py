"""The levels of the breaker: when each trips, how long it holds, what it measures from."""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from marea.domain.drawdown import (
    CLOSED,
    Drawdown,
    Level,
    end,
    ending,
    fall_pct,
    highest_open,
    is_open,
    observe,
    trip,
    tripping,
)

PAUSES = (60, 240, 1440)
LIMITS = (5_000_000, 10_000_000, 15_000_000)


def drawdown(equity: int = 0) -> Drawdown:
    found = Drawdown(
        levels=[
            Level(drawdown_e8_max=limit, pause_ns=pause)
            for limit, pause in zip(LIMITS, PAUSES, strict=True)
        ]
    )
    observe(found, equity)
    return found


def pass_through(found: Drawdown, equity: int, now: int = 0) -> list[int]:
    """What a valuation does: the levels that it tripped, from 0."""
    places = tripping(found, equity)
    observe(found, equity)
    for place in places:
        trip(found, place, now + found.levels[place].pause_ns)
    return places


def test_fall_of_just_the_limit_trips_nothing_and_a_unit_more_does() -> None:
    assert tripping(drawdown(10_000), 9_500) == []
    assert tripping(drawdown(10_000), 9_499) == [0]


def test_one_fall_can_trip_every_level() -> None:
    found = drawdown(10_000)
    assert pass_through(found, 8_000) == [0, 1, 2]
    assert highest_open(found) == 3


def test_level_that_is_open_does_not_trip_again() -> None:
    found = drawdown(10_000)
    pass_through(found, 9_400)
    assert tripping(found, 9_100) == []
    assert tripping(found, 8_900) == [1]


def test_level_ends_when_its_time_has_run_and_not_before() -> None:
    found = drawdown(10_000)
    pass_through(found, 9_400, now=1_000)
    assert ending(found, 1_059) == []
    assert ending(found, 1_060) == [0]


def test_level_that_ended_is_not_tripped_by_the_loss_that_was_paid_for() -> None:
    found = drawdown(10_000)
    pass_through(found, 9_400)
    end(found, 0, 9_400)
    assert tripping(found, 9_400) == []
    assert tripping(found, 8_931) == [1]  # still measured from the peak
    assert tripping(found, 8_929) == [0, 1]  # 5 % below 9,400


def test_level_that_ended_follows_a_new_peak_of_its_own() -> None:
    found = drawdown(10_000)
    pass_through(found, 9_400)
    end(found, 0, 9_400)
    observe(found, 9_800)
    assert found.peak == 10_000
    assert found.levels[0].reference == 9_800
    assert 0 in tripping(found, 9_309)


def test_level_that_is_open_keeps_the_reference_that_it_tripped_from() -> None:
    found = drawdown(10_000)
    pass_through(found, 9_400)
    observe(found, 11_000)
    assert found.levels[0].reference == 10_000
    assert (found.peak, found.levels[1].reference) == (11_000, 11_000)


def test_peak_that_comes_with_the_equity_itself_trips_nothing() -> None:
    assert tripping(drawdown(10_000), 20_000) == []


def test_fall_is_in_percent_of_the_reference_and_never_below_0() -> None:
    assert fall_pct(10_000, 9_400) == 6.0
    assert fall_pct(10_000, 11_000) == 0.0
    assert fall_pct(0, -5) == 0.0


EQUITIES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 100)), max_size=60)


@given(EQUITIES)
def test_no_level_is_open_for_less_than_its_pause_or_trips_without_a_further_fall(
    steps: list[tuple[int, int]],
) -> None:
    found, now = drawdown(10_000), 0
    until: dict[int, int] = {}
    for equity, wait in steps:
        now += wait
        for place in ending(found, now):
            assert now >= until.pop(place)
            end(found, place, equity)
        levels = deepcopy(found.levels)
        for place in pass_through(found, equity, now):
            before = levels[place]
            assert before.ts_until == CLOSED
            assert (before.reference - equity) * 10**8 > LIMITS[place] * before.reference
            until[place] = now + PAUSES[place]
        assert {place for place, level in enumerate(found.levels) if is_open(level)} == set(until)


@given(EQUITIES)
def test_peak_is_the_greatest_equity_seen(steps: list[tuple[int, int]]) -> None:
    found = drawdown(10_000)
    for equity, _ in steps:
        pass_through(found, equity)
    assert found.peak == max([10_000, *(equity for equity, _ in steps)])
    assert all(level.reference <= found.peak for level in found.levels)


@given(st.integers(1, 10**13), st.integers(0, 10**13))
def test_closed_level_lets_no_fall_beyond_its_limit_pass(peak: int, equity: int) -> None:
    found = drawdown(peak)
    places = tripping(found, equity)
    for place, limit in enumerate(LIMITS):
        assert (place in places) == ((peak - equity) * 10**8 > limit * peak)
