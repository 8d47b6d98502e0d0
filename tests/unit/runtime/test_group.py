"""The loops of a process live together: what one life loses, the next one finds on the logs."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from marea.errors import Broken, Unavailable
from marea.messages.envelope import Message
from marea.runtime.footing import Footing
from marea.runtime.group import STUCK_S, AnyLoop, Group, Member
from marea.runtime.loop import BATCH_RECORDS_MAX, Loop
from marea.testing.toy import (
    BARS,
    INPUT,
    toy_core,
    toy_wiring,
    trade_record,
    upstream_records,
)
from tests.unit.runtime.groups import (
    BARS_SAID,
    INPUTS,
    WakingMemory,
    all_is_said,
    ground,
    has_taken,
    play,
    said,
    toy,
    until,
)


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
