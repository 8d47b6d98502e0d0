"""Writes `docs/invariants.md`: what is checked of any run, as the code of each check says it."""

import sys
from pathlib import Path

from marea.invariants.catalogue import NOT_SHOWN, SHOWN

HEAD = """# Invariants

Written by `make docs` from `marea.invariants`; change that. `marea doctor RUN` reads the logs of a
run once, in the order of time, and asserts what stands in the first table. Each violation has its
number and code, the first event that shows it, where that stands, what was expected and what was
found. For each number a test plants a violation in a small valid history and sees it found.

The logs are judged as their readers take them: the second copy of an append, and what a life wrote
behind the `Started` of the next one, stand there and do not count. 33 sees that nobody acts on them.

Two numbers are weaker here than in words: 12 holds open entries against the wallet's cash, for
the limits stand in risk's settings and each decision shows its own; 31 trusts a venue's own quotes,
of which a crossed one is told as a failed check of quality.

| number | code | what must hold |
|---|---|---|
"""

REST = """
What the logs of a run cannot show, and who shows it:

| number | why |
|---|---|
"""


def render() -> str:
    """The page: a table of the checks, and one of what is no matter of the logs."""
    checks = [
        f"| {number} | `{make.code}` | {(make.__doc__ or '').strip()} |\n"
        for number, make in sorted(SHOWN.items())
    ]
    rest = [f"| {number} | {why} |\n" for number, why in sorted(NOT_SHOWN.items())]
    return "".join([HEAD, *checks, REST, *rest])


def main(root: Path) -> int:
    """Write the page of a checkout."""
    (root / "docs" / "invariants.md").write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
