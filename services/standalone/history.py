"""The logs of a run, read from any place towards their begin or their end."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from marea.bus.port import Bus
from marea.bus.sqlite import SqliteBus
from marea.errors import BadInput
from marea.messages.envelope import Log, Nanos, Record
from services.standalone.runs import RunFolder

READ_RECORDS_MAX = 2_000
JITTER_NS = 1_000_000_000
"""Neighbours on a log may have been known in another order, less than this apart."""


class Placed(NamedTuple):
    """A record with its place."""

    log: Log
    position: int
    record: Record


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
    # A start has no time of its own: that of what follows it counts.
    while found := await bus.read(log, position, 1):
        if found[0].ts_known:
            return found[0].ts_known
        position += 1
    return 1 << 63
