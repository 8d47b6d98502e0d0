"""What a loop keeps over a restart, and what it says of itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from marea.errors import Broken
from marea.messages.envelope import Message, Record, Writer
from marea.messages.system import Clock, CoreDiverged, QualityCheckFailed, Started
from marea.runtime import loop as loop_module
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.builders import TS_START
from marea.testing.toy import (
    ALARMS,
    BARS,
    INPUT,
    UPSTREAM,
    ToyState,
    toy_core,
    toy_wiring,
    trade_record,
)
from tests.unit.runtime.bench import Bench, play, with_decide


def test_input_that_is_passed_on_keeps_its_stamps_and_its_trace() -> None:
    async def scenario(bench: Bench) -> None:
        given = structs.replace(trade_record(0), ts_known=7, ts_origin=5, trace="t")
        await bench.bus.append(INPUT, [given])
        await bench.run(
            bench.loop(with_decide(lambda _, event: [event] if isinstance(event, Clock) else []))
        )
        [_, passed] = await bench.read(ALARMS)
        assert (passed.message, passed.ts_known, passed.ts_origin, passed.trace) == (
            *(given.message, 7, 5, "t"),
        )

    play(-1, scenario)


def test_output_is_known_at_the_time_of_the_log() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        for record in (await bench.read(BARS))[1:]:
            assert record.ts_known == record.message.ts_event

    play(60, scenario)


def test_clock_that_goes_back_takes_no_time_back() -> None:
    async def scenario(bench: Bench) -> None:
        back = Record(
            message=Clock(id="back", ts_event=TS_START, stream="s"), writer=UPSTREAM, seq=60
        )
        await bench.bus.append(INPUT, [back])
        loop = await bench.run(bench.loop())
        assert loop.now == TS_START + 5_000_000_000

    play(60, scenario)


def test_what_was_dropped_and_how_far_producers_were_read_outlives_a_start() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.bus.append(INPUT, [trade_record(seq) for seq in (*range(30), *range(60))])
        first = await bench.run(bench.loop())
        again = await bench.run(bench.loop())
        assert again.intake.state == first.intake.state
        assert again.intake.state.duplicate_count == 30

    play(-1, scenario)


def test_no_snapshot_is_taken_while_a_record_waits() -> None:
    other = Writer(producer="clock", epoch=-1, build="test")
    clocks = [structs.replace(trade_record(seq), writer=other) for seq in (10, 20, 30, 40)]
    clocks = [structs.replace(clock, seq=at) for at, clock in enumerate(clocks)]

    async def scenario(bench: Bench) -> None:
        trades = [trade_record(seq) for seq in range(1, 9)]
        late = trades.pop(3)
        records = [*clocks[:1], *trades, *clocks[1:2], late, *clocks[2:]]
        await bench.bus.append(INPUT, records)
        await bench.run_to_the_end(await started(bench), 1)
        kept = bench.snapshots._bodies["toy/0"]
        assert kept
        assert min(kept) > 1 + records.index(late)

    play(-1, scenario)


async def started(bench: Bench) -> Loop[ToyState]:
    loop = bench.loop()
    await loop.start()
    return loop


def test_no_snapshot_is_taken_before_the_record_is_taken_over() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        loop = await started(bench)
        for _ in range(5):
            await loop.step(10)
        assert await bench.snapshots.load("toy/0") == []

    play(60, scenario)


def test_only_the_first_divergences_of_a_life_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(state: ToyState, event: Message) -> Sequence[Message]:
        return ()

    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        monkeypatch.setattr(loop_module, "DIVERGENCES_TOLD_MAX", 3)
        loop = await bench.run(bench.loop(with_decide(silent)))
        logs = [await bench.read(log) for log in (ALARMS, BARS)]
        told = [r for log in logs for r in log if isinstance(r.message, CoreDiverged)]
        assert loop.divergence_count > len(told) == 3

    play(60, scenario)


def test_effect_of_an_output_on_record_is_had_again_at_a_start() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        seen: list[Record] = []

        async def see(record: Record) -> Sequence[Message]:
            seen.append(record)
            return ()

        ports = Ports(
            source=bench.bus,
            bus=bench.bus,
            snapshots=bench.snapshots,
            effects={QualityCheckFailed: see},
        )
        before = (await bench.read(ALARMS))[1:]
        await bench.run(Loop(toy_core(), toy_wiring(), ports))
        assert seen == before != []

    play(60, scenario)


def test_start_says_which_code_and_settings_go_on_from_where() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        wiring = replace(toy_wiring(), build="next", config='{"a":1}')
        ports = Ports(source=bench.bus, bus=bench.bus, snapshots=bench.snapshots)
        loop = Loop(toy_core(), wiring, ports)
        await loop.start()
        said = (await bench.read(ALARMS))[-1].message
        assert isinstance(said, Started)
        assert (said.service, said.build, said.config) == ("toy", "next", '{"a":1}')
        assert said.resumes_at == loop.position > 30

    play(60, scenario)


def test_own_append_that_stands_twice_is_taken_over_once() -> None:
    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        bench.forget_snapshots()
        await bench.bus.append(ALARMS, (await bench.read(ALARMS))[-5:])
        await bench.bus.append(INPUT, [trade_record(seq) for seq in range(60, 90)])
        again = await bench.run(bench.loop())
        assert again.divergence_count == 0
        assert again.state.alarm_count > first.state.alarm_count
        alarms = [r for r in await bench.read(ALARMS) if r.writer.epoch > 0]
        assert len(alarms) == again.state.alarm_count - first.state.alarm_count

    play(60, scenario)


def test_own_record_with_a_hole_stops_the_start() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        del bench.bus._records[ALARMS][4]
        with pytest.raises(
            Broken, match="quality/toy: toy/0 wrote seq 3 to 3 of epoch 0, and they"
        ):
            await bench.loop().start()

    play(60, scenario)
