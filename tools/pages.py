"""What the pages show is what their reader sees: runs their commands, and writes their outputs anew.

    python -m tools.pages                 every page that shows a command
    python -m tools.pages PAGE ...        these

A block of `sh` is a command, a block of `text` right after it its output. In an output `…` stands
for what is another in every run; as a line of its own it stands for any number of lines. Where an
output is written anew, lines that are shown with `…` and still hold stay as they are.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.command import PROGRAM, ROOT, environment

PLACES = ("README.md", "docs/*.md", "docs/guides/*.md")
LINES = r"((?:(?!```).*\n)*)"
BLOCK = re.compile(rf"^```sh\n{LINES}```\n(?:\n```text\n{LINES}```$)?", re.MULTILINE)
ELIDED = "…"
COMMAND_S_MAX = 120

NOT_RUN = {
    "make demo\nmake test\n": "it installs, and runs this very test; tests/system/test_install.py",
    "git clone ADDRESS marea\ncd marea\nmake demo\n. .venv/bin/activate\n": "as above",
    "zstdcat FILE.raw.zst | grep -n 'btcusdt@trade.*\"t\":NUMBER,'\n": "no tape comes with Marea",
    "marea demo --tape FILE\nmarea log last --type Liquidation --type DeadLetter\n": "as above",
    "docker build --file deploy/docker/base.Dockerfile --tag marea-base .\n"
    "docker build --file services/risk/Dockerfile --tag marea-risk .\n": (
        "no engine runs here; tests/architecture/test_images.py reads the files"
    ),
    "docker build --file deploy/docker/base.Dockerfile --tag marea-base .\n"
    "docker compose --project-directory deploy/compose --profile core --profile stores up --build --detach\n": (
        "as above; tests/integration/test_compose.py reads the file by docker compose"
    ),
    "timeout -s KILL 5 marea demo\nmarea demo --resume last\nmarea log last --type Started\n": (
        "the demo twice over; tests/system/test_kill.py kills it at better moments"
    ),
    "kcat -C -e -q -b 127.0.0.1:9092 -t trading -f '%S %s' | python read.py\n": (
        "it needs a broker; tests/integration/test_outside_readers.py"
    ),
    "make up\nmarea up\n": "it starts servers; tests/integration/test_servers_command.py, tests/system/test_up.py",
    "marea log --source kafka --portfolio main --type OrderFilled --since 2026-01-05T00:10:00\n"
    "marea explain --source kafka --portfolio main 7q2nb\n"
    "marea replay --source archive --portfolio main\n"
    "marea doctor --source kafka --portfolio main --until 2026-01-05T12:00:00\n": (
        "they need servers and a record; tests/system/test_distributed.py"
    ),
    "kcat -C -e -q -b 127.0.0.1:9092 -t trading -f '%k %o %s\\n' -s 'value=>bI'\n": "as above",
}
"""The commands that are shown and not run, and why."""


class Shown(NamedTuple):
    """A command of a page, and the output that stands below it; None where there is none."""

    command: str
    output: str | None


class Unlike(NamedTuple):
    """A command that ended otherwise than its page says, and what it printed."""

    command: str
    code: int
    printed: str


def pages(root: Path) -> list[str]:
    """Which pages of a checkout show commands?"""
    found = (path for place in PLACES for path in sorted(root.glob(place)))
    return [str(path.relative_to(root)) for path in found if shown_in(path.read_text("utf-8"))]


def shown_in(page: str) -> list[Shown]:
    """The commands of a page, with their outputs."""
    return [Shown(block[1], block[2]) for block in BLOCK.finditer(page)]


def is_as_shown(output: str, printed: str) -> bool:
    """Is this what the page says is printed?"""
    lines = (
        r"(?:[^\n]*\n)*?" if line == f"{ELIDED}\n" else _pattern(line)
        for line in output.splitlines(keepends=True)
    )
    return re.fullmatch("".join(lines), printed) is not None


def _pattern(line: str) -> str:
    return "[^\n]*".join(map(re.escape, line.split(ELIDED)))


def renewed(output: str, printed: str) -> str:
    """What a page that showed `output` is to show of what is printed now."""
    before = output.splitlines()
    told = [line for line in before if ELIDED in line and line != ELIDED]
    lines = [
        next((line for line in told if re.fullmatch(_pattern(line), new)), new)
        for new in printed.splitlines()
    ]
    for place, line in enumerate(before):
        if line == ELIDED:
            with contextlib.suppress(ValueError):  # what stood around it is no more: all is shown
                begin = lines.index(before[place - 1]) + 1 if place else 0
                after = before[place + 1 : place + 2]
                end = lines.index(after[0], begin) if after else len(lines)
                lines[begin:end] = [ELIDED]
    return "".join(f"{line}\n" for line in lines)


def played(page: str, folder: Path) -> Iterator[tuple[Shown, Unlike | None]]:
    """Run the commands of a page one after the other, as one who stands in a checkout would.

    `folder` is an empty one: it gets a copy of the checkout's settings, and the runs of the page.
    """
    reader = _reader(folder)
    shutil.copytree(ROOT / "config", folder / "config")
    for shown in shown_in(page):
        if shown.command in NOT_RUN:
            yield shown, None
            continue
        ended = subprocess.run(
            ["sh", "-eu", "-c", shown.command],
            cwd=folder,
            env=reader,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        is_well = ended.returncode == 0
        if shown.output is not None:
            is_well = is_well and is_as_shown(shown.output, ended.stdout)
        unlike = Unlike(shown.command, ended.returncode, ended.stdout)
        yield shown, None if is_well else unlike


def _reader(folder: Path) -> dict[str, str]:
    # One who has activated the environment: `marea` and `python` are on the path.
    programs = folder / ".bin"
    programs.mkdir()
    for name, program in {"marea": PROGRAM, "python": (sys.executable,)}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n')
        (programs / name).chmod(0o755)
    variables = environment(folder / "runs")
    return variables | {"PATH": f"{programs}{os.pathsep}{variables['PATH']}"}


def main(arguments: Sequence[str]) -> int:
    """Write the outputs of pages anew; 1 where a command fails, which a person has to see."""
    code = 0
    for name in arguments or pages(ROOT):
        path = ROOT / name
        page = path.read_text("utf-8")
        with tempfile.TemporaryDirectory() as folder:
            for shown, unlike in played(page, Path(folder)):
                if unlike is None:
                    continue
                if unlike.code:
                    code = 1
                    print(f"{name}: exit {unlike.code} of\n{unlike.command}{unlike.printed}")
                elif shown.output is not None:
                    print(f"{name}: another output of\n{unlike.command}")
                    old = f"```sh\n{shown.command}```\n\n```text\n{shown.output}```"
                    output = renewed(shown.output, unlike.printed)
                    new = f"```sh\n{shown.command}```\n\n```text\n{output}```"
                    page = page.replace(old, new, 1)
        path.write_text(page, "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
