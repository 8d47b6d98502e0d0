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
from pathlib import Path
from shutil import which

import msgspec
from rich import progress as bars
from rich.console import Console
from rich.text import Text

from marea.errors import Unavailable
from services.standalone.doctor import Finding
from services.standalone.runs import Result, Run

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


def show_run(run: Run, result: Result, path: Path, name: str, troubles: Sequence[str]) -> None:
    """What came in, what was made of it, whether it can be trusted, and what to try next.

    `name` is what the run can be called by, `troubles` what a person should look at.
    """
    with showing():
        source = ", ".join(Path(each.path).name for each in run.tape)
        out.print(source or f"simulated market, seed {run.seed}, {run.minutes} min", style="bold")
        _show_rows([*_facts(result), ("run", str(path), "")])
        for trouble in troubles:
            out.print(f"look at this: {trouble}", style="red")
        _show_next(run, result, name)


def _facts(result: Result) -> Iterator[Row]:
    yield "messages", f"{result.market_events:,} passed on", ""
    aside = (
        f"{result.dead_letters:,} dead letters, {result.duplicates:,} duplicates, "
        f"{result.conflated:,} conflated"
    )
    yield "set aside", aside, "red" if result.dead_letters else ""
    if result.steps_back:
        yield "stamps", f"{result.steps_back:,} lower than one on a line above", "yellow"
    yield "bars", f"{result.bars:,}", ""
    yield "vectors", f"{result.features:,}", ""
    missing = f"{result.not_warm:,} bars before all indicators were warm"
    yield "no vector", f"{missing}, {result.not_live:,} without a trusted book", ""
    for name, book in result.books.items():
        told = (
            f"{name} {book.status}, equal to the venue's quote {book.agreed:,} of "
            f"{book.compared:,} times"
        )
        yield "order book", told, "green" if book.status == "LIVE" else "red"
    if result.quality:
        failed = ", ".join(f"{check} {count:,}" for check, count in result.quality.items())
        yield "quality", f"checks that failed: {failed}", "yellow"
    yield "speed", f"{result.events_per_s:,} messages/s, {result.seconds:.1f} s", ""
    yield "log hash", result.log_hash, ""


def _show_next(run: Run, result: Result, name: str) -> None:
    tries = [
        (f"marea log {name} --type Bar --limit 5", "the bars, as they were closed"),
        (f"marea log {name} --type FeatureVector --limit 1", "every feature by its name"),
    ]
    if result.quality:
        tries.append((f"marea log {name} --type QualityCheckFailed", "what looked wrong, and when"))
    if result.dead_letters:
        tries.append((f"marea log {name} --type DeadLetter", "what could not be read, and why"))
    if not run.tape:
        tries.append((f"marea demo --seed {run.seed + 1}", "another market"))
    out.print(f"\nNext{_first_of_all()}:")
    width = max(len(command) for command, _ in tries)
    for command, what in tries:
        out.print(f"  {command:<{width}}  {what}")


def _first_of_all() -> str:
    # Who called the command by its path, as `make demo` does, can't call it by its name yet.
    activate = Path(sys.argv[0]).parent / "activate"
    if which("marea") or not activate.is_file():
        return ""
    return f", after `. {activate}`"


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
        _show_rows([(name, value, "") for name, value in facts.items()])


def _show_rows(rows: Sequence[Row]) -> None:
    width = max(len(name) for name, _, _ in rows)
    for name, value, style in rows:
        out.print(Text.assemble(f"{name:<{width}}  ", (value, style)))
