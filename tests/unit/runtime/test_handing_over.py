"""An owner that leaves, or comes again, is followed at once; of several that may begin one does."""

from dataclasses import replace

import pytest

from marea.messages.system import OwnerLeft
from marea.runtime.ownership import Begins
from tests.unit.runtime.instances import (
    BEATS,
    SECOND,
    Shard,
    owners,
    play,
    settle,
    undisturbed,
)


def test_owner_tells_that_it_is_done_only_with_what_is_on_record() -> None:
    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.feed(0, 60)
        await shard.run(1, owner)
        owner.loop.ports = replace(owner.loop.ports, confirmed=lambda: 7)
        await shard.run(2, owner)
        assert owner.loop.position > 7
        assert (await shard.beats())[-1].resumes_at == 7

    play(scenario)


def test_of_two_that_hear_the_same_silence_one_begins_and_the_other_hears_it() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        both = shard.instance("a"), shard.instance("c")
        await shard.run(12.0, *both)
        assert sorted(owners(*both)) == [False, True]
        assert len(await shard.starts()) == 1
        assert [each.ended_by for each in both] == [None, None]

    play(scenario)


def test_owner_that_leaves_is_followed_at_once_and_nothing_is_said_twice() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 60)
        await shard.run(3, owner, standby)
        await shard.feed(60, 90)
        await settle(owner)
        await owner.leave()
        await shard.run(1.1, standby)
        assert owners(standby) == [True]
        await shard.feed(90, 120)
        await shard.run(2, standby)
        assert await shard.said() == await (await undisturbed(None, 120)).said()

    play(scenario)


def test_instance_that_comes_after_the_owner_left_waits_for_no_silence() -> None:
    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.feed(0, 60)
        await shard.run(3, owner)
        await owner.leave()
        shard.now_ns += 3_600 * SECOND
        late = shard.instance("b")
        await shard.run(1.1, late)
        assert owners(late) == [True]
        assert late.loop.position == owner.loop.position

    play(scenario)


def test_owner_that_cannot_read_back_what_it_wrote_does_not_say_that_it_leaves() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 60)
        await shard.run(3, owner, standby)
        shard.ways["a"].is_away = True
        await owner.leave()
        shard.ways["a"].is_away = False
        assert not [r for r in await shard.read(BEATS) if isinstance(r.message, OwnerLeft)]
        await shard.run(5.0, standby)
        assert owners(standby) == [False]

    play(scenario)


def test_process_that_is_started_again_waits_for_no_silence_of_its_own() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        await shard.run(12, shard.instance("a#1", begins=Begins.AT_ONCE))
        again = shard.instance("a#2", begins=Begins.AFTER_ITSELF)
        await shard.feed(60, 120)
        await shard.run(0.3, again)
        assert owners(again) == [True]
        await shard.run(2, again)
        assert await shard.said() == await (await undisturbed(None, 120)).said()

    play(scenario)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("b#1", Begins.AFTER_ITSELF),
        ("ab#1", Begins.AFTER_ITSELF),
        ("a#2", Begins.AFTER_SILENCE),
    ],
)
def test_process_waits_where_another_was_heard_last_or_its_name_says_nothing(
    name: str, begins: Begins
) -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        await shard.run(12, shard.instance("a#1", begins=Begins.AT_ONCE))
        other = shard.instance(name, begins=begins)
        await shard.run(5.5, other)
        assert owners(other) == [False]
        await shard.run(2, other)
        assert owners(other) == [True]

    play(scenario)


def test_of_two_processes_with_one_name_the_later_stays_the_owner() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        first = shard.instance("a#1", begins=Begins.AT_ONCE)
        await shard.run(12, first)
        second = shard.instance("a#2", begins=Begins.AFTER_ITSELF)
        await shard.run(20, first, second)
        assert owners(first, second) == [False, True]
        assert len(await shard.starts()) == 2

    play(scenario)


def test_process_that_dies_young_again_and_again_leaves_its_turn_to_the_standby() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        standby = shard.instance("b#1")
        await shard.run(4, shard.instance("a#1", begins=Begins.AT_ONCE), standby)
        for life in range(2, 5):
            await shard.run(4, shard.instance(f"a#{life}", begins=Begins.AFTER_ITSELF), standby)
        assert owners(standby) == [True]

    play(scenario)


def test_heartbeat_of_its_name_that_is_heard_later_is_not_its_own() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        await shard.run(2, shard.instance("b#1", begins=Begins.AT_ONCE))
        standby = shard.instance("a#2", begins=Begins.AFTER_ITSELF)
        await shard.run(1, standby)
        other = shard.instance("a#1", begins=Begins.AT_ONCE)
        await shard.run(15, standby, other)
        assert owners(standby, other) == [False, True]

    play(scenario)


def test_process_whose_log_of_heartbeats_is_too_old_to_be_kept_begins() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        await shard.run(3, shard.instance("a#1", begins=Begins.AT_ONCE))
        again = shard.instance("a#2", begins=Begins.AFTER_ITSELF)
        shard.ways["a#2"].keeps[BEATS] = len(await shard.read(BEATS))
        await shard.run(8, again)
        assert owners(again) == [True]

    play(scenario)


@pytest.mark.parametrize(("beats", "is_at_once"), [(9, False), (10, True)])
def test_life_that_told_ten_heartbeats_was_well(beats: int, is_at_once: bool) -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 60)
        owner = shard.instance("a#1", begins=Begins.AT_ONCE)
        while len(await shard.beats()) < beats:
            await shard.run(0.1, owner)
        again = shard.instance("a#2", begins=Begins.AFTER_ITSELF)
        await shard.run(0.3, again)
        assert owners(again) == [is_at_once]

    play(scenario)
