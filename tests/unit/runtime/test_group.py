"""The loops of a process live together: what one life loses, the next one finds on the logs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from marea.bus.fast import key_of
from marea.bus.memory import MemoryBus, MemoryFastCopy, MemorySnapshots
from marea.bus.raw import Raw
from marea.errors import Broken, Unavailable
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.system import Degraded, Started
from marea.runtime.footing import Footing, Ground
from marea.runtime.group import STUCK_S, AnyLoop, Group, Member
from marea.runtime.loop import BATCH_RECORDS_MAX, Loop
from marea.runtime.metrics import Metrics
from marea.runtime.processes import load_process_settings
from marea.runtime.settings import load_settings
from marea.runtime.venue_time import VenueTime
from marea.testing.toy import (
    ALARMS,
    BARS,
    INPUT,
    toy_core,
    toy_wiring,
    trade_record,
    upstream_records,
)

CONFIG = Path(__file__).parents[3] / "config"
OTHER = Log("trading", "second")
SOON_S = 30.0
"""What comes, comes within milliseconds; on a machine that does much else it may take long."""


class WakingMemory(MemoryBus):
    """A bus in memory that wakes its readers, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.lets_beat = asyncio.Event()
        """Whether the first loop's heartbeats get through."""
        self.lets_beat.set()
        self.lets_listen = asyncio.Event()
        """Whether the second loop can look where its heartbeats end."""
        self.lets_listen.set()
        self.takes_s = 0.0
        """What is said takes so long to be on record."""
        self.events: list[asyncio.Event] = []

    def wake(self, event: asyncio.Event, *_: Log) -> None:
        self.events.append(event)

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        if self.is_away:
            raise Unavailable(f"{log} takes nothing")
        if log == Log("ownership", "toy/0"):
            await self.lets_beat.wait()
        elif log != INPUT:
            await asyncio.sleep(self.takes_s)
        position = await super().append(log, records)
        for event in self.events:
            event.set()
        return position

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        if Log("ownership", "toy/1") in logs:
            await self.lets_listen.wait()
        return await super().ends(*logs)

    async def read_raw(self, *_: object) -> Sequence[Raw]:
        raise AssertionError("nobody reads bytes here")

    async def raw_ends(self) -> Mapping[Log, int]:
        return await self.ends()

    async def watch(self) -> None:
        await asyncio.Event().wait()


class WakingFast(MemoryFastCopy):
    """A fast copy in memory, which its readers look at by themselves."""

    def wake(self, *_: object) -> None:
        pass


def ground(bus: WakingMemory, fast: WakingFast | None = None) -> Ground:
    return Ground(
        service="features",
        instance="a",
        settings=load_settings(CONFIG, {}),
        own=load_process_settings(CONFIG, {}),
        build="test",
        bus=bus,
        fast=fast or WakingFast(),
        snapshots=MemorySnapshots(),
        telemetry=Metrics("features", lambda: ()),
        venue_time=VenueTime(1.0),
        web=web.Application(),
        log=structlog.stdlib.get_logger(),
    )


def toy(footing: Footing) -> AnyLoop:
    ports = footing.ports(INPUT if footing.double is not None else None)
    return Loop(toy_core(), toy_wiring(), ports)


Scene = Callable[[WakingMemory, Group], Awaitable[None]]
INPUTS = upstream_records(50)
BARS_SAID, ALARMS_SAID = 9, 15
"""Of the trades among the inputs; each tenth is a clock."""


def play(
    scene: Scene, make: Callable[[Footing], AnyLoop] = toy, *, is_hurried: bool = False
) -> None:
    """Have a group live through a scene, and drain."""

    async def scenario() -> None:
        bus, drain = WakingMemory(), asyncio.Event()
        group = Group(ground(bus), [Member(make=make)], is_hurried=is_hurried)
        living = asyncio.create_task(group.run(drain))
        try:
            await scene(bus, group)
        finally:
            drain.set()
            async with asyncio.timeout(SOON_S):
                await living

    asyncio.run(scenario())


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.005)


async def said(bus: MemoryBus, log: Log) -> list[str]:
    """The ids of what the toy put on record, without what tells of its lives."""
    records = await bus.read(log, 0, 10_000)
    return [
        record.message.id for record in records if type(record.message) not in (Started, Degraded)
    ]


def has_taken(group: Group, count: int) -> bool:
    return any(facts.position == count for facts in group.facts())


@pytest.mark.parametrize("is_hurried", [False, True])
def test_group_takes_what_comes_as_its_owner(is_hurried: bool) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        await bus.append(INPUT, INPUTS[20:])
        await until(lambda: has_taken(group, len(INPUTS)))
        [facts] = group.facts()
        assert (facts.role, facts.phase, facts.last_error) == ("owner", "runs", "")
        await all_is_said(bus)

    play(scene, is_hurried=is_hurried)


def test_life_that_a_bus_ended_is_followed_by_one_that_says_nothing_twice() -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        await bus.append(INPUT, INPUTS[20:])
        bus.is_away = True
        await until(lambda: any("takes nothing" in each.last_error for each in group.facts()))
        assert {each.phase for each in group.facts()} == {"has not started"}
        bus.is_away = False
        await until(lambda: has_taken(group, len(INPUTS)))
        await all_is_said(bus)

    play(scene)


def test_hurried_group_waits_for_a_record_that_is_away() -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        await bus.append(INPUT, INPUTS[20:])
        bus.is_away = True
        await until(lambda: has_taken(group, len(INPUTS)))
        assert len(await said(bus, BARS)) < BARS_SAID
        bus.is_away = False
        await all_is_said(bus)
        assert group.facts()[0].last_error == ""

    play(scene, is_hurried=True)


def test_group_that_ends_while_its_record_is_away_tells_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS[:20])
        await until(lambda: has_taken(group, 20))
        await bus.append(INPUT, INPUTS[20:])
        bus.is_away = True
        await until(lambda: has_taken(group, len(INPUTS)))

    monkeypatch.setattr("marea.runtime.group.DRAIN_S_MAX", 0.1)
    with pytest.raises(Unavailable, match=r"\d+ records still wait for their log 0.1 s after"):
        play(scene, is_hurried=True)


@pytest.mark.parametrize("is_early", [True, False])
def test_group_that_ends_takes_nothing_more_of_a_market_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    def make(footing: Footing) -> AnyLoop:
        return Loop(toy_core(), toy_wiring(), footing.ports(INPUT if is_early else None))

    ended: list[tuple[WakingMemory, int]] = []

    async def scene(bus: WakingMemory, group: Group) -> None:
        async def go_on() -> None:
            await bus.append(INPUT, upstream_records(0))
            for seq in count():
                await bus.append(INPUT, [trade_record(seq)])
                await asyncio.sleep(0)

        market.append(asyncio.create_task(go_on()))
        bus.takes_s = 0.02
        await until(lambda: any(facts.position > 100 for facts in group.facts()))
        ended.append((bus, group.facts()[0].position))

    market: list[asyncio.Task[None]] = []
    monkeypatch.setattr("marea.runtime.group.DRAIN_S_MAX", 5.0)
    play(scene, make, is_hurried=True)
    ((bus, taken),) = ended
    last = asyncio.run(bus.read(BARS, 0, 1_000_000))[-1]
    assert taken - 20 < last.input_offset < taken + BATCH_RECORDS_MAX


async def all_is_said(bus: MemoryBus) -> None:
    """Wait for all that the toy says of its inputs, each once."""
    for log, due in ((BARS, BARS_SAID), (ALARMS, ALARMS_SAID)):
        while len(found := await said(bus, log)) < due:
            await asyncio.sleep(0.005)
        assert len(found) == len(set(found)) == due


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


def test_core_that_fails_ends_the_group() -> None:
    decided: list[object] = []

    def broken(footing: Footing) -> AnyLoop:
        def decide(_: object, event: object) -> Sequence[Message]:
            decided.append(event)
            raise ValueError(f"nothing follows from {type(event).__name__}")

        return Loop(replace(toy_core(), decide=decide), toy_wiring(), footing.ports())

    async def scene(bus: WakingMemory, group: Group) -> None:
        await bus.append(INPUT, INPUTS)
        await until(lambda: len(decided) > 0)

    with pytest.raises(Broken, match="nothing follows from"):
        play(scene, broken)


def test_loop_that_is_stuck_is_told() -> None:
    async def scenario() -> None:
        group = Group(ground(WakingMemory()), [Member(make=toy)], is_hurried=False)
        assert group.stuck_because == ""
        group._turned_s["toy/0"] = time.monotonic() - STUCK_S - 1
        assert "no turn has ended for 61 s" in group.stuck_because

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
