"""Does everything hold that must hold of a run?"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from marea.bus.port import Bus
from marea.invariants.checker import check_bus
from marea.invariants.violation import Violation
from marea.messages.envelope import Log
from services.standalone import screen
from services.standalone.explaining import Step, lineage_of
from services.standalone.history import History, Placed
from services.standalone.telling import step_line
from services.standalone.words import Words

LINEAGES_MAX = 3
"""Violations of one invariant that come with their lineage; the rest follow from the first ones."""


class Breach(Struct, frozen=True, kw_only=True):
    """A violation, with what its event rests on."""

    violation: Violation
    lineage: list[Step]


class Inspection(Struct, frozen=True, kw_only=True):
    """What an inspection of a run found."""

    run: str
    ok: bool
    breaches: list[Breach]


def inspect(history: History, words: Words) -> Inspection:
    """What does not hold of a run. Raises `BadInput` where it has no log, `Unavailable`."""
    return asyncio.run(_inspect(history, words))


async def _inspect(history: History, words: Words) -> Inspection:
    async with history.opened() as bus:
        breaches = await find_breaches(bus, words)
    return Inspection(run=history.name, ok=not breaches, breaches=breaches)


async def find_breaches(bus: Bus, words: Words) -> list[Breach]:
    """Every violation that the logs show, by the number of its invariant."""
    found: list[Breach] = []
    counts: Counter[int] = Counter()
    for violation in await check_bus(bus):
        counts[violation.number] += 1
        is_first = counts[violation.number] <= LINEAGES_MAX
        lineage = await _lineage(bus, violation, words) if is_first else []
        found.append(Breach(violation=violation, lineage=lineage))
    return found


async def _lineage(bus: Bus, violation: Violation, words: Words) -> list[Step]:
    log = Log(*violation.log.split("/", 1))
    records = await bus.read(log, violation.position, 1)
    if not records:
        return []
    return await lineage_of(bus, Placed(log, violation.position, records[0]), words)


def show_inspection(inspection: Inspection, words: Words, *, as_json: bool) -> None:
    """What does not hold, with the first event of each and what that rests on."""
    if as_json:
        screen.show_json(inspection)
        return
    with screen.showing():
        if inspection.ok:
            screen.out.print(words.phrase("all_holds", run=inspection.run), style="green")
        for breach in inspection.breaches:
            _show_breach(breach, words)
        if inspection.breaches:
            _show_end(inspection.run, inspection.breaches, words)


def _show_breach(breach: Breach, words: Words) -> None:
    told = breach.violation
    screen.out.print(f"{told.number:>3}  {told.code}  {told.what}", style="red")
    expected = {"expected": told.expected, "found": told.found}
    screen.out.print(f"     {words.phrase('expected_found', **expected)}")
    screen.out.print(f"     {told.log}#{told.position}  {told.event}")
    for step in breach.lineage:
        screen.out.print(f"     {step_line(step, words)}")


def _show_end(run: str, breaches: Sequence[Breach], words: Words) -> None:
    first = breaches[0].violation.event
    screen.out.print(words.phrase("violations", count=len(breaches)), style="red")
    screen.out.print(f"\n{words.phrase('next')}: marea explain {run} {first}")
