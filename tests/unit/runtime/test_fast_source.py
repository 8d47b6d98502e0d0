"""A reader in a hurry gets what the log holds, in its order, at its positions."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from marea.bus.memory import MemorySnapshots
from marea.errors import Broken, Unavailable
from marea.messages.envelope import Record, Writer
from marea.runtime.fast_source import FastSource, NeverRecorded
from marea.testing.builders import quote_record, void_record
from tests.unit.runtime.doubled import MARKET, A, B, Shard, Taker, numbers


async def begun() -> tuple[Shard, Taker]:
    """A shard whose writer has begun, and who reads there."""
    shard = Shard()
    await shard.claim()
    return shard, Taker(shard.reader())


def test_records_are_given_before_the_log_has_them() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(5)
        assert numbers(await reader.take()) == [0, 0, 1, 2, 3, 4]  # the start, and five records
        assert await shard.record.ends() == {MARKET: 1}
        assert reader.source.confirmed == 1

    asyncio.run(scenario())


def test_records_are_confirmed_when_the_log_brings_them_and_given_once() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(5)
        await reader.take()
        await shard.bus.pump()
        assert await reader.take() == []
        assert reader.source.confirmed == 6
        assert reader.taken == await shard.as_recorded()

    asyncio.run(scenario())


def test_log_is_told_of_what_was_given_before_it_has_it() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        expected: list[Record] = []
        source = FastSource(
            MARKET,
            shard.record,
            shard.fast,
            MemorySnapshots(),
            lambda log, record: expected.append(record) if log == MARKET else None,
        )
        reader = Taker(source)
        await shard.say(2)
        await shard.bus.pump()
        await reader.take()
        assert expected == []
        await shard.say(2)
        assert numbers(await reader.take()) == numbers(expected) == [2, 3]

    asyncio.run(scenario())


def test_what_nobody_can_read_on_the_log_has_no_position_and_holds_nothing_up() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(2)
        assert numbers(await reader.take()) == [0, 0, 1]
        await shard.record.append(MARKET, [void_record(MARKET, 1)])
        await shard.bus.pump()
        await shard.say(2)
        assert numbers(await reader.take()) == [2, 3]  # from the fast copy, as before
        await shard.bus.pump()
        await reader.take()
        assert reader.source.confirmed == 5
        assert reader.taken == await shard.as_recorded()

    asyncio.run(scenario())


def test_what_no_life_of_this_log_wrote_in_order_has_no_position_and_holds_nothing_up() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(2)
        await reader.take()
        await shard.bus.pump()
        life = Writer(producer=A, epoch=0, build="test")
        strange = [
            quote_record(2**40, life),
            quote_record(2, replace(life, epoch=2**40)),
            quote_record(0, replace(life, producer="ingestion/a")),
        ]
        await shard.record.append(MARKET, strange)
        await shard.say(2)
        assert numbers(await reader.take()) == [2, 3]  # from the fast copy, as before
        await shard.bus.pump()
        await reader.take()
        assert reader.source.confirmed == 5
        assert reader.taken == await shard.as_recorded()

    asyncio.run(scenario())


def test_gap_is_believed_when_what_stands_behind_it_goes_on() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        life = Writer(producer=A, epoch=0, build="test")
        await shard.record.append(MARKET, [quote_record(seq, life) for seq in (0, 3, 4, 5)])
        assert numbers(await Taker(shard.reader()).take()) == [0, 0, 4, 5]

    asyncio.run(scenario())


def test_record_that_the_fast_copy_lost_is_read_on_the_log() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(1)
        shard.fast.fate = lambda: 0
        await shard.say(2)
        shard.fast.fate = lambda: 1
        await shard.say(2)
        assert numbers(await reader.take()) == [0, 0]
        await shard.bus.pump()
        assert numbers(await reader.take()) == [1, 2, 3, 4]
        await shard.say(1)
        assert numbers(await reader.take()) == [5]  # and the fast copy serves again
        assert reader.source.confirmed == 6

    asyncio.run(scenario())


def test_loss_that_only_another_producer_follows_is_seen() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim(A)
        await shard.claim(B)
        reader = Taker(shard.reader())
        shard.fast.fate = lambda: 0
        await shard.say(1, B)
        shard.fast.fate = lambda: 1
        await shard.say(1, A)
        assert numbers(await reader.take()) == [0, 0]  # the two starts
        await shard.bus.pump()
        assert [each.writer.producer for each in await reader.take()] == [B, A]

    asyncio.run(scenario())


def test_trimmed_copies_are_read_on_the_log() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(10)
        shard.fast.trim(MARKET, 3)
        assert numbers(await reader.take()) == [0]
        await shard.bus.pump()
        assert numbers(await reader.take()) == list(range(10))

    asyncio.run(scenario())


def test_fast_copy_that_comes_back_empty_serves_again_under_its_new_ids() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await shard.say(10)
        await reader.take()
        shard.fast.flush_all()
        await shard.say(2)  # under ids that were given before
        assert numbers(await reader.take()) == [10, 11]

    asyncio.run(scenario())


def test_record_that_was_added_twice_is_given_once() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        shard.fast.fate = lambda: 2
        reader = Taker(shard.reader())
        for _ in range(3):
            await shard.say(2)
            await reader.take()
        assert numbers(reader.taken) == [0, 0, 1, 2, 3, 4, 5]

    asyncio.run(scenario())


def test_second_copies_on_the_log_have_no_position() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        await shard.say(3)
        shard.record.is_silent = True
        assert await shard.bus.pump() == 0
        shard.record.is_silent = False
        assert await shard.bus.pump() == 3
        assert await shard.record.ends() == {MARKET: 7}
        assert numbers(await Taker(shard.reader()).all()) == [0, 0, 1, 2]

    asyncio.run(scenario())


def test_reader_without_a_fast_copy_reads_the_log() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        shard.fast.is_away = True
        reader = Taker(shard.reader())
        await shard.say(3)
        await shard.bus.pump()
        assert numbers(await reader.take()) == [0, 0, 1, 2]

    asyncio.run(scenario())


def test_reader_goes_on_while_the_log_is_away() -> None:
    async def scenario() -> None:
        shard, reader = await begun()
        await reader.take()
        await shard.say(3)
        shard.record.is_gone = True
        assert numbers(await reader.take()) == [0, 1, 2]
        with pytest.raises(Unavailable):
            await shard.reader().read(MARKET, 1, 10)  # but nobody begins then

    asyncio.run(scenario())


def test_reader_of_a_copy_whose_bytes_were_changed_begins_anew() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        await shard.bus.pump()
        reader = Taker(shard.reader())
        await shard.say(2)
        copies = shard.fast.copies[MARKET]
        last = copies[-1].record
        forged = replace(last.message, id="forged")
        copies[-1] = copies[-1]._replace(
            record=Record(message=forged, writer=last.writer, seq=last.seq)
        )
        await reader.take()
        await shard.bus.pump()
        with pytest.raises(
            NeverRecorded, match=r"holds another .*'ingestion/A', 0, 1.*were changed"
        ):
            await reader.take()

    asyncio.run(scenario())


def test_reader_of_what_was_lost_with_its_writer_begins_anew() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        await shard.say(3)
        await shard.bus.pump()
        reader = Taker(shard.reader())
        await shard.say(2)
        assert numbers(await reader.take()) == [0, 0, 1, 2, 3, 4]
        shard.crash()
        await shard.claim()
        await shard.say(2)
        with pytest.raises(NeverRecorded, match=r"position 4, where .*'ingestion/A', 0, 3.*anew"):
            await reader.take()
        anew = Taker(shard.reader())
        assert numbers(await anew.all()) == [0, 0, 1, 2, 0, 0, 1]
        await shard.bus.pump()
        assert await anew.all() == await shard.as_recorded()

    asyncio.run(scenario())


def test_snapshot_is_kept_only_once_what_it_rests_on_is_on_the_log() -> None:
    async def scenario() -> None:
        shard, kept = Shard(), MemorySnapshots()
        source = FastSource(MARKET, shard.record, shard.fast, kept)
        await shard.claim()
        reader = Taker(source)
        await shard.say(4)
        await reader.take()
        await source.save("loop", 5, b"state")
        assert await kept.load("loop") == []
        await shard.bus.pump()
        await reader.take()
        assert len(await kept.load("loop")) == 1

        later = FastSource(MARKET, shard.record, shard.fast, kept)
        assert await later.load("loop") == [b"state"]
        await shard.say(2)
        assert numbers(await later.read(MARKET, 5, 10)) == [4, 5]

    asyncio.run(scenario())


def test_position_that_the_log_does_not_reach_is_refused() -> None:
    async def scenario() -> None:
        shard = Shard()
        await shard.claim()
        with pytest.raises(Broken, match="position 9 is asked for, and the log ends at 1; restore"):
            await shard.reader().read(MARKET, 9, 10)

    asyncio.run(scenario())


EVENTS = st.one_of(
    st.tuples(st.just("pump"), st.none(), st.none()),
    st.tuples(st.just("take"), st.integers(1, 6), st.none()),
    st.tuples(st.just("say"), st.integers(1, 4), st.sampled_from([A, B])),
    st.tuples(st.just("say"), st.integers(1, 4), st.sampled_from([A, B])),
    st.tuples(st.just("fate"), st.sampled_from([0, 1, 1, 1, 2]), st.none()),
    st.tuples(st.just("trim"), st.integers(0, 5), st.none()),
    st.tuples(st.sampled_from(["flush", "away", "full", "silent", "gone"]), *[st.none()] * 2),
    st.tuples(st.just("claim"), st.none(), st.sampled_from([A, B])),
    st.tuples(st.just("take"), st.integers(1, 6), st.none()),
    st.tuples(st.just("crash"), st.none(), st.none()),
)


SWITCHES = {"away": "fast", "full": "fast", "silent": "record", "gone": "record"}


async def happen(shard: Shard, event: tuple[str, int | None, str | None]) -> None:
    """One thing that goes on in a shard."""
    shard.now_ns += 400_000_000
    kind, number, producer = event
    match kind:
        case "say":
            await shard.say(number or 0, producer or A)
        case "pump":
            await shard.bus.pump()
        case "claim":
            await begin(shard, producer or A)
        case "crash":
            shard.crash()
            await begin(shard, A)
            await begin(shard, B)
        case "fate":
            shard.fast.fate = lambda: number or 0
        case "trim":
            shard.fast.trim(MARKET, number or 0)
        case "flush":
            shard.fast.flush_all()
        case _:
            store, name = getattr(shard, SWITCHES[kind]), f"is_{kind}"
            setattr(store, name, not getattr(store, name))


async def begin(shard: Shard, producer: str) -> None:
    """Begin a life, with the log there again if that is what it takes."""
    shard.record.is_silent = shard.record.is_gone = False
    await shard.claim(producer)


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, min_size=10, max_size=60))
def test_whatever_happens_a_reader_has_what_the_log_holds(
    events: list[tuple[str, int | None, str | None]],
) -> None:
    async def scenario() -> None:
        shard = Shard()
        await begin(shard, A)
        await begin(shard, B)
        reader = Taker(shard.reader())
        for event in events:
            if event[0] != "take":
                await happen(shard, event)
                continue
            try:
                await reader.take(event[1] or 1)
            except NeverRecorded:
                reader = Taker(shard.reader())
            except Unavailable:
                assert not reader.taken  # only who begins needs the log
        shard.record.is_silent = shard.record.is_gone = False
        await shard.bus.flush()
        try:
            await reader.all()
        except NeverRecorded:
            reader = Taker(shard.reader())
            await reader.all()
        assert reader.taken == await shard.as_recorded()
        assert reader.source.confirmed == len(reader.taken)

    asyncio.run(scenario())
