"""Each invariant finds what is planted against it in a history in which everything holds."""

from pathlib import Path

import pytest

from marea.invariants.catalogue import NOT_SHOWN, SHOWN
from tests.unit.invariants.breaking import (
    COMPARED,
    PLANTED,
    Plant,
    diverged,
    looked_up,
    zombie_intends,
)
from tests.unit.invariants.good import RISK, good_story
from tools.invariants_page import main, render


@pytest.mark.parametrize(("what", "plant"), COMPARED)
def test_comparison_that_is_not_true_is_found(what: str, plant: Plant) -> None:
    story = good_story()
    plant(story)
    found = [each.what for each in story.violations() if each.code == "SAME_AS_VENUE"]
    assert any(each.startswith(what) for each in found)


@pytest.mark.parametrize(
    ("number", "plant"),
    [pytest.param(number, plant, id=f"{number} {name}") for number, name, plant in PLANTED],
)
def test_planted_violation_is_found(number: int, plant: Plant) -> None:
    story = good_story()
    plant(story)
    assert number in {violation.number for violation in story.violations()}


def test_good_history_has_no_violation() -> None:
    assert good_story().violations() == []


@pytest.mark.parametrize(
    "name", ["intent", "fill 4", "report 5", "journal 1", "mark", "halt taken"]
)
def test_second_copy_of_an_append_breaks_nothing(name: str) -> None:
    log = good_story()[name].log
    last = [line.name for line in good_story().lines if line.log == log][-1]
    for after in (name, last):
        assert good_story().copy(name, after).violations() == []


@pytest.mark.parametrize("name", ["intent", "fill 4", "report 5", "mark", "clock"])
def test_what_nobody_can_read_breaks_nothing(name: str) -> None:
    first = good_story().lines[0].name
    for after in (name, first):
        assert good_story().spoil(after).violations() == []


def test_divergence_breaks_nothing_else() -> None:
    story = good_story()
    diverged(story)
    assert [each.number for each in story.violations()] == [35]


def test_order_without_an_answer_may_be_asked_about() -> None:
    story = good_story()
    looked_up(story)
    assert 11 not in {each.number for each in story.violations()}


def test_what_an_older_life_wrote_breaks_nothing() -> None:
    story = good_story()
    zombie_intends(story)
    assert story.violations() == []


def test_late_record_is_told_once_as_a_hole() -> None:
    story = good_story()
    story["mark"].seq, story["clock"].seq = 4, 3
    numbers = [each.number for each in story.violations()]
    assert numbers == [23]


def test_every_invariant_has_a_planted_violation() -> None:
    assert {number for number, _, _ in PLANTED} == set(SHOWN)


def test_every_invariant_has_its_number_or_a_reason_why_the_logs_do_not_show_it() -> None:
    assert sorted([*SHOWN, *NOT_SHOWN]) == list(range(1, 41))


def test_codes_tell_the_invariants_apart() -> None:
    assert len({make.code for make in SHOWN.values()}) == len(SHOWN)


def test_page_of_the_invariants_is_not_stale(root: Path) -> None:
    page = (root / "docs" / "invariants.md").read_text("utf-8")
    assert page == render(), "run: make docs"


def test_page_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert main(tmp_path) == 0
    assert (tmp_path / "docs" / "invariants.md").read_text("utf-8") == render()


def test_violation_names_its_first_event_and_what_was_expected() -> None:
    (found,) = good_story().change("valued", cash=1).violations()
    assert (found.number, found.code, found.event) == (2, "CASH_IS_FILLS", "valued")
    assert (found.log, found.expected, found.found) == ("trading/main", "950045671900", "1")
    assert found.what == "cash is what the journal says"


def test_no_more_than_a_hundred_violations_of_one_invariant_are_kept() -> None:
    story = good_story()
    for _ in range(120):
        story.say(RISK, "tripped", 100_000, story["tripped"].message, "clock 100")
    assert [each.number for each in story.violations()].count(18) == 100
