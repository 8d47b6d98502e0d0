"""Worlds by the million: goes on where it ended, and tells which faults met what."""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.simulation.faults import KINDS
from tests.simulation.kept import load, save
from tests.simulation.verdict import verdicts

BATCH = 200
"""Worlds between two savings of what came out."""
FAILED_KEPT_MAX = 1_000
FILE_WIDTH = 200
"""Of a table that nobody's screen bounds."""
notes = Console(stderr=True)


class Night(Struct):
    """What came out so far."""

    done: int = 0
    """Seeds 0 to this were played."""
    failures: int = 0
    events: int = 0
    seconds: float = 0.0
    failed: dict[int, str] = field(default_factory=dict)
    """The first failing seeds, and what was wrong first."""
    met: dict[str, int] = field(default_factory=dict)


def run(seeds: int, processes: int, kept: Path, as_json: bool) -> int:
    """Play the seeds up to this number that were not played yet, and tell of all."""
    night = load(kept, Night) or Night()
    with Progress(console=notes) as progress:
        task = progress.add_task("worlds", total=seeds, completed=night.done)
        while night.done < seeds:
            begun_s = time.perf_counter()
            batch = range(night.done, min(seeds, night.done + BATCH))
            met = Counter(night.met)
            for verdict in verdicts(batch, processes):
                night.events += verdict.events
                met.update(verdict.met)
                if verdict.findings:
                    night.failures += 1
                    if len(night.failed) < FAILED_KEPT_MAX:
                        night.failed[verdict.seed] = verdict.findings[0].code
                progress.advance(task)
            night.met = dict(sorted(met.items()))
            night.done = batch.stop
            night.seconds += time.perf_counter() - begun_s
            save(kept, night)
    if as_json:
        sys.stdout.write(msgspec.json.encode(night).decode() + "\n")
    else:
        _show(night)
    return 1 if night.failures else 0


def _show(night: Night) -> None:
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    table = Table(title="how often each fault met each service", title_justify="left")
    services = sorted({key.split()[1] for key in night.met})
    table.add_column("fault")
    for service in services:
        table.add_column(service, justify="right")
    table.add_column("message types", justify="right")
    for kind in KINDS:
        table.add_row(kind, *_row(kind, services, night.met))
    console.print(table)
    for seed, code in night.failed.items():
        console.print(f"seed {seed}: {code}")
    console.print(
        f"{night.done:,} worlds, {night.failures} came out wrong; {night.events:,} events in "
        f"{night.seconds / 3600:.1f} h"
    )


def _row(kind: str, services: list[str], met: Mapping[str, int]) -> list[str]:
    cells = []
    types: set[str] = set()
    for service in services:
        found = {
            key.split()[2]: count
            for key, count in met.items()
            if key.split()[:2] == [kind, service]
        }
        types.update(found)
        cells.append(f"{sum(found.values()):,}" if found else "")
    return [*cells, str(len(types))]
