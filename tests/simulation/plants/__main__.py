"""Which unit tests see each planted bug? `python -m tests.simulation.plants [NAME ...]`.

It runs the unit tests of what a bug touches with the bug planted, prints a table, and writes some
of the tests that failed into `seen_by.json`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from marea.runtime.sources import nearest
from tests.simulation.plants import plugin
from tests.simulation.plants.catalogue import MEASURED, PLANTS, SEEN_BY
from tests.simulation.plants.plant import Plant

ROOT = Path(__file__).parents[3]
TESTS_KEPT_MAX = 3
NO_TEST_FAILED, SOME_TEST_FAILED = 0, 1


def failing_under(plant: Plant, tests: Sequence[str]) -> list[str]:
    """The ids of those of these tests that fail with the bug planted.

    Raises `RuntimeError` where they could not be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        failed = Path(folder) / "failed"
        command = [sys.executable, "-m", "pytest", "-q", "-p", plugin.__name__]
        command += ["-p", "no:cacheprovider", "--timeout=60", "--tb=no", *tests]
        ran = subprocess.run(
            [*command, f"--planted={plant.name}", f"--failed-into={failed}"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'libs/shared'}{os.pathsep}{ROOT}",
                "PYTHONHASHSEED": "0",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode not in (NO_TEST_FAILED, SOME_TEST_FAILED):
            raise RuntimeError(f"{plant.name}: pytest ended with {ran.returncode}:\n{ran.stdout}")
        return failed.read_text(encoding="utf-8").splitlines()


def representative(tests: Sequence[str]) -> list[str]:
    """A few of these tests, each for all the values that it runs with."""
    return list(dict.fromkeys(name.partition("[")[0] for name in tests))[:TESTS_KEPT_MAX]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line for each bug, and write what was seen."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.plants", description=__doc__.partition(" `")[0]
    )
    told = "of bugs; none: all of them"
    parser.add_argument("names", nargs="*", type=_planted, metavar="NAME", help=told)
    names = parser.parse_args(arguments).names or list(PLANTS)
    seen_by = dict(MEASURED)
    for name in names:
        failed = failing_under(PLANTS[name], PLANTS[name].tests)
        seen_by[name] = representative(failed)
        told = f"{len(failed):>4}  {seen_by[name][0]}" if failed else "   0"
        print(f"{name:36}{'+'.join(PLANTS[name].cores):24}{told}", flush=True)
        SEEN_BY.write_text(json.dumps(seen_by, indent=1) + "\n", encoding="utf-8")


def _planted(name: str) -> str:
    if name not in PLANTS:
        told = f"no bug is called {name!r}: write {nearest(name, list(PLANTS))!r}, or none for all"
        raise argparse.ArgumentTypeError(told)
    return name


if __name__ == "__main__":
    main()
