"""The checker sees what it is there to see: each of these bugs is found within a few worlds."""

import pytest

from tests.simulation.planted import Hunt, hunt, page_of
from tests.simulation.plants.catalogue import PLANTS
from tests.simulation.shrink import play

SEEDS = 10
FOUND_SOON = (
    "duplicate_taken",
    "acted_before_published",
    "acted_for_another_life",
    "stamped_by_the_clock",
    "published_again",
    "divergence_untold",
    "never_taken_over",
    "followed_too_far",
    "failed_append_dropped",
    "sent_before_it_is_safe",
    "unknown_asked_once",
    "builds_mixed",
    "halt_leaves_entries",
    "advice_is_traded",
)
"""Bugs that are found in one of the first seeds."""


@pytest.mark.parametrize("name", FOUND_SOON)
def test_bug_is_found_soon(name: str) -> None:
    found = hunt(Hunt(name=name, edits=""), 0, SEEDS)
    assert found.code, f"{name} was not found in {SEEDS} seeds"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_found_where_there_is_no_bug(seed: int) -> None:
    assert play(seed)[1] == []


def test_bug_that_was_found_or_looked_for_is_not_looked_for_again() -> None:
    found = Hunt(name="duplicate_taken", edits="", seeds=2, code="UNSETTLED lag")
    assert hunt(found, 0, 10_000) == found
    looked_for = Hunt(name="duplicate_taken", edits="", seeds=1)
    assert hunt(looked_for, 0, 1) == looked_for


def test_page_says_what_was_found_and_how_far_the_others_were_looked_for() -> None:
    found = Hunt(name="journal_one_sided", edits="", seeds=3, code="3 DOUBLE_ENTRY")
    missed = Hunt(name="stamp_goes_back", edits="", seeds=1_000)
    page = page_of([found, missed], 0)
    assert "1 of 2 were found." in page
    seen = PLANTS["journal_one_sided"].seen_by[0].removeprefix("tests/unit/")
    what = PLANTS["journal_one_sided"].what
    assert f"| `journal_one_sided` | {what} | 3 | 3 DOUBLE_ENTRY | `{seen}` |" in page
    assert "| - | not found in 1,000 | none |" in page
