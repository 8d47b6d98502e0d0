"""Logs and snapshots that live as long as the process: for tests, simulations and replays."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from marea.bus.fast import FIRST, Copy, Key, Page, key_of
from marea.messages.envelope import Log, Record


class MemoryBus:
    """A bus that keeps every record in a list."""

    def __init__(self) -> None:
        self._records: defaultdict[Log, list[Record]] = defaultdict(list)

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Put records at the end of a log; they are as safe as memory is."""
        kept = self._records[log]
        position = len(kept)
        kept.extend(records)
        return position

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on."""
        return self._records[log][position : position + limit]

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log."""
        found = {log: len(self._records[log]) for log in logs or tuple(self._records)}
        return {log: end for log, end in found.items() if end}

    async def flush(self) -> None:
        """Nothing is waiting."""


class MemoryFastCopy:
    """A fast copy that keeps the last so many records of each log."""

    def __init__(self, records_max: int = 60_000) -> None:
        self.records_max = records_max
        self.copies: defaultdict[Log, list[Copy]] = defaultdict(list)
        self.incarnation = 0
        self.last_id = 0

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Add records; the oldest of the log go when there is no room."""
        copies = self.copies[log]
        for record in records:
            self.last_id += 1
            copies.append(Copy(str(self.last_id), after, record))
            after = key_of(record)
        del copies[: max(0, len(copies) - self.records_max)]

    async def read(self, log: Log, after_id: str, limit: int) -> Page:
        """At most `limit` copies behind the one of this id."""
        last = 0 if after_id == FIRST else int(after_id)
        copies = self.copies[log]
        first = bisect_right(copies, last, key=lambda copy: int(copy.id))
        return Page(str(self.incarnation), copies[first : first + limit])


class MemorySnapshots:
    """Snapshots that are kept in a dict."""

    def __init__(self) -> None:
        self._bodies: defaultdict[str, dict[int, bytes]] = defaultdict(dict)

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep the state after `position` inputs."""
        self._bodies[name][position] = body

    async def load(self, name: str) -> Sequence[bytes]:
        """The states that are kept, the latest first."""
        kept = self._bodies[name]
        return [kept[position] for position in sorted(kept, reverse=True)]
