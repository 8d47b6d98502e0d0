"""What a life still does when another one has followed it, and what becomes of that."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import pytest

from marea.bus.memory import MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import Log, Message, Record
from marea.messages.system import QualityCheckFailed
from marea.runtime.ownership import Begins, Instance
from marea.testing import toy
from marea.testing.toy import ALARMS, BARS, ToyState, trade_record
from tests.unit.runtime.bench import with_decide
from tests.unit.runtime.instances import (
    BEATS,
    SECOND,
    TRADING,
    Shard,
    owners,
    play,
    settle,
    undisturbed,
)

LAYOUTS = pytest.mark.parametrize("output", [None, TRADING], ids=["logs apart", "one log"])


@LAYOUTS
def test_owner_that_was_paused_finds_out_and_follows(output: Log | None) -> None:
    async def scenario(shard: Shard) -> None:
        calm = await undisturbed(output, 90)
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 45)
        await shard.run(3, owner, standby)
        await shard.feed(45, 90)
        await shard.run(8, standby)
        await shard.run(2, owner, standby)
        assert owners(owner, standby) == [False, True]
        assert "has been followed by epoch" in str(owner.ended_by)
        assert owner.loop.state == standby.loop.state
        assert await shard.said() == await calm.said()

    play(scenario, output)


@LAYOUTS
def test_what_a_zombie_appends_is_void_and_it_acts_on_none_of_it(output: Log | None) -> None:
    async def scenario(shard: Shard) -> None:
        calm = await undisturbed(output, 90)
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 45)
        await shard.run(3, owner, standby)
        await shard.feed(45, 60)
        way = shard.ways["a"]
        way.pauses_before = output or ALARMS
        before = len(shard.acted)
        asleep = asyncio.create_task(settle(owner))
        await asyncio.sleep(0)
        await shard.feed(60, 90)
        await shard.run(8, standby)
        assert owners(standby) == [True]
        way.woken.set()
        await asleep
        assert owners(owner) == [False]
        assert {name for name, _ in shard.acted[before:]} <= {"b"}
        voided = [r for log, r in way.written if log == (output or ALARMS) and r.input_offset > 45]
        assert voided
        await shard.run(2, owner, standby)
        assert await shard.said() == await calm.said()
        assert owner.loop.state == standby.loop.state

    play(scenario, output)


def test_what_a_zombie_brings_from_outside_is_void() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 45)
        await shard.run(3, owner, standby)
        await shard.run(7, standby)
        report = trade_record(1_001).message
        await owner.loop.bring([report])
        await shard.run(2, owner, standby)
        assert report.id in {r.message.id for r in await shard.read(TRADING)}
        assert report.id not in {r.message.id for r in await shard.taken(TRADING)}
        assert owner.loop.state.trade_count == standby.loop.state.trade_count == 40
        assert standby.loop.intake.state.outdated_count > 0

    play(scenario, TRADING)


@LAYOUTS
def test_of_two_standbys_that_take_over_at_once_the_later_started_wins(output: Log | None) -> None:
    async def scenario(shard: Shard) -> None:
        calm = await undisturbed(output, 60)
        first, second = shard.instance("a"), shard.instance("b")
        await shard.feed(0, 60)
        first_way = shard.ways["a"]
        first_way.pauses_before = output or BARS
        await shard.run(6, first, second)
        shard.now_ns += SECOND
        await asyncio.gather(settle(first), woken_by(first_way, second))
        assert owners(first, second) == [True, True]
        starts = await shard.starts()
        said = await shard.read(output or BARS)
        assert len({said[at].message.id for at in starts}) == len(starts) == 2
        await shard.run(2, second, first)
        assert owners(first, second) == [True, False]
        assert await shard.starts() == starts
        assert await shard.said() == await calm.said()

    async def woken_by(way: object, other: Instance[ToyState]) -> None:
        await settle(other)
        way.woken.set()  # type: ignore[attr-defined] # a Way

    play(scenario, output)


def test_two_that_claim_two_logs_crosswise_both_step_down_and_one_goes_on() -> None:
    async def scenario(shard: Shard) -> None:
        calm = await undisturbed(None, 90)
        first, second = shard.instance("a"), shard.instance("b")
        await shard.feed(0, 60)
        way = shard.ways["a"]
        way.pauses_before = ALARMS  # it has claimed the bars
        await shard.run(6, first, second)
        shard.now_ns += SECOND
        asleep = asyncio.create_task(settle(first))
        await asyncio.sleep(0)
        await shard.run(1, second)
        assert owners(second) == [True]
        way.woken.set()
        await asleep
        await shard.feed(60, 90)
        await shard.run(20, second, first)
        assert "toy/0 of epoch 0 has been followed by epoch 1: let" in str(first.ended_by)
        assert "toy/0 of epoch 0 has been followed by epoch" in str(second.ended_by)
        assert sorted(owners(first, second)) == [False, True]
        assert await shard.said() == await calm.said()

    play(scenario)


@LAYOUTS
def test_owner_that_is_paused_between_two_effects_has_no_second(output: Log | None) -> None:
    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.feed(0, 1)
        await shard.run(2, owner)

        def sleep(alarm: Record) -> Sequence[Message]:
            shard.now_ns += 5 * SECOND
            return ()

        shard.answers = sleep
        await shard.feed(1, 60)
        for _ in range(30):
            await owner.turn(100)
            if not owner.is_owner:
                break
        assert len(shard.acted) == 1
        assert "toy/0 at a has read back no heartbeat of the last 4 s" in str(owner.ended_by)

    play(scenario, output)


def test_heartbeat_of_an_older_life_is_no_sign_of_life() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby, third = (
            shard.instance("a", begins=Begins.AT_ONCE),
            *map(shard.instance, "bc"),
        )
        await shard.feed(0, 30)
        await shard.run(2, owner, standby, third)
        late = (await shard.read(BEATS))[-1]
        await shard.run(8, standby, third)
        assert sorted(owners(standby, third)) == [False, True]
        follower = third if standby.is_owner else standby
        for seq in range(70):
            again = msgspec.structs.replace(late, seq=late.seq + 1 + seq)
            await shard.bus.append(BEATS, [again])
            await shard.run(0.1, follower)
        assert owners(follower) == [True]

    play(scenario)


def exaggerating(state: ToyState, event: Message) -> Sequence[Message]:
    return [
        msgspec.structs.replace(output, observed=output.observed + 1)
        if hasattr(output, "observed")
        else output
        for output in toy.decide(state, event)
    ]


async def leave_to_a_zombie(shard: Shard) -> Instance[ToyState]:
    """A zombie of another build, in whose last step another one took over, and died at once.

    Its clock stood still meanwhile.
    """
    zombie = shard.instance("a", with_decide(exaggerating), begins=Begins.AT_ONCE)
    successor = shard.instance("b")
    await shard.feed(0, 25)
    await shard.run(3, zombie, successor)
    await shard.feed(25, 60)
    way = shard.ways["a"]
    way.pauses_before = ALARMS
    asleep = asyncio.create_task(zombie.turn(100))
    await asyncio.sleep(0)
    while not successor.is_owner:
        await shard.run(0.1, successor)
        way.behind_ns += SECOND // 10
    way.woken.set()
    await asleep
    return zombie


def test_snapshot_holds_nothing_that_is_void() -> None:
    async def scenario(shard: Shard) -> None:
        await leave_to_a_zombie(shard)
        third = shard.instance("c")
        await shard.run(8, third)
        assert owners(third) == [True]
        await all_stands_on_the_log(shard, third)

    play(scenario)


def test_heartbeat_vouches_for_nothing_that_is_void() -> None:
    async def scenario(shard: Shard) -> None:
        third = shard.instance("c")
        shard.snapshot_every_ns = 1_000 * SECOND
        await shard.run(0.1, third)
        zombie = await leave_to_a_zombie(shard)
        assert owners(zombie) == [True]
        await shard.run(2, zombie, third)
        assert owners(zombie) == [False]
        await shard.run(8, third)
        await all_stands_on_the_log(shard, third)

    play(scenario)


async def all_stands_on_the_log(shard: Shard, owner: Instance[ToyState]) -> None:
    said = await shard.said()
    assert owner.loop.state.alarm_count == len(
        [r for r in await shard.taken(ALARMS) if isinstance(r.message, QualityCheckFailed)]
    )
    shard.snapshots = MemorySnapshots()
    again = shard.instance("d", begins=Begins.AT_ONCE)
    await shard.run(3, again)
    assert again.loop.state == owner.loop.state
    assert await shard.said() == said


def test_heartbeat_of_another_life_renews_no_lease() -> None:
    async def scenario(shard: Shard) -> None:
        first, second = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 30)
        way = shard.ways["a"]
        way.pauses_before = BEATS
        asleep = asyncio.create_task(shard.run(0.2, first))
        await asyncio.sleep(0)
        while not second.is_owner:
            await shard.run(0.1, second)
        shard.ways["b"].refuses = BEATS
        way.woken.set()
        await asleep
        for _ in range(5):
            with suppress(Unavailable):
                await shard.run(0.1, second)
        assert [(r.writer.epoch, r.seq) for r in await shard.read(BEATS)] == [(0, 0)]
        assert owners(second) == [True]
        assert second.loop.position < 30

    play(scenario)
