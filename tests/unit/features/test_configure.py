"""Features go on under another configuration: what it changes begins anew, and the rest stays."""

import pytest

from services.features.config import FeaturesConfig
from services.features.core import begin, configure
from tests.unit.features.market import (
    bars_in,
    clocks,
    config,
    indicator,
    instrument,
    live_book,
    play,
    quote,
    trade,
    vectors_in,
)

MID, SMA = indicator("mid"), indicator("sma_2", "sma", period=2)
SLOW = indicator("sma_2", "sma", period=3)


@pytest.mark.parametrize(
    "other",
    [
        config(MID, SLOW),
        config(MID, SMA, intervals_s=(1, 5)),
        config(MID, SMA, vector_interval_s=60),
        config(MID, SMA, vector_period_ms=300),
    ],
)
def test_state_that_knows_nothing_is_the_one_that_the_configuration_begins_with(
    other: FeaturesConfig,
) -> None:
    state = begin(config(MID, SMA))
    for given in (other, config(MID, SMA)):
        configure(state, given)
        assert state == begin(given)


def test_kernels_that_are_others_warm_up_again_and_book_and_bars_go_on() -> None:
    state = begin(config(MID, SMA))
    play(state, [instrument(), *live_book(), quote(12), trade(1, 100), *clocks(100, 2_900)])
    assert state.vector_count > 0
    book = state.book
    configure(state, config(MID, SLOW))
    assert state.book is book
    said = play(state, [*clocks(3_000, 4_300)])
    assert len(bars_in(said)) == 2
    assert vectors_in(said) == []
    assert vectors_in(play(state, [*clocks(4_400, 6_300)])) != []


def test_same_indicators_go_on() -> None:
    state = begin(config(MID, SMA))
    play(state, [instrument(), *live_book(), quote(12), trade(1, 100), *clocks(100, 2_900)])
    kernels, minute = state.kernels, state.series[60]
    configure(state, config(MID, SMA, intervals_s=(1, 5, 60), vector_period_ms=300))
    assert state.kernels is kernels
    assert state.series[60] is minute
    assert list(state.series) == [1, 5, 60]
