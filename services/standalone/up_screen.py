"""What a person sees of the services that run."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console, JustifyMethod
from rich.live import Live
from rich.table import Table
from rich.text import Text

from services.standalone import screen
from services.standalone.board import Row, State
from services.standalone.up import ENDED_AS_TOLD, Outcome, Show, Wish, look, up, watch
from services.standalone.words import Words

STATES: dict[State, str] = {
    "left alone": "up_left_alone",
    "ended": "up_ended",
    "starts": "up_starts",
    "does not answer": "up_silent",
    "has not started": "up_has_not_started",
    "recovers": "up_recovers",
    "follows": "up_follows",
    "runs": "up_runs",
}
ROLES = {"owner": "up_owner", "standby": "up_standby", "both": "up_both"}
COLUMNS = (
    *("up_service", "up_state", "up_role", "up_lag", "up_rate", "up_epoch"),
    *("up_hop", "up_time", "up_restarts", "up_error"),
)
NUMBERS = ("up_lag", "up_rate", "up_epoch", "up_time", "up_restarts")
GONE: tuple[State, ...] = ("left alone", "ended", "does not answer")
NOTHING = "·"
WIDTH = 160
"""Of a table that nobody's window bounds."""


@contextmanager
def live(words: Words) -> Iterator[Show]:
    """The rows of now, on stderr: a table that stays in its place, or elsewhere a line for a change."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        yield _Lines(words).show
        return
    with Live(console=console, auto_refresh=False) as shown:
        yield lambda rows: shown.update(table_of(rows, words), refresh=True)


def show_up(wish: Wish, environment: Mapping[str, str], words: Words, *, as_json: bool) -> bool:
    """Run services, shown until they end, and say how they ended; whether all is well.

    Raises as `up`.
    """
    with live(words) as show:
        outcome = asyncio.run(up(wish, environment, show))
    if as_json:
        screen.show_json(outcome)
    else:
        _show_outcome(outcome, words)
    return outcome.ok


def show_running(
    wish: Wish, environment: Mapping[str, str], words: Words, *, as_json: bool
) -> bool:
    """Show services that run already: until told to end on a terminal, else once; whether all is well.

    Raises as `watch`.
    """
    if not as_json and screen.out.is_terminal:
        with live(words) as show:
            asyncio.run(watch(wish, environment, show))
        return True
    rows = asyncio.run(look(wish, environment))
    is_well = all(row.ready for row in rows)
    if as_json:
        screen.show_json({"ok": is_well, "services": rows})
    else:
        with screen.showing():
            Console(file=sys.stdout, width=WIDTH).print(table_of(rows, words))
    return is_well


def _show_outcome(outcome: Outcome, words: Words) -> None:
    with screen.showing():
        screen.show_rows(
            [
                (name, _end(code, words), "green" if code in ENDED_AS_TOLD else "red")
                for name, code in outcome.exits.items()
            ]
        )
        screen.out.print(words.phrase("up_logs", folder=outcome.logs))


def table_of(rows: Sequence[Row], words: Words) -> Table:
    """A table with a line for each row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key in COLUMNS:
        justify: JustifyMethod = "right" if key in NUMBERS else "left"
        table.add_column(words.phrase(key), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row, words), style="dim" if row.role == "standby" else "")
    return table


class _Lines:
    def __init__(self, words: Words) -> None:
        self._words = words
        self._shown: dict[str, tuple[State, int | None]] = {}

    def show(self, rows: Sequence[Row]) -> None:
        for row in rows:
            name, now = _name(row), (row.state, row.restarts)
            if self._shown.get(name) != now:
                self._shown[name] = now
                screen.notes.print(f"{name}: {_state(row, self._words)} {row.last_error}".rstrip())


def _cells(row: Row, words: Words) -> list[str | Text]:
    answers = bool(row.loops)
    uptime = timedelta(seconds=int(row.uptime_s)) if row.uptime_s is not None else NOTHING
    return [
        _name(row),
        Text(_state(row, words), style=_style(row)),
        words.phrase(ROLES[row.role]) if row.role else NOTHING,
        f"{row.lag:,}" if answers else NOTHING,
        f"{row.records_per_s:,.0f}" if answers else NOTHING,
        f"{row.epoch:,}" if row.epoch >= 0 else NOTHING,
        _slowest(row),
        str(uptime),
        str(row.restarts) if row.restarts is not None else NOTHING,
        Text(row.last_error, style="red"),
    ]


def _name(row: Row) -> str:
    return f"{row.service}-{row.instance}"


def _state(row: Row, words: Words) -> str:
    degraded = words.phrase("up_degraded") if row.is_degraded else ""
    return words.phrase(STATES[row.state]) + degraded


def _style(row: Row) -> str:
    if row.state in GONE:
        return "red"
    return "green" if row.ready and not row.is_degraded else "yellow"


def _slowest(row: Row) -> str:
    if not row.hops:
        return NOTHING
    name, hop = max(row.hops.items(), key=lambda each: each[1].p99_ms)
    return f"{name} {hop.p50_ms:.1f}/{hop.p99_ms:.1f}"


def _end(code: int, words: Words) -> str:
    return words.phrase("up_ended_with", code=code) if code else words.phrase("up_drained")
