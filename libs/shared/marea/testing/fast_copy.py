"""A fast copy in memory that fails as a real one does."""

from collections.abc import Callable, Sequence

from marea.bus.fast import Key, Page
from marea.bus.memory import MemoryFastCopy
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record


class FaultyFastCopy(MemoryFastCopy):
    """A fast copy that refuses, forgets and doubles when it is told to."""

    def __init__(self, records_max: int = 60_000) -> None:
        super().__init__(records_max)
        self.is_away = False
        """Whether it refuses everything."""
        self.is_full = False
        """Whether it refuses to take more."""
        self.fate: Callable[[], int] = lambda: 1
        """How often the next records that are added will stand there: 0, 1, 2 times."""

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Add records, as often as fate will have it."""
        if self.is_away or self.is_full:
            raise Unavailable("the fast copy takes nothing: read the log, and try again")
        for _ in range(self.fate()):
            await super().add(log, after, records)

    async def read(self, log: Log, after_id: str, limit: int) -> Page:
        """At most `limit` copies behind the one of this id."""
        if self.is_away:
            raise Unavailable("the fast copy is away: read the log, and try again")
        return await super().read(log, after_id, limit)

    def trim(self, log: Log, keep: int) -> None:
        """Keep only the last records of a log."""
        copies = self.copies[log]
        del copies[: max(0, len(copies) - keep)]

    def flush_all(self) -> None:
        """Lose everything, and begin the ids anew."""
        self.copies.clear()
        self.incarnation += 1
        self.last_id = 0
