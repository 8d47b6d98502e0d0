"""What is said of topics that are there already."""

import pytest

from marea.bus.kafka.link import Found
from marea.bus.kafka.topics import Topic, refuse_others
from marea.errors import BadInput

TRADING = Topic("trading", 64, {}, is_fixed=True)


def test_topic_whose_brokers_are_just_coming_back_is_not_refused() -> None:
    refuse_others([TRADING], {"trading": Found(partitions=64, led=0)})


def test_topic_with_another_number_of_partitions_is_refused() -> None:
    with pytest.raises(BadInput, match=r"trading has 3 partitions: it must have 64 for ever"):
        refuse_others([TRADING], {"trading": Found(partitions=3, led=3)})


def test_topic_that_is_still_to_be_made_is_not_refused() -> None:
    refuse_others([TRADING], {})
