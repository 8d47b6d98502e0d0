"""What a start makes of records that were cut off, changed, doubled or lost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from zlib import crc32

import msgspec
import pytest
from msgspec import structs

from marea.bus.memory import MemoryBus
from marea.errors import Broken
from marea.messages.envelope import Log, Message, Record
from marea.messages.features import Bar
from marea.messages.ids import market_id
from marea.messages.system import Clock, CoreDiverged, GapFound, QualityCheckFailed
from marea.runtime.loop import Loop
from marea.runtime.snapshot import encode, latest_readable, schema_hash
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
    trade_record,
    upstream_records,
)
from tests.unit.runtime.bench import Bench, play, with_decide


def alarmed_by_gaps(state: ToyState, event: Message) -> Sequence[Message]:
    if isinstance(event, GapFound):
        return [
            QualityCheckFailed(
                instrument="", check="gap", observed=float(state.total), limit=0.0, detail=""
            )
        ]
    return toy.decide(state, event)


def passing_gaps_on(state: ToyState, event: Message) -> Sequence[Message]:
    return [event] if isinstance(event, GapFound) else toy.decide(state, event)


@pytest.mark.parametrize("decide", [toy.decide, alarmed_by_gaps, passing_gaps_on])
@pytest.mark.parametrize("lost", range(1, 30))
def test_recovery_over_a_gap_finds_the_outputs_of_the_gap_and_of_what_is_behind_it(
    decide: Callable[[ToyState, Message], Sequence[Message]], lost: int
) -> None:
    async def scenario(bench: Bench) -> None:
        records = [trade_record(seq) for seq in range(90) if seq not in (lost, lost + 1)]
        await bench.bus.append(INPUT, records)
        first = await bench.run(bench.loop(with_decide(decide)))
        assert first.state.missing_count == 2
        ends = await bench.bus.ends()
        for log in (BARS, ALARMS):  # cut off anywhere behind the gap, or not at all
            del bench.bus._records[log][ends[log] - lost % 5 :]
        said = {log: await bench.read(log) for log in (BARS, ALARMS)}
        bench.forget_snapshots()
        second = await bench.run(bench.loop(with_decide(decide)))
        assert second.divergence_count == 0
        assert second.state == first.state
        for log, before in said.items():
            ids = [record.message.id for record in await bench.read(log)]
            assert len(ids) == len(set(ids)) >= len(before)

    play(-1, scenario)


def test_output_unlike_the_last_on_record_is_not_published_beside_it() -> None:
    def renamed(state: ToyState, event: Message) -> Sequence[Message]:
        return [
            structs.replace(output, check="renamed") if hasattr(output, "check") else output
            for output in toy.decide(state, event)
        ]

    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        bench.forget_snapshots()
        count = len(await bench.read(ALARMS))
        second = await bench.run(bench.loop(with_decide(renamed)))
        assert second.state == first.state
        added = [type(record.message).__name__ for record in await bench.read(ALARMS)][count:]
        assert added == ["Started", *["CoreDiverged"] * (2 * first.state.alarm_count)]

    play(60, scenario)


def test_output_before_the_last_on_record_is_not_published_behind_it() -> None:
    def twice(state: ToyState, event: Message) -> Sequence[Message]:
        outputs = toy.decide(state, event)
        extra = [structs.replace(o, check="new") for o in outputs if isinstance(o, type(ALARM))]
        return [*extra, *outputs]

    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        count = len(await bench.read(ALARMS))
        await bench.run(bench.loop(with_decide(twice)))
        added = {type(record.message).__name__ for record in (await bench.read(ALARMS))[count:]}
        assert added == {"Started", "CoreDiverged"}

    play(60, scenario)


ALARM = toy._alarm(ToyState(), trade_record(1).message)  # type: ignore[arg-type] # a trade


def test_each_life_tells_its_divergences_under_ids_of_its_own() -> None:
    def saying(word: str) -> Callable[[ToyState, Message], Sequence[Message]]:
        return lambda state, event: [
            structs.replace(output, detail=word) if hasattr(output, "detail") else output
            for output in toy.decide(state, event)
        ]

    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        for word in ("louder", "lower"):
            bench.forget_snapshots()
            await bench.run(bench.loop(with_decide(saying(word))))
        told = [r.message for r in await bench.read(ALARMS) if isinstance(r.message, CoreDiverged)]
        assert len({message.id for message in told}) == len(told) > 20

    play(60, scenario)


def test_effect_of_an_output_that_is_not_published_is_not_had() -> None:
    def apply(state: ToyState, event: Message) -> None:
        if isinstance(event, Bar) and state.trade_count == 15:
            raise ValueError("cannot")
        toy.apply(state, event)

    async def scenario(bench: Bench) -> None:
        seen: list[str] = []

        async def see(record: Record) -> Sequence[Message]:
            seen.append(record.message.id)
            return ()

        ports = Ports(
            source=bench.bus,
            bus=bench.bus,
            snapshots=bench.snapshots,
            effects={QualityCheckFailed: see},
        )
        loop = Loop(replace(toy_core(), apply=apply), toy_wiring(), ports)
        await loop.start()
        with pytest.raises(Broken, match="cannot"):
            await loop.step(60)
        assert seen == [record.message.id for record in (await bench.read(ALARMS))[1:]]
        assert len(seen) == 4

    play(60, scenario)


def test_failure_on_a_record_that_waited_is_told_with_its_place_and_publishes_nothing() -> None:
    def apply(state: ToyState, event: Message) -> None:
        if isinstance(event, Bar) and state.trade_count == 15:
            raise ValueError("cannot")
        toy.apply(state, event)

    async def scenario(bench: Bench) -> None:
        records = [trade_record(seq) for seq in range(40)]
        late = records.pop(15)
        records.insert(18, late)  # behind three that wait for it, of which the second fails
        await bench.bus.append(INPUT, records)
        loop = bench.loop(replace(toy_core(), apply=apply))
        await loop.start()
        with pytest.raises(Broken, match=r"position 16, Trade BTC-USDT\.SIM:trade:16: .*cannot"):
            await loop.step(60)
        assert len(await bench.read(ALARMS)) == 1 + 4

    play(-1, scenario)


def test_time_is_told_once_and_only_at_the_end_of_a_backlog() -> None:
    trading = Log("trading", "p1")
    now = TS_START + 3_600_000_000_000

    async def scenario(bench: Bench) -> None:
        await bench.bus.append(trading, upstream_records(300))
        loop = bench.loop(log=trading, venue_time=lambda: now)
        await loop.start()
        for steps, expected in ((20, []), (40, [market_id("p1", "clock", now)])):
            for _ in range(steps):
                await loop.step(10)
            told = [r.message for r in await bench.read(trading) if isinstance(r.message, Clock)]
            assert [clock.id for clock in told if clock.ts_event == now] == expected

    play(-1, scenario)


def test_log_shorter_than_what_a_snapshot_rests_on_is_refused() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        del bench.bus._records[BARS][5:]
        with pytest.raises(
            Broken,
            match=r"features/toy ends at position 5, and a snapshot of toy/0 rests on it up to",
        ):
            await bench.loop().start()

    play(120, scenario)


def test_log_with_a_hole_is_refused_and_not_waited_for() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        ports = Ports(source=bench.bus, bus=WithoutEnd(bench.bus), snapshots=bench.snapshots)
        with pytest.raises(Broken, match="toy has nothing at position 5, and ends after it"):
            await bench.run(Loop(toy_core(), toy_wiring(), ports))

    play(120, scenario)


class WithoutEnd(MemoryBus):
    """A bus that lost what was behind the fifth record of each log, and does not know."""

    def __init__(self, bus: MemoryBus) -> None:
        self._records = bus._records

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        return (await super().read(log, position, limit))[: max(0, 5 - position)]


def test_outputs_before_the_snapshot_are_not_waited_for_on_a_log_that_it_does_not_know() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        [body, *_] = await bench.snapshots.load("toy/0")
        kept = latest_readable([body], schema_hash(ToyState))
        assert kept is not None
        kept.outputs = [place for place in kept.outputs if place.channel != ALARMS.channel]
        bench.forget_snapshots()
        await bench.snapshots.save("toy/0", kept.position, encode(kept))
        await bench.bus.append(INPUT, [trade_record(seq) for seq in range(60, 120)])
        again = await bench.run(bench.loop())
        assert again.divergence_count == 0
        alarms = [r for r in await bench.read(ALARMS) if isinstance(r.message, QualityCheckFailed)]
        assert len(alarms) == again.state.alarm_count == len({r.message.id for r in alarms})

    play(60, scenario)


@pytest.mark.parametrize("at", [0, 3, 4, 40, 150, -1])
def test_snapshot_that_is_damaged_anywhere_is_passed_over_for_the_one_before(at: int) -> None:
    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        position, before, *_ = sorted(bench.snapshots._bodies["toy/0"], reverse=True)
        damaged = bytearray(bench.snapshots._bodies["toy/0"][position])
        damaged[at] ^= 0x20
        bench.snapshots._bodies["toy/0"][position] = bytes(damaged)
        loop = bench.loop()
        await loop.start()
        assert loop.position == before
        await bench.run_to_the_end(loop, 10)
        assert loop.state == first.state
        assert loop.divergence_count == 0

    play(60, scenario)


def test_snapshot_that_another_build_framed_otherwise_is_passed_over() -> None:
    async def scenario(bench: Bench) -> None:
        body = msgspec.msgpack.encode({"name": "toy/0", "build": "old"})
        await bench.snapshots.save("toy/0", 99, crc32(body).to_bytes(4) + body)
        loop = await bench.run(bench.loop())
        assert loop.state.trade_count == 54

    play(60, scenario)
