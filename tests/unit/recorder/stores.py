"""Sinks and logs as the tests of the recorder need them."""

from collections.abc import Mapping, Sequence

import structlog
from structlog.stdlib import BoundLogger
from structlog.testing import CapturingLogger

from marea.bus.memory import MemoryBus
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record
from marea.runtime.telemetry import NoTelemetry
from marea.testing.builders import quote_record
from services.recorder.config import Pace
from services.recorder.shell.figures import Figures
from services.recorder.sink import Batch

A, B = Log("market", "BTC-USDT.SIM"), Log("market", "ETH-USDT.SIM")
QUICK = Pace(wait_ms=1, enough_records=10, records_max=10, behind_records_max=40)


class ListSink:
    """A store in memory that can be away, and can be killed between a write and its position."""

    def __init__(self, name: str = "list") -> None:
        self.name = name
        self.kept: dict[Log, dict[int, Record]] = {}
        self.ends: dict[Log, int] = {}
        self.fails: list[Exception] = []
        """Raised by the next writes, one each; before anything is kept."""
        self.fails_to_close: list[Exception] = []
        """Raised when it is closed, one each time."""
        self.dies_after_rows = False
        """The next write keeps its rows, and not the position."""
        self.is_away = False
        self.write_sizes: list[int] = []
        self.is_open = False

    async def open(self) -> None:
        self._reach()
        self.is_open = True

    async def positions(self) -> Mapping[Log, int]:
        self._reach()
        return dict(self.ends)

    async def write(self, batches: Sequence[Batch]) -> int:
        self._reach()
        if self.fails:
            raise self.fails.pop(0)
        self.write_sizes.append(sum(len(batch.kept) for batch in batches))
        for batch in batches:
            placed = zip(batch.raws, batch.records, strict=True)
            self.kept.setdefault(batch.log, {}).update({raw.offset: said for raw, said in placed})
        if self.dies_after_rows:
            self.dies_after_rows = False
            raise Unavailable("killed")
        self.ends.update({batch.log: batch.end for batch in batches})
        return self.write_sizes[-1]

    async def close(self) -> None:
        self.is_open = False
        if self.fails_to_close:
            raise self.fails_to_close.pop(0)

    def _reach(self) -> None:
        if self.is_away:
            raise Unavailable(f"{self.name} is away")

    def ids(self, log: Log) -> list[str]:
        """What is kept of a log, by position."""
        return [record.message.id for _, record in sorted(self.kept.get(log, {}).items())]


async def filled(count: int, *logs: Log) -> MemoryBus:
    """A bus with so many quotes on each log."""
    bus = MemoryBus()
    for log in logs:
        await bus.append(log, [quote_record(seq) for seq in range(count)])
    return bus


async def ids(bus: MemoryBus, log: Log) -> list[str]:
    """What stands on a log."""
    end = (await bus.ends(log)).get(log, 0)
    return [record.message.id for record in await bus.read(log, 0, end)]


def figures(told: CapturingLogger | None = None) -> Figures:
    """Figures that nobody looks at, but for what is told."""
    log: BoundLogger = structlog.wrap_logger(told or CapturingLogger(), processors=[])
    return Figures(NoTelemetry(), log)
