"""A process whose loop reads early what another one writes, and appends twice itself."""

from msgspec.structs import replace

from marea.bus.memory import MemorySnapshots
from marea.messages.envelope import Record
from marea.runtime.double_bus import DoubleBus
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.builders import started_record
from marea.testing.toy import BARS, INPUT, UPSTREAM, ToyState, toy_core, toy_wiring, trade_record
from tests.unit.runtime.doubled import Shard


class Chain:
    """A writer of trades, and the toy that reads them early and appends twice itself."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.said = 0
        self.toy_snapshots = MemorySnapshots()
        self.revive()

    def revive(self) -> None:
        """Begin a process of the toy."""
        shard = self.shard
        self.bus = DoubleBus(shard.record, shard.fast, self.toy_snapshots, lambda: shard.now_ns)
        source = self.bus.follow(INPUT)
        ports = Ports(source=source, bus=self.bus, snapshots=source, backlog=self.bus.backlog)
        self.loop: Loop[ToyState] = Loop(toy_core(), toy_wiring(), ports)

    async def claim(self) -> None:
        """Begin a life of the writer."""
        starts = replace(UPSTREAM, epoch=-1)
        epoch = await self.shard.bus.append(INPUT, [started_record(starts)])
        self.writer = replace(UPSTREAM, epoch=epoch)
        self.first = self.said

    async def say(self, count: int) -> None:
        """Append so many trades."""
        for number in range(self.said, self.said + count):
            record = replace(trade_record(number, self.writer), seq=number - self.first)
            await self.shard.bus.append(INPUT, [record])
        self.said += count

    async def bars(self) -> list[Record]:
        """The toy's outputs on record, without what its lives tell."""
        found = await self.shard.record.read(BARS, 0, 100_000)
        return [record for record in found if record.input_offset >= 0]
