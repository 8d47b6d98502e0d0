"""The logs of a run, read from any place towards their begin or their end."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from typing import NamedTuple, Protocol

from marea.bus.port import Bus
from marea.bus.sqlite import SqliteBus
from marea.errors import BadInput
from marea.messages.envelope import Log, Nanos, Record
from services.standalone.runs import RunFolder

READ_RECORDS_MAX = 2_000
JITTER_NS = 1_000_000_000
"""Neighbours on a log may have been known in another order, less than this apart."""
FOR_EVER: Nanos = 1 << 63


class Placed(NamedTuple):
    """A record with its place."""

    log: Log
    position: int
    record: Record


class History(Protocol):
    """The logs of a run, wherever they stand."""

    @property
    def name(self) -> str:
        """What a command takes to find them: the run's id, or where they stand and whose they are."""
        ...

    def opened(self) -> AbstractAsyncContextManager[Bus]:
        """Them, to be read. Raises `BadInput` where there are none, `Unavailable`."""
        ...


class RunHistory:
    """The logs of a run, in its folder."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The run's id."""
        return self.folder.path.name

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Bus]:
        """Them, to be read. Raises `BadInput` where there are none, `Unavailable`."""
        with opened(self.folder) as bus:
            yield bus


@contextmanager
def opened(folder: RunFolder) -> Iterator[SqliteBus]:
    """The logs of a run, to be read. Raises `BadInput` where there are none, `Unavailable`."""
    if not folder.log_path.is_file():
        raise BadInput(
            f"{folder.log_path} is not there: its run wrote nothing yet, go on with it by "
            f"`marea demo --resume {folder.path}`"
        )
    with closing(SqliteBus(folder.log_path, read_only=True)) as bus:
        yield bus


async def forward(bus: Bus, log: Log, position: int = 0) -> AsyncIterator[Placed]:
    """The records of a log from a position on."""
    while records := await bus.read(log, position, READ_RECORDS_MAX):
        await asyncio.sleep(0)  # here Ctrl-C is heard
        for record in records:
            yield Placed(log, position, record)
            position += 1


async def read_before(bus: Bus, log: Log, end: int, count: int) -> Sequence[Placed]:
    """At most `count` records before a position, the last one first."""
    begin = max(0, end - count)
    records = await bus.read(log, begin, end - begin)
    return [Placed(log, begin + at, record) for at, record in enumerate(records)][::-1]


async def end_known_at(bus: Bus, log: Log, ts: Nanos, end: int) -> int:
    """A position on a log of this end, after all records that were known at `ts`, and few more."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        if await _known_from(bus, log, middle) > ts + JITTER_NS:
            high = middle
        else:
            low = middle + 1
    return low


async def _known_from(bus: Bus, log: Log, position: int) -> Nanos:
    # A start has no time of its own, and what is not there has none: that of what follows counts.
    limit = 1
    while found := await bus.read(log, position, limit):
        for record in found:
            if record.ts_known:
                return record.ts_known
        position += len(found)
        limit = min(2 * limit, READ_RECORDS_MAX)
    return FOR_EVER
