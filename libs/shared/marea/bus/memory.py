"""Logs and snapshots that live as long as the process: for tests, simulations and replays."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

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

    async def ends(self) -> Mapping[Log, int]:
        """The position after the last record of each log."""
        return {log: len(kept) for log, kept in self._records.items() if kept}

    async def flush(self) -> None:
        """Nothing is waiting."""


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
