"""What a person sees of a run in the terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import progress as bars
from rich.console import Console
from rich.table import Table

from services.standalone.doctor import Finding
from services.standalone.runs import Run

out = Console()
notes = Console(stderr=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr while work goes on; it takes how much is done, in 0…1."""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=notes, transient=True) as shown:
        task = shown.add_task(what, total=1.0)
        yield lambda done: shown.update(task, completed=done)


def show_run(run: Run, folder: Path) -> None:
    """What came in, what was made of it, whether it can be trusted, and what to try next."""
    result = run.result
    source = ", ".join(Path(each.path).name for each in run.tape)
    source = source or f"simulated market, seed {run.seed}, {run.minutes} min"
    out.print(f"\n[bold]{source}[/bold]")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("messages passed on", f"{result['market_events']:,}")
    table.add_row(
        "set aside",
        f"{result['dead_letters']:,} dead letters, {result['duplicates']:,} duplicates, "
        f"{result['conflated']:,} conflated",
    )
    table.add_row("bars", f"{result['bars']:,}")
    table.add_row(
        "feature vectors",
        f"{result['features']:,} ({result['not_warm']:,} bars before all indicators were warm, "
        f"{result['not_live']:,} without a trusted book)",
    )
    for name, book in result["books"].items():
        style = "green" if book["status"] == "LIVE" else "red"
        table.add_row(
            f"order book {name}",
            f"[{style}]{book['status']}[/{style}], equal to the venue's quote "
            f"{book['agreed']:,} of {book['compared']:,} times at equal updates",
        )
    if result["quality"]:
        failed = ", ".join(f"{check} {count:,}" for check, count in result["quality"].items())
        table.add_row("quality checks that failed", failed)
    if result["divergences"]:
        table.add_row("[red]differs from the record[/red]", f"{result['divergences']:,} outputs")
    speed = f"{result['seconds']:.1f} s, {result['events_per_s']:,} messages/s"
    table.add_row("time", speed)
    table.add_row("log hash", result["log_hash"])
    table.add_row("run", str(folder))
    out.print(table)
    _show_next(run)


def _show_next(run: Run) -> None:
    out.print("\nNext:")
    out.print("  marea log last --type Bar --limit 5            the bars, as they were closed")
    out.print("  marea log last --type FeatureVector --limit 1  one vector, every feature by name")
    if run.result["quality"]:
        out.print("  marea log last --type QualityCheckFailed       what looked wrong, and when")
    if run.result["dead_letters"]:
        out.print(
            "  marea log last --type DeadLetter               what could not be read, and why"
        )
    if not run.tape:
        out.print(f"  marea demo --seed {run.seed + 1}                             another market")


def show_findings(findings: Sequence[Finding]) -> None:
    """What was checked, what was found, and what mends it."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "check", "found", "remedy"):
        table.add_column(heading)
    for each in findings:
        mark = "[green]ok[/green]" if each.ok else "[red]no[/red]"
        table.add_row(mark, each.check, each.found, "" if each.ok else each.remedy)
    out.print(table)


def show_facts(facts: Mapping[str, str]) -> None:
    """Names and values, a line each."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(name, value)
    out.print(table)
