"""The `marea` command of this checkout, as another process."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = (sys.executable, "-P", "-c", "from services.standalone.main import main; main()")
RUN_S_MAX = 240


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def environment(runs: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that the command sees: none of Marea's but these, and no language."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAREA", "LC_")) and name != "LANG"
    }
    path = os.pathsep.join([str(ROOT / "libs" / "shared"), str(ROOT)])
    return bare | {"PYTHONPATH": path, "MAREA_RUNS": str(runs)} | dict(settings or {})


def start(
    arguments: Sequence[str | Path], runs: Path, settings: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """The command at work, with its runs in a folder and some variables set."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(runs, settings),
        text=True,
    )


def run(
    arguments: Sequence[str | Path], runs: Path, settings: Mapping[str, str] | None = None
) -> Ended:
    """The command from its begin to its end."""
    with start(arguments, runs, settings) as process:
        try:
            out, err = process.communicate(timeout=RUN_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Ended(process.returncode, out, err)
