"""A process that appends twice, a log that may be away, and readers of both."""

from collections.abc import Sequence

from msgspec.structs import replace

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record, Writer
from marea.runtime.double_bus import DoubleBus
from marea.runtime.fast_source import FastSource
from marea.testing.builders import INSTRUMENT, quote_record, started_record
from marea.testing.fast_copy import FaultyFastCopy

MARKET = Log("market", INSTRUMENT)
A, B = "ingestion/A", "ingestion/B"
MS = 1_000_000


class LateBus(MemoryBus):
    """A log that refuses, or takes what it is given and doesn't say so."""

    def __init__(self) -> None:
        super().__init__()
        self.is_gone = False
        self.is_silent = False

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        self._refuse_if_gone()
        position = await super().append(log, records)
        if self.is_silent:
            raise Unavailable("the log did not answer")
        return position

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        self._refuse_if_gone()
        return await super().read(log, position, limit)

    def _refuse_if_gone(self) -> None:
        if self.is_gone:
            raise Unavailable("the log is away")


class Shard:
    """The stores that outlive a process, and the bus of the present one."""

    def __init__(self) -> None:
        self.record = LateBus()
        self.fast = FaultyFastCopy()
        self.snapshots = MemorySnapshots()
        self.now_ns = 0
        self._writers: dict[str, Writer] = {}
        self._next: dict[str, int] = {}
        self.crash()

    def crash(self) -> None:
        """End the process: what waits for the log is lost."""
        self.bus = DoubleBus(self.record, self.fast, self.snapshots, lambda: self.now_ns)

    async def claim(self, producer: str = A) -> None:
        """Begin a life of a producer."""
        writer = Writer(producer=producer, epoch=-1, build="test")
        epoch = await self.bus.append(MARKET, [started_record(writer)])
        self._writers[producer] = replace(writer, epoch=epoch)
        self._next[producer] = 0

    async def say(self, count: int, producer: str = A) -> None:
        """Append so many records of a producer."""
        first = self._next[producer]
        self._next[producer] += count
        writer = self._writers[producer]
        records = [quote_record(seq, writer) for seq in range(first, first + count)]
        await self.bus.append(MARKET, records)

    def reader(self) -> FastSource:
        """A new reader of the market."""
        return FastSource(MARKET, self.record, self.fast, MemorySnapshots())

    async def as_recorded(self) -> list[Record]:
        """What a reader gets that knows the log alone."""
        return await Taker(FastSource(MARKET, self.record, FaultyFastCopy(), self.snapshots)).all()


class Taker:
    """Who reads a source, from the begin on."""

    def __init__(self, source: FastSource) -> None:
        self.source = source
        self.taken: list[Record] = []

    async def take(self, limit: int = 1_000) -> list[Record]:
        """What there is now."""
        found = list(await self.source.read(MARKET, len(self.taken), limit))
        self.taken += found
        return found

    async def all(self) -> list[Record]:
        """Everything until now, from the first on."""
        while await self.take():
            pass
        return self.taken


def numbers(records: Sequence[Record]) -> list[int]:
    """The `seq` of each record."""
    return [record.seq for record in records]
