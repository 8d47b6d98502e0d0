"""What a person sees of a run in the terminal.

Lines are never cut or folded here: a narrow terminal folds them itself, and what is copied from it
is whole.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedWriter

import msgspec
from rich import progress as bars
from rich.console import Console
from rich.text import Text

from marea.errors import Unavailable
from services.standalone.doctor import Finding

Row = tuple[str, str, str]
"""A name, what it is, and the style in which it is shown."""

out = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
notes = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


@contextmanager
def showing() -> Iterator[None]:
    """What is written to stdout in here has reached it at the end. Raises `Unavailable`.

    From its begin on the command ends like any filter when whoever reads has seen enough.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
        sys.stdout.flush()
    except OSError as err:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what still waits would fail again at the exit
        raise Unavailable(
            f"stdout can't be written ({err.strerror}): make room, or send it elsewhere"
        ) from err


def show_json(value: object) -> None:
    """One JSON object on stdout, in a line; UTF-8 whatever the terminal speaks."""
    with showing(), json_out() as stdout:
        stdout.write(msgspec.json.encode(value) + b"\n")


def json_out() -> BufferedWriter:
    """Stdout as bytes, written in large pieces also where Python is told not to buffer it."""
    return open(sys.stdout.fileno(), "wb", closefd=False)


def show_error(text: str) -> None:
    """Why the command ends here, on stderr."""
    notes.print(f"marea: {text}", style="red")


@contextmanager
def progress(what: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr, where that is a terminal; it takes how much is done, in 0…1, and a word."""
    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    hidden = not notes.is_terminal
    with bars.Progress(*columns, console=notes, transient=True, disable=hidden) as shown:
        task = shown.add_task(what, total=1.0)

        def show(done: float, word: str) -> None:
            shown.update(task, completed=done, description=f"{what}  {word}".rstrip())

        yield show


def show_findings(findings: Sequence[Finding]) -> None:
    """What was checked, what was found, and what mends it."""
    with showing():
        width = max(len(each.check) for each in findings)
        for each in findings:
            style = "green" if each.ok else "red"
            told = [f"  {each.check:<{width}}  ", each.found]
            out.print(Text.assemble(("ok" if each.ok else "no", style), *told))
            if not each.ok and each.remedy:
                out.print(f"{'':{width + 6}}{each.remedy}", style="red")


def show_facts(facts: Mapping[str, str]) -> None:
    """Names and values, a line each."""
    with showing():
        show_rows([(name, value, "") for name, value in facts.items()])


def show_rows(rows: Sequence[Row]) -> None:
    """Names and what they are, a line each; inside `showing`."""
    width = max(len(name) for name, _, _ in rows)
    for name, value, style in rows:
        out.print(Text.assemble(f"{name:<{width}}  ", (value, style)))
