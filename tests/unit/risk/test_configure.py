"""Risk goes on under another configuration, and what it knows stays."""

from copy import deepcopy

import pytest

from marea.domain.drawdown import highest_open
from marea.messages.portfolio import BreakerEnded, BreakerTripped
from services.risk.config import Breaker
from services.risk.core import begin, configure
from tests.unit.risk.desk import CONFIG, HOUR, config
from tests.unit.risk.test_breaker import HOUR_MS, bought, falls, levels

WIDE = tuple(Breaker(drawdown_e8_max=n * 20_000_000, pause_ns=HOUR) for n in (1, 2, 3))


def test_state_that_knows_nothing_is_the_one_that_the_configuration_begins_with() -> None:
    state = begin(CONFIG)
    other = config(breakers=(*WIDE, Breaker(drawdown_e8_max=90_000_000, pause_ns=HOUR)))
    for given in (other, CONFIG):
        configure(state, given)
        assert state == begin(given)


def test_breaker_that_is_open_stays_open_under_a_wider_limit_and_ends_in_its_time() -> None:
    desk = bought()
    falls(desk, 6, 300)
    configure(desk.state, config(breakers=WIDE))
    assert highest_open(desk.state.drawdown) == 1
    assert levels(falls(desk, 6, HOUR_MS + 300), BreakerEnded) == [1]
    assert levels(falls(desk, 12, HOUR_MS + 400), BreakerTripped) == []


def test_narrower_limit_trips_at_the_fall_there_is() -> None:
    desk = bought()
    falls(desk, 3, 300)
    narrow = tuple(Breaker(drawdown_e8_max=n * 1_000_000, pause_ns=HOUR) for n in (1, 10, 20))
    configure(desk.state, config(breakers=narrow))
    assert levels(falls(desk, 3, 400), BreakerTripped) == [1]


def test_open_level_that_the_configuration_has_no_more_stays_until_it_ends() -> None:
    desk = bought()
    falls(desk, 40, 300)
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    assert highest_open(desk.state.drawdown) == 3
    assert levels(falls(desk, 40, 24 * HOUR_MS + 300), BreakerEnded) == [1, 2, 3]
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    assert len(desk.state.drawdown.levels) == 1


def test_level_that_is_new_measures_from_the_peak() -> None:
    desk = bought()
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    falls(desk, 3, 300)
    tight = Breaker(drawdown_e8_max=2_000_000, pause_ns=HOUR)
    configure(desk.state, config(breakers=(CONFIG.breakers[0], tight)))
    assert levels(falls(desk, 3, 400), BreakerTripped) == [2]


def test_same_configuration_changes_nothing() -> None:
    desk = bought()
    falls(desk, 40, 300)
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    falls(desk, 40, 24 * HOUR_MS + 300)
    levels_left = deepcopy(desk.state.drawdown.levels)
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    assert desk.state.drawdown.levels == levels_left
    assert len(levels_left) == 1


def test_level_that_the_configuration_has_no_more_does_not_trip_again() -> None:
    desk = bought()
    falls(desk, 40, 300)
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    falls(desk, 40, 4 * HOUR_MS + 300)  # the third is still open
    assert levels(falls(desk, 80, 4 * HOUR_MS + 400), BreakerTripped) == [1]


def test_limit_that_comes_to_another_place_is_measured_from_where_it_was() -> None:
    desk = bought()
    falls(desk, 8, 300)
    falls(desk, 8, HOUR_MS + 300)  # the first has ended, and measures from here
    configure(desk.state, config(breakers=CONFIG.breakers[1:]))
    assert levels(falls(desk, 12, HOUR_MS + 400), BreakerTripped) == [1]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_highest_level_with_real_money_waits_for_a_person_whatever_levels_there_are_now(
    count: int,
) -> None:
    desk = bought()
    desk.state.mode = "live"
    falls(desk, 40, 300)
    more = Breaker(drawdown_e8_max=90_000_000, pause_ns=HOUR)
    configure(desk.state, config(breakers=(*CONFIG.breakers, more)[:count]))
    ended = levels(falls(desk, 40, 99 * HOUR_MS), BreakerEnded)
    assert 3 not in ended
    assert count not in ended


def test_highest_level_that_is_left_waits_for_a_person() -> None:
    desk = bought()
    desk.state.mode = "live"
    falls(desk, 40, 300)
    configure(desk.state, config(breakers=CONFIG.breakers[:1]))
    assert levels(falls(desk, 40, 99 * HOUR_MS), BreakerEnded) == []
