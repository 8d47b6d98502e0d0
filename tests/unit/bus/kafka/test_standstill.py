"""Who follows logs notices that nothing comes though they go on."""

import pytest
from aiokafka.structs import TopicPartition

from marea.bus.kafka.following import Standstill
from marea.errors import Unavailable

A, B = TopicPartition("market", 0), TopicPartition("market", 1)


def test_log_that_goes_on_and_comes_is_well() -> None:
    standstill = Standstill()
    for end in range(0, 50, 10):
        standstill.judge({A: end, B: 3}, {A: end + 5, B: 3})


def test_log_that_goes_on_and_does_not_come_is_told() -> None:
    standstill = Standstill()
    standstill.judge({A: 10, B: 3}, {A: 20, B: 3})
    with pytest.raises(Unavailable, match=r"market\[0\] went on to 20, and this .* at 19.*anew"):
        standstill.judge({A: 19, B: 3}, {A: 30, B: 3})


def test_window_that_was_closed_owes_nothing() -> None:
    standstill = Standstill()
    standstill.judge({A: 10}, {A: 20})
    standstill.judge({}, {})


def test_what_could_not_come_while_the_brokers_were_away_is_not_told() -> None:
    standstill = Standstill()
    standstill.judge({A: 10}, {A: 20})
    standstill.forget()
    standstill.judge({A: 10}, {A: 20})
    with pytest.raises(Unavailable, match="stands at 10"):
        standstill.judge({A: 10}, {A: 20})
