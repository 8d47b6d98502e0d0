"""How do several sinks read one log at the cost of one reader?

Most of the time all sinks are near the end. What the foremost of them reads is kept for the others;
a sink that is further behind reads for itself, by another connection, so that it moves nobody else.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from marea.bus.raw import Raw, RawLogs
from marea.messages.envelope import Log
from services.recorder.sink import Kept

ENDS_S = 0.1
"""Where the logs end is asked once for all sinks, and no more often."""
KEPT_BYTES_MAX = 32 * 1024 * 1024


class Reading(Protocol):
    """Where the records of a sink come from."""

    async def ends(self, *, at_once: bool) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any.

        It may be that of a moment ago, unless `at_once` is asked for. Raises `Unavailable`.
        """
        ...

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Kept]:
        """At most `limit` records from a position on. Raises `Unavailable`."""
        ...


class Ends:
    """Where the logs end, asked once for all who want to know, and no more often than told."""

    def __init__(self, logs: RawLogs, keep_s: float) -> None:
        self._logs = logs
        self._keep_s = keep_s
        self._found: Mapping[Log, int] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def get(self, *, at_once: bool) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if at_once or now >= self._until:
                self._found = await self._logs.raw_ends()
                self._until = now + self._keep_s
            return self._found


class Direct:
    """Logs that one sink reads for itself."""

    def __init__(self, logs: RawLogs, ends_s: float = ENDS_S) -> None:
        self._logs = logs
        self._ends = Ends(logs, ends_s)

    async def ends(self, *, at_once: bool) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any."""
        return await self._ends.get(at_once=at_once)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Kept]:
        """At most `limit` records from a position on."""
        return [Kept(log, raw) for raw in await self._logs.read_raw(log, position, limit)]


class Tail:
    """The ends of all logs, read once for all sinks."""

    def __init__(
        self, head: RawLogs, behind: RawLogs, kept_bytes_max: int = KEPT_BYTES_MAX
    ) -> None:
        """`behind` is what is read before the tail, by a connection of its own."""
        self._head = head
        self._behind = Direct(behind)
        self._kept_bytes_max = kept_bytes_max
        self._kept: defaultdict[Log, list[Kept]] = defaultdict(list)
        self._reached: dict[Log, int] = {}
        """The position after the last record that was read of each log."""
        self._locks: defaultdict[Log, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pages: deque[tuple[Log, int]] = deque()
        """What was read, the oldest first: of which log, up to where."""
        self.kept_bytes = 0
        self._ends = Ends(head, ENDS_S)

    async def ends(self, *, at_once: bool) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any."""
        return await self._ends.get(at_once=at_once)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Kept]:
        """At most `limit` records from a position on."""
        async with self._locks[log]:
            kept = self._kept[log]
            if position >= self._reached.get(log, 0):
                if kept and position > self._reached[log]:
                    self._drop(log, position)
                return self._keep(log, await self._head.read_raw(log, position, limit))
            if kept and position >= kept[0].raw.offset:
                at = bisect_left(kept, position, key=_offset)
                return kept[at : at + limit]
        return await self._behind.read(log, position, limit)

    def _keep(self, log: Log, page: Sequence[Raw]) -> Sequence[Kept]:
        found = [Kept(log, raw) for raw in page]
        if found:
            self._kept[log] += found
            self.kept_bytes += sum(map(_size, found))
            self._reached[log] = page[-1].offset + 1
            self._pages.append((log, self._reached[log]))
            while self.kept_bytes > self._kept_bytes_max:
                self._drop(*self._pages.popleft())
        return found

    def _drop(self, log: Log, position: int) -> None:
        kept = self._kept[log]
        count = bisect_left(kept, position, key=_offset)
        self.kept_bytes -= sum(map(_size, kept[:count]))
        del kept[:count]


def _offset(kept: Kept) -> int:
    return kept.raw.offset


def _size(kept: Kept) -> int:
    return kept.size_bytes
