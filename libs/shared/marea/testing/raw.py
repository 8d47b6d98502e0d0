"""Any bus as Kafka would hold it, with what others put between our records."""

from collections.abc import Mapping, Sequence
from zlib import crc32

from marea.bus.port import Bus
from marea.bus.raw import Raw
from marea.messages.envelope import Log
from marea.messages.framing import frame

PARTITIONS = 1_000


class RawView:
    """The logs of a bus, each record framed as on Kafka."""

    def __init__(
        self, bus: Bus, planted: Mapping[tuple[Log, int], bytes | None] | None = None
    ) -> None:
        """`planted` is what stands at a position instead of the record."""
        self.bus = bus
        self.planted = dict(planted or {})
        self.begins: dict[Log, int] = {}
        """Where retention has taken what stood before."""

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log."""
        return await self.bus.ends(*logs)

    async def raw_ends(self) -> Mapping[Log, int]:
        """The position after the last record of each log; it has no snapshots."""
        return await self.bus.ends()

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        """At most `limit` records from a position on."""
        first = max(position, self.begins.get(log, 0))
        records = await self.bus.read(log, first, limit)
        number = crc32(str(log).encode()) % PARTITIONS
        return [
            Raw(
                partition=number,
                offset=offset,
                ts_ms=record.ts_known // 1_000_000,
                key=log.partition.encode(),
                value=self.planted[log, offset] if (log, offset) in self.planted else frame(record),
            )
            for offset, record in enumerate(records, first)
        ]
