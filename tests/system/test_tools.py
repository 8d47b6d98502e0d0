"""A tool or a benchmark ends as the command does where a tape can't be read."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import command


@pytest.mark.parametrize(
    "module",
    [
        "benchmarks",
        "benchmarks.feature_vector",
        "benchmarks.memory",
        "benchmarks.money",
        "benchmarks.tape_to_fills",
        "tools.fit_market",
        "tools.kill_demo",
        "tools.trading_days",
    ],
)
def test_tape_that_is_not_there_is_a_line_and_exit_3(module: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module, "none.raw"],
        env=command.environment(tmp_path),
        cwd=command.ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    told = "none.raw: there is no such file; check its path\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", told)
