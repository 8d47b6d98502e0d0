"""Whose turn is it: when do the loops of a process begin, go on, and hand over?"""

import asyncio
from dataclasses import replace

import pytest

from marea.bus.fast import key_of
from marea.messages.envelope import Log, Record, Writer
from marea.messages.system import Heartbeat, OwnerLeft, Started
from marea.runtime.footing import Footing
from marea.runtime.group import AnyLoop, Group, Member
from marea.runtime.loop import Loop
from marea.runtime.processes import load_process_settings
from marea.testing.toy import (
    ALARMS,
    BARS,
    INPUT,
    toy_core,
    toy_wiring,
)
from tests.unit.runtime.groups import (
    CONFIG,
    INPUTS,
    OTHER,
    SOON_S,
    WakingFast,
    WakingMemory,
    all_is_said,
    ground,
    has_taken,
    play,
    toy,
    until,
)


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


def test_group_that_another_has_followed_stands_by() -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS)
        await until(lambda: has_taken(group, len(INPUTS)))
        other = Writer(producer="toy/0", epoch=-1, build="test")
        started = Started(
            id="another",
            ts_event=0,
            service="toy",
            build="test",
            config="{}",
            resumes_at=0,
            producer="toy/0",
        )
        for log in (BARS, ALARMS):
            await bus.append(log, [Record(message=started, writer=other, seq=0)])
        await until(lambda: "has been followed by" in group.facts()[0].last_error)
        await until(lambda: group.facts()[0].phase == "follows")

    play(scene)


def test_loops_begin_although_what_they_take_early_is_not_on_record_yet() -> None:
    def make_second(footing: Footing) -> AnyLoop:
        wiring = replace(toy_wiring(OTHER), name="toy/1", outputs={OTHER: "toy/1"}, input_log=INPUT)
        return Loop(toy_core(), wiring, footing.ports())

    async def scenario() -> None:
        bus, fast, drain = WakingMemory(), WakingFast(), asyncio.Event()
        await bus.append(INPUT, INPUTS[:20])
        await fast.add(INPUT, key_of(INPUTS[19]), INPUTS[20:])
        group = Group(
            ground(bus, fast), [Member(make=toy), Member(make=make_second)], is_hurried=True
        )
        living = asyncio.create_task(group.run(drain))
        await until(lambda: has_taken(group, len(INPUTS)))
        assert [facts.role for facts in group.facts()] == ["owner", "owner"]
        assert [facts.last_error for facts in group.facts()] == ["", ""]
        await bus.append(INPUT, INPUTS[20:])
        drain.set()
        async with asyncio.timeout(SOON_S):
            await living

    asyncio.run(scenario())


def test_owner_whose_life_ended_goes_on_before_a_standby_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 0)

    async def scenario() -> None:
        bus, drain = WakingMemory(), asyncio.Event()
        own = load_process_settings(CONFIG, {"MAREA__INSTANCES__FEATURES": "2"})
        group = Group(replace(ground(bus), own=own), [Member(make=toy)], is_hurried=False)
        living = asyncio.create_task(group.run(drain))
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 1 << 60)  # nobody may wait for it
        await bus.append(INPUT, INPUTS[20:])
        bus.is_away = True
        await until(lambda: any("takes nothing" in each.last_error for each in group.facts()))
        bus.is_away = False
        async with asyncio.timeout(SOON_S):
            await all_is_said(bus)
            drain.set()
            await living

    asyncio.run(scenario())


def test_owner_that_comes_back_late_waits_as_any_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 0)
    monkeypatch.setattr("marea.runtime.group.RETRY_S", 0.2)

    async def scenario() -> None:
        bus, drain = WakingMemory(), asyncio.Event()
        own = load_process_settings(CONFIG, {"MAREA__INSTANCES__FEATURES": "2"})
        group = Group(replace(ground(bus), own=own), [Member(make=toy)], is_hurried=False)
        living = asyncio.create_task(group.run(drain))
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        monkeypatch.setattr("marea.runtime.ownership.SILENCE_NS", 1 << 60)
        monkeypatch.setattr("marea.runtime.ownership.LEASE_NS", 100_000_000)
        await bus.append(INPUT, INPUTS[20:])
        bus.is_away = True
        await until(lambda: any("takes nothing" in each.last_error for each in group.facts()))
        bus.is_away = False
        await until(lambda: any(each.phase == "follows" for each in group.facts()))
        await asyncio.sleep(0.3)
        assert [each.role for each in group.facts()] == ["standby"]
        drain.set()
        async with asyncio.timeout(SOON_S):
            await living

    asyncio.run(scenario())


def test_loops_take_inputs_though_one_of_them_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marea.runtime.group.BEGIN_S_MAX", 0.2)

    def make_second(footing: Footing) -> AnyLoop:
        wiring = replace(toy_wiring(OTHER), name="toy/1", outputs={OTHER: "toy/1"}, input_log=INPUT)
        return Loop(toy_core(), wiring, footing.ports())

    async def scenario() -> None:
        bus, drain = WakingMemory(), asyncio.Event()
        bus.lets_listen.clear()  # the second hears nothing, and so waits
        await bus.append(INPUT, INPUTS)
        group = Group(ground(bus), [Member(make=toy), Member(make=make_second)], is_hurried=False)
        living = asyncio.create_task(group.run(drain))
        await until(lambda: has_taken(group, len(INPUTS)))
        assert [facts.role for facts in group.facts()] == ["owner", "standby"]
        bus.lets_listen.set()
        drain.set()
        async with asyncio.timeout(SOON_S):
            await living

    asyncio.run(scenario())


def test_group_takes_over_its_first_loop_and_then_the_others() -> None:
    second = "toy/1"

    def make_second(footing: Footing) -> AnyLoop:
        wiring = replace(toy_wiring(OTHER), name=second, outputs={OTHER: second}, input_log=INPUT)
        return Loop(toy_core(), wiring, footing.ports())

    async def scenario() -> None:
        bus, drain = WakingMemory(), asyncio.Event()
        bus.lets_beat.clear()
        group = Group(ground(bus), [Member(make=toy), Member(make=make_second)], is_hurried=False)
        living = asyncio.create_task(group.run(drain))
        await until(lambda: [facts.role for facts in group.facts()] == ["owner", "standby"])
        await asyncio.sleep(0.3)
        assert not await bus.read(OTHER, 0, 1), "it has begun though the first may be another's"
        bus.lets_beat.set()
        await until(lambda: [facts.role for facts in group.facts()] == ["owner", "owner"])
        drain.set()
        async with asyncio.timeout(SOON_S):
            await living

    asyncio.run(scenario())
