"""What the loop does beside surviving: divergence, failure, time, lineage, snapshots."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Broken, Unavailable
from marea.messages.envelope import Log, Message
from marea.messages.ids import trace_id
from marea.messages.market import Trade
from marea.messages.system import Clock, CoreDiverged, Started
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing import toy
from marea.testing.builders import TS_START
from marea.testing.toy import (
    ALARMS,
    BARS,
    INPUT,
    ToyState,
    toy_core,
    toy_wiring,
    upstream_records,
)
from tests.unit.runtime.bench import AwayFrom, Bench, play, with_decide


def test_output_carries_what_it_followed_from() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        inputs = await bench.read(INPUT)
        started, *outputs = await bench.read(ALARMS)
        assert isinstance(started.message, Started)
        assert [output.seq for output in outputs] == list(range(len(outputs)))
        for output in outputs:
            cause = inputs[output.input_offset]
            assert output.message.parents == (cause.message.id,)
            assert output.trace == trace_id(cause)
            assert output.ts_origin == cause.ts_origin
            assert output.writer.epoch == 0
            assert output.writer.input_log == INPUT
            assert len(output.message.id) == 40

    play(60, scenario)


def test_ids_do_not_depend_on_the_batches() -> None:
    async def ids(batch: int) -> list[str]:
        bench = Bench(MemoryBus(), MemorySnapshots())
        await bench.bus.append(INPUT, upstream_records(60))
        loop = bench.loop()
        await loop.start()
        while await loop.step(batch):
            pass
        return [record.message.id for record in await bench.read(ALARMS)]

    assert asyncio.run(ids(1)) == asyncio.run(ids(7)) == asyncio.run(ids(100))


def test_time_is_the_last_clock_of_the_log() -> None:
    async def scenario(bench: Bench) -> None:
        loop = await bench.run(bench.loop())
        assert loop.now == TS_START + 50 * 100_000_000
        for record in (await bench.read(BARS))[1:]:
            cause = (await bench.read(INPUT))[record.input_offset]
            clock = cause.message.ts_event // 1_000_000_000 * 1_000_000_000
            assert record.message.ts_event == clock

    play(60, scenario)


def test_other_code_diverges_and_the_record_stands() -> None:
    def greedy(state: ToyState, event: Message) -> Sequence[Message]:
        outputs = toy.decide(state, event)
        if isinstance(event, Trade) and event.last_trade_id == 23:
            return ()  # it would not have said this any more
        return outputs

    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        bench.forget_snapshots()
        before = [await bench.read(log) for log in (BARS, ALARMS)]
        second = await bench.run(bench.loop(with_decide(greedy)))
        assert second.divergence_count == 1
        assert second.state == first.state  # what is recorded was applied
        after = [await bench.read(log) for log in (BARS, ALARMS)]
        assert [log[: len(old)] for log, old in zip(after, before, strict=True)] == before
        told = [
            record.message
            for log in after
            for record in log
            if isinstance(record.message, CoreDiverged)
        ]
        assert len(told) == 1
        assert told[0].decided == ""
        assert "was not decided" in told[0].detail

    play(60, scenario)


def test_changed_value_is_told_with_the_field_and_both_values() -> None:
    def louder(state: ToyState, event: Message) -> Sequence[Message]:
        outputs = toy.decide(state, event)
        return [
            structs.replace(output, detail="louder") if hasattr(output, "detail") else output
            for output in outputs
        ]

    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        loop = await bench.run(bench.loop(with_decide(louder)))
        told = [
            record.message
            for record in await bench.read(ALARMS)
            if isinstance(record.message, CoreDiverged)
        ]
        assert loop.divergence_count == len(told) > 5
        assert told[0].detail == "detail: recorded 'alarm 0', decided 'louder'"

    play(60, scenario)


def test_output_that_is_new_in_the_middle_of_the_record_is_not_published() -> None:
    def chatty(state: ToyState, event: Message) -> Sequence[Message]:
        outputs = list(toy.decide(state, event))
        if isinstance(event, Trade) and event.last_trade_id == 12 and not outputs:
            return [toy._alarm(state, event)]
        return outputs

    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        bench.forget_snapshots()
        count = len(await bench.read(ALARMS))
        second = await bench.run(bench.loop(with_decide(chatty)))
        assert second.state == first.state
        assert second.divergence_count == 1
        kinds = [type(record.message).__name__ for record in await bench.read(ALARMS)]
        assert kinds[count:] == ["Started", "CoreDiverged"]

    play(60, scenario)


def test_core_that_fails_stops_the_loop_and_what_came_before_is_appended() -> None:
    def failing(state: ToyState, event: Message) -> Sequence[Message]:
        if isinstance(event, Trade) and event.last_trade_id == 33:
            raise ZeroDivisionError("a bug")
        return toy.decide(state, event)

    async def scenario(bench: Bench) -> None:
        loop = bench.loop(with_decide(failing))
        await loop.start()
        with pytest.raises(Broken, match=r"toy/0 stopped at market/.* position 34, Trade .*a bug"):
            await bench.run_to_the_end(loop, 10)
        last = (await bench.read(ALARMS))[-1]
        assert last.input_offset == 30  # the alarm before it, in the batch that failed
        with pytest.raises(Broken, match="toy/0 has stopped; start it anew"):
            await loop.step()
        calm = await bench.run(bench.loop())
        assert calm.divergence_count == 0

    play(60, scenario)


def test_log_that_is_away_while_it_is_compared_is_no_failure_of_the_core() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        bus = AwayFrom(BARS, bench.bus)
        ports = Ports(source=bench.bus, bus=bus, snapshots=bench.snapshots)
        loop = Loop(toy_core(), toy_wiring(), ports)
        await loop.start()
        bus.is_away = True
        with pytest.raises(Unavailable, match="features/toy is away"):
            await bench.run_to_the_end(loop, 10)

    play(6_000, scenario)


def test_failure_in_the_middle_of_an_input_publishes_none_of_its_outputs() -> None:
    def apply(state: ToyState, event: Message) -> None:
        if getattr(event, "detail", "") == "alarm 4":
            raise ValueError("cannot")
        toy.apply(state, event)

    async def scenario(bench: Bench) -> None:
        loop = bench.loop(replace(toy_core(), apply=apply))
        await loop.start()
        with pytest.raises(Broken, match="ValueError: cannot"):
            await bench.run_to_the_end(loop, 60)
        assert len(await bench.read(ALARMS)) == 1 + 4

    play(60, scenario)


def test_outputs_that_the_discriminator_does_not_tell_apart_are_refused() -> None:
    def twins(state: ToyState, event: Message) -> Sequence[Message]:
        return [*toy.decide(state, event)] * 2

    async def scenario(bench: Bench) -> None:
        loop = bench.loop(with_decide(twins))
        await loop.start()
        with pytest.raises(Broken, match="discriminator of QualityCheckFailed must tell them"):
            await loop.step(10)

    play(60, scenario)


def test_owner_of_a_log_tells_its_time_when_the_core_waits_for_it() -> None:
    trading = Log("trading", "p1")
    now = TS_START

    async def scenario(bench: Bench) -> None:
        nonlocal now
        loop = bench.loop(log=trading, venue_time=lambda: now)
        await loop.start()
        for _ in range(40):
            await loop.step(10)
            await loop.step(10)
            now += 1_000_000_000
        clocks = [r.message for r in await bench.read(trading) if isinstance(r.message, Clock)]
        told_s = [(clock.ts_event - TS_START) / 1e9 for clock in clocks]
        assert told_s == [0, 7, 14, 21, 28, 35]  # the toy wakes 7 s after each clock
        assert loop.state.told == clocks[-1].ts_event

    play(0, scenario)


def test_log_is_told_the_time_once_a_minute_when_nothing_is_awaited() -> None:
    trading = Log("trading", "p1")
    now = TS_START

    async def scenario(bench: Bench) -> None:
        nonlocal now
        core = replace(toy_core(), next_deadline=None)
        loop = bench.loop(core, trading, lambda: now)
        await loop.start()
        for _ in range(200):
            await loop.step(10)
            await loop.step(10)
            now += 1_000_000_000
        clocks = [r.message for r in await bench.read(trading) if isinstance(r.message, Clock)]
        assert [(clock.ts_event - TS_START) / 1e9 for clock in clocks] == [0, 60, 120, 180]

    play(0, scenario)


def test_snapshot_of_another_shape_is_passed_over() -> None:
    @dataclass(slots=True)
    class GrownState(ToyState):
        """What a later build remembers."""

        more: int = 0

    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        assert await bench.snapshots.load("toy/0")
        core = replace(toy_core(), state_type=GrownState, initial=GrownState)
        loop = bench.loop(core)
        await loop.start()
        assert loop.position == 0
        while await loop.step(10):
            pass
        assert loop.divergence_count == 0
        assert loop.state.total == first.state.total

    play(60, scenario)


def test_paused_writer_that_wakes_after_another_took_over_is_void() -> None:
    async def scenario(bench: Bench) -> None:
        zombie = bench.loop()
        await zombie.start()
        await zombie.step(10)
        owner = bench.loop()
        await owner.start()
        await zombie.step(10)  # it wakes, and does not know
        while await owner.step(10):
            pass
        third = await bench.run(bench.loop())
        assert third.divergence_count == 0
        assert third.state == owner.state

    play(60, scenario)
