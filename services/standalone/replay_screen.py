"""What a person sees of a replay in the terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from marea.errors import Interrupted
from services.standalone import replaying, screen
from services.standalone.replaying import Mode, Replayed, Shown, Subject
from services.standalone.what_if import WhatIf, what_if

LISTED_MAX = 5
"""Differences of each type; `--json` lists more."""
FIELDS_MAX = 6
"""Of one difference; `--json` shows both messages whole."""
ON_RECORD = ("on record", "now")
SIDE_BY_SIDE = ("in the control", "in the variant")
FIGURES = {
    "signals": "signals",
    "decisions": "decisions",
    "denied": "denied",
    "orders": "orders",
    "fills": "fills",
    "partial_fills": "partial fills",
    "cancels": "cancels",
    "stops": "stops",
    "positions_closed": "positions closed",
    "fees": "fees",
    "equity_start": "equity, start",
    "equity_end": "equity, end",
    "drawdown_pct_max": "drawdown, %",
}


DECISIONS = ("RiskDecision", "OrderIntended")
"""What a person is shown of two whole runs: the rest follows."""


def watch(subject: Subject, mode: Mode, texts: Sequence[str]) -> Replayed:
    """Replay it, with a bar meanwhile. Raises as `verify`, `compare` and `what_if`; `Interrupted`."""
    try:
        with screen.progress(f"replay {subject.history.name}") as tell:
            if mode == "verify":
                return replaying.verify(subject, tell)
            if mode == "compare":
                return replaying.compare(subject, texts, tell)
            return what_if(subject, texts, tell)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was changed") from None


def show(found: Replayed, name: str) -> None:
    """What a replay found; `name` is what the run can be called by."""
    with screen.showing():
        if isinstance(found, WhatIf):
            _show_what_if(found)
        elif found.mode == "compare":
            _show_compared(found)
        else:
            _show_verified(found, name)


def _show_verified(found: Replayed, name: str) -> None:
    if found.different:
        _say(f"{found.different:,} of {found.compared:,} decisions differ", "bold red")
    else:
        _say(f"all {found.compared:,} decisions are the same again", "bold green")
    _show_counts(found)
    first = found.first_difference
    if first is not None:
        _say("\nThe first that differs:")
        _show_difference(first, ON_RECORD)
        if first.recorded is not None:
            _say(f"\nNext:\n  marea explain {name} {first.id}  what it rested on")


def _show_compared(found: Replayed) -> None:
    if found.set:
        _say(f"with {', '.join(found.set)}", "bold")
    _say(f"{found.different:,} of {found.compared:,} decisions would be others")
    if found.different:
        alike = found.different - found.other_outcomes
        _say(
            f"  {found.other_outcomes:,} would do something else, {alike:,} the same by other numbers"
        )
    _show_counts(found)
    _show_list(found, ON_RECORD, tuple(found.by_type))
    if found.different:
        _say(
            "Each is told alone: what would be decided in the situation that is on record. "
            "For what would come of them all, try --mode what-if."
        )


def _show_what_if(found: WhatIf) -> None:
    _say(f"SIMULATED over the recorded market, with {', '.join(found.set)}", "bold")
    control, variant = _figures(found.control), _figures(found.variant)
    rows = [("", "control", "variant", "change")]
    rows += [
        (told, control[key], variant[key], found.change.get(key, ""))
        for key, told in FIGURES.items()
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    for told, was, now, change in rows:
        _say(f"{told:<{widths[0]}}  {was:>{widths[1]}}  {now:>{widths[2]}}  {change:>{widths[3]}}")
    if found.control_as_recorded is False:
        _say("The control decided otherwise than the run itself did.", "yellow")
    _show_list(found, SIDE_BY_SIDE, DECISIONS)
    _say("Both runs are simulated: no order was sent, and no profit is promised.")


def _figures(result: object) -> dict[str, str]:
    return {
        key: f"{value:,}" if isinstance(value := getattr(result, key), int) else str(value)
        for key in FIGURES
    }


def _show_counts(found: Replayed) -> None:
    width = max((len(kind) for kind in found.by_type), default=0)
    for kind, tally in found.by_type.items():
        told = f"  {kind:<{width}}  {tally.identical:>9,} the same"
        if tally.different:
            told += f"  {tally.different:>9,} different"
        _say(told)
    if found.beyond:
        _say(
            f"The run was cut off: {found.beyond:,} decisions after its record's end are left out."
        )
    if found.build != found.recorded_by:
        _say(f"Recorded by build {found.recorded_by}; this is {found.build}.", "yellow")


def _show_list(found: Replayed, sides: tuple[str, str], kinds: tuple[str, ...]) -> None:
    listed: Counter[str] = Counter()
    for each in found.differences:
        if each.type not in kinds:
            continue  # what follows from those
        listed[each.type] += 1
        if listed[each.type] <= LISTED_MAX:
            _show_difference(each, sides)
    left = found.different - sum(min(count, LISTED_MAX) for count in listed.values())
    if left:
        _say(f"and {left:,} more; --json lists the first 100 of each type")


def _show_difference(each: Shown, sides: tuple[str, str]) -> None:
    _say(f"{each.time}  {each.type}  {each.instrument}  {each.id}")
    if each.recorded is None or each.decided is None:
        _say(f"    {each.detail}")
        return
    changes = list(islice(_changes("", each.recorded, each.decided), FIELDS_MAX + 1))
    for name, was, now in changes[:FIELDS_MAX]:
        _say(f"    {name}: {was} {sides[0]}, {now} {sides[1]}")
    if not changes:
        _say(f"    {each.detail}")
    elif len(changes) > FIELDS_MAX:
        _say("    and more fields")


def _changes(
    above: str, recorded: Mapping[str, Any], decided: Mapping[str, Any]
) -> Iterator[tuple[str, object, object]]:
    for name in {**recorded, **decided}:
        was, now = recorded.get(name), decided.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _changes(f"{above}{name}.", was, now)
        elif was != now:
            yield f"{above}{name}", was, now


def _say(text: str, style: str = "") -> None:
    screen.out.print(text, style=style)
