"""Several instances of a toy over one bus, each with a way of its own to it, and one clock."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import BadInput, Unavailable
from marea.invariants.checker import check_bus
from marea.messages import codec
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.system import Heartbeat, QualityCheckFailed, Started
from marea.runtime.core import Core
from marea.runtime.intake import Intake
from marea.runtime.loop import Loop
from marea.runtime.outputs import is_output
from marea.runtime.ownership import Begins, Instance
from marea.runtime.wiring import Ports
from marea.testing.toy import INPUT, ToyState, toy_core, toy_wiring, trade_record, upstream_records

SECOND = 1_000_000_000
BEATS = Log("ownership", "toy/0")
TRADING = Log("trading", "p1")
OF_THE_LOGS = (23, 24, 25, 28, 29, 33)
"""The invariants that hold of any core's logs, by number."""


@dataclass
class Way:
    """How one instance reaches the bus: it can be away, and pause just before an append."""

    bus: MemoryBus
    is_away: bool = False
    behind_ns: Nanos = 0
    """How far the instance's clock is behind."""
    refuses: Log | None = None
    pauses_before: Log | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    written: list[tuple[Log, Record]] = field(default_factory=list)
    keeps: dict[Log, int] = field(default_factory=dict)
    """From where on the logs hold anything still."""

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        self._ask(log)
        if self.refuses == log:
            raise Unavailable(f"{log} takes nothing")
        if self.pauses_before == log:
            self.pauses_before = None
            await self.woken.wait()
        self.written += [(log, record) for record in records]
        return await self.bus.append(log, records)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        self._ask(log)
        if position < self.keeps.get(log, 0):
            raise BadInput(f"{log}: position {position} is kept no more")
        return await self.bus.read(log, position, limit)

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        self._ask(BEATS)
        return await self.bus.ends(*logs)

    async def flush(self) -> None:
        await self.bus.flush()

    def _ask(self, log: Log) -> None:
        if self.is_away:
            raise Unavailable(f"{log} is away")


@dataclass
class Shard:
    """A shard that several instances could run, on one log or on several."""

    output: Log | None = None
    name: str = "toy/0"
    """Of the loop; what it writes it writes as `toy/0`."""
    bus: MemoryBus = field(default_factory=MemoryBus)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    snapshot_every_ns: Nanos = SECOND
    now_ns: Nanos = 0
    acted: list[tuple[str, str]] = field(default_factory=list)
    """Which instance has acted on which alarm."""
    ways: dict[str, Way] = field(default_factory=dict)
    answers: Callable[[Record], Sequence[Message]] = lambda _: ()

    @property
    def input(self) -> Log:
        """The log that it reads."""
        return self.output or INPUT

    def instance(
        self,
        name: str,
        core: Core[ToyState] | None = None,
        begins: Begins = Begins.AFTER_SILENCE,
    ) -> Instance[ToyState]:
        """One more instance, with a way of its own to the bus."""
        way = self.ways[name] = Way(self.bus)

        async def act(alarm: Record) -> Sequence[Message]:
            self.acted.append((name, alarm.message.id))
            return self.answers(alarm)

        def make() -> Loop[ToyState]:
            ports = Ports(
                source=way,
                bus=way,
                snapshots=self.snapshots,
                effects={QualityCheckFailed: act},
            )
            wiring = replace(
                toy_wiring(self.output), name=self.name, snapshot_every_ns=self.snapshot_every_ns
            )
            return Loop(core or toy_core(), wiring, ports)

        return Instance(make, name, lambda: self.now_ns - way.behind_ns, begins=begins)

    async def feed(self, first: int, end: int) -> None:
        """Append the upstream's records from one number to another."""
        records = [trade_record(seq) for seq in range(first, end)]
        await self.bus.append(self.input, records if first else [*upstream_records(0), *records])

    async def run(self, seconds: float, *instances: Instance[ToyState]) -> None:
        """Give each of them turns, one after the other, every 100 ms."""
        for _ in range(round(seconds * 10)):
            self.now_ns += SECOND // 10
            for instance in instances:
                await settle(instance)

    async def read(self, log: Log) -> list[Record]:
        """All that stands on a log."""
        return list(await self.bus.read(log, 0, 99_999))

    async def taken(self, log: Log) -> list[Record]:
        """What every reader of a log takes."""
        intake = Intake(log)
        records = enumerate(await self.read(log))
        return [found for at, record in records for _, found in intake.take(at, record)]

    async def said(self) -> dict[str, list[bytes]]:
        """What the toy said on each of its logs, as readers take it."""
        return {
            log.channel: [
                codec.encode(record.message)
                for record in await self.taken(log)
                if record.writer.producer == "toy/0" and is_output(record.message)
            ]
            for log in toy_wiring(self.output).outputs
        }

    async def starts(self) -> list[int]:
        """The epochs on the first of the logs."""
        first = next(iter(toy_wiring(self.output).outputs))
        return [
            at
            for at, record in enumerate(await self.read(first))
            if isinstance(record.message, Started) and record.writer.producer == "toy/0"
        ]

    async def beats(self) -> list[Heartbeat]:
        """All heartbeats."""
        return [r.message for r in await self.read(BEATS) if isinstance(r.message, Heartbeat)]


async def settle(instance: Instance[Any]) -> None:
    """Give turns until there is nothing to do."""
    while await instance.turn(7):
        pass


def play(scenario: Callable[[Shard], Coroutine[Any, Any, None]], output: Log | None = None) -> None:
    """Play a scenario on a shard of its own; whatever happened, its logs are sound."""

    async def scene() -> None:
        shard = Shard(output)
        await scenario(shard)
        unsound = [each for each in await check_bus(shard.bus) if each.number in OF_THE_LOGS]
        assert unsound == [], "\n".join(map(str, unsound))

    asyncio.run(scene())


async def undisturbed(output: Log | None, inputs: int) -> Shard:
    """A shard whose only instance has taken so many records."""
    shard = Shard(output)
    await shard.feed(0, inputs)
    await shard.run(20, shard.instance("a", begins=Begins.AT_ONCE))
    return shard


def owners(*instances: Instance[ToyState]) -> list[bool]:
    """Which of them are owners, as far as they know."""
    return [instance.is_owner for instance in instances]
