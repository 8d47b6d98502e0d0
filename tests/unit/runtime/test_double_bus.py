"""What is appended twice is early on the fast copy, and in time and in order on the log."""

import asyncio
from collections.abc import Sequence

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record
from marea.messages.system import Degraded
from marea.runtime import double_bus
from marea.runtime.double_bus import DoubleBus
from marea.runtime.fast_source import NeverRecorded
from marea.testing.builders import quote_record
from marea.testing.toy import BARS, INPUT
from tests.unit.runtime.chain import Chain
from tests.unit.runtime.doubled import MARKET, MS, A, B, LateBus, Shard, numbers


async def on_record(bus: MemoryBus, log: Log = MARKET) -> list[Record]:
    """All that stands on a log."""
    return list(await bus.read(log, 0, 100_000))


def test_append_waits_for_no_log() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        shard.record.is_gone = True
        await shard.say(3)
        assert numbers([copy.record for copy in shard.fast.copies[MARKET]]) == [0, 1, 2]
        assert await shard.bus.pump() == 0

    asyncio.run(scenario())


def test_log_gets_what_it_refused_in_order_and_under_the_same_numbers() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim(A)
        await shard.claim(B)
        shard.record.is_gone = True
        await shard.say(2, A)
        await shard.bus.pump()
        await shard.say(1, B)
        await shard.say(1, A)
        shard.record.is_gone = False
        assert await shard.bus.pump() == 4
        said = [(each.writer.producer, each.seq) for each in await on_record(shard.record)]
        assert said[2:] == [(A, 0), (A, 1), (B, 0), (A, 2)]

    asyncio.run(scenario())


def test_start_of_a_life_is_on_the_log_behind_all_that_was_appended_before() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim(A)
        await shard.say(2, A)
        await shard.claim(B)
        said = [(each.writer.producer, each.seq) for each in await on_record(shard.record)]
        assert said == [(A, 0), (A, 0), (A, 1), (B, 0)]
        await shard.say(1, A)
        shard.record.is_gone = True
        with pytest.raises(Unavailable, match="1 records wait for their log: bring it back"):
            await shard.claim(B)

    asyncio.run(scenario())


def test_log_that_fails_holds_up_no_other() -> None:
    class HalfGone(LateBus):
        async def append(self, log: Log, records: Sequence[Record]) -> int:
            if log == INPUT:
                raise Unavailable("its leader is away")
            return await super().append(log, records)

    async def scenario() -> None:
        record = HalfGone()
        bus = DoubleBus(record, Shard().fast, MemorySnapshots(), lambda: 0)
        await bus.append(INPUT, [quote_record(0)])
        await bus.append(BARS, [quote_record(0)])
        await bus.append(BARS, [quote_record(1)])
        assert await bus.pump() == 2
        assert await bus.pump() == 0
        assert await record.ends() == {BARS: 2}

    asyncio.run(scenario())


def test_fast_copy_that_refuses_is_left_alone_for_a_second() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        shard.fast.is_full = True
        await shard.say(1)
        shard.fast.is_full = False
        shard.now_ns += 999 * MS
        await shard.say(1)
        assert shard.fast.copies[MARKET] == []
        shard.now_ns += MS
        await shard.say(1)
        assert numbers([copy.record for copy in shard.fast.copies[MARKET]]) == [2]
        await shard.bus.pump()
        assert numbers(await on_record(shard.record)) == [0, 0, 1, 2]

    asyncio.run(scenario())


def test_channel_without_a_fast_copy_goes_to_its_log_alone() -> None:
    async def scenario() -> None:
        shard = Shard()
        trading = Log("trading", "main")
        await shard.bus.append(trading, [quote_record(0)])
        await shard.bus.append(trading, [quote_record(1)])
        assert shard.fast.copies[trading] == []
        assert shard.bus.backlog(trading) is None
        await shard.bus.flush()
        assert numbers(await on_record(shard.record, trading)) == [0, 1]

    asyncio.run(scenario())


def test_shard_is_degraded_beyond_two_seconds_until_half_of_them() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        assert degraded(shard) is False
        await shard.say(1)
        shard.now_ns += 1_500 * MS
        await shard.say(1)
        shard.now_ns += 500 * MS
        assert degraded(shard) is False
        shard.now_ns += 1
        assert degraded(shard) is True
        shard.now_ns += 600 * MS
        await shard.bus.pump()
        await shard.say(1)
        shard.now_ns += 1_001 * MS
        assert degraded(shard) is True
        await shard.bus.pump()
        assert degraded(shard) is False

    asyncio.run(scenario())


def test_shard_is_degraded_beyond_ten_thousand_records() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        await shard.say(10_000)
        assert degraded(shard) is False
        await shard.say(1)
        assert degraded(shard) is True
        for _ in range(5):
            await shard.bus.pump()
        assert degraded(shard) is True
        await shard.bus.pump()
        assert degraded(shard) is False

    asyncio.run(scenario())


def degraded(shard: Shard) -> bool:
    """Whether the market is."""
    backlog = shard.bus.backlog(MARKET)
    assert backlog is not None
    return backlog.is_degraded


def test_queue_that_is_full_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(double_bus, "WAITING_RECORDS_MAX", 5)

    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        await shard.say(4)
        with pytest.raises(Unavailable, match="4 records wait for the log already: bring it back"):
            await shard.say(2)

    asyncio.run(scenario())


def test_snapshot_is_kept_behind_what_was_appended_before_it() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        await shard.say(1)
        await shard.bus.save("loop", 7, b"state")
        shard.record.is_gone = True
        await shard.bus.pump()
        assert await shard.bus.load("loop") == []
        shard.record.is_gone = False
        await shard.bus.pump()
        assert await shard.bus.load("loop") == [b"state"]

    asyncio.run(scenario())


def test_output_is_not_on_record_before_its_input() -> None:
    async def scenario() -> None:
        chain = Chain(Shard())
        await chain.claim()
        await chain.say(30)
        await chain.loop.start()
        await chain.loop.step()
        assert chain.loop.position == 31
        assert len(chain.shard.fast.copies[BARS]) > 0
        await chain.bus.pump()
        assert await chain.bars() == []
        await chain.shard.bus.pump()
        await chain.loop.step()
        await chain.bus.pump()
        assert len(await chain.bars()) == 5

    asyncio.run(scenario())


def test_life_that_took_what_was_lost_leaves_nothing_of_it_on_record() -> None:
    async def scenario() -> None:
        chain = Chain(Shard())
        await chain.claim()
        await chain.say(20)
        await chain.shard.bus.flush()
        await chain.say(40)
        await chain.loop.start()
        await chain.loop.step()
        assert chain.loop.position == 61
        chain.shard.crash()  # the writer's process, with the trades that are not on record
        await chain.claim()
        await chain.say(50)
        with pytest.raises(NeverRecorded, match="never be on record: start anew"):
            await chain.loop.step()
        await chain.bus.pump()
        assert {each.input_offset < 21 for each in await chain.bars()} == {True}

        chain.revive()
        await chain.loop.start()
        await chain.shard.bus.flush()
        await chain.loop.step()
        await chain.bus.flush()
        assert chain.loop.position == 72
        alone = Chain(chain.shard)
        alone.shard.fast.is_away = True
        await alone.loop.start()
        await alone.loop.step()
        assert alone.loop.state == chain.loop.state
        assert (chain.loop.divergence_count, alone.loop.divergence_count) == (0, 0)

    asyncio.run(scenario())


def test_snapshot_of_a_life_is_none_before_its_inputs_and_outputs_are_on_record() -> None:
    async def scenario() -> None:
        chain = Chain(Shard())
        await chain.claim()
        await chain.loop.start()
        for _ in range(10):
            await chain.say(5)
            await chain.loop.step()
        await chain.bus.pump()
        assert await chain.toy_snapshots.load("toy/0") == []
        await chain.shard.bus.flush()
        await chain.loop.step()
        await chain.bus.flush()
        assert len(await chain.toy_snapshots.load("toy/0")) == 1
        state = chain.loop.state
        chain.revive()
        await chain.loop.start()
        assert 0 < chain.loop.position < 51
        await chain.loop.step()
        assert chain.loop.state == state
        assert chain.loop.divergence_count == 0

    asyncio.run(scenario())


def test_loop_tells_on_its_stream_that_it_is_degraded_and_that_it_is_over() -> None:
    async def scenario() -> None:
        chain = Chain(Shard())
        await chain.claim()
        await chain.loop.start()
        await chain.say(30)
        await chain.shard.bus.flush()
        await chain.loop.step()
        chain.shard.record.is_gone = True
        chain.shard.now_ns += 2_001 * MS
        await chain.loop.step()
        await chain.loop.step()
        chain.shard.record.is_gone = False
        await chain.bus.flush()
        await chain.loop.step()
        await chain.bus.flush()
        told = [
            (each.message.is_over, each.message.behind_ms)
            for each in await on_record(chain.shard.record, BARS)
            if isinstance(each.message, Degraded)
        ]
        assert told == [(True, 0), (False, 2_001), (True, 0)]

    asyncio.run(scenario())
