"""Writes the diagram of `docs/life-of-an-order.md`: the statuses of an order, drawn from their table."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from marea.domain.order_life import BEGIN, LIFE, REPORTS

PAGE = Path("docs/life-of-an-order.md")
OPENS = "<!-- drawn by make docs -->\n"
CLOSES = "<!-- end of the drawing -->\n"
BOX = "not_reported"
"""The statuses of an order that the venue has not reported yet."""

Life: TypeAlias = Mapping[str, Mapping[str, str]]


def render(life: Life, reports: Mapping[str, str], begin: str) -> str:
    """The table as a mermaid diagram, without the events that change no status.

    All events that lead from one status to another share an arrow. The statuses in which each
    first report of the venue may come share a box, and those arrows leave the box.
    """
    boxed = [status for status, followers in life.items() if reports.items() <= followers.items()]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {begin}", f"    state {BOX} {{"]
    leaving: list[str] = []
    for status, followers in life.items():
        own = {event: to for event, to in followers.items() if event not in reports}
        if status in boxed:
            inside = {event: to for event, to in own.items() if to in boxed}
            lines += [f"    {line}" for line in _arrows(status, inside)]
            leaving += _arrows(status, {event: to for event, to in own.items() if to not in boxed})
        else:
            leaving += _arrows(status, followers) if followers else [f"    {status} --> [*]"]
    return "\n".join([*lines, "    }", *_arrows(BOX, reports), *leaving, "```", ""])


def _arrows(status: str, followers: Mapping[str, str]) -> list[str]:
    events_to: dict[str, list[str]] = {}
    for event, after in followers.items():
        if after != status:
            events_to.setdefault(after, []).append(event)
    return [f"    {status} --> {to}: {', '.join(events)}" for to, events in events_to.items()]


def drawn(page: str) -> str:
    """The page with today's diagram in it. Raises `ValueError` where it has no place for one."""
    before, opens, rest = page.partition(OPENS)
    _, closes, after = rest.partition(CLOSES)
    if not opens or not closes:
        raise ValueError(f"{PAGE}: expected the lines '{OPENS.strip()}' and '{CLOSES.strip()}'")
    return before + opens + render(LIFE, REPORTS, BEGIN) + closes + after


def main(root: Path) -> int:
    """Draw the diagram of a checkout anew."""
    page = root / PAGE
    page.write_text(drawn(page.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
