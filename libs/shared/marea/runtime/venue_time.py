"""What time is it at the venue, for a process that hears it over the bus?

A market that is played says once how its time goes with ours: its first `Clock` on record, and when
that was put there. From then on every process knows the venue's time by its own clock, however late
it hears the market. A market that is taken as fast as it goes has no such pace: there it is as late
as the latest that was heard.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from marea.bus.raw import Raw, record_of
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.system import Clock
from marea.runtime.wiring import Source

ANCHOR_RECORDS_MAX = 100


class RawLog(Protocol):
    """Logs whose records are read as they stand."""

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        """At most `limit` records from a position on."""
        ...


class VenueTime:
    """The venue's time; 0 until the market has begun, and it never goes back."""

    def __init__(self, speed: float, wall_ns: Callable[[], Nanos] = time.time_ns) -> None:
        """`speed` is that of the market, of real time; 0: there is none."""
        self.speed = speed
        self._wall_ns = wall_ns
        self._anchor: tuple[Nanos, Nanos] | None = None
        self.is_shared = False
        """Whether every process goes by the same."""
        self._latest: Nanos = 0

    @property
    def has_begun(self) -> bool:
        """Whether it is known how the venue's time goes with ours."""
        return self._anchor is not None

    def anchor(self, ts: Nanos, wall_ns: Nanos, *, is_shared: bool) -> None:
        """Its time was `ts` when ours was `wall_ns`."""
        self._anchor, self.is_shared = (ts, wall_ns), is_shared

    def hear(self, ts: Nanos) -> None:
        """The venue's time is at least that, where it has no pace."""
        if not self.speed:
            self._latest = max(self._latest, ts)

    def now(self) -> Nanos:
        """The time now, ns UTC."""
        if self.speed and self._anchor is not None:
            ts, begun_ns = self._anchor
            passed_ns = int((self._wall_ns() - begun_ns) * self.speed)
            self._latest = max(self._latest, ts + passed_ns)  # a host's clock may be set back
        return self._latest

    def wall_of(self, ts: Nanos) -> Nanos:
        """When it is that time at the venue, by our clock; only of a market that has begun."""
        assert self._anchor is not None
        begun, begun_ns = self._anchor
        return begun_ns + int((ts - begun) / self.speed)


class Heard:
    """A loop's source, whose records tell the venue's time."""

    def __init__(self, source: Source, venue_time: VenueTime) -> None:
        self._source = source
        self._venue_time = venue_time

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """What the source gives."""
        records = await self._source.read(log, position, limit)
        for record in reversed(records):
            if type(record.message) is Clock:
                self._venue_time.hear(record.message.ts_event)
                break
        return records


async def anchored(venue_time: VenueTime, bus: RawLog, log: Log) -> bool:
    """Learn from the begin of a log of the market how its time goes; False where it has not begun."""
    for raw in await bus.read_raw(log, 0, ANCHOR_RECORDS_MAX):
        message = record_of(log, raw).message
        if isinstance(message, Clock):
            wall_ns = raw.ts_ms * 1_000_000
            venue_time.anchor(message.ts_event, wall_ns, is_shared=True)
            return True
    return False
