"""The fast copy of a simulated world, and the ways to it that may fail.

Nothing rests on it: it forgets, doubles, trims, comes back empty, or does not come at all.
"""

from collections.abc import Sequence

from marea.bus.fast import Key, Page
from marea.errors import Unavailable
from marea.messages.envelope import Log, Nanos, Record
from marea.testing.fast_copy import FaultyFastCopy
from tests.simulation.cluster import NEWS_NS, READING, Host
from tests.simulation.faults import SECOND
from tests.simulation.schedule import Schedule

AWAY_NS_MAX: Nanos = 20 * SECOND
KEPT_MAX = 40


class FastStore(FaultyFastCopy):
    """What stands on the fast copy."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.away_until: Nanos = 0
        self._schedule = schedule

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Add records, and tell those who wait for them."""
        await super().add(log, after, records)
        self._schedule.tell(log, NEWS_NS)


class FastLine:
    """A process's way to the fast copy; one for each of its lives."""

    def __init__(self, store: FastStore, host: Host) -> None:
        self._store = store
        self._host = host

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Add, if nothing happens to it."""
        host, store = self._host, self._store
        await self._reach()
        if host.strikes("fast_lost"):
            raise Unavailable(f"{log}: the fast copy takes nothing")
        if host.strikes("fast_torn"):  # some of a batch stand there, and nobody is told
            await store.add(log, after, records[: len(records) // 2])
            raise Unavailable(f"{log}: no answer in time")
        await store.add(log, after, records)
        if host.strikes("fast_twice"):
            await store.add(log, after, records)
        if trim := host.strikes("fast_trimmed"):
            store.trim(log, int(host.faults.size(trim) * KEPT_MAX))
        if host.strikes("fast_flushed"):
            store.flush_all()
        host.after()

    async def read(self, log: Log, after_id: str, limit: int) -> Page:
        """Read, if nothing happens to it."""
        await self._reach(READING)
        return await self._store.read(log, after_id, limit)

    async def _reach(self, crash: str = "crash_before") -> None:
        host, store = self._host, self._store
        await host.before(crash)
        if away := host.strikes("fast_away"):
            size = host.faults.size(away)
            store.away_until = host.schedule.now + int(size * AWAY_NS_MAX)
        if host.schedule.now < store.away_until and not host.faults.is_over:
            raise Unavailable("the fast copy is away")
