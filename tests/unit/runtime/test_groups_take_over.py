"""Whose turn is it: when do the loops of a process begin, go on, and hand over?"""

import asyncio

import pytest

from marea.bus.fast import key_of
from marea.messages.envelope import Log, Record, Writer
from marea.messages.system import Heartbeat, OwnerLeft, Started
from marea.runtime.group import Group
from marea.testing.toy import (
    ALARMS,
    BARS,
    INPUT,
)
from tests.unit.runtime.groups import (
    INPUTS,
    OTHER,
    SOON_S,
    WakingFast,
    WakingMemory,
    all_is_said,
    has_taken,
    play,
    second,
    toy,
    until,
)

BEAT_S = 0.1


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a silence, and every life was well."""
    monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 0)
    monkeypatch.setattr("marea.runtime.ownership.SETTLED_BEATS", 0)


@pytest.mark.parametrize("is_hurried", [False, True])
def test_last_that_a_group_says_is_that_it_leaves(is_hurried: bool) -> None:
    said_of: list[WakingMemory] = []

    async def scene(bus: WakingMemory, group: Group) -> None:
        said_of.append(bus)
        await bus.append(INPUT, INPUTS)
        await until(lambda: has_taken(group, len(INPUTS)))

    play(scene, is_hurried=is_hurried)
    records = asyncio.run(said_of[0].read(Log("ownership", "toy/0"), 0, 1_000))
    assert isinstance(records[-1].message, OwnerLeft)
    assert records[-1].message.resumes_at == len(INPUTS)
    assert all(isinstance(record.message, Heartbeat) for record in records[:-1])


def begun(producer: str) -> Started:
    """What another life of this producer says first."""
    return Started(
        id=f"another {producer}",
        ts_event=0,
        service="toy",
        build="test",
        config="{}",
        resumes_at=0,
        producer=producer,
    )


async def follow(bus: WakingMemory, group: Group) -> None:
    """Have another life begin, of which nothing is heard, and return when that was read."""
    other = Writer(producer="toy/0", epoch=-1, build="test")
    for log in (BARS, ALARMS):
        await bus.append(log, [Record(message=begun("toy/0"), writer=other, seq=0)])
    await until(lambda: "has been followed by" in group.facts()[0].last_error)


def test_group_that_another_has_followed_stands_by() -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS)
        await until(lambda: has_taken(group, len(INPUTS)))
        await follow(bus, group)
        await until(lambda: group.facts()[0].phase == "follows")

    play(scene)


def test_loops_begin_although_what_they_take_early_is_not_on_record_yet() -> None:
    fast = WakingFast()

    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS[:20])
        await fast.add(INPUT, key_of(INPUTS[19]), INPUTS[20:])
        await until(lambda: has_taken(group, len(INPUTS)))
        assert [facts.role for facts in group.facts()] == ["owner", "owner"]
        assert [facts.last_error for facts in group.facts()] == ["", ""]
        await bus.append(INPUT, INPUTS[20:])

    play(scene, toy, second, is_hurried=True, fast=fast)


async def end_a_life(bus: WakingMemory, group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an owner, with a standby somewhere, lose its bus for one turn; from then on nobody is silent
    long enough."""
    await bus.append(INPUT, INPUTS[:20])
    await until(lambda: has_taken(group, 20))
    monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 1 << 60)
    await bus.append(INPUT, INPUTS[20:])
    bus.is_away = True
    await until(lambda: any("takes nothing" in each.last_error for each in group.facts()))
    bus.is_away = False


@pytest.mark.usefixtures("_soon")
def test_owner_whose_life_ended_goes_on_before_a_standby_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await end_a_life(bus, group, monkeypatch)
        async with asyncio.timeout(SOON_S):
            await all_is_said(bus)

    play(scene, instances=2)


@pytest.mark.usefixtures("_soon")
def test_owner_that_was_followed_waits_although_it_was_heard_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 1 << 60)
        await follow(bus, group)
        await until(lambda: group.facts()[0].phase == "follows")
        await asyncio.sleep(0.3)
        assert [each.role for each in group.facts()] == ["standby"]

    play(scene, instances=2)


@pytest.mark.usefixtures("_soon")
def test_owner_that_was_followed_once_goes_on_at_once_when_it_was_the_owner_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await until(lambda: group.facts()[0].role == "owner")
        await follow(bus, group)
        await until(lambda: group.facts()[0].role == "owner")
        await end_a_life(bus, group, monkeypatch)
        async with asyncio.timeout(SOON_S):
            await all_is_said(bus)

    play(scene, instances=2)


def test_loops_take_inputs_though_one_of_them_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        bus.lets_listen.clear()  # the second hears nothing, and so waits
        await bus.append(INPUT, INPUTS)
        await until(lambda: has_taken(group, len(INPUTS)))
        assert [facts.role for facts in group.facts()] == ["owner", "standby"]
        bus.lets_listen.set()

    monkeypatch.setattr("marea.runtime.group.BEGIN_S_MAX", 0.2)
    play(scene, toy, second)


def test_group_takes_over_its_first_loop_and_then_the_others() -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        bus.lets_beat.clear()
        await until(lambda: [facts.role for facts in group.facts()] == ["owner", "standby"])
        await asyncio.sleep(0.3)
        assert not await bus.read(OTHER, 0, 1), "it has begun though the first may be another's"
        bus.lets_beat.set()
        await until(lambda: [facts.role for facts in group.facts()] == ["owner", "owner"])

    play(scene, toy, second)


def test_later_loops_begin_at_once_when_the_first_has_although_another_runs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        writer = Writer(producer="toy/1", epoch=0, build="test")
        await bus.append(OTHER, [Record(message=begun("toy/1"), writer=writer, seq=0)])
        for seq in range(round(SOON_S / BEAT_S)):
            if [facts.role for facts in group.facts()] == ["owner", "owner"]:
                return
            beat = Heartbeat(
                id=f"beat {seq}",
                ts_event=0,
                service="toy",
                instance="b#1",
                producer_epoch=0,
                resumes_at=0,
            )
            told = [Record(message=beat, writer=writer, seq=seq)]
            await bus.append(Log("ownership", "toy/1"), told)
            await asyncio.sleep(BEAT_S)
        raise AssertionError("the second waits for a silence that never comes")

    monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", round(10 * BEAT_S * 1e9))
    play(scene, toy, second, instances=2)


def test_group_leaves_its_first_loop_last() -> None:
    said_of: list[WakingMemory] = []

    async def scene(bus: WakingMemory, group: Group) -> None:
        said_of.append(bus)
        await bus.append(INPUT, INPUTS)
        await until(lambda: [facts.position for facts in group.facts()] == [len(INPUTS)] * 2)

    for makes in ((toy, second), (second, toy)):
        play(scene, *makes)
        left = [log.partition for log in said_of.pop().appended if log.channel == "ownership"][-2:]
        assert left == [f"toy/{int(make is second)}" for make in reversed(makes)]
