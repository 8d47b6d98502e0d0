"""The life of an order: what may follow what, and what may not."""

import pytest

from marea.domain.order_life import BEGIN, LIFE, is_final, next_status

FINAL = ["filled", "canceled", "rejected"]


def test_every_status_is_reached_from_the_begin_and_every_life_can_end() -> None:
    reached, waiting = set(), [BEGIN]
    while waiting:
        status = waiting.pop()
        if status not in reached:
            reached.add(status)
            waiting += LIFE[status].values()
    assert reached == set(LIFE)
    assert [status for status in LIFE if is_final(status)] == FINAL
    for status in LIFE:
        assert is_final(status) or set(FINAL) & set(LIFE[status].values())


@pytest.mark.parametrize("status", [status for status in LIFE if not is_final(status)])
def test_fill_beats_everything_but_an_end(status: str) -> None:
    assert next_status(status, "filled_all") == "filled"
    assert not is_final(next_status(status, "filled_part"))


@pytest.mark.parametrize("status", FINAL)
def test_end_is_final(status: str) -> None:
    with pytest.raises(ValueError, match=f"order that is {status}: expected nothing, it is final"):
        next_status(status, "filled_all")


def test_event_that_can_not_happen_is_named_with_those_that_can() -> None:
    with pytest.raises(
        ValueError, match=r"event is 'sent' of an order that is not_sent: expected one of intended,"
    ):
        next_status("not_sent", "sent")


def test_status_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"status is 'open': expected one of intended, sent,"):
        next_status("open", "sent")
