"""Does a fleet at work grow? Memory, descriptors, tasks and lag of each process, over time.

python -m tests.chaos.soak                  30 minutes at 1,000 messages/s, flat from minute 5 on
python -m tests.chaos.soak --minutes 10 --warm-up-minutes 3
"""

import argparse
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from msgspec import Struct, field

from benchmarks.machine import machine
from services.standalone.fleet import Fleet
from tests import servers
from tests.chaos.page import write
from tests.chaos.trend import SPANS, Trend, trend
from tools.arguments import above_zero

SERVICES = ("paper", "ingestion", "features", "signals", "risk", "execution", "recorder")
BUSY = 10.2
"""The market's activity at which about 1,000 messages a second come of it."""
READY_S_MAX = 90.0
ANSWER_S_MAX = 2.0
MB = 1e6
WHOLE_MINUTES = 30.0
"""What lasts so long goes on the page."""
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


class Figure(NamedTuple):
    """What is looked at in each process."""

    name: str
    metric: str
    scale: float
    rise_max: float
    """So much more an hour counts as level, whatever the line says."""


FIGURES = (
    Figure("memory, MB", "process_resident_memory_bytes", MB, 24.0),
    Figure("descriptors", "process_open_fds", 1.0, 6.0),
    Figure("tasks", "marea_tasks", 1.0, 6.0),
    Figure("lag, records", "marea_lag_records", 1.0, 600.0),
)
"""A day at the bound of memory is 576 MB: what a container has room for between two upgrades."""


class Soak(Struct, frozen=True, kw_only=True):
    """How long, and how hard."""

    seed: int
    warm_up_s: float
    measured_s: float
    every_s: float = 5.0
    activity: float = BUSY


class Level(NamedTuple):
    """One figure of one process over the measured time."""

    service: str
    figure: Figure
    first: float
    last: float
    trend: Trend

    @property
    def is_flat(self) -> bool:
        """Whether it does not rise."""
        return self.trend.is_flat(self.figure.rise_max)


class Outcome(Struct, kw_only=True):
    """What came of it."""

    levels: list[Level] = field(default_factory=list)
    market_per_s: float = 0.0
    loads: list[float] = field(default_factory=list)
    """Of the machine, one at each sample."""
    findings: list[str] = field(default_factory=list)
    """Of services that did not just run."""


def run(soak: Soak, kafka: str, redis: str, prefix: str, folder: Path) -> Outcome:
    """Have a fleet trade, look at it every few seconds, and tell how its figures went."""
    outcome = Outcome()
    samples = _Samples()
    with Fleet(_environment(soak, kafka, redis, prefix), None, folder) as fleet:
        for service in SERVICES:
            fleet.start(service)
        fleet.wait_ready(READY_S_MAX)
        begun_s = time.monotonic()
        while (now_s := time.monotonic() - begun_s) < soak.warm_up_s + soak.measured_s:
            if now_s >= soak.warm_up_s:
                outcome.loads.append(os.getloadavg()[0])
                samples.take(fleet, now_s)
            time.sleep(soak.every_s - (time.monotonic() - begun_s) % soak.every_s)
        outcome.findings += _ended(fleet)
    samples.conclude(outcome)
    return outcome


def _ended(fleet: Fleet) -> list[str]:
    early = [
        f"{child.name} has ended {child.how_it_ended()}"
        for child in fleet.children.values()
        if not child.is_running
    ]
    codes = fleet.stop().items()
    return early or [f"{name} ended with {code}" for (name, _), code in codes if code]


class _Samples:
    def __init__(self) -> None:
        self._series: dict[tuple[str, Figure], list[tuple[float, float]]] = {}
        self._market: list[tuple[float, float]] = []

    def take(self, fleet: Fleet, now_s: float) -> None:
        for child in fleet.children.values():
            place = child.start.place
            with suppress(OSError, HTTPException):
                sums = sums_of(_figures(f"http://{place.host}:{place.port}/metrics"))
                for figure in FIGURES:
                    told = self._series.setdefault((place.service, figure), [])
                    told.append((now_s, sums[figure.metric] / figure.scale))
                if place.service == "ingestion":
                    self._market.append((now_s, sums["marea_position"]))

    def conclude(self, outcome: Outcome) -> None:
        for (service, figure), samples in self._series.items():
            if len(samples) < SPANS:
                outcome.findings.append(f"{service} told its {figure.name} {len(samples)} times")
                continue
            level = Level(service, figure, samples[0][1], samples[-1][1], trend(samples))
            outcome.levels.append(level)
        if len(self._market) > 1:
            (first_s, first), (last_s, last) = self._market[0], self._market[-1]
            outcome.market_per_s = (last - first) / (last_s - first_s)


def _figures(url: str) -> str:
    with urlopen(url, timeout=ANSWER_S_MAX) as answer:  # noqa: S310 # it is a process of ours
        return str(answer.read(), "utf-8")


def _environment(soak: Soak, kafka: str, redis: str, prefix: str) -> dict[str, str]:
    given = {
        "KAFKA__SERVERS": kafka,
        "KAFKA__PREFIX": prefix,
        "REDIS__URL": redis,
        "REDIS__PREFIX": prefix,
        "MARKET__SEED": str(soak.seed),
        "MARKET__ACTIVITY": str(soak.activity),
        "MARKET__MINUTES": str(int((soak.warm_up_s + soak.measured_s) / 60) + 10),
        "RECORDER__SINKS": "[dead-letters]",
    }
    return {**os.environ, **{f"MAREA__{name}": text for name, text in given.items()}}


def sums_of(figures: str) -> dict[str, float]:
    """Each metric, summed over its labels."""
    sums: dict[str, float] = {}
    for name, _, number in _SAMPLE.findall(figures):
        sums[name] = sums.get(name, 0.0) + float(number)
    return sums


def told(outcome: Outcome, facts: Mapping[str, str | int]) -> str:
    """In words, as a table."""
    loads = sorted(outcome.loads)
    lines = [
        f"{outcome.market_per_s:.0f} messages of the market a second; load average "
        f"{loads[len(loads) // 2]:.1f}, at most {loads[-1]:.1f}; "
        + ", ".join(f"{name} {value}" for name, value in facts.items()),
        "",
        "| service | figure | first | last | slope an hour (95 %) | flat |",
        "|---|---|---|---|---|---|",
    ]
    for level in outcome.levels:
        slope, low, high = level.trend
        lines.append(
            f"| {level.service} | {level.figure.name} | {level.first:.1f} | {level.last:.1f} | "
            f"{slope:+.1f} ({low:+.1f} to {high:+.1f}) | {'yes' if level.is_flat else 'NO'} |"
        )
    return "\n".join([*lines, *outcome.findings])


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all is flat; 1: something rises, or ended."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7, metavar="K")
    parser.add_argument(
        "--minutes", type=above_zero(float), default=WHOLE_MINUTES, help="with the warm-up"
    )
    parser.add_argument("--warm-up-minutes", type=above_zero(float), default=5.0)
    parser.add_argument("--activity", type=above_zero(float), default=BUSY, help="of the market")
    given = parser.parse_args(arguments)
    if given.minutes <= given.warm_up_minutes:
        parser.error(
            f"--minutes is {given.minutes:g}: write more than --warm-up-minutes, which is "
            f"{given.warm_up_minutes:g}"
        )
    logging.disable(logging.WARNING)
    soak = Soak(
        seed=given.seed,
        warm_up_s=60 * given.warm_up_minutes,
        measured_s=60 * (given.minutes - given.warm_up_minutes),
        activity=given.activity,
    )
    folder = Path(tempfile.mkdtemp(prefix="marea-soak-"))
    with servers.own() as own:
        own.up("kafka", "redis")
        outcome = run(soak, own.address("kafka"), own.address("redis"), "soak.", folder)
    text = told(outcome, machine())
    print(text)
    if given.minutes >= WHOLE_MINUTES:
        write({"Soak": text})
    return int(bool(outcome.findings) or not all(level.is_flat for level in outcome.levels))


if __name__ == "__main__":
    sys.exit(main())
