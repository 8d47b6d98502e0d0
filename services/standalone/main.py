"""The `marea` command."""

import asyncio
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from marea.errors import BadInput, MareaError
from marea.runtime.build import platform_facts
from marea.runtime.settings import Settings, find_config_dir, load_settings
from services.features.main import features_config
from services.standalone import demo as demos
from services.standalone import doctor as checks
from services.standalone import listing, screen
from services.standalone.embedded import SHARD, this_build
from services.standalone.runs import Run, RunFolder, find_folder, new_folder, runs_dir

EXIT_FOUND, EXIT_BUG, EXIT_INTERRUPTED = 1, 70, 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Marea: a trading system whose every decision can be explained and replayed.",
    epilog="Exit: 0 done, 1 done and found something, 2 usage, 3 bad input, 4 something outside "
    "is away, 5 refused for safety, 70 bug.",
)
notes = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Config = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the settings' YAML files.")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, id, begin of its id, or 'last'.")
]


@app.command(
    epilog="Examples:  [bold]marea demo[/bold]   [bold]marea demo --seed 11 --minutes 5[/bold]   "
    "[bold]marea demo --tape day1.raw.gz --tape day2.raw.gz[/bold]   "
    "[bold]marea demo --resume last[/bold]"
)
def demo(
    *,
    tape: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A recorded capture; several in a row make one tape."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the simulated market.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="Of the simulated market.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was cut off.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Turn a market into bars and features, with no server and no key."""
    if resume is not None and (tape or seed is not None or minutes is not None):
        raise typer.BadParameter("--resume takes all from the run; leave the rest out")
    if tape and (seed is not None or minutes is not None):
        raise typer.BadParameter("--seed and --minutes are of the simulated market, not of a tape")
    folder, run, settings = (
        _old_run(resume) if resume is not None else _new_run(tape, seed, minutes, config)
    )
    with folder.writing():
        if run.status == "done":
            notes.print(f"Run {run.id} is done already; this is what came of it.")
        else:
            run = _play(folder, run, settings)
    if as_json:
        _print_json(run.result)
    else:
        screen.show_run(run, folder.path)
    if demos.found_trouble(run.result):
        raise typer.Exit(EXIT_FOUND)


@app.command(
    epilog="Examples:  [bold]marea log last --type Bar[/bold]   "
    "[bold]marea log last --since 2026-01-05T00:01:00 --limit 20[/bold]   "
    "[bold]marea log 2026 --type DeadLetter --json[/bold]"
)
def log(
    run: RunName,
    *,
    kind: Annotated[
        list[str] | None, typer.Option("--type", metavar="T", help="Only events of this type.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="ISO 8601, UTC unless it says otherwise.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="T", help="Up to then, not included.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many events.")] = None,
    as_json: Json = False,
) -> None:
    """List what a run's log holds, in the order of its time."""
    wish = listing.wanted(kind or [], since, until, limit)
    listing.print_events(find_folder(run, runs_dir(os.environ)), wish, as_json=as_json)


@app.command(epilog="Examples:  [bold]marea doctor[/bold]   [bold]marea doctor --json[/bold]")
def doctor(*, config: Config = None, as_json: Json = False) -> None:
    """Check that this machine can run Marea, and say what to mend."""
    findings = checks.examine(config, os.environ)
    if as_json:
        _print_json({"ok": all(each.ok for each in findings), "checks": findings})
    else:
        screen.show_findings(findings)
    if not all(each.ok for each in findings):
        raise typer.Exit(EXIT_FOUND)


@app.command(epilog="Examples:  [bold]marea version[/bold]   [bold]marea version --json[/bold]")
def version(*, as_json: Json = False) -> None:
    """Say which build this is, and on which platform."""
    facts = {"build": this_build(), **platform_facts()}
    if as_json:
        _print_json(facts)
    else:
        screen.show_facts(facts)


def main() -> None:
    """Run the command, and end with the exit code that says how it went."""
    try:
        app()
    except MareaError as err:
        if "--json" in sys.argv[1:]:
            _print_json({"error": str(err), "exit": err.exit_code})
        notes.print(f"marea: {err}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(err.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception:  # noqa: BLE001 # the runner: whatever it is, it is a bug of ours
        traceback.print_exc()
        notes.print("marea: this is a bug of Marea; please report the lines above", style="red")
        sys.exit(EXIT_BUG)


def _new_run(
    tape: list[Path] | None, seed: int | None, minutes: int | None, config: Path | None
) -> tuple[RunFolder, Run, Settings]:
    settings = load_settings(find_config_dir(config, os.environ), os.environ)
    wish = demos.Wish(
        tape=tuple(tape or ()),
        seed=settings.demo.seed if seed is None else seed,
        minutes=settings.demo.minutes if minutes is None else minutes,
    )
    run = demos.describe(wish, settings)
    features_config(settings, SHARD)  # what can't be used leaves no run behind,
    demos.open_market(run, settings)  # nor does what can't be opened
    folder = new_folder(runs_dir(os.environ))
    run.id = folder.path.name
    folder.write(run)
    return folder, run, settings


def _old_run(name: str) -> tuple[RunFolder, Run, Settings]:
    folder = find_folder(name, runs_dir(os.environ))
    run = folder.read()
    try:
        settings = Settings.model_validate_json(msgspec.json.encode(run.settings))
    except ValueError as err:
        raise BadInput(
            f"the settings of run {run.id} are none of this build ({err}): go on with it by the "
            f"build that began it, {run.build}"
        ) from err
    return folder, run, settings


def _play(folder: RunFolder, run: Run, settings: Settings) -> Run:
    market = demos.open_market(run, settings)
    with screen.progress(f"run {run.id}") as show:
        try:
            run = asyncio.run(demos.play(folder, run, market, settings, show))
        except KeyboardInterrupt:
            run.status = "interrupted"
            notes.print(f"Stopped. Go on with: marea demo --resume {run.id}")
            raise
        except MareaError:
            run.status = "failed"
            raise
        finally:
            folder.write(run)
    return run


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
