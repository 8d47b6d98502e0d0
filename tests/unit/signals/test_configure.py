"""Signals go on under another configuration; a strategy that it keeps keeps its record."""

from msgspec.structs import replace

from services.signals.core import begin, configure
from tests.unit.signals.speaking import bar, config, play

TWO, OTHER_TWO = config(["sma", "macd"]), config(["macd", "rsi"])


def test_state_that_knows_nothing_is_the_one_that_the_configuration_begins_with() -> None:
    state = begin(TWO)
    for given in (OTHER_TWO, TWO):
        configure(state, given)
        assert state == begin(given)


def test_strategy_that_is_kept_keeps_its_record_and_another_begins_one() -> None:
    state = begin(TWO)
    play(state, [bar(1)])
    (series,) = state.series.values()
    kept = series.records["macd"]
    configure(state, OTHER_TWO)
    assert series.records["macd"] is kept
    assert list(series.records) == ["macd", "rsi"]
    assert series.price == bar(1).close


def test_nothing_that_was_made_of_other_bars_is_kept() -> None:
    state = begin(TWO)
    play(state, [bar(1)])
    configure(state, replace(TWO, interval_s=60))
    assert not state.series
