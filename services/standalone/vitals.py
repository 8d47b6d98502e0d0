"""What does a service's process say of itself: how its loops do, how long its hops take, since when?"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from marea.runtime.facts import Health

ANSWER_S_MAX = 1.0
"""A process that answers later counts as one that doesn't: it may be stopped, or on its knees."""
STARTED = "process_start_time_seconds"
BUCKET = "marea_hop_seconds_bucket"
SAMPLE = re.compile(rf"^({STARTED}|{BUCKET})(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
Said = TypeVar("Said")

LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Place(NamedTuple):
    """Where an instance of a service answers over HTTP."""

    service: str
    instance: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.service}-{self.instance}"


class Hop(Struct, frozen=True, kw_only=True):
    """How long one step spends in a hop, over all of a process's life."""

    p50_ms: float
    p99_ms: float


class Vitals(Struct, frozen=True, kw_only=True):
    """What a process says of itself at a moment; nothing at all where it does not answer."""

    health: Health | None = None
    hops: dict[str, Hop] = {}
    uptime_s: float | None = None


def health_at(place: Place) -> Health | None:
    """Its health; None where it does not answer in time, or another service does in its place."""
    with suppress(msgspec.DecodeError):
        health = msgspec.json.decode(_get(place, "/health"), type=Health)
        return health if health.service == place.service else None
    return None


def vitals_at(place: Place) -> Vitals:
    """All that it says of itself."""
    health = health_at(place)
    if health is None:
        return Vitals()
    figures = _get(place, "/metrics").decode()
    return Vitals(health=health, hops=hops_of(figures), uptime_s=_uptime_s(figures))


def of_all(ask: Callable[[Place], Said], places: Sequence[Place]) -> list[Said]:
    """Ask all at the same time, so that one that hangs holds up none of the others."""
    with ThreadPoolExecutor(max_workers=max(1, len(places))) as asking:
        return list(asking.map(ask, places))


def hops_of(figures: str) -> dict[str, Hop]:
    """The hops of a process's loops, all taken together, from its figures for Prometheus."""
    counts: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for name, labels, count in _samples(figures):
        if name == BUCKET:
            counts[labels["hop"]][float(labels["le"])] += count
    return {
        hop: Hop(
            p50_ms=round(1000 * _quantile_s(0.50, buckets), 3),
            p99_ms=round(1000 * _quantile_s(0.99, buckets), 3),
        )
        for hop, buckets in counts.items()
    }


def _get(place: Place, path: str) -> bytes:
    # What it answers, whatever the status; nothing where it does not.
    connection = HTTPConnection(place.host, place.port, timeout=ANSWER_S_MAX)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", path)
        return connection.getresponse().read()
    return b""


def _samples(figures: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for found in SAMPLE.finditer(figures):
        name, labels, number = found.groups(default="")
        yield name, dict(LABEL.findall(labels)), float(number)


def _uptime_s(figures: str) -> float | None:
    # It has none where the system does not tell (it is Linux's `/proc`).
    started = [number for name, _, number in _samples(figures) if name == STARTED]
    return time.time() - started[0] if started else None


def _quantile_s(share: float, counts: Mapping[float, float]) -> float:
    # As Prometheus's histogram_quantile: straight within a bucket; beyond the last one, its begin.
    wanted = share * max(counts.values())
    below_s = below = 0.0
    for upper_s, count in sorted(counts.items()):
        if count >= wanted > below and upper_s != float("inf"):
            return below_s + (upper_s - below_s) * (wanted - below) / (count - below)
        if upper_s != float("inf"):
            below_s, below = upper_s, count
    return below_s if wanted else 0.0
