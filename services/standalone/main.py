"""The `marea` command."""

import os
import sys
import traceback
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from marea.errors import Interrupted, MareaError, Unavailable
from marea.runtime.build import platform_facts
from marea.runtime.processes import SERVICES
from marea.runtime.settings import MINUTES_MAX, Settings, find_config_dir, load_settings
from services.standalone import demo as demos
from services.standalone import doctor as checks
from services.standalone import listing, replay_screen, screen, telling, up_screen
from services.standalone import up as ups
from services.standalone.admission import check_market, check_settings
from services.standalone.choosing import between, choose_history, choose_subject, wish_of
from services.standalone.commands import read_orders
from services.standalone.embedded import this_build
from services.standalone.history import opened
from services.standalone.inspection import inspect, show_inspection
from services.standalone.options import (
    CommandsFile,
    Config,
    Crash,
    Json,
    Lang,
    Portfolio,
    RunName,
    RunOrNone,
    Since,
    Source,
    Until,
    examples,
)
from services.standalone.playing import play_run
from services.standalone.replaying import Mode
from services.standalone.report.write import REPORT_FILE, write_report
from services.standalone.runs import RunFolder, begin, find_folder, runs_dir
from services.standalone.summary import find_troubles, show_run
from services.standalone.words import choose_words

EXIT_DONE, EXIT_FOUND, EXIT_BUG = 0, 1, 70

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Marea: a trading system whose every decision can be explained and replayed.",
    epilog="Begin with:  [bold]marea demo[/bold]\n\n"
    "Exit: 0 done, 1 done and found something to look at, 2 usage, 3 bad input, 4 something "
    "outside is away, 5 refused for safety, 70 bug, 130 stopped by Ctrl-C.",
)


@app.command(
    epilog=examples(
        "marea demo",
        "marea demo --seed 11 --minutes 5",
        "marea demo --tape day1.raw.gz --tape day2.raw.gz",
        "marea demo --resume last",
    )
)
def demo(  # noqa: PLR0913 # each parameter is an option of the command
    *,
    tape: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A recorded capture; several in a row make one tape."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of the simulated market.")
    ] = None,
    minutes: Annotated[
        int | None,
        typer.Option(min=1, max=MINUTES_MAX, metavar="N", help="Of the simulated market."),
    ] = None,
    crash: Crash = 0,
    commands: CommandsFile = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was cut off.")
    ] = None,
    config: Config = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Trade a market on paper, with no server and no key, and say what came of it."""
    drawn = seed is not None or minutes is not None or crash
    if resume is not None and (tape or config or commands or drawn):
        raise typer.BadParameter("--resume takes all from the run; leave the rest out")
    if tape and drawn:
        raise typer.BadParameter(
            "--seed, --minutes and --crash are of the simulated market, not of a tape"
        )
    if resume is None:
        settings = _settings(config)
        wish = demos.Wish(
            tape=tuple(tape or ()),
            seed=settings.demo.seed if seed is None else seed,
            minutes=settings.demo.minutes if minutes is None else minutes,
            crash_pct=crash,
            commands=tuple(read_orders(commands)) if commands else (),
        )
        folder = _begin(wish, settings)
    else:
        folder = find_folder(resume, runs_dir(os.environ))
    words = choose_words(lang, os.environ)
    with folder.writing():
        run = folder.read()
        if run.result is not None:
            screen.notes.print(f"Run {run.id} is done already; this is what came of it.")
        result = run.result or play_run(folder, run, words.language)
    troubles = find_troubles(result, words)
    if as_json:
        screen.show_json(result)
    else:
        show_run(run, result, folder.path, resume or "last", troubles, words)
    if troubles:
        raise typer.Exit(EXIT_FOUND)


@app.command(
    epilog=examples(
        "marea log last --type Bar",
        "marea log last --type Trade --type Quote --since 2026-01-05T00:01:00 --limit 20",
        "marea log 2026 --type DeadLetter --json",
    )
)
def log(  # noqa: PLR0913 # each parameter is an option of the command
    run: RunOrNone = None,
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="T", help="Only events of this type; may be repeated."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many events.")
    ] = None,
    source: Source = None,
    portfolio: Portfolio = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List what a log holds, in the order of its time: of a run, or of a portfolio's processes."""
    wish = listing.wanted(kind or [], since, until, limit)
    asked = wish_of(source, portfolio)
    history = choose_history(run, asked and between(asked, since, until), config)
    with screen.showing():
        if not as_json:
            listing.print_lines(history, wish)
            return
        failure = listing.print_json(history, wish)
    if failure is not None:
        screen.show_error(str(failure))
        sys.exit(failure.exit_code)  # the object has told it: nothing is to follow


@app.command(
    epilog=examples(
        "marea replay last",
        "marea replay last --mode compare --set risk.collar_pct=1.0",
        "marea replay last --mode what-if --set risk.profile=conservative",
    )
)
def replay(  # noqa: PLR0913 # each parameter is an option of the command
    run: RunOrNone = None,
    *,
    mode: Annotated[
        Mode,
        typer.Option(
            help="verify: are all decisions the same again; compare: which would be others; "
            "what-if: what would have come of it, simulated."
        ),
    ] = "verify",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting that is another; repeatable."),
    ] = None,
    until: Until = None,
    source: Source = None,
    portfolio: Portfolio = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Decide what is recorded again, and show which decisions differ."""
    texts = changes or []
    if mode == "verify" and texts:
        raise typer.BadParameter("--set is for --mode compare and --mode what-if")
    if mode == "what-if" and not texts:
        raise typer.BadParameter("--mode what-if needs a --set: what is to be otherwise?")
    asked = between(wish_of(source, portfolio), None, until)
    subject = choose_subject(run, asked, config)
    found = replay_screen.watch(subject, mode, texts)
    if as_json:
        screen.show_json(found)
    else:
        replay_screen.show(found, run or subject.history.name)
    if mode == "verify" and found.different:
        raise typer.Exit(EXIT_FOUND)


@app.command(
    epilog=examples(
        "marea explain last 7q2nb",
        "marea explain last --at 2026-01-05T00:01:30 --instrument BTC-USDT.SIM",
        "marea log last --type RiskDecision --limit 5 --json",
    )
)
def explain(  # noqa: PLR0913 # each parameter is an option of the command
    run: RunOrNone = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An order's client id, any event's id, or its begin."),
    ] = None,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="T", help="ISO 8601: why was nothing traded then?")
    ] = None,
    instrument: Annotated[str | None, typer.Option(metavar="X", help="With --at: in what?")] = None,
    since: Since = None,
    until: Until = None,
    source: Source = None,
    portfolio: Portfolio = None,
    config: Config = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Say why something was done, or why nothing was."""
    asked = wish_of(source, portfolio)
    if asked is not None and name is None:
        run, name = None, run  # RUN is left out: what stands there is the ID
    if (name is None) == (at is None) or (at is None) != (instrument is None):
        raise typer.BadParameter("give the ID of what was done, or else --at and --instrument")
    history = choose_history(run, between(asked, since, until), config)
    words = choose_words(lang, os.environ)
    if name is not None:
        telling.explain(history, name, words, as_json=as_json)
    elif at is not None and instrument is not None:
        telling.explain_nothing(history, (instrument, at), words, as_json=as_json)


@app.command(epilog=examples("marea doctor", "marea doctor --json", "marea doctor last"))
def doctor(  # noqa: PLR0913 # each parameter is an option of the command
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Check what a run's log shows instead.")
    ] = None,
    *,
    until: Until = None,
    source: Source = None,
    portfolio: Portfolio = None,
    config: Config = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Check that this machine can run Marea, or that all holds that must hold of what is recorded."""
    asked = between(wish_of(source, portfolio), None, until)
    if run is not None or asked is not None:
        if asked is None and config is not None:
            raise typer.BadParameter("--config is of the machine's check; leave it out")
        words = choose_words(lang, os.environ)
        found = inspect(choose_history(run, asked, config), words)
        show_inspection(found, words, as_json=as_json)
        if not found.ok:
            raise typer.Exit(EXIT_FOUND)
        return
    findings = checks.examine(config, os.environ)
    is_well = all(each.ok for each in findings)
    if as_json:
        screen.show_json({"ok": is_well, "checks": findings})
    else:
        screen.show_findings(findings)
    if not is_well:
        raise typer.Exit(EXIT_FOUND)


@app.command(epilog=examples("marea version", "marea version --json"))
def version(*, as_json: Json = False) -> None:
    """Say which build this is, and on which platform."""
    facts = {"build": this_build(), **platform_facts()}
    if as_json:
        screen.show_json(facts)
    else:
        screen.show_facts(facts)


@app.command(
    epilog=examples(
        "marea report last", "marea report last --lang es", "marea report 2026 --out day.html"
    )
)
def report(
    run: RunName,
    *,
    lang: Lang = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Else report.html in the run's folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what happened in a run, and what it cost, as one page for a browser."""
    folder = find_folder(run, runs_dir(os.environ))
    language = choose_words(lang, os.environ).language
    with opened(folder) as bus:
        written = write_report(bus, folder.read(), language, out or folder.path / REPORT_FILE)
    if as_json:
        screen.show_json(written)
    else:
        screen.show_facts({"report": written.report})


@app.command(
    epilog=examples(
        "marea up",
        "marea up --services ingestion,features,signals --for 60",
        "marea up --watch",
        "marea up --watch --json",
    )
)
def up(
    *,
    services: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these, with commas between them.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, metavar="S", help="End after so many seconds.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Start nothing: show what runs already.")
    ] = False,
    config: Config = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Run every service as a process of its own, over Kafka and Redis, and show how they do."""
    if watch and as_json and seconds is not None:
        raise typer.BadParameter("--watch --json looks once; leave --for out")
    _settings(config)
    named = ups.read_services(services) if services is not None else SERVICES
    wish = ups.Wish(services=named, config=config, run_s=seconds)
    words = choose_words(lang, os.environ)
    if watch:
        is_well = up_screen.show_running(wish, os.environ, words, as_json=as_json)
    else:
        is_well = up_screen.show_up(wish, os.environ, words, as_json=as_json)
    if not is_well:
        raise typer.Exit(EXIT_FOUND)


def main() -> None:
    """Run the command, and end with the exit code that says how it went."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called: nobody reads it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 # it stays open to the end
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: no terminal stops a command
    try:
        code = app(prog_name="marea", standalone_mode=False) or EXIT_DONE
        if code == Interrupted.exit_code:
            code = _end("stopped", code)
    except typer.TyperException as err:  # what was asked for can't be understood
        problem = (
            err.format_message() or "Missing command."
        )  # which typer answers with all its help
        code = _end(f"{problem.rstrip('.')}. Add --help to see what there is.", err.exit_code)
    except MareaError as err:
        code = _end(str(err), err.exit_code)
    except Exception as err:  # noqa: BLE001 # the runner: whatever it is, it is a bug of ours
        traceback.print_exc()
        code = _end(f"{type(err).__name__}: {err}; this is a bug, please report it", EXIT_BUG)
    sys.exit(code)


def _end(error: str, code: int) -> int:
    error = error.encode(errors="backslashreplace").decode()  # the name of a file may be no text
    if "--json" in sys.argv[1:]:
        with suppress(Unavailable):  # perhaps that is what is to be told
            screen.show_json({"error": error, "exit": code})
    screen.show_error(error)
    return code


def _settings(config: Path | None) -> Settings:
    settings = load_settings(find_config_dir(config, os.environ), os.environ)
    check_settings(settings)
    return settings


def _begin(wish: demos.Wish, settings: Settings) -> RunFolder:
    market = demos.open_market(wish, settings)  # what can't be opened leaves no run behind
    check_market(settings, market.plan)
    return begin(demos.describe(wish, settings), runs_dir(os.environ))
