"""What do the loops of a process stand on?"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aiohttp import web
from structlog.stdlib import BoundLogger

from marea.bus.fast import FastCopy
from marea.bus.port import Bus, Snapshots
from marea.bus.raw import RawLogs
from marea.messages.envelope import Log
from marea.runtime.copier import Copier
from marea.runtime.double_bus import DoubleBus
from marea.runtime.facts import LoopFacts
from marea.runtime.fast_source import Expect, FastSource, expect_nothing
from marea.runtime.metrics import Metrics
from marea.runtime.processes import ProcessSettings
from marea.runtime.settings import Settings
from marea.runtime.venue_time import VenueTime
from marea.runtime.wiring import Ports


class WakingBus(Bus, RawLogs, Protocol):
    """A bus that says when there may be more to read."""

    def wake(self, event: asyncio.Event, *logs: Log) -> None:
        """Set this event from now on whenever one of these logs may have grown."""
        ...

    async def watch(self) -> None:
        """Return never; raise what only a new process mends."""
        ...


class WakingFastCopy(FastCopy, Protocol):
    """A fast copy that says when there may be more to read."""

    def wake(self, event: asyncio.Event, *logs: Log) -> None:
        """Set this event from now on whenever there may be new copies of one of these logs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a process has of the world, as long as it lives."""

    service: str
    instance: str
    """Tells this process apart from any other that could run the same."""
    settings: Settings
    own: ProcessSettings
    build: str
    bus: WakingBus
    fast: WakingFastCopy
    snapshots: Snapshots
    expect: Expect = expect_nothing
    """Is told of each record that a loop is given before its log has it."""
    telemetry: Metrics
    venue_time: VenueTime
    web: web.Application
    """What it answers over HTTP, beside its health."""
    log: BoundLogger

    @property
    def snapshot_every_ns(self) -> int:
        """Of a loop's own time, between two snapshots."""
        return self.own.snapshot_every_s * 1_000_000_000


class Unit(Protocol):
    """What a process runs from its start to its end."""

    async def run(self, drain: asyncio.Event) -> None:
        """Run until told to drain, and finish what was begun."""
        ...

    def facts(self) -> Sequence[LoopFacts]:
        """How it stands."""
        ...

    @property
    def stuck_because(self) -> str:
        """Why it will not go on by itself; empty: it does."""
        ...


class Footing:
    """What the loops of one life of a group stand on: one bus, which ends with them."""

    def __init__(self, ground: Ground, *, is_hurried: bool) -> None:
        """`is_hurried` says that nobody waits for the record: what is said waits for it here."""
        self.ground = ground
        self.sources: dict[Log, FastSource] = {}
        """From where the loops read that are in a hurry to."""
        self.copier = Copier(ground.fast)
        self.double: DoubleBus | None = None
        if is_hurried:
            self.double = DoubleBus(
                ground.bus,
                self.copier,
                ground.snapshots,
                time.monotonic_ns,
                lambda jobs: asyncio.gather(*(job() for job in jobs)),
                ground.expect,
            )

    def waiting(self) -> int:
        """How many records wait for the record."""
        return self.double.waiting if self.double is not None else 0

    def ports(self, input_log: Log | None = None) -> Ports:
        """A loop's ports; from the fast copy of `input_log`, if the loop is in a hurry to read."""
        ground = self.ground
        plain = Ports(
            source=ground.bus,
            bus=ground.bus,
            snapshots=ground.snapshots,
            telemetry=ground.telemetry,
        )
        double = self.double
        if double is None:
            return plain
        ports = replace(plain, bus=double, snapshots=double, backlog=double.backlog)
        if input_log is None:
            return ports
        source = self.sources[input_log] = double.follow(input_log)
        return replace(ports, source=source, snapshots=source, confirmed=lambda: source.confirmed)
