"""How are logs read from their begin to their end: one of them, or all in the order of time?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from marea.bus.port import Bus
from marea.messages.envelope import NOBODY, Log, Message, Nanos, Record
from marea.messages.system import Started

READ_RECORDS_MAX = 2_000


class Placed(NamedTuple):
    """A record with its place, and the time by which it was known there."""

    log: Log
    position: int
    record: Record
    ts: Nanos
    """The greatest `ts_known` so far of what is taken of its log: what comes later there was not
    known earlier."""

    @property
    def message(self) -> Message:
        """What was said."""
        return self.record.message


async def in_order(bus: Bus, log: Log) -> AsyncIterator[Placed]:
    """The records of one log but the void ones.

    Raises `Unavailable` or `BadInput` where it can't be read.
    """
    position = 0
    ts: Nanos = 0
    epochs: dict[str, int] = {}
    while records := await bus.read(log, position, READ_RECORDS_MAX):
        await asyncio.sleep(0)  # here Ctrl-C is heard
        for at, record in enumerate(records, position):
            producer = record.writer.producer
            if record.writer == NOBODY:
                continue
            if type(record.message) is Started:  # it has no time of its own
                epochs[producer] = at
            elif record.writer.epoch >= epochs.get(producer, -1):  # or nobody takes it
                ts = max(ts, record.ts_known)
            yield Placed(log, at, record, ts)
        position += len(records)


async def in_time(bus: Bus, turn: Callable[[Placed], tuple[Any, ...]]) -> AsyncIterator[Placed]:
    """The records of all logs, merged: of the next one of each log the one whose turn is least.

    Raises `Unavailable` or `BadInput` where a log can't be read.
    """
    heads = []
    for log in sorted(await bus.ends()):
        reader = in_order(bus, log)
        head = await anext(reader, None)
        if head is not None:
            heads.append((turn(head), head, reader))
    while heads:
        place = min(range(len(heads)), key=lambda at: heads[at][0])
        _, head, reader = heads[place]
        yield head
        following = await anext(reader, None)
        if following is None:
            del heads[place]
        else:
            heads[place] = (turn(following), following, reader)
