"""Numbers that make no sense are refused before anything begins."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence

import pytest

from benchmarks.bus import __main__ as bus
from tests.chaos import __main__ as chaos
from tests.chaos import poison, soak
from tools.arguments import above_zero


def test_numbers_above_zero_are_read() -> None:
    assert above_zero(int)("3") == 3
    assert above_zero(float)("0.5") == 0.5


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "nan", "inf"])
def test_what_is_no_number_above_zero_is_refused_by_its_value(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=rf"'{text}' is no number above 0: write one"):
        above_zero(float)(text)


def test_fraction_of_what_is_counted_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match=r"'0\.5' is no whole number above 0: write one"):
        above_zero(int)("0.5")


@pytest.mark.parametrize(
    ("main", "words", "told"),
    [
        (bus.main, ["--seconds", "many"], "--seconds: 'many' is no whole number above 0"),
        (bus.main, ["--seconds", "0"], "--seconds: '0' is no whole number above 0"),
        (chaos.main, ["--minutes", "-1"], "--minutes: '-1' is no number above 0"),
        (chaos.main, ["--scene", "nowhere"], "--scene: invalid choice: 'nowhere' (choose from "),
        (poison.main, ["--count", "0"], "--count: '0' is no whole number above 0"),
        (poison.main, ["--count", "x"], "--count: 'x' is no whole number above 0"),
        (soak.main, ["--minutes", "0"], "--minutes: '0' is no number above 0"),
        (soak.main, ["--minutes", "5"], "--minutes is 5: write more than --warm-up-minutes, which"),
    ],
)
def test_long_runs_say_at_once_what_they_can_not_do(
    main: Callable[[Sequence[str]], int],
    words: Sequence[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
