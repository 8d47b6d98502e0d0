"""Whole worlds, by seed, under faults: nothing that must hold is broken, and all settles.

`python -m tests.simulation` plays more of them, and tells the story of one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.simulation.__main__ import main
from tests.simulation.pairs import Pairs
from tests.simulation.plants.catalogue import PLANTS
from tests.simulation.shrink import play, shrink
from tests.simulation.steps import crash_at, step_count
from tests.simulation.story import story
from tests.simulation.verdict import count_met, verdicts

SEEDS = 2_000
CHUNK = 25
STEPS_CHUNKS = 16
HASHED_SEEDS = 10
HASHED = ("--json", "--hashes", "--processes", "1", "--seeds", str(HASHED_SEEDS))
PLANTED = "resent_blindly"
"""A bug that some of the first seeds find, to see a seed fail."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_worlds_come_out_right(first: int) -> None:
    wrong = {}
    for seed in range(first, first + CHUNK):
        _, findings = play(seed)
        if findings:
            wrong[seed] = f"{findings[0].code}: {findings[0].what}"
    assert wrong == {}


@pytest.mark.parametrize("chunk", range(STEPS_CHUNKS))
def test_day_comes_out_right_with_a_crash_at_any_of_its_steps(chunk: int) -> None:
    wrong = {}
    for step in range(chunk, step_count(), STEPS_CHUNKS):
        _, findings = crash_at((step,))
        if findings:
            wrong[step] = f"{findings[0].code}: {findings[0].what}"
    assert wrong == {}


def hashes(python: str, root: Path, hash_seed: str) -> dict[str, str]:
    """The hash of each world's logs, as another process of an interpreter makes them."""
    done = subprocess.run(
        [python, "-m", "tests.simulation", *HASHED],
        cwd=root,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": f"{root}/libs/shared:{root}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)["hashes"]
    return found


def interpreters() -> Sequence[str]:
    """Those that `MAREA_PYTHONS` names, where CI puts all it has; else this one."""
    named = os.environ.get("MAREA_PYTHONS", "").split(os.pathsep)
    return [each for each in named if each] or [sys.executable]


def test_seed_gives_the_same_logs_in_every_process_and_interpreter(root: Path) -> None:
    pythons = interpreters()
    if os.environ.get("CI"):
        assert len(pythons) > 1, f"MAREA_PYTHONS names {pythons}: name two interpreters or more"
    expected = hashes(sys.executable, root, "0")
    assert len(set(expected.values())) == HASHED_SEEDS
    for place, python in enumerate(pythons, 1):
        assert hashes(python, root, str(1_000 + place)) == expected, python


def test_failing_seed_shrinks_to_faults_that_are_enough_and_tells_its_story() -> None:
    with PLANTS[PLANTED].plant():
        seed, code = next(
            (seed, findings[0].code) for seed in range(1_000) if (findings := play(seed)[1])
        )
        faults = shrink(seed, code)
        world, findings = play(seed, frozenset(faults))
        assert code in {each.code for each in findings}
        assert len(faults) < len(play(seed)[0].faults.struck)
        for left_out in faults:
            rest = frozenset(faults) - {left_out}
            assert code not in {each.code for each in play(seed, rest)[1]}
        told = "\n".join(map(str, story(world)))
    for fault in faults:
        assert str(fault) in told
    assert "OrderIntended" in told


def test_command_says_one_object_and_whether_any_world_came_out_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seeds", "3", "--first-seed", "5", "--processes", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["failures"]) == (3, 0)
    assert told["events"] > 3_000
    assert told["seeds_per_s"] > 0
    with PLANTS[PLANTED].plant():
        assert main(["--seeds", "40", "--processes", "1"]) == 1
    assert ", 0 came out wrong" not in capsys.readouterr().out
    assert main(["--story", "5"]) == 0
    assert "all came out right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "given", "least"),
    [
        ("--seeds", "many", 1),
        ("--seeds", "0", 1),
        ("--processes", "0", 1),
        ("--night", "0", 1),
        ("--first-seed", "-1", 0),
        ("--story", "²", 0),
    ],
)
def test_command_refuses_what_is_no_count_or_counts_nothing(
    option: str, given: str, least: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([f"{option}={given}"])
    told = f"argument {option}: write a whole number from {least} on, not '{given}'"
    assert told in capsys.readouterr().err


def test_command_does_one_thing_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--night", "3", "--pairs"])
    assert "argument --pairs: not allowed with argument --night" in capsys.readouterr().err


def test_command_refuses_to_go_on_from_what_it_can_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "night.json"
    kept.write_text("{")
    for given in (["--night", "1"], ["--pairs"], ["--planted"]):
        assert main([*given, "--kept", str(kept)]) == 3
        assert "can't be read" in capsys.readouterr().err
    assert kept.read_text() == "{"


def test_night_goes_on_where_it_ended_and_tells_what_each_fault_met(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "deep" / "night.json"

    def play_to(seeds: int) -> dict[str, object]:
        given = ["--night", str(seeds), "--kept", str(kept), "--processes", "1", "--json"]
        assert main(given) == 0
        said: dict[str, object] = json.loads(capsys.readouterr().out)
        assert (said["done"], said["failures"]) == (seeds, 0)
        return said

    play_to(2)
    told = play_to(5)
    whole = count_met(verdicts(range(5), processes=1))
    assert told["met"] == dict(sorted(whole.items()))
    assert main(["--night", "5", "--kept", str(kept)]) == 0
    shown = capsys.readouterr().out
    assert "5 worlds, 0 came out wrong" in shown
    assert "append_twice" in shown


def test_pairs_of_crashes_go_on_where_they_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, steps = tmp_path / "pairs.json", step_count()
    total = steps * (steps - 1) // 2
    kept.write_bytes(msgspec.json.encode(Pairs(steps=steps, done=total - 3)))
    assert main(["--pairs", "--kept", str(kept), "--processes", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"]) == (total, {})
    assert main(["--pairs", "--kept", str(kept), "--processes", "1"]) == 0
    assert f"{total:,} pairs of {steps} steps, 0 came out wrong" in capsys.readouterr().out
