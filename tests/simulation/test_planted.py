"""The checker sees what it is there to see: each of these bugs is found within a few worlds."""

import pytest

from tests.simulation.planted import Hunt, hunt
from tests.simulation.shrink import play

FOUND_SOON = {
    "duplicate_taken": 2,
    "acted_before_published": 1,
    "acted_for_another_life": 1,
    "stamped_by_the_clock": 2,
}
"""Bugs, and the number of seeds, from 0 on, until each was found."""


@pytest.mark.parametrize(("name", "seeds"), FOUND_SOON.items(), ids=list(FOUND_SOON))
def test_bug_is_found_soon(name: str, seeds: int) -> None:
    found = hunt(Hunt(name=name, edits=""), 0, seeds)
    assert found.code, f"{name} was not found in {seeds} seeds"


def test_without_a_bug_nothing_is_found() -> None:
    assert all(not play(seed)[1] for seed in range(max(FOUND_SOON.values())))
