"""Writes the diagram of `docs/life-of-an-order.md`: the statuses of an order, drawn from their table."""

import sys
from collections.abc import Mapping
from pathlib import Path

from marea.domain.order_life import BEGIN, LIFE

PAGE = Path("docs/life-of-an-order.md")
OPENS = "<!-- drawn by make docs -->\n"
CLOSES = "<!-- end of the drawing -->\n"


def render(life: Mapping[str, Mapping[str, str]], begin: str) -> str:
    """The table as a mermaid diagram: one arrow for all events that lead from one status to another."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {begin}"]
    for status, followers in life.items():
        arrows: dict[str, list[str]] = {}
        for event, after in followers.items():
            arrows.setdefault(after, []).append(event)
        lines += [
            f"    {status} --> {after}: {', '.join(events)}"
            for after, events in arrows.items()
            if after != status
        ]
        lines += [] if followers else [f"    {status} --> [*]"]
    return "\n".join([*lines, "```", ""])


def drawn(page: str) -> str:
    """The page with today's diagram in it. Raises `ValueError` where it has no place for one."""
    before, opens, rest = page.partition(OPENS)
    _, closes, after = rest.partition(CLOSES)
    if not opens or not closes:
        raise ValueError(f"{PAGE}: expected the lines '{OPENS.strip()}' and '{CLOSES.strip()}'")
    return before + opens + render(LIFE, BEGIN) + closes + after


def main(root: Path) -> int:
    """Draw the diagram of a checkout anew."""
    page = root / PAGE
    page.write_text(drawn(page.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
