"""What time it is at the venue, by what is heard of it."""

import asyncio
from collections.abc import Sequence

from marea.bus.memory import MemoryBus
from marea.bus.raw import Raw
from marea.messages.envelope import Log
from marea.messages.framing import frame
from marea.runtime.venue_time import Heard, VenueTime, anchored
from marea.testing.toy import INPUT, upstream_records

SECOND = 1_000_000_000
BEGIN = 1_767_571_200 * SECOND


class Wall:
    """Our clock."""

    def __init__(self) -> None:
        self.ns = 5 * SECOND

    def __call__(self) -> int:
        return self.ns


class Bytes(MemoryBus):
    """A bus whose records have the bytes and the stamps that Kafka gives them."""

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        records = await self.read(log, position, limit)
        return [Raw(0, at, 7_000 + at, None, frame(each)) for at, each in enumerate(records)]


def test_time_of_a_market_that_has_not_begun_is_none() -> None:
    assert VenueTime(1.0, Wall()).now() == 0


def test_time_goes_on_at_the_pace_of_the_market() -> None:
    wall = Wall()
    venue_time = VenueTime(10.0, wall)
    venue_time.anchor(BEGIN, wall.ns, is_shared=True)
    wall.ns += 3 * SECOND
    assert venue_time.now() == BEGIN + 30 * SECOND
    assert venue_time.wall_of(BEGIN + 30 * SECOND) == wall.ns


def test_time_does_not_go_back_with_our_clock() -> None:
    wall = Wall()
    venue_time = VenueTime(1.0, wall)
    venue_time.anchor(BEGIN, wall.ns, is_shared=True)
    wall.ns += SECOND
    before = venue_time.now()
    wall.ns -= SECOND // 2
    assert venue_time.now() == before


def test_every_process_learns_it_from_the_first_clock_on_record() -> None:
    async def scenario() -> None:
        bus, wall = Bytes(), Wall()
        venue_time = VenueTime(1.0, wall)
        assert not await anchored(venue_time, bus, INPUT)
        assert not venue_time.has_begun
        await bus.append(INPUT, upstream_records(5))
        assert await anchored(venue_time, bus, INPUT)
        wall.ns = 7_001 * 1_000_000 + SECOND  # the first clock is the second record
        first = upstream_records(1)[1].message.ts_event
        assert venue_time.now() == first + SECOND

    asyncio.run(scenario())


def test_market_without_a_pace_is_as_late_as_the_latest_clock_that_was_heard() -> None:
    async def scenario() -> None:
        bus, venue_time = MemoryBus(), VenueTime(0.0, Wall())
        await bus.append(INPUT, upstream_records(30))
        source = Heard(bus, venue_time)
        await source.read(INPUT, 0, 12)
        clocks = [each.message.ts_event for each in upstream_records(30)[1::10]]
        assert venue_time.now() == clocks[1]
        await source.read(INPUT, 12, 100)
        assert venue_time.now() == clocks[2]
        await source.read(INPUT, 0, 5)  # again, by somebody who begins anew
        assert venue_time.now() == clocks[2]

    asyncio.run(scenario())
