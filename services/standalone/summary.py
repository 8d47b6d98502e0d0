"""What a person reads of a run at its end: what came in, what was done, what it cost."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shutil import which

from services.standalone.report.write import REPORT_FILE
from services.standalone.runs import Result, Run
from services.standalone.screen import Row, out, show_rows, showing
from services.standalone.words import Words


def find_troubles(result: Result, words: Words) -> list[str]:
    """What came up that a person should look at, a line each; nothing where all is well."""
    found = []
    if result.dead_letters:
        found.append(words.phrase("trouble_dead_letters", count=result.dead_letters))
    if result.divergences:
        found.append(words.phrase("trouble_divergences", count=result.divergences))
    for name, book in result.books.items():
        if book.status != "LIVE":
            found.append(words.phrase("trouble_book", name=name, status=words.code(book.status)))
        if book.agreed != book.compared:
            differed = book.compared - book.agreed
            found.append(words.phrase("trouble_quotes", name=name, count=differed))
    return found


def show_run(
    run: Run, result: Result, path: Path, name: str, troubles: Sequence[str], words: Words
) -> None:
    """What came in, what was made of it, whether it can be trusted, and what to try next.

    `name` is what the run can be called by, `troubles` what a person should look at.
    """
    with showing():
        source = ", ".join(Path(each.path).name for each in run.tape)
        drawn = words.phrase("simulated", seed=run.seed, minutes=run.minutes)
        out.print(source or drawn, style="bold")
        facts = [*_of_market(result, words), *_of_trading(result, words), *_of_run(result, words)]
        places = [("row_run", path), ("row_report", path / REPORT_FILE)]
        show_rows([*facts, *((words.phrase(row), str(place), "") for row, place in places)])
        late = len(run.commands) - sum(result.commands.values())
        if late:
            out.print(words.phrase("late_commands", count=late), style="yellow")
        for trouble in troubles:
            out.print(words.phrase("look", trouble=trouble), style="red")
        _show_next(run, result, name, words)


def _of_market(result: Result, words: Words) -> Iterator[Row]:
    yield _row(words, "row_messages", "passed_on", {"count": result.market_events})
    aside = {
        "dead_letters": result.dead_letters,
        "duplicates": result.duplicates,
        "conflated": result.conflated,
    }
    yield _row(words, "row_aside", "aside", aside, "red" if result.dead_letters else "")
    if result.steps_back:
        yield _row(words, "row_stamps", "steps_back", {"count": result.steps_back}, "yellow")
    yield words.phrase("row_bars"), f"{result.bars:,}", ""
    yield words.phrase("row_vectors"), f"{result.features:,}", ""
    missing = {"not_warm": result.not_warm, "not_live": result.not_live}
    yield _row(words, "row_no_vector", "no_vector", missing)
    for name, book in result.books.items():
        told = {
            "name": name,
            "status": book.status,
            "agreed": book.agreed,
            "compared": book.compared,
        }
        style = "green" if book.status == "LIVE" else "red"
        yield _row(words, "row_book", "book", told, style)
    if result.quality:
        failed = ", ".join(f"{check} {count:,}" for check, count in result.quality.items())
        yield _row(words, "row_quality", "quality", {"failed": failed}, "yellow")


def _of_trading(result: Result, words: Words) -> Iterator[Row]:
    if not result.asset:  # no portfolio was opened
        return
    yield words.phrase("row_signals"), f"{result.signals:,}", ""
    decided = {"count": result.decisions, "denied": result.denied}
    yield _row(words, "row_decisions", "decisions", decided)
    if result.denials:
        ranked = sorted(result.denials.items(), key=lambda denial: -denial[1])
        yield (
            words.phrase("row_denied"),
            "; ".join(f"{words.code(reason)}: {count:,}" for reason, count in ranked),
            "",
        )
    orders = {
        "orders": result.orders,
        "fills": result.fills,
        "partial": result.partial_fills,
        "cancels": result.cancels,
        "rejects": result.rejects,
        "stops": result.stops,
    }
    yield _row(words, "row_orders", "orders", orders)
    closed = {"closed": result.positions_closed, "won": result.positions_won}
    yield _row(words, "row_positions", "positions", closed)
    for level, count in result.breakers.items():
        tripped = {"level": level, "count": count}
        yield _row(words, "row_breakers", "breaker_tripped", tripped, "yellow")
    if result.commands:
        became = (f"{words.code(code)}: {count:,}" for code, count in result.commands.items())
        yield words.phrase("row_commands"), "; ".join(became), "yellow"
    equity = {
        "start": result.equity_start,
        "end": result.equity_end,
        "asset": result.asset,
        "drawdown": f"{result.drawdown_pct_max:.2f}",
    }
    yield _row(words, "row_equity", "equity", equity, "bold")
    costs = {"fees": result.fees, "realized": result.realized_pnl, "asset": result.asset}
    yield _row(words, "row_costs", "costs", costs)


def _of_run(result: Result, words: Words) -> Iterator[Row]:
    speed = {"rate": result.events_per_s, "seconds": f"{result.seconds:.1f}"}
    yield _row(words, "row_speed", "speed", speed)
    yield words.phrase("row_hash"), result.log_hash, ""


def _row(words: Words, name: str, told: str, values: Mapping[str, object], style: str = "") -> Row:
    return words.phrase(name), words.phrase(told, **values), style


def _show_next(run: Run, result: Result, name: str, words: Words) -> None:
    log = f"marea log {name} --type"
    offered = (
        (result.asset, f"{log} RiskDecision --limit 5", "try_decisions"),
        (result.orders, f"{log} OrderIntended --limit 5", "try_orders"),
        (result.breakers, f"{log} BreakerTripped --type BreakerEnded", "try_breakers"),
        (result.commands, f"{log} CommandTaken", "try_commands"),
        (True, f"{log} Bar --limit 5", "try_bars"),
        (True, f"{log} FeatureVector --limit 1", "try_vectors"),
        (result.quality, f"{log} QualityCheckFailed", "try_quality"),
        (result.dead_letters, f"{log} DeadLetter", "try_dead_letters"),
        (not run.tape, f"marea demo --seed {run.seed + 1}", "try_another"),
    )
    tries = [(command, what) for is_worth, command, what in offered if is_worth]
    out.print(f"\n{words.phrase('next')}{_first_of_all(words)}:")
    width = max(len(command) for command, _ in tries)
    for command, what in tries:
        out.print(f"  {command:<{width}}  {words.phrase(what)}")


def _first_of_all(words: Words) -> str:
    # Who called the command by its path, as `make demo` does, can't call it by its name yet.
    activate = Path(sys.argv[0]).parent / "activate"
    if which("marea") or not activate.is_file():
        return ""
    return words.phrase("after", activate=activate)
