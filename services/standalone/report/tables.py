"""What do the tables of a report hold: closed positions with their costs, slippage, denials?"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from services.standalone.moments import time_of_second
from services.standalone.report.story import LegCost, Row, Story
from services.standalone.report.voice import Voice, unscaled

NONE = "—"


class Table(NamedTuple):
    """Rows of text under their columns."""

    title: str
    note: str
    columns: list[tuple[str, str]]
    """Name, and `number` where it is one."""
    rows: list[list[str]]


class Reason(NamedTuple):
    """How often one reason was given, and how long its bar is."""

    code: str
    said: str
    """The code in words."""
    told: str
    share_pct: float


class Denials(NamedTuple):
    """Who said no, and the reasons given, the most frequent first."""

    title: str
    reasons: list[Reason]


def closed_table(story: Story, voice: Voice) -> Table:
    """The closed positions, the last first."""
    words = voice.words
    names = ("instrument", "closed_at", "closed_by", "realized_pnl", "fees", "slippage")
    numbers = ("slippage_entry", "slippage_exit", "qty", "entry_price", "exit_price")
    is_number = {"realized_pnl", "fees", "slippage", *numbers}
    columns = [
        (words[name], "number" if name in is_number else "")
        for name in (*names, *numbers, "opened_at")
    ]
    count, shown = story.counts["PositionClosed"], len(story.rows)
    note = words["no_closed"] if not count else ""
    if shown < count:
        note = voice.say("closed_last", shown=shown, count=count)
    rows = [_closed_row(row, voice) for row in reversed(story.rows)]
    return Table(words["closed_title"], note, columns, rows)


def _closed_row(row: Row, voice: Voice) -> list[str]:
    closed = row.closed
    entry, end = LegCost(), LegCost()
    for (_, leg), completed in row.legs.items():
        if completed is not None:
            (entry if leg == "entry" else end).add(completed)
    fees = unscaled(closed.fees, closed.asset_scale)
    realized_pnl = unscaled(closed.realized_pnl, closed.asset_scale)
    is_told = bool(row.legs) and None not in row.legs.values()
    return [
        closed.instrument,
        time_of_second(closed.ts_event),
        voice.words.get(closed.exit_reason, closed.exit_reason),
        f"{voice.money(realized_pnl, signed=True)} {closed.asset}",
        f"{voice.money(fees)} {closed.asset}",
        f"{voice.money(entry.slipped + end.slipped)} {closed.asset}" if is_told else NONE,
        _bps(entry, voice),
        _bps(end, voice),
        voice.number(unscaled(closed.qty, closed.qty_scale), closed.qty_scale),
        voice.number(unscaled(closed.entry_price, closed.price_scale), closed.price_scale),
        voice.number(unscaled(closed.exit_price, closed.price_scale), closed.price_scale),
        time_of_second(closed.ts_opened),
    ]


def leg_table(story: Story, voice: Voice) -> Table:
    """What each kind of order cost beyond the price decided on."""
    words = voice.words
    numbers = ("completed", "unfilled", "slippage_bps", "slippage")
    columns = [(words["leg"], ""), *((words[name], "number") for name in numbers)]
    rows = [
        [
            words[leg],
            voice.number(cost.completed),
            voice.number(cost.unfilled),
            _bps(cost, voice),
            f"{voice.money(cost.slipped)} {quote}",
        ]
        for (leg, quote), cost in sorted(story.costs.items())
    ]
    return Table(
        words["legs_title"], words["legs_how"] if rows else words["nothing"], columns, rows
    )


def _bps(cost: LegCost, voice: Voice) -> str:
    return NONE if cost.slippage_bps is None else voice.number(cost.slippage_bps, 2)


def pause_table(story: Story, voice: Voice) -> Table:
    """The halts and breakers, in the order of their ends."""
    words = voice.words
    rows = []
    for shade in story.shades.kept:
        kind, _, level = shade.kind.partition(" ")
        told = words[kind].format(level=level)
        rows.append([told, time_of_second(shade.ts_begin), time_of_second(shade.ts_end)])
    columns = [(words[name], "") for name in ("cause", "begin", "end")]
    return Table(words["pauses_title"], "" if rows else words["nothing"], columns, rows)


def denial_groups(story: Story, voice: Voice) -> Iterator[Denials]:
    """Risk's denials, then what was approved and came to nothing; those without one left out."""
    told = {
        "denied_risk": story.denied,
        "denied_execution": story.refused,
        "denied_venue": story.rejected,
    }
    for key, counts in told.items():
        if counts:
            yield Denials(voice.words[key], _reasons(counts, voice))


def _reasons(counts: Counter[str], voice: Voice) -> list[Reason]:
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    most = ranked[0][1]
    return [
        Reason(code, voice.reason(code), voice.number(count), round(100 * count / most, 2))
        for code, count in ranked
    ]
