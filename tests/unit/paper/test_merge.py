"""Several logs as one input: the same records at the same positions, however they are read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Broken
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.system import Clock, Started
from marea.testing.builders import void_record
from services.paper.shell import merge as merging
from services.paper.shell.merge import Merge
from tests.unit.features.market import quote, trade
from tests.unit.paper.desk import place

BTC, ETH, PAPER = Log("market", "BTC"), Log("market", "ETH"), Log("paper", "main")
NAME = "paper/main"


@dataclass
class World:
    """Two markets and an account, written window by window as a run does it."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    seqs: dict[Log, int] = field(default_factory=dict)
    epochs: dict[Log, int] = field(default_factory=dict)
    request_count: int = 0

    def merge(self, *, waits_for_all: bool = False) -> Merge:
        return Merge(self.bus, self.snapshots, "main", ["BTC", "ETH"], waits_for_all=waits_for_all)

    async def start(self, log: Log) -> None:
        started = Started(id="s", ts_event=0, service="x", build="", config="", resumes_at=0)
        end = (await self.bus.ends()).get(log, 0)
        writer = Writer(producer=f"x/{log.partition}", epoch=-1, build="")
        await self.bus.append(log, [Record(message=started, writer=writer, seq=0)])
        self.epochs[log], self.seqs[log] = end, 0

    async def put(self, log: Log, said: Sequence[tuple[Message, int]]) -> None:
        """Messages with the times at which they were known."""
        first = self.seqs.get(log, 0)
        self.seqs[log] = first + len(said)
        epoch = self.epochs.get(log, 0)
        writer = Writer(producer=f"x/{log.partition}", epoch=epoch, build="")
        await self.bus.append(
            log,
            [
                Record(message=message, writer=writer, seq=first + at, ts_known=ts)
                for at, (message, ts) in enumerate(said)
            ],
        )

    async def window(self, log: Log, ts: int, known: Sequence[int], *, hidden: int = 0) -> None:
        """A clock, then trades known at these times, with quotes that nobody hears among them."""
        clock = Clock(id=f"{log.partition}:{ts}", ts_event=ts, stream=log.partition)
        trades = [
            (replace(trade(1, 0), id=f"{log.partition}:{ts + late}"), ts + late) for late in known
        ]
        quotes = [(quote(at), ts) for at in range(hidden)]
        await self.put(log, [(clock, ts), *quotes, *trades])

    async def request(self, merge: Merge) -> None:
        """An order that is sent now."""
        self.request_count += 1
        name, ts = f"o{self.request_count}", await merge.watermark()
        order = replace(place(name, 0, "buy", 100, 10_000), id=name, ts_event=ts)
        await self.put(PAPER, [(order, 0)])


def told(records: Sequence[Record]) -> list[tuple[int, str, int]]:
    return [(record.seq, record.message.id, record.ts_known) for record in records]


async def read_all(merge: Merge, limit: int = 7, position: int = 0) -> list[Record]:
    found: list[Record] = []
    while records := await merge.read(PAPER, position + len(found), limit):
        found += records
    return found


def ids(records: Sequence[Record]) -> list[str]:
    return [record.message.id for record in records]


def test_records_come_by_the_time_they_were_known_requests_first_then_logs_in_their_order() -> None:
    async def scenario() -> None:
        world = World()
        merge = world.merge()
        await world.window(ETH, 100, [5, 60])
        await world.window(BTC, 100, [60])
        await world.window(BTC, 200, [])
        await world.window(ETH, 200, [])
        await world.request(merge)
        await world.window(BTC, 300, [])
        await world.window(ETH, 300, [])
        assert ids(await read_all(merge)) == [
            "BTC:100",
            "ETH:100",
            "ETH:105",
            "BTC:160",
            "ETH:160",
            "o1",
            "BTC:200",
            "ETH:200",
        ]

    asyncio.run(scenario())


def test_nothing_is_given_before_every_market_that_has_begun_has_told_a_later_time() -> None:
    async def scenario() -> None:
        world = World()
        merge = world.merge()
        await world.start(ETH)
        await world.window(BTC, 100, [5])
        assert await read_all(merge) == []
        await world.window(BTC, 200, [5])
        assert ids(await read_all(merge)) == ["BTC:100", "BTC:105"]
        await world.window(ETH, 200, [])
        await world.window(BTC, 300, [])
        assert await read_all(merge, position=2) == []
        await world.window(ETH, 300, [])
        assert ids(await read_all(merge, position=2)) == ["BTC:200", "ETH:200", "BTC:205"]
        assert await merge.watermark() == 300

    asyncio.run(scenario())


def test_markets_that_begin_one_after_the_other_are_merged_as_if_they_had_begun_at_once() -> None:
    async def scenario() -> None:
        world = World()
        early = world.merge(waits_for_all=True)
        await world.window(BTC, 100, [10])
        await world.window(BTC, 200, [])
        assert (await early.watermark(), await early.read(PAPER, 0, 10)) == (0, [])
        await world.window(ETH, 100, [5])
        await world.window(ETH, 200, [])
        given = told(await read_all(early))
        assert [each[1] for each in given] == ["BTC:100", "ETH:100", "ETH:105", "BTC:110"]
        assert given == told(await read_all(world.merge(waits_for_all=True)))

    asyncio.run(scenario())


def test_record_that_was_known_before_the_one_above_it_stays_below_it() -> None:
    async def scenario() -> None:
        world = World()
        await world.window(BTC, 100, [50, 20])
        await world.window(ETH, 100, [30])
        for log in (BTC, ETH):
            await world.window(log, 200, [])
        found = ids(await read_all(world.merge()))
        assert found == ["BTC:100", "ETH:100", "ETH:130", "BTC:150", "BTC:120"]

    asyncio.run(scenario())


def test_second_copy_of_an_append_is_left_out_and_what_is_missing_is_told() -> None:
    async def scenario() -> None:
        world = World()
        await world.window(BTC, 100, [10])
        again = await world.bus.read(BTC, 0, 9)
        await world.bus.append(BTC, again)
        world.seqs[BTC] += 1
        for ts in (200, 100 + 3_000_000_000, 200 + 3_000_000_000):
            await world.window(BTC, ts, [])
        found = await read_all(world.merge())
        kinds = [type(record.message).__name__ for record in found]
        assert kinds == ["Clock", "Trade", "GapFound", "Clock", "Clock"]
        assert [record.seq for record in found] == list(range(5))

    asyncio.run(scenario())


def test_what_nobody_can_read_is_left_out_and_moves_no_time() -> None:
    async def scenario() -> None:
        world = World()
        await world.window(BTC, 100, [10])
        await world.bus.append(BTC, [void_record(BTC, 2)])
        await world.window(BTC, 200, [10])
        await world.window(BTC, 300, [])
        found = await read_all(world.merge())
        assert ids(found) == ["BTC:100", "BTC:110", "BTC:200", "BTC:210"]
        assert [record.seq for record in found] == list(range(4))

    asyncio.run(scenario())


def test_request_that_is_stamped_before_what_was_given_is_refused() -> None:
    async def scenario() -> None:
        world = World()
        merge = world.merge()
        for ts in (100, 200, 300):
            await world.window(BTC, ts, [])
        found = await read_all(merge)
        await world.put(PAPER, [(replace(place("o", 0, "buy", 1, 1), ts_event=150), 0)])
        await world.window(BTC, 400, [])
        with pytest.raises(Broken, match="is stamped 150, and what was known at 2"):
            await read_all(merge, position=len(found))

    asyncio.run(scenario())


def test_logs_that_end_before_a_position_that_was_given_are_refused() -> None:
    async def scenario() -> None:
        world = World()
        for ts in (100, 200):
            await world.window(BTC, ts, [])
        with pytest.raises(Broken, match="position 5 is asked for, and the logs end at 1; restore"):
            await world.merge().read(PAPER, 5, 10)

    asyncio.run(scenario())


def test_snapshot_that_is_damaged_or_of_other_instruments_is_no_snapshot() -> None:
    async def scenario() -> None:
        world = World()
        merge = world.merge()
        for ts in (100, 200):
            await world.window(BTC, ts, [])
        await read_all(merge)
        await merge.save(NAME, 1, b"body")
        assert await world.merge().load(NAME) == [b"body"]
        assert await Merge(world.bus, world.snapshots, "main", ["BTC"]).load(NAME) == []
        await world.snapshots.save(NAME, 2, b"torn")
        assert await world.merge().load(NAME) == [b"body"]

    asyncio.run(scenario())


class WatchedBus(MemoryBus):
    """It knows the first position that was read of each log."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[Log, int] = {}

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        self.first[log] = min(position, self.first.get(log, position))
        return await super().read(log, position, limit)


def test_new_life_looks_at_nothing_before_its_snapshot_even_if_asked_the_time_first() -> None:
    async def scenario() -> None:
        bus = WatchedBus()
        world = World(bus=bus)
        merge = world.merge()
        for ts in range(100, 900, 100):
            await world.window(BTC, ts, [5])
        given = len(await read_all(merge))
        await merge.save(NAME, given, b"body")
        await world.window(BTC, 900, [])
        bus.first.clear()
        again = world.merge()
        assert await again.load(NAME) == [b"body"]
        assert await again.watermark() == 900
        assert ids(await read_all(again, position=given)) == ["BTC:800", "BTC:805"]
        assert bus.first[BTC] == (await bus.ends(BTC))[BTC] - 3

    asyncio.run(scenario())


@dataclass
class Said:
    """What comes in one window."""

    btc: list[int]
    eth: list[int]
    quote_count: int
    starts: bool
    request_count: int


LATES = st.lists(st.integers(-30, 99), max_size=4)
COUNTS = st.integers(0, 3)
WINDOWS = st.lists(st.builds(Said, LATES, LATES, COUNTS, st.booleans(), COUNTS), min_size=2)


async def write(world: World, ts: int, said: Said, *, with_eth: bool) -> None:
    """A window of both markets, perhaps by new lives of those who write them."""
    if said.starts:
        await world.start(BTC)
        await world.start(PAPER)
    await world.window(BTC, ts, said.btc, hidden=said.quote_count)
    if with_eth:
        await world.window(ETH, ts, said.eth)


@settings(max_examples=100, deadline=None)
@given(WINDOWS, st.integers(0, 4), st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_reads_and_restarts_give_the_same_records_at_the_same_positions(
    windows: list[Said], begins_at: int, limit: int, chance: Random
) -> None:
    async def scenario() -> None:
        world = World()
        merge = world.merge()
        found: list[Record] = []
        for number, said in enumerate(windows):
            await write(world, 100 * (number + 1), said, with_eth=number >= begins_at)
            if chance.random() < 0.5:
                merge = world.merge()
                bodies = await merge.load(NAME)
                found = found[: int(bodies[0])] if bodies else []
            while records := await merge.read(PAPER, len(found), limit):
                found += records
                if chance.random() < 0.5:
                    await merge.save(NAME, len(found), str(len(found)).encode())
            for _ in range(said.request_count):
                await world.request(merge)
        assert [record.seq for record in found] == list(range(len(found)))
        assert told(await read_all(world.merge(), 1_000)) == told(found)

    asyncio.run(scenario())


@pytest.mark.parametrize("room", [1, 2, 5])
def test_little_room_to_read_ahead_changes_nothing(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = World()
        for ts in range(100, 1_000, 100):
            await world.window(BTC, ts, [5, 7, 50], hidden=3)
            await world.window(ETH, ts, [6, 40])
        expected = told(await read_all(world.merge(), 1_000))
        assert len(expected) == 56
        monkeypatch.setattr(merging, "AHEAD_RECORDS_MAX", room)
        assert told(await read_all(world.merge(), 3)) == expected

    asyncio.run(scenario())


def test_what_is_not_taken_tells_no_time_and_holds_nothing_up() -> None:
    async def scenario() -> None:
        world = World()
        for log in (BTC, ETH, PAPER):
            await world.start(log)
        merge = world.merge()
        for ts in (1_000, 2_000):
            await world.window(BTC, ts, [10, 20])
            await world.window(ETH, ts, [15])
        life = Writer(producer="x/BTC", epoch=0, build="")
        for writer, seq in ((life, 1), (life, 2**40), (replace(life, epoch=2**40), 0)):
            late = Clock(id="late", ts_event=9_000_000, stream="BTC")
            strange = Record(message=late, writer=writer, seq=seq, ts_known=9_000_000)
            await world.bus.append(BTC, [strange])
        await world.bus.append(PAPER, [void_record(PAPER, 1)])
        assert await merge.watermark() == 2_000
        await world.request(merge)
        for log in (BTC, ETH):
            await world.window(log, 3_000, [10])
        given = await merge.read(PAPER, 0, 100)
        assert max(record.ts_known for record in given) < 3_000
        assert "o1" in [record.message.id for record in given]

    asyncio.run(scenario())
