"""A bug is in the product while it is planted, and leaves no trace; one that no longer is planted fails."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.simulation.plants.__main__ import failing_under, main, representative
from tests.simulation.plants.catalogue import PLANTS, SEEN_BY
from tests.simulation.plants.edits import GONE, AttributeEdit, CodeEdit, Edit, RottenEdit, TableEdit
from tests.simulation.plants.plant import Plant

PLANTS_MIN = 25

# What is edited here

LIMIT = 3
PRICES = MappingProxyType({"bid": 99, "ask": 101})
LIVES = {"intended": {"sent": "sent"}}


def doubled(qty: int) -> int:
    """Twice as much."""
    double = qty + qty
    return double  # noqa: RET504 # two statements to edit


def summed(qty: int) -> int:
    if qty > LIMIT:
        qty += 1
    else:
        qty += 1
    return qty


@cache
def remembered(qty: int) -> int:
    return qty + 1


async def awaited(qty: int) -> int:
    await asyncio.sleep(0)
    return qty + 1


@contextmanager
def opened(qty: int) -> Iterator[int]:
    yield qty + 1


def adding(units: int) -> object:
    def add(qty: int) -> int:
        return qty + units

    return add


added = adding(1)
halved = lambda qty: qty // 2  # noqa: E731 # what no edit takes


class Position:
    """What is held."""

    lots = 2

    def __init__(self, qty: int) -> None:
        self.qty = qty

    @property
    def worth(self) -> int:
        return self.qty * 10

    @staticmethod
    def of(qty: int) -> int:
        return qty + 1

    def more(self) -> int:
        return self.qty + 1


def edit_of(name: str, changes: dict[str, str]) -> CodeEdit:
    return CodeEdit(f"{__name__}:{name}", changes)


# The bugs


@pytest.mark.parametrize("plant", PLANTS.values(), ids=list(PLANTS))
def test_bug_is_planted_and_taken_out(plant: Plant) -> None:
    before = [edit.found() for edit in plant.edits]
    with plant.plant():
        during = [edit.found() for edit in plant.edits]
    assert [edit.found() for edit in plant.edits] == before
    assert all(was != is_now for was, is_now in zip(before, during, strict=True))


def test_there_are_as_many_bugs_as_the_checker_is_to_find() -> None:
    assert len(PLANTS) >= PLANTS_MIN


@pytest.mark.parametrize("plant", PLANTS.values(), ids=list(PLANTS))
def test_bug_is_named_told_and_tested_somewhere(plant: Plant, root: Path) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", plant.name)
    assert re.fullmatch(r"[A-Z].*\.", plant.what)
    assert plant.tests
    assert all((root / path).is_dir() for path in plant.tests)
    places = [(edit.target, getattr(edit, "keys", ())) for edit in plant.edits]
    assert len(set(places)) == len(places), "a second edit of one function would undo the first"


@pytest.mark.parametrize("plant", PLANTS.values(), ids=list(PLANTS))
def test_tests_that_see_a_bug_are_there(plant: Plant, root: Path) -> None:
    for name in plant.seen_by:
        path, _, case = name.partition("::")
        assert path.startswith(plant.tests)
        written = (root / path).read_text(encoding="utf-8")
        machine, _, is_machine = case.partition("::")
        assert (f"{machine} = " if is_machine else f"def {case}(") in written


def test_only_bugs_are_said_to_be_seen() -> None:
    assert set(re.findall(r'^ "(\w+)"', SEEN_BY.read_text(encoding="utf-8"), re.M)) <= set(PLANTS)


def test_unit_tests_that_see_a_bug_are_found_by_running_them() -> None:
    plant = PLANTS["journal_one_sided"]
    found = failing_under(plant, ["tests/unit/risk/test_books.py"])
    assert set(representative(found)) & set(plant.seen_by)


def test_bug_that_nobody_has_planted_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["halt_leaves"])
    told = "NAME: no bug is called 'halt_leaves': write 'halt_leaves_entries', or none for all"
    assert f"python -m tests.simulation.plants: error: argument {told}" in capsys.readouterr().err


def test_test_with_many_values_is_told_once() -> None:
    told = ["a.py::test_a[1]", "a.py::test_a[2]", "b.py::test_b", "b.py::test_c", "b.py::test_d"]
    assert representative(told) == ["a.py::test_a", "b.py::test_b", "b.py::test_c"]


def test_tests_that_cannot_be_run_are_no_measure() -> None:
    with pytest.raises(RuntimeError, match="rates_unlimited: pytest ended with 4"):
        failing_under(PLANTS["rates_unlimited"], ["tests/unit/nowhere"])


# Code


def test_function_runs_other_code_for_whoever_has_it() -> None:
    function = doubled
    with edit_of("doubled", {"qty + qty": "qty * 3"}).made():
        assert function(2) == 6
    assert function(2) == 4


def test_statements_give_way_to_others() -> None:
    with edit_of(
        "doubled", {"double = qty + qty\nreturn double": "if qty:\n    return 7\nreturn 0"}
    ).made():
        assert (doubled(1), doubled(0)) == (7, 0)
    assert doubled(1) == 2


def test_code_is_found_whatever_its_layout() -> None:
    with edit_of("doubled", {"(qty  +\n qty)": "0"}).made():
        assert doubled(1) == 0


def test_async_functions_and_generators_are_edited_too() -> None:
    with edit_of("awaited", {"qty + 1": "qty + 2"}).made():
        assert asyncio.run(awaited(1)) == 3
    with edit_of("opened", {"qty + 1": "qty + 2"}).made(), opened(1) as qty:
        assert qty == 3


def test_methods_properties_and_static_methods_are_edited_too() -> None:
    position = Position(2)
    with edit_of("Position.more", {"self.qty + 1": "0"}).made():
        assert position.more() == 0
    with edit_of("Position.worth", {"self.qty * 10": "0"}).made():
        assert position.worth == 0
    with edit_of("Position.of", {"qty + 1": "0"}).made():
        assert Position.of(2) == 0
    assert (position.more(), position.worth, Position.of(2)) == (3, 20, 3)


def test_inner_function_is_edited_with_the_one_that_holds_it() -> None:
    with edit_of("adding", {"qty + units": "qty - units"}).made():
        inner = adding(1)
        assert callable(inner)
        assert inner(1) == 0


def test_remembered_answers_are_forgotten() -> None:
    assert remembered(1) == 2
    with edit_of("remembered", {"qty + 1": "qty + 2"}).made():
        assert remembered(1) == 3
    assert remembered(1) == 2


def test_what_a_function_was_given_meanwhile_is_taken_away() -> None:
    with edit_of("doubled", {"double = qty + qty": "doubled.count = double = qty"}).made():
        doubled(1)
    assert not hasattr(doubled, "count")


def test_trace_back_shows_the_line_that_was_edited() -> None:
    edit = edit_of("doubled", {"qty + qty": "qty / 0"})
    with edit.made(), pytest.raises(ZeroDivisionError) as caught:
        doubled(1)
    assert "double = qty + qty" in str(caught.traceback[-1].statement)


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (edit_of("doubled", {"qty - qty": "0"}), "doubled has 0 times, not once:\nqty - qty\n"),
        (edit_of("doubled", {"double = 0": "pass"}), "has 0 times"),
        (edit_of("summed", {"qty += 1": "pass"}), "has 2 times, not once:\nqty \\+= 1\nplant"),
        (edit_of("doubled", {"qty": "0"}), "has 2 times"),
        (edit_of("added", {"qty + units": "0"}), "added stands in another function: edit that one"),
        (edit_of("halved", {"qty // 2": "0"}), "no function that is defined: edit one that is"),
        (edit_of("LIMIT", {"3": "4"}), "LIMIT is 3, no function"),
        (edit_of("trebled", {"qty": "0"}), "there is no 'trebled': plant the bug anew"),
        (edit_of("Position.less", {"qty": "0"}), "there is no 'less': plant the bug anew"),
        (AttributeEdit(f"{__name__}:LIMIT", was=4, value=5), "LIMIT is 3, not 4: plant"),
        (TableEdit(f"{__name__}:PRICES", ("bid",), 98, 97), "PRICES is 99, not 98: plant"),
        (TableEdit(f"{__name__}:PRICES", ("mid",), 98, 97), "not 98: plant the bug anew"),
    ],
)
def test_edit_that_finds_another_product_fails(edit: Edit, text: str) -> None:
    with pytest.raises(RottenEdit, match=text), edit.made():
        pytest.fail("it was planted")


# Tables and names


def test_table_that_may_not_change_is_changed_and_keeps_its_order() -> None:
    with TableEdit(f"{__name__}:PRICES", ("bid",), 99, GONE).made():
        assert dict(PRICES) == {"ask": 101}
    assert list(PRICES.items()) == [("bid", 99), ("ask", 101)]


def test_table_in_a_table_is_given_an_entry() -> None:
    with TableEdit(f"{__name__}:LIVES", ("intended", "lost"), GONE, "lost").made():
        assert LIVES["intended"] == {"sent": "sent", "lost": "lost"}
    assert LIVES == {"intended": {"sent": "sent"}}


def test_name_of_a_module_or_a_class_has_another_value() -> None:
    with (
        AttributeEdit(f"{__name__}:LIMIT", was=3, value=0).made(),
        AttributeEdit(f"{__name__}:Position.lots", was=2, value=5).made(),
    ):
        assert (summed(1), Position.lots) == (2, 5)
        assert LIMIT == 0
    assert (LIMIT, Position.lots) == (3, 2)


# Whatever happens


def test_failure_takes_every_part_of_a_bug_out() -> None:
    plant = Plant(
        name="several",
        what="All at once.",
        cores=("domain",),
        edits=(
            edit_of("doubled", {"qty + qty": "0"}),
            AttributeEdit(f"{__name__}:LIMIT", was=3, value=0),
            TableEdit(f"{__name__}:PRICES", ("bid",), 99, GONE),
        ),
    )
    with pytest.raises(KeyError, match="bid"), plant.plant():
        LIVES[str(PRICES["bid"] + doubled(LIMIT))]
    assert (doubled(1), LIMIT, PRICES["bid"]) == (2, 3, 99)


def test_bug_of_which_one_part_is_rotten_is_not_planted_at_all() -> None:
    plant = Plant(
        name="half",
        what="One half only.",
        cores=("domain",),
        edits=(edit_of("doubled", {"qty + qty": "0"}), edit_of("doubled", {"qty - qty": "0"})),
    )
    with pytest.raises(RottenEdit, match="0 times"), plant.plant():
        pytest.fail("it was planted")
    assert doubled(1) == 2
