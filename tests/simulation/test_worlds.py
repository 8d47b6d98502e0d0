"""Whole worlds, by seed, under faults: nothing that must hold is broken, and all settles.

`python -m tests.simulation` plays more of them, and tells the story of one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.simulation.plants.catalogue import PLANTS
from tests.simulation.shrink import play, shrink
from tests.simulation.steps import crash_at, step_count
from tests.simulation.story import story

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


def test_command_says_one_object_and_whether_any_world_came_out_wrong(root: Path) -> None:
    def run(*given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", *given],
            cwd=root,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}/libs/shared:{root}"},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("--seeds", "3", "--first-seed", "5", "--processes", "1", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["seeds"], told["failures"]) == (0, 3, 0)
    assert told["events"] > 3_000
    assert told["seeds_per_s"] > 0
    done = run("--seeds", "many")
    assert done.returncode == 2
    assert "'many' is no count: write a whole number from 0 on" in done.stderr
    done = run("--story", "5")
    assert done.returncode == 0
    assert "all came out right" in done.stdout
