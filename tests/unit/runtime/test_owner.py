"""A loop that writes to the log it reads: what it does in the world, and what it brings from there."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Broken, Refused, Unavailable
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.market import Trade
from marea.messages.system import Clock, CoreDiverged, QualityCheckFailed, Started
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.builders import TS_START
from marea.testing.toy import ToyState, apply, toy_core, toy_wiring, trade_record, upstream_records
from tests.unit.runtime.bench import AwayFrom, Bench, play

TRADING = Log("trading", "p1")
NOW = TS_START + 1_000_000_000


class World:
    """What is outside: it answers each alarm with a trade, and has trades of its own."""

    def __init__(self) -> None:
        self.alarms: list[Record] = []

    async def act(self, alarm: Record) -> Sequence[Message]:
        """Take note of an alarm, and answer the first three with a trade."""
        self.alarms.append(alarm)
        count = len(self.alarms)
        return (trade_record(1_000 + count).message,) if count <= 3 else ()

    async def arrivals(self, state: ToyState, now: Nanos) -> Sequence[Message]:
        """Five trades in all."""
        assert now == NOW
        return [trade_record(101 + number).message for number in range(state.trade_count, 5)]

    def loop(self, bench: Bench, *, acts: bool = True, brings: bool = False) -> Loop[ToyState]:
        """A toy on one log of its own."""
        ports = Ports(
            source=bench.bus,
            bus=bench.bus,
            snapshots=bench.snapshots,
            effects={QualityCheckFailed: self.act} if acts else {},
            venue_time=lambda: NOW,
            arrivals=self.arrivals if brings else None,
        )
        return Loop(toy_core(), toy_wiring(TRADING), ports)


async def run(loop: Loop[ToyState], steps: int = 50) -> None:
    await loop.start()
    for _ in range(steps):
        await loop.step(7)


def test_output_is_acted_on_once_when_it_is_read_back() -> None:
    async def scenario(bench: Bench) -> None:
        world = World()
        await bench.bus.append(TRADING, upstream_records(12))
        await run(world.loop(bench))
        on_log = [r for r in await bench.read(TRADING) if isinstance(r.message, QualityCheckFailed)]
        assert [each.message.id for each in world.alarms] == [each.message.id for each in on_log]
        assert len(on_log) > 2

    play(-1, scenario)


def test_what_an_act_brings_is_taken_as_an_input() -> None:
    async def scenario(bench: Bench) -> None:
        world = World()
        loop = world.loop(bench)
        await bench.bus.append(TRADING, upstream_records(12))
        await run(loop)
        trades = [r for r in await bench.read(TRADING) if isinstance(r.message, Trade)]
        assert loop.state.trade_count == len(trades) == 10 + 3

    play(-1, scenario)


def test_output_of_an_earlier_life_is_not_acted_on_by_a_later_one() -> None:
    async def scenario(bench: Bench) -> None:
        world = World()
        await bench.bus.append(TRADING, upstream_records(12))
        first = world.loop(bench, acts=False)
        await run(first)
        await run(world.loop(bench))
        assert world.alarms == []

    play(-1, scenario)


def test_life_that_reads_the_start_of_a_later_one_stops() -> None:
    async def scenario(bench: Bench) -> None:
        world = World()
        first = world.loop(bench)
        await run(first)
        await world.loop(bench).start()
        with pytest.raises(Refused, match=r"toy/0 of epoch 0 has been followed by epoch 2: let"):
            await run_on(first)

    async def run_on(loop: Loop[ToyState]) -> None:
        for _ in range(3):
            await loop.step(7)

    play(-1, scenario)


def test_arrivals_are_brought_once_and_behind_the_time_at_which_they_came() -> None:
    async def scenario(bench: Bench) -> None:
        world = World()
        await run(world.loop(bench, acts=False, brings=True))
        await run(world.loop(bench, acts=False, brings=True))
        messages = [r.message for r in await bench.read(TRADING)]
        kinds = [type(each) for each in messages if type(each) is not Started]
        assert kinds[:6] == [Clock, Trade, Trade, Trade, Trade, Trade]
        assert kinds.count(Trade) == 5

    play(-1, scenario)


def test_nothing_is_brought_while_a_read_gives_less_than_there_is() -> None:
    class Short(MemoryBus):
        """It gives three records at most."""

        async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
            return await super().read(log, position, min(limit, 3))

    async def scenario(bench: Bench) -> None:
        short = Bench(Short(), bench.snapshots)
        await run(World().loop(short, acts=False, brings=True))
        await run(World().loop(short, acts=False, brings=True))
        messages = await MemoryBus.read(short.bus, TRADING, 0, 1_000)
        assert [type(each.message) for each in messages].count(Trade) == 5

    play(-1, scenario)


def test_stamp_does_not_go_back_with_the_clock_of_a_host() -> None:
    async def scenario(bench: Bench) -> None:
        times = iter([NOW, NOW - 5_000_000_000, NOW + 1])
        await bench.bus.append(TRADING, upstream_records(12))
        loop = bench.loop(log=TRADING, venue_time=lambda: next(times, NOW + 1))
        await run(loop)
        alarms = [r for r in await bench.read(TRADING) if isinstance(r.message, QualityCheckFailed)]
        stamps = [each.ts_known for each in alarms]
        assert stamps == sorted(stamps)
        assert min(stamps) == NOW

    play(-1, scenario)


def test_outputs_are_stamped_with_the_venue_time() -> None:
    async def scenario(bench: Bench) -> None:
        world = World()
        await bench.bus.append(TRADING, upstream_records(12))
        await run(world.loop(bench))
        assert {alarm.ts_known for alarm in world.alarms} == {NOW}

    play(-1, scenario)


def test_what_a_core_does_not_hear_is_read_and_passed_over() -> None:
    async def scenario(bench: Bench) -> None:
        core = replace(toy_core(), hears=frozenset({Clock}))
        loop = await bench.run(bench.loop(core))
        assert loop.state.trade_count == 0
        assert loop.state.told > 0
        assert loop.position == 61

    play(60, scenario)


def test_core_hears_that_it_diverged_itself() -> None:
    heard: list[Message] = []

    def apply_and_note(state: ToyState, event: Message) -> None:
        apply(state, event)
        if isinstance(event, CoreDiverged):
            heard.append(event)

    async def scenario(bench: Bench) -> None:
        await bench.bus.append(TRADING, upstream_records(12))
        await run(World().loop(bench, acts=False))
        now = replace(toy_core(), decide=lambda _state, _event: (), apply=apply_and_note)
        ports = Ports(source=bench.bus, bus=bench.bus, snapshots=MemorySnapshots())
        loop = Loop(now, toy_wiring(TRADING), ports)
        await run(loop)
        told = [r.message for r in await bench.read(TRADING) if isinstance(r.message, CoreDiverged)]
        assert heard == told
        assert len(told) == loop.divergence_count > 0

    play(-1, scenario)


def test_loop_that_could_not_bring_has_stopped_and_the_next_life_leaves_no_hole() -> None:
    async def scenario(bench: Bench) -> None:
        away = AwayFrom(TRADING, bench.bus)
        world = World()
        loop = world.loop(Bench(away, bench.snapshots))
        await loop.start()
        away.is_away = True
        with pytest.raises(Unavailable):
            await loop.bring([trade_record(101).message])
        away.is_away = False
        assert loop.has_stopped
        with pytest.raises(Broken, match=r"has stopped; start it anew"):
            await loop.bring([trade_record(102).message])
        later = world.loop(bench)
        await later.start()
        await later.bring([trade_record(102).message])
        brought = [r for r in await bench.read(TRADING) if isinstance(r.message, Trade)]
        assert [(r.message.id, r.seq) for r in brought] == [(trade_record(102).message.id, 0)]

    play(-1, scenario)
