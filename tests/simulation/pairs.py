"""A short day whose processes die twice: at every two of its steps."""

import sys
import time
from collections.abc import Iterator
from itertools import combinations, islice
from pathlib import Path

import msgspec
from msgspec import Struct, field
from rich.console import Console
from rich.progress import Progress

from tests.simulation.kept import load, save
from tests.simulation.steps import crash_at, step_count
from tests.simulation.workers import workers

BATCH = 400
"""Runs between two savings of what came out."""
CHUNK = 16
notes = Console(stderr=True)


class Pairs(Struct):
    """What came out so far."""

    steps: int
    done: int = 0
    """Pairs that were played, in their order."""
    failed: dict[str, str] = field(default_factory=dict)
    """What was wrong first, by the two steps."""
    seconds: float = 0.0


def run(processes: int, kept: Path, as_json: bool) -> int:
    """Play the pairs that were not played yet, and tell of all."""
    steps = step_count()
    found = load(kept, Pairs)
    if found is None or found.steps != steps:  # the day is another one now
        found = Pairs(steps=steps)
    total = found.steps * (found.steps - 1) // 2
    left = islice(combinations(range(found.steps), 2), found.done, None)
    with Progress(console=notes) as progress, workers(processes) as pool:
        task = progress.add_task("pairs", total=total, completed=found.done)
        while batch := list(islice(left, BATCH)):
            begun_s = time.perf_counter()
            for pair, wrong in zip(batch, pool.map(_wrong, batch, chunksize=CHUNK), strict=True):
                if wrong:
                    found.failed[f"{pair[0]} {pair[1]}"] = wrong
            found.done += len(batch)
            found.seconds += time.perf_counter() - begun_s
            progress.update(task, completed=found.done)
            save(kept, found)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        for line in _told(found):
            print(line)
    return 1 if found.failed else 0


def _wrong(pair: tuple[int, int]) -> str:
    findings = crash_at(pair)[1]
    return f"{findings[0].code}: {findings[0].what}" if findings else ""


def _told(found: Pairs) -> Iterator[str]:
    for pair, wrong in found.failed.items():
        yield f"steps {pair}: {wrong}"
    yield (
        f"{found.done:,} pairs of {found.steps} steps, {len(found.failed)} came out wrong; "
        f"{found.seconds / 60:.1f} min"
    )
