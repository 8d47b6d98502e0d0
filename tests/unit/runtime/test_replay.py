"""What a replay finds: nothing on an untouched record, and everything that was planted in one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from marea.bus.memory import MemoryBus
from marea.errors import Broken
from marea.messages.envelope import Log, Message, Record
from marea.messages.features import Bar
from marea.messages.market import Trade
from marea.messages.portfolio import RiskDecision
from marea.messages.system import Clock, CoreDiverged, GapFound, QualityCheckFailed
from marea.runtime import replay as replay_module
from marea.runtime.core import Core
from marea.runtime.loop import BATCH_RECORDS_MAX, Loop
from marea.runtime.replay import CannotFollow, Comparison, Difference, Replay
from marea.runtime.wiring import Ports
from marea.testing import toy
from marea.testing.builders import TS_START
from marea.testing.examples import example
from marea.testing.toy import ALARMS, BARS, INPUT, ToyState, toy_core, toy_wiring, trade_record
from tests.unit.runtime.bench import Bench, play, with_decide
from tests.unit.runtime.test_crash import TRADING, run_to_the_end


class SeenBus(MemoryBus):
    """A bus that nobody may write to, and that remembers the largest batch it was asked for."""

    def __init__(self, bus: MemoryBus) -> None:
        self._records = bus._records
        self.limit_max = 0

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        raise AssertionError(f"a replay appended {len(records)} to {log}")

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        self.limit_max = max(self.limit_max, limit)
        return await super().read(log, position, limit)


async def replayed(
    bench: Bench,
    core: Core[ToyState] | None = None,
    output: Log | None = None,
    *,
    is_whole: bool = True,
) -> Comparison:
    bus = SeenBus(bench.bus)
    ports = Ports(source=bus, bus=bus, snapshots=bench.snapshots)
    loop = Loop(core or toy_core(), toy_wiring(output), ports)
    replay = Replay(loop, bus, is_whole=is_whole)
    await replay.start()
    while await replay.step(7):
        assert 0 < replay.progress <= 1
    assert bus.limit_max <= BATCH_RECORDS_MAX
    return replay.comparison


def counts(comparison: Comparison) -> tuple[int, int]:
    tallies = comparison.by_type.values()
    return sum(each.identical for each in tallies), sum(each.different for each in tallies)


def change(bench: Bench, log: Log, place: int, message: Message) -> None:
    records = bench.bus._records[log]
    records[place] = structs.replace(records[place], message=message)


def renumber(bench: Bench, log: Log) -> None:
    records = bench.bus._records[log]
    for place, record in enumerate(records[1:]):
        records[place + 1] = structs.replace(record, seq=place)


# Nothing to find


def test_untouched_record_is_identical() -> None:
    async def scenario(bench: Bench) -> None:
        loop = await bench.run(bench.loop())
        comparison = await replayed(bench)
        assert comparison.by_type["QualityCheckFailed"].identical == loop.state.alarm_count > 20
        assert comparison.by_type["Bar"].identical == loop.state.bar_count > 10
        assert comparison.differences == []

    play(120, scenario)


@pytest.mark.parametrize("output", [None, TRADING])
def test_record_of_many_lives_is_identical(output: Log | None) -> None:
    whole, _, _ = run_to_the_end(output, 10)
    for kill in range(1, whole.boundary + 40, 9):
        world, loop, lives = run_to_the_end(output, 10, [kill, kill + 17, kill + 31])
        assert isinstance(world.bus, MemoryBus)
        bench = Bench(world.bus, None)  # type: ignore[arg-type] # a replay needs no snapshots
        comparison = asyncio.run(replayed(bench, None, output))
        assert counts(comparison) == (loop.state.alarm_count + loop.state.bar_count, 0), (
            kill,
            lives,
        )


def test_own_outputs_and_what_it_brought_on_its_own_log_are_taken_as_the_loop_took_them() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.bus.append(TRADING, toy.upstream_records(60))
        now = TS_START
        loop = bench.loop(log=TRADING, venue_time=lambda: now)
        await loop.start()
        for _ in range(12):
            now += 7_000_000_000
            await loop.step(9)
            await loop.bring([structs.replace(trade_record(1).message, id=f"brought-{now}")])
        await bench.run_to_the_end(loop, 10)
        brought = [
            record
            for record in await bench.read(TRADING)
            if record.writer.producer == "toy/0" and record.message.outside
        ]
        assert {Trade, Clock} <= {type(record.message) for record in brought}
        comparison = await replayed(bench, output=TRADING)
        assert counts(comparison) == (loop.state.alarm_count + loop.state.bar_count, 0)

    play(-1, scenario)


def alarmed_by_gaps(state: ToyState, event: Message) -> Sequence[Message]:
    if isinstance(event, GapFound):
        return [
            event,
            QualityCheckFailed(
                instrument="", check="gap", observed=float(state.total), limit=0.0, detail=""
            ),
        ]
    return toy.decide(state, event)


@pytest.mark.parametrize("lost", range(1, 40, 4))
def test_gaps_and_duplicates_of_the_input_are_seen_as_the_loop_saw_them(lost: int) -> None:
    async def scenario(bench: Bench) -> None:
        records = [trade_record(seq) for seq in range(90) if seq not in (lost, lost + 1)]
        await bench.bus.append(INPUT, [*records[:50], *records[20:]])
        core = with_decide(alarmed_by_gaps)
        loop = await bench.run(bench.loop(core))
        assert loop.state.missing_count == 2
        comparison = await replayed(bench, core)
        assert comparison.by_type["GapFound"].identical == 1
        assert counts(comparison)[1] == 0

    play(-1, scenario)


# What was planted


def test_other_value_is_found_with_its_field() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        was = (await bench.read(ALARMS))[5].message
        change(bench, ALARMS, 5, structs.replace(was, detail="planted"))
        comparison = await replayed(bench)
        identical, different = counts(comparison)
        assert (identical > 20, different) == (True, 1)
        [found] = comparison.differences
        assert (found.loop, found.log, found.input_log) == ("toy/0", ALARMS, INPUT)
        assert (found.position, found.ts) == (
            (await bench.read(ALARMS))[5].input_offset,
            was.ts_event,
        )
        assert found.decided == was
        assert found.detail == "detail: recorded 'planted', decided 'alarm 4'"

    play(90, scenario)


def test_output_that_is_not_on_record_is_found() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        gone = bench.bus._records[BARS].pop(4)
        renumber(bench, BARS)
        comparison = await replayed(bench)
        found = comparison.differences[0]
        assert (found.recorded, found.decided) == (None, gone.message)
        assert found.message == gone.message
        assert found.detail == "decided Bar, which is not on record"

    play(90, scenario)


def test_output_that_is_not_decided_is_found() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        records = bench.bus._records[ALARMS]
        message = structs.replace(records[3].message, id="planted", observed=0.0)
        records.insert(4, structs.replace(records[3], message=message))
        renumber(bench, ALARMS)
        comparison = await replayed(bench)
        found = comparison.differences[0]  # the record stands, so later alarms count it too
        assert (found.recorded, found.decided) == (message, None)
        assert found.detail == "QualityCheckFailed is on record, and was not decided"

    play(30, scenario)


def test_outputs_in_another_order_are_found() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.bus.append(TRADING, toy.upstream_records(60))
        await bench.run(bench.loop(log=TRADING))
        records = bench.bus._records[TRADING]
        place = next(
            at
            for at, record in enumerate(records)
            if record.input_offset == records[at - 1].input_offset > 0
        )
        first, second = records[place - 1].message, records[place].message
        change(bench, TRADING, place - 1, second)
        change(bench, TRADING, place, first)
        comparison = await replayed(bench, output=TRADING)
        assert [each.decided for each in comparison.differences] == [first, second]
        assert comparison.differences[0].detail == (
            "order: recorded as output 2 of its input, decided as 1"
        )

    play(-1, scenario)


def test_output_whose_input_is_gone_is_found() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        del bench.bus._records[INPUT][60:]
        comparison = await replayed(bench)
        assert comparison.differences
        for found in comparison.differences:
            assert found.position >= 60
            assert "which is not there" in found.detail

    play(90, scenario)


def test_each_difference_stands_alone() -> None:
    def larger(state: ToyState, event: Message) -> Sequence[Message]:
        outputs = toy.decide(state, event)
        if state.bar_count != 2:
            return outputs
        return [
            structs.replace(each, volume=each.volume + 1) if isinstance(each, Bar) else each
            for each in outputs
        ]

    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        comparison = await replayed(bench, with_decide(larger))
        assert counts(comparison) == (first.state.alarm_count + first.state.bar_count - 1, 1)
        assert comparison.differences[0].detail.startswith("volume: recorded ")

    play(90, scenario)


def test_divergences_that_a_life_told_are_no_outputs_of_the_core() -> None:
    def other(state: ToyState, event: Message) -> Sequence[Message]:
        return [
            structs.replace(each, limit=1.0) if hasattr(each, "limit") else each
            for each in toy.decide(state, event)
        ]

    async def scenario(bench: Bench) -> None:
        loop = await bench.run(bench.loop())
        bench.forget_snapshots()
        await bench.run(bench.loop(with_decide(other)))
        assert CoreDiverged in {type(record.message) for record in await bench.read(ALARMS)}
        assert counts(await replayed(bench)) == (loop.state.alarm_count + loop.state.bar_count, 0)

    play(60, scenario)


def test_only_the_first_differences_of_a_type_are_kept_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(bench: Bench) -> None:
        loop = await bench.run(bench.loop())
        monkeypatch.setattr(replay_module, "DIFFERENCES_KEPT_MAX", 3)
        comparison = await replayed(bench, with_decide(lambda _, __: ()))
        assert comparison.by_type["Bar"].different == loop.state.bar_count
        assert comparison.by_type["QualityCheckFailed"].different == loop.state.alarm_count
        kept = [type(each.message) for each in comparison.differences]
        assert (kept.count(Bar), kept.count(QualityCheckFailed)) == (3, 3)

    play(120, scenario)


# The end of a record


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_what_follows_a_record_that_was_cut_off_is_no_difference(cut: int) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        del bench.bus._records[BARS][-cut:]
        cut_off = await replayed(bench, is_whole=False)
        assert counts(cut_off)[1] == 0
        assert cut_off.beyond_count in (cut, cut - 1)  # it ends with the last record of all
        whole = await replayed(bench)
        assert counts(whole)[1] >= cut
        assert {type(each.message) for each in whole.differences} >= {Bar}

    play(120, scenario)


def test_run_that_said_nothing_is_compared_with_nothing() -> None:
    async def scenario(bench: Bench) -> None:
        assert counts(await replayed(bench, is_whole=False)) == (0, 0)
        assert counts(await replayed(bench))[1] > 0

    play(30, scenario)


# What can't be replayed


def test_core_that_can_not_take_its_record_is_named_with_the_place() -> None:
    def refusing(state: ToyState, event: Message) -> None:
        if isinstance(event, Bar):
            raise KeyError(event.interval_s)
        toy.apply(state, event)

    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        with pytest.raises(
            CannotFollow,
            match=r"toy/0 can't follow its record at market/BTC-USDT.SIM position \d+, Trade .*"
            r"KeyError: 1",
        ):
            await replayed(bench, replace(toy_core(), apply=refusing))

    play(30, scenario)


def test_record_that_has_lost_outputs_is_broken() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        del bench.bus._records[ALARMS][4]
        with pytest.raises(Broken, match=r"wrote seq 3 to 3 of epoch 0, and they are gone"):
            await replayed(bench)

    play(60, scenario)


def test_record_in_which_a_stranger_wrote_under_a_loops_name_is_followed_as_its_own() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        last = bench.bus._records[ALARMS][-1]
        epoch = structs.replace(last, writer=structs.replace(last.writer, epoch=2**40))
        bench.bus._records[ALARMS][4:4] = [structs.replace(last, seq=2**40), epoch]
        comparison = await replayed(bench)
        assert not comparison.differences

    play(60, scenario)


# What a difference does


def test_other_numbers_alone_are_no_other_outcome() -> None:
    decision = example(RiskDecision)
    other_limit = structs.replace(decision, limits={"CONFIDENCE_TOO_LOW": 0.6}, parents=("else",))
    other_qty = structs.replace(other_limit, qty=decision.qty + 1)
    comparison = Comparison()
    for decided in (other_limit, other_qty, None):
        told = Difference(
            loop="risk/main",
            log=ALARMS,
            input_log=INPUT,
            position=0,
            ts=0,
            recorded=decision,
            decided=decided,
            detail="",
        )
        comparison.differ(told)
    assert [each.is_other_outcome for each in comparison.differences] == [False, True, True]
    assert comparison.other_outcome_count == 2
