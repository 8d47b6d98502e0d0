"""A loop on a bus in memory, and what can be done to it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import Log, Message, Record
from marea.runtime.core import Core
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.toy import INPUT, ToyState, toy_core, toy_wiring, upstream_records


@dataclass
class Bench:
    """A loop on a bus in memory."""

    bus: MemoryBus
    snapshots: MemorySnapshots

    def loop(
        self,
        core: Core[ToyState] | None = None,
        log: Log | None = None,
        venue_time: Callable[[], int] | None = None,
    ) -> Loop[ToyState]:
        ports = Ports(
            source=self.bus, bus=self.bus, snapshots=self.snapshots, venue_time=venue_time
        )
        return Loop(core or toy_core(), toy_wiring(log), ports)

    async def run(self, loop: Loop[ToyState]) -> Loop[ToyState]:
        await loop.start()
        await self.run_to_the_end(loop, 10)
        return loop

    async def run_to_the_end(self, loop: Loop[ToyState], batch: int) -> None:
        while await loop.step(batch):
            pass

    def forget_snapshots(self) -> None:
        self.snapshots = MemorySnapshots()

    async def read(self, log: Log) -> list[Record]:
        return list(await self.bus.read(log, 0, 99_999))


class AwayFrom(MemoryBus):
    """A bus of which one log can be away."""

    def __init__(self, log: Log, bus: MemoryBus) -> None:
        self._records = bus._records
        self._log = log
        self.is_away = False

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        self._ask(log)
        return await super().append(log, records)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        self._ask(log)
        return await super().read(log, position, limit)

    def _ask(self, log: Log) -> None:
        if self.is_away and log == self._log:
            raise Unavailable(f"{log} is away")


def play(inputs: int, scenario: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def scene() -> None:
        bench = Bench(MemoryBus(), MemorySnapshots())
        await bench.bus.append(INPUT, upstream_records(inputs))
        await scenario(bench)

    asyncio.run(scene())


def with_decide(decide: Callable[[ToyState, Any], Sequence[Message]]) -> Core[ToyState]:
    return replace(toy_core(), decide=decide)
