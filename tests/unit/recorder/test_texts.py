"""Times and the lengths of bars, as people who look into a store read them."""

import pytest

from services.recorder.sinks.texts import interval, utc


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1s"), (90, "90s"), (60, "1m"), (300, "5m"), (3_600, "1h"), (86_400, "1d"), (0, "0s")],
)
def test_length_of_a_bar_is_told_in_its_largest_whole_unit(seconds: int, text: str) -> None:
    assert interval(seconds) == text


@pytest.mark.parametrize(
    ("ts", "text"),
    [
        (1_767_571_201_312_000_999, "2026-01-05T00:00:01.312000+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (-1, "1969-12-31T23:59:59.999999+00:00"),
        (2**63 - 1, "2262-04-11T23:47:16.854775+00:00"),
    ],
)
def test_time_is_told_to_the_microsecond_before_it(ts: int, text: str) -> None:
    assert utc(ts) == text
