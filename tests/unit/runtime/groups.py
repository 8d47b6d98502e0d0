"""A group of loops in memory, and scenes that it lives through."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog
from aiohttp import web

from marea.bus.memory import MemoryBus, MemoryFastCopy, MemorySnapshots
from marea.bus.raw import Raw
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record
from marea.messages.system import Degraded, Started
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.loop import Loop
from marea.runtime.metrics import Metrics
from marea.runtime.processes import load_process_settings
from marea.runtime.settings import load_settings
from marea.runtime.venue_time import VenueTime
from marea.testing.toy import (
    ALARMS,
    BARS,
    INPUT,
    toy_core,
    toy_wiring,
    upstream_records,
)

CONFIG = Path(__file__).parents[3] / "config"
OTHER = Log("trading", "second")
SOON_S = 30.0
"""What comes, comes within milliseconds; on a machine that does much else it may take long."""


class WakingMemory(MemoryBus):
    """A bus in memory that wakes its readers, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.lets_beat = asyncio.Event()
        """Whether the first loop's heartbeats get through."""
        self.lets_beat.set()
        self.lets_listen = asyncio.Event()
        """Whether the second loop can look where its heartbeats end."""
        self.lets_listen.set()
        self.takes_s = 0.0
        """What is said takes so long to be on record."""
        self.events: list[asyncio.Event] = []
        self.appended: list[Log] = []
        """To which logs, one after the other."""

    def wake(self, event: asyncio.Event, *_: Log) -> None:
        self.events.append(event)

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        if self.is_away:
            raise Unavailable(f"{log} takes nothing")
        if log == Log("ownership", "toy/0"):
            await self.lets_beat.wait()
        elif log != INPUT:
            await asyncio.sleep(self.takes_s)
        position = await super().append(log, records)
        self.appended.append(log)
        for event in self.events:
            event.set()
        return position

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        if Log("ownership", "toy/1") in logs:
            await self.lets_listen.wait()
        return await super().ends(*logs)

    async def read_raw(self, *_: object) -> Sequence[Raw]:
        raise AssertionError("nobody reads bytes here")

    async def raw_ends(self) -> Mapping[Log, int]:
        return await self.ends()

    async def watch(self) -> None:
        await asyncio.Event().wait()


class WakingFast(MemoryFastCopy):
    """A fast copy in memory, which its readers look at by themselves."""

    def wake(self, *_: object) -> None:
        pass


def ground(bus: WakingMemory, fast: WakingFast | None = None, instances: int = 1) -> Ground:
    return Ground(
        service="features",
        instance="a",
        settings=load_settings(CONFIG, {}),
        own=load_process_settings(CONFIG, {"MAREA__INSTANCES__FEATURES": str(instances)}),
        build="test",
        bus=bus,
        fast=fast or WakingFast(),
        snapshots=MemorySnapshots(),
        telemetry=Metrics("features", lambda: ()),
        venue_time=VenueTime(1.0),
        web=web.Application(),
        log=structlog.stdlib.get_logger(),
    )


def toy(footing: Footing) -> AnyLoop:
    ports = footing.ports(INPUT if footing.double is not None else None)
    return Loop(toy_core(), toy_wiring(), ports)


def second(footing: Footing) -> AnyLoop:
    """Another loop of the same process, with logs of its own to write to."""
    wiring = replace(toy_wiring(OTHER), name="toy/1", outputs={OTHER: "toy/1"}, input_log=INPUT)
    return Loop(toy_core(), wiring, footing.ports())


Scene = Callable[[WakingMemory, Group], Awaitable[None]]
INPUTS = upstream_records(50)
BARS_SAID, ALARMS_SAID = 9, 15
"""Of the trades among the inputs; each tenth is a clock."""


def play(
    scene: Scene,
    *makes: Callable[[Footing], AnyLoop],
    is_hurried: bool = False,
    instances: int = 1,
    fast: WakingFast | None = None,
) -> None:
    """Have a group of these loops, by default one toy, live through a scene, and drain."""

    async def scenario() -> None:
        bus, drain = WakingMemory(), asyncio.Event()
        members = [Member(make=make) for make in makes or (toy,)]
        group = Group(ground(bus, fast, instances), members, is_hurried=is_hurried)
        living = asyncio.create_task(group.run(drain))
        try:
            await scene(bus, group)
        finally:
            drain.set()
            async with asyncio.timeout(SOON_S):
                await living

    asyncio.run(scenario())


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.005)


async def said(bus: MemoryBus, log: Log) -> list[str]:
    """The ids of what the toy put on record, without what tells of its lives."""
    records = await bus.read(log, 0, 10_000)
    return [
        record.message.id for record in records if type(record.message) not in (Started, Degraded)
    ]


def has_taken(group: Group, count: int) -> bool:
    return any(facts.position == count for facts in group.facts())


async def all_is_said(bus: MemoryBus) -> None:
    """Wait for all that the toy says of its inputs, each once."""
    for log, due in ((BARS, BARS_SAID), (ALARMS, ALARMS_SAID)):
        while len(found := await said(bus, log)) < due:
            await asyncio.sleep(0.005)
        assert len(found) == len(set(found)) == due
