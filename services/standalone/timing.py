"""Where did the time of a run go? Measured beside the run, and kept apart from its events."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from marea.errors import BadInput, Unavailable

BUCKETS = 48
TABLE = """
CREATE TABLE IF NOT EXISTS timing (
    loop TEXT NOT NULL, hop TEXT NOT NULL, steps INTEGER NOT NULL, records INTEGER NOT NULL,
    total_ns INTEGER NOT NULL, p50_ns INTEGER NOT NULL, p99_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL, PRIMARY KEY (loop, hop))
"""


@dataclass(slots=True)
class HopTimes:
    """How long the steps of one hop took."""

    steps: int = 0
    records: int = 0
    total_ns: int = 0
    max_ns: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    """Steps by the power of two that their ns lie below."""

    def quantile_ns(self, share: float) -> int:
        """An upper bound of the time that this share of the steps took: a power of two, ns."""
        wanted = share * self.steps
        seen = 0
        for power, count in enumerate(self.buckets):
            seen += count
            if seen >= wanted:
                return min(1 << power, self.max_ns)
        return self.max_ns


class Stopwatch:
    """The telemetry of an embedded run."""

    def __init__(self) -> None:
        self.hops: dict[tuple[str, str], HopTimes] = {}

    def now_ns(self) -> int:
        """The monotonic clock, ns."""
        return time.perf_counter_ns()

    def hop(self, name: str, hop: str, spent_ns: int, records: int) -> None:
        """Add one step of a loop."""
        times = self.hops.get((name, hop))
        if times is None:
            times = self.hops[name, hop] = HopTimes()
        times.steps += 1
        times.records += records
        times.total_ns += spent_ns
        times.max_ns = max(times.max_ns, spent_ns)
        times.buckets[min(spent_ns.bit_length(), BUCKETS - 1)] += 1

    def save(self, log_path: Path) -> None:
        """Write the table `timing` beside the events; a resumed run replaces it.

        Raises `Unavailable` where there is no room, `BadInput` where the file is damaged.
        """
        rows = [
            (
                *key,
                times.steps,
                times.records,
                times.total_ns,
                times.quantile_ns(0.5),
                times.quantile_ns(0.99),
                times.max_ns,
            )
            for key, times in sorted(self.hops.items())
        ]
        try:
            with closing(sqlite3.connect(log_path)) as db, db:
                db.execute(TABLE)
                db.executemany("INSERT OR REPLACE INTO timing VALUES (?,?,?,?,?,?,?,?)", rows)
        except sqlite3.OperationalError as err:
            raise Unavailable(f"{log_path}: {err}: make room, then try again") from err
        except sqlite3.Error as err:
            raise BadInput(f"{log_path} is damaged: {err}: restore it") from err
