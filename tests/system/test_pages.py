"""What the pages show is what their reader sees: their commands are run, and the outputs compared.

A block of `sh` with a block of `text` right after it is a command with its output; `…` stands for
what is another in every run. Where a page is wrong, run its commands and mend what it shows.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tools.command import PROGRAM, environment

PAGES = ["README.md", "docs/life-of-a-trade.md"]
LINES = r"((?:(?!```).*\n)*)"
SHOWN = re.compile(rf"^```sh\n{LINES}```\n\n```text\n{LINES}```$", re.MULTILINE)


@pytest.fixture
def reader(tmp_path: Path, runs: Path) -> dict[str, str]:
    """The variables of one who has activated the environment: `marea` and `python` are on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, program in {"marea": PROGRAM, "python": (sys.executable,)}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n')
        (programs / name).chmod(0o755)
    variables = environment(runs)
    return variables | {"PATH": f"{programs}{os.pathsep}{variables['PATH']}"}


@pytest.mark.parametrize("page", PAGES)
def test_page_shows_what_its_commands_print(
    page: str, root: Path, tmp_path: Path, reader: dict[str, str]
) -> None:
    shown = SHOWN.findall((root / page).read_text(encoding="utf-8"))
    assert shown, f"{page} shows no command with its output"
    for command, output in shown:
        ended = subprocess.run(
            ["sh", "-eu", "-c", command],
            cwd=tmp_path,
            env=reader,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, ""), command
        parts = map(re.escape, output.split("…"))
        assert re.fullmatch("[^\n]*".join(parts), ended.stdout), (
            f"{page} shows of {command}\n{output}\nand this is printed:\n{ended.stdout}"
        )
