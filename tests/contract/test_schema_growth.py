"""The gates of `tools.compatibility` and `tools.schemas`: what they must catch, they catch."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marea.messages.avro import schema_of
from marea.messages.types import TYPES
from marea.testing.examples import EXAMPLES
from tools.compatibility import incompatibilities
from tools.schemas import broken_promises, main, release, releases, stale, write

RELEASED = schema_of("Trade")
Change = Callable[[dict[str, Any]], object]


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in schema["fields"] if one["name"] == name)
    return found


def remove(schema: dict[str, Any], name: str) -> None:
    schema["fields"].remove(field(schema, name))


def add(schema: dict[str, Any], at: int, **new: object) -> None:
    schema["fields"].insert(at, {"name": "venue_flag", "type": "string", "doc": "new", **new})
    schema["disk_order"].append("venue_flag")
    schema["version"] += 1


def rename_member(schema: dict[str, Any]) -> None:
    field(schema, "taker_side")["type"]["symbols"] = ["bid", "sell"]


def add_member(schema: dict[str, Any]) -> None:
    field(schema, "taker_side")["type"]["symbols"].append("unknown")


def changed(change: Change) -> list[str]:
    present = copy.deepcopy(RELEASED)
    change(present)
    return incompatibilities(RELEASED, present)


def test_unchanged_schema_is_compatible() -> None:
    assert changed(lambda _: None) == []


def test_new_field_at_the_end_with_a_default_is_compatible() -> None:
    assert changed(lambda new: add(new, len(new["fields"]), default="")) == []


def test_new_words_in_a_description_are_compatible() -> None:
    assert changed(lambda new: field(new, "price").update(doc="said better")) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda new: remove(new, "qty"), "written now can't be read by what was released: qty"),
        (lambda new: remove(new, "qty"), r"Trade\.qty isn't in its place 3: put it back"),
        (lambda new: remove(new, "condition"), r"Trade\.condition isn't in its place 7"),
        (lambda new: add(new, 99), "written before can't be read now: venue_flag"),
        (lambda new: add(new, 2, default=""), r"Trade\.price isn't in its place 2"),
        (
            lambda new: field(new, "price").update(type="long"),
            "can't be read now: reader type: long",
        ),
        (
            lambda new: field(new, "price").update(type="bytes"),
            r"Trade\.price was string and is byt",
        ),
        (
            lambda new: field(new, "price").update(type=["null", "string"]),
            r"Trade\.price was string",
        ),
        (rename_member, r"written before can't be read now: .*buy"),
        (add_member, r"written now can't be read by what was released: .*unknown"),
        (lambda new: field(new, "condition").update(default=""), "condition has another default"),
        (lambda new: field(new, "condition").pop("default"), "condition has another default"),
        (lambda new: new["disk_order"].reverse(), r"had the fields .* on disk and has .*: add at"),
        (lambda new: new["disk_order"].append("x"), "version is 1: with 1 fields more .* it is 2"),
        (
            lambda new: new.update(version=2),
            "version is 2: with 0 fields more than in version 1 it",
        ),
        (
            lambda new: field(field(new, "envelope")["type"], "seq").update(type="string"),
            r"Trade\.envelope\.seq was long and is string",
        ),
        (
            lambda new: field(field(new, "envelope")["type"], "input")["type"][1]["fields"].pop(),
            r"Trade\.envelope\.input\.offset isn't in its place 2",
        ),
    ],
)
def test_change_that_breaks_readers_is_caught(change: Change, message: str) -> None:
    assert re.search(message, "; ".join(changed(change)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path)
    assert release(tmp_path) == []
    return tmp_path


def rewrite(file: Path, change: Change) -> None:
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content, indent=2), "utf-8")


def test_release_holds_the_present_schemas(folder: Path) -> None:
    assert releases(folder) == {1: {kind: schema_of(kind) for kind in TYPES}}


def test_release_without_a_change_is_refused(folder: Path) -> None:
    assert release(folder) == ["nothing has changed since released/1"]
    assert list(releases(folder)) == [1]


def test_release_of_a_changed_type_is_the_next_one(folder: Path) -> None:
    rewrite(folder / "released/1/Trade.avsc", lambda old: old.update(doc="said worse"))
    assert release(folder) == []
    assert list(releases(folder)) == [1, 2]


def test_release_that_breaks_a_promise_is_refused(folder: Path) -> None:
    rewrite(folder / "released/1/Trade.avsc", lambda old: add(old, 99, default=""))
    problems = release(folder)
    assert (
        "released/1: Trade.venue_flag isn't in its place 8: put it back, new fields go to the end"
        in problems
    )
    assert list(releases(folder)) == [1]


def test_released_type_that_is_gone_is_a_broken_promise(folder: Path) -> None:
    (folder / "released/1/Tirade.avsc").write_text(json.dumps({**RELEASED, "name": "Tirade"}))
    assert broken_promises(folder) == [
        "released/1: Tirade is gone: a type stays as long as a log may hold it"
    ]


def test_changed_and_missing_and_left_over_files_are_stale(folder: Path) -> None:
    rewrite(folder / "avro/Trade.avsc", lambda schema: schema.update(doc="other"))
    (folder / "json/Bar.json").unlink()
    (folder / "avro/Tirade.avsc").write_text("{}")
    assert stale(folder) == [
        "avro/Trade.avsc is stale: run make docs",
        "json/Bar.json is stale: run make docs",
        "avro/Tirade.avsc belongs to no type",
    ]
    write(folder)
    assert stale(folder) == []
    assert not (folder / "avro/Tirade.avsc").exists()


def test_sample_of_a_released_version_is_never_rewritten(folder: Path) -> None:
    sample = folder / "samples/Trade.v1.json"
    sample.write_text("as it was", "utf-8")
    write(folder)
    assert sample.read_text("utf-8") == "as it was"
    sample.unlink()
    write(folder)
    assert stale(folder) == ["samples/Trade.v1.json is gone: restore it from git"]


def test_sample_of_a_version_that_is_not_released_is_rewritten(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "samples/Trade.v1.json").write_text("draft", "utf-8")
    assert stale(tmp_path) == ["samples/Trade.v1.json is stale: run make docs"]
    write(tmp_path)
    assert stale(tmp_path) == []


def test_type_without_an_example_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(EXAMPLES, "Bar")
    with pytest.raises(LookupError, match=r"^Bar has no example: add one to marea/testing/examp"):
        write(tmp_path)


def test_command_says_on_standard_error_what_is_stale(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--folder", str(folder)]) == 0
    (folder / "avro/Bar.avsc").unlink()
    assert main(["--check", "--folder", str(folder)]) == 1
    assert capsys.readouterr().err == "avro/Bar.avsc is stale: run make docs\n"
    assert main(["--folder", str(folder)]) == 0
    assert main(["release", "--folder", str(folder)]) == 1
    assert capsys.readouterr().err == "nothing has changed since released/1\n"
