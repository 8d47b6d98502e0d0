"""A service that ends is started again, unless it would end the same way."""

import signal

import pytest

from services.standalone.patience import AGAIN_S_MAX, AGAIN_S_MIN, BUGS_MAX, SOON_S, Patience

AWAY, BAD_SETTINGS, REFUSED, BUG, KILLED = 4, 3, 5, 70, -signal.SIGKILL


def test_service_that_dies_soon_is_started_less_and_less_often() -> None:
    patience = Patience()
    waits = [patience.again_in_s(AWAY, 1.0) or 0 for _ in range(8)]
    assert waits[:3] == [AGAIN_S_MIN, 2 * AGAIN_S_MIN, 4 * AGAIN_S_MIN]
    assert waits[-1] == AGAIN_S_MAX


def test_service_that_lived_long_is_started_at_once() -> None:
    patience = Patience()
    for _ in range(8):
        patience.again_in_s(KILLED, 1.0)
    assert patience.again_in_s(KILLED, SOON_S + 1) == AGAIN_S_MIN


@pytest.mark.parametrize("code", [BAD_SETTINGS, REFUSED, 0])
def test_service_whose_next_start_would_end_the_same_is_left_alone(code: int) -> None:
    assert Patience().again_in_s(code, SOON_S + 1) is None


def test_service_is_left_alone_after_one_bug_too_many_in_a_row() -> None:
    patience = Patience()
    for _ in range(BUGS_MAX):
        assert patience.again_in_s(BUG, 1.0) is not None
    assert patience.again_in_s(BUG, 1.0) is None


def test_bug_that_comes_rarely_is_borne() -> None:
    patience = Patience()
    assert all(patience.again_in_s(BUG, SOON_S + 1) for _ in range(3 * BUGS_MAX))
