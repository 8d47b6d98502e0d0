"""When does a played market say its next message?

A market that is played, drawn or recorded, gives a message when the venue's time has come to it, as a
live one would; one that is taken as fast as it goes waits only for the record to keep up. What was asked
of a drawn market stands on its logs, and is told to it again before it goes on from there: so every
instance, and every life, plays the same market.
"""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.market import RequestSnapshot
from marea.runtime.cursors import Cursors
from marea.runtime.venue_time import VenueTime
from services.ingestion.shell.markets import Market

READ_RECORDS_MAX = 1_000
WAITING_RECORDS_MAX = 5_000
"""Well below what degrades a shard."""
FAR_S = 1.0
PLACE_EVERY_NS: Nanos = 1_000_000_000
"""Of the market's time, between two places that it can be gone on from."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a market stands, and how far its logs were read for what was asked of it."""

    asked: dict[str, int] = {}
    market: bytes = b""
    """Empty: it begins anew."""


class Played:
    """The source of ingestion: a market that is played."""

    def __init__(
        self,
        market: Market,
        venue_time: VenueTime,
        bus: Bus,
        snapshots: Snapshots,
        waiting: Callable[[], int],
    ) -> None:
        """`waiting` tells how many records wait for the record."""
        self._snapshots = Cursors(snapshots, Place)
        self._place: tuple[int, Place] = (0, Place())
        """The last one that can be gone on from, and the position there."""
        self._place_due: Nanos = 0
        self._given: int | None = None
        """Up to which position; None: nothing was asked for yet."""
        self._market = market
        self._venue_time = venue_time
        self._bus = bus
        self._waiting = waiting
        self._asked = dict.fromkeys((Log("market", each.id) for each in market.plan.instruments), 0)
        """How far each log of the market was read for what was asked of it."""
        self._due: Nanos = 0
        """The venue's time of the next message."""

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """The inputs from a position on whose time has come."""
        if self._waiting() > WAITING_RECORDS_MAX:
            return ()
        if position != self._given:
            self._go_to(position)
        self._keep_place(position)
        await self._remind(position)
        records = await self._market.feed.read(log, position, limit)
        if records and self._venue_time.speed:
            records = self._due_of(records)
        self._given = position + len(records)
        return records

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a snapshot of the loop, and where the market stood before it."""
        await self._snapshots.save(name, position, body, self._place)

    async def load(self, name: str) -> Sequence[bytes]:
        """The snapshots that are kept, the latest first."""
        return await self._snapshots.load(name)

    def _due_of(self, records: Sequence[Record]) -> Sequence[Record]:
        if not self._venue_time.has_begun:
            self._venue_time.anchor(records[0].ts_known, time.time_ns(), is_shared=False)
        now = self._venue_time.now()
        count = 0
        while count < len(records) and records[count].ts_known <= now:
            count += 1
        self._due = records[count].ts_known if count < len(records) else 0
        for record in records[:count]:
            record.ts_origin = now  # by then it had reached us
        return records[:count]

    @property
    def due_s(self) -> float:
        """In how many seconds the next message is due."""
        if not self._due:
            return FAR_S
        return max(0.0, (self._venue_time.wall_of(self._due) - time.time_ns()) / 1e9)

    def _go_to(self, position: int) -> None:
        _, place = self._snapshots.before(position) or (0, Place())
        if place.market:
            self._market.go_on(place.market)
            self._asked.update((Log("market", name), end) for name, end in place.asked.items())

    def _keep_place(self, position: int) -> None:
        # As a window ends, and not at each: it costs as much as twenty messages.
        feed = self._market.feed
        if position != feed.end or feed.ts_local < self._place_due:
            return
        kept = self._market.kept()
        if kept is not None:
            at, market = kept
            asked = {log.partition: end for log, end in self._asked.items()}
            self._place = at, Place(asked=asked, market=market)
            self._place_due = feed.ts_local + PLACE_EVERY_NS

    async def _remind(self, position: int) -> None:
        if not self._market.heeds_requests or position < self._market.feed.end:
            return
        for log, place in self._asked.items():
            while records := await self._bus.read(log, place, READ_RECORDS_MAX):
                place += len(records)  # noqa: PLW2901 # it is where the next read begins
                for record in records:
                    if isinstance(record.message, RequestSnapshot):
                        self._market.request_snapshot(record)
            self._asked[log] = place
