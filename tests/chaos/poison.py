"""Poison a fleet over servers of its own, and tell what became of it.

python -m tests.chaos.poison                                    100,000 messages in 15 minutes
python -m tests.chaos.poison --count 2000 --seconds 25 --seed 3
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import servers
from tests.chaos.page import write
from tests.chaos.poisoned import Dose, Outcome, Poisoned
from tools.arguments import above_zero

SHOWN_MAX = 20
WHOLE_COUNT = 100_000
"""So many go on the page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing of it counted; 1: some of it did."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.poison",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7, metavar="K")
    parser.add_argument("--count", type=above_zero(int), default=WHOLE_COUNT, metavar="N")
    parser.add_argument("--seconds", type=above_zero(float), default=900.0, metavar="S")
    parser.add_argument(
        "--activity", type=above_zero(float), default=1.0, help="of the market meanwhile"
    )
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # the clients tell of every call that their servers miss
    folder = Path(tempfile.mkdtemp(prefix="marea-poison-"))
    dose = Dose(seed=given.seed, count=given.count, seconds=given.seconds, activity=given.activity)
    with servers.own() as own:
        own.up("kafka", "redis")
        poisoned = Poisoned(own.address("kafka"), own.address("redis"), "poison.", dose)
        outcome = poisoned.run(folder)
    text = told(outcome)
    print(text)
    if given.count >= WHOLE_COUNT:
        write({"Poison": text})
    print(f"the logs of its services are in {folder}")
    return int(bool(outcome.findings))


def told(outcome: Outcome) -> str:
    """In words."""
    put, valid = outcome.put, outcome.valid
    lines = [
        (
            f"{put.total()} damaged messages among {outcome.real_count} real ones, "
            f"{valid.total()} of them still valid; {outcome.copies} damaged copies on Redis; "
            f"{outcome.anew} lives anew for them; {outcome.withheld} withheld; {outcome.letters} dead letters"
        ),
        "",
        *(f"- {kind}: {put[kind]}, valid {valid[kind]}" for kind in sorted(put)),
        "",
        "on " + ", ".join(f"{name} {count}" for name, count in sorted(outcome.by_channel.items())),
        "",
        f"Findings: {len(outcome.findings)}.",
        *(f"- {each}" for each in outcome.findings[:SHOWN_MAX]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
