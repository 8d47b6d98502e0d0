"""Who runs a shard when instances die, pause, lose their way to the bus, or begin together."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec
import pytest
from msgspec import structs

from marea.errors import Unavailable
from marea.messages.envelope import Log, Message, Record
from marea.messages.system import CoreDiverged, Heartbeat, Started
from marea.runtime.ownership import Begins
from marea.testing import toy
from marea.testing.toy import ALARMS, BARS, ToyState, toy_core
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


def test_first_instance_takes_over_once_nobody_was_heard_for_6_s_and_a_little() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        first = shard.instance("a")
        await shard.run(6.0, first)
        assert owners(first) == [False]
        while not first.is_owner:
            await shard.run(0.1, first)
        assert shard.now_ns < 7 * SECOND
        assert first.loop.position == 0
        await shard.run(0.1, first)
        assert first.loop.state.trade_count == 27

    play(scenario)


def test_instance_that_is_alone_takes_over_at_once() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        alone = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.run(0.2, alone)
        assert owners(alone) == [True]
        assert alone.loop.state.trade_count == 27

    play(scenario)


def test_owner_beats_each_second_and_tells_how_far_it_is() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.run(5.1, owner)
        beats = await shard.beats()
        assert [each.resumes_at for each in beats] == [0, 31, 31, 31, 31]
        assert {(each.instance, each.producer_epoch) for each in beats} == {("a", 0)}
        assert len({each.id for each in beats}) == 5
        assert [record.seq for record in await shard.read(BEATS)] == [0, 1, 2, 3, 4]

    play(scenario)


@LAYOUTS
def test_standby_takes_over_from_a_killed_owner_and_says_what_it_would_have_said(
    output: Log | None,
) -> None:
    async def scenario(shard: Shard) -> None:
        calm = await undisturbed(output, 90)
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 40)
        await shard.run(3, owner, standby)
        await shard.feed(40, 60)
        await settle(owner)  # and then it is gone
        await shard.feed(60, 90)
        await shard.run(5, standby)
        assert owners(standby) == [False]
        await shard.run(2, standby)
        assert owners(standby) == [True]
        assert await shard.said() == await calm.said()
        assert standby.loop.divergence_count == 0

    play(scenario, output)


@LAYOUTS
def test_state_of_a_standby_is_that_of_the_owner_bit_for_bit(output: Log | None) -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        for first in range(0, 200, 20):
            await shard.feed(first, first + 20)
            await shard.run(2, owner, standby)
            assert standby.loop.position == (await shard.beats())[-1].resumes_at > first
            while standby.loop.position < owner.loop.position:
                await standby.loop.follow(owner.loop.position)
            states = [msgspec.msgpack.encode(each.loop.state) for each in (owner, standby)]
            assert states[0] == states[1]
            assert standby.loop.now == owner.loop.now

    play(scenario, output)


@LAYOUTS
def test_standby_writes_nothing_before_its_started(output: Log | None) -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 90)
        await shard.run(5, owner, standby)
        assert standby.loop.position > 90
        assert shard.ways["b"].written == []
        acted = list(shard.acted)
        assert {name for name, _ in acted} == {"a"}
        while not standby.is_owner:
            await shard.run(0.1, standby)
        kinds = [(log, type(record.message)) for log, record in shard.ways["b"].written]
        logs = [output] if output else [BARS, ALARMS]
        assert kinds == [(log, Started) for log in logs]
        assert shard.acted == acted

    play(scenario, output)


def test_effect_of_what_the_owner_said_last_is_had_after_the_takeover() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 40)
        await shard.run(2, owner, standby)
        before = len(shard.acted)
        await shard.feed(40, 60)
        await settle(owner)
        shard.acted = shard.acted[:before]  # it was killed before it acted
        await shard.run(8, standby)
        alarms = [r.message.id for r in await shard.taken(ALARMS) if not r.message.outside]
        assert len(alarms) > before
        assert [name for _, name in shard.acted] == alarms

    play(scenario)


def test_owner_without_a_way_to_the_bus_acts_no_more_and_follows_when_it_is_back() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 45)
        await shard.run(3, owner, standby)
        way = shard.ways["a"]
        way.is_away = True
        with pytest.raises(Unavailable, match="away"):
            await shard.run(2, owner)
        await shard.run(8, standby)
        way.is_away = False
        before = len(shard.acted)
        await shard.feed(45, 90)
        await shard.run(2, owner, standby)
        assert owners(owner, standby) == [False, True]
        assert {name for name, _ in shard.acted[before:]} == {"b"}

    play(scenario, TRADING)


def test_owner_whose_heartbeats_are_away_goes_on_when_they_are_back_and_nobody_followed() -> None:
    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.feed(0, 45)
        await shard.run(3, owner)
        shard.now_ns += 30 * SECOND
        await shard.feed(45, 60)
        await shard.run(0.1, owner)
        assert owners(owner) == [True]
        assert await shard.starts() == [0]
        assert owner.loop.state.trade_count == 54

    play(scenario)


class Deaf:
    """A way on which heartbeats are written and never read back."""

    def __init__(self, way: object) -> None:
        self._way = way

    def __getattr__(self, name: str) -> object:
        return getattr(self._way, name)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        if log == BEATS:
            return []
        found: Sequence[Record] = await self._way.read(log, position, limit)  # type: ignore[attr-defined] # a Way
        return found


def test_owner_that_has_not_read_its_heartbeat_back_for_4_s_does_not_step() -> None:
    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.feed(0, 30)
        await shard.run(1.0, owner)
        owner.loop.ports = replace(owner.loop.ports, bus=Deaf(shard.ways["a"]))  # type: ignore[arg-type] # as a bus
        await shard.feed(30, 40)
        await shard.run(3.0, owner)
        assert owner.loop.state.trade_count == 36
        await shard.run(2.0, owner)
        await shard.feed(40, 60)
        await shard.run(2.0, owner)
        assert owner.loop.state.trade_count == 36
        owner.loop.ports = replace(owner.loop.ports, bus=shard.ways["a"])
        await shard.run(0.1, owner)
        assert owner.loop.state.trade_count == 36  # it hears what it sent 5 s ago
        await shard.run(1.0, owner)
        assert owner.loop.state.trade_count == 54
        assert len({beat.id for beat in await shard.beats()}) < len(await shard.beats())

    play(scenario)


def test_owner_that_was_followed_gives_the_next_one_time_to_be_heard() -> None:
    async def scenario(shard: Shard) -> None:
        first, second = shard.instance("a"), shard.instance("b", begins=Begins.AT_ONCE)
        await shard.feed(0, 30)
        shard.ways["a"].refuses = shard.ways["b"].refuses = BEATS
        for instance, seconds in ((first, 7.0), (second, 0.1)):
            with suppress(Unavailable):
                await shard.run(seconds, instance)
        starts = await shard.starts()
        assert len(starts) == 2
        shard.ways["a"].refuses = None
        await shard.run(5.9, first)
        assert (owners(first), await shard.starts()) == ([False], starts)
        await shard.run(2.0, first)
        assert owners(first) == [True]

    play(scenario)


def test_standby_that_was_paused_itself_hears_first_and_takes_nothing_over() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.feed(0, 45)
        await shard.run(3, owner, standby)
        await shard.run(30, owner)
        await shard.run(3, standby)
        assert owners(standby) == [False]
        assert await shard.starts() == [0]

    play(scenario)


def test_instance_that_begins_late_counts_the_silence_from_when_it_listens() -> None:
    async def scenario(shard: Shard) -> None:
        owner, late = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.run(30, owner)
        await shard.run(0.1, late)
        await shard.run(1, owner, late)
        assert owners(late) == [False]

    play(scenario)


def test_standby_of_another_build_tells_what_it_would_have_said_after_its_takeover() -> None:
    def louder(state: ToyState, event: Message) -> Sequence[Message]:
        return [
            msgspec.structs.replace(output, detail="louder")
            if hasattr(output, "detail")
            else output
            for output in toy.decide(state, event)
        ]

    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        standby = shard.instance("b", with_decide(louder))
        await shard.feed(0, 60)
        await shard.run(3, owner, standby)
        assert standby.loop.state == owner.loop.state
        alarms = owner.loop.state.alarm_count
        assert standby.loop.divergence_count == alarms > 10
        assert shard.ways["b"].written == []
        await shard.feed(60, 90)
        await shard.run(8, standby)
        told = [r.message for r in await shard.taken(ALARMS) if isinstance(r.message, CoreDiverged)]
        assert len(told) == standby.loop.divergence_count == alarms
        assert "detail: recorded 'alarm 0', decided 'louder'" in told[0].detail
        assert standby.loop.state.alarm_count > alarms

    play(scenario)


def failing(state: ToyState, event: Message) -> Sequence[Message]:
    raise ZeroDivisionError


def test_failure_of_the_core_is_told_and_ends_the_life() -> None:
    async def scenario(shard: Shard) -> None:
        core = replace(toy_core(), decide=failing)
        owner = shard.instance("a", core, begins=Begins.AT_ONCE)
        await shard.feed(0, 5)
        with pytest.raises(Exception, match="ZeroDivisionError"):
            await shard.run(1, owner)
        assert owners(owner) == [False]

    play(scenario)


def test_heartbeat_that_is_not_of_its_owner_ends_and_moves_nothing() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.run(3.1, owner, standby)
        (*_, last) = await shard.read(BEATS)
        beat = last.message
        ahead = structs.replace(beat, producer_epoch=2**40, resumes_at=2**40)
        strange = [
            structs.replace(last, seq=last.seq + 1, message=ahead),
            structs.replace(last, writer=structs.replace(last.writer, epoch=2**40)),
            structs.replace(
                last,
                message=ahead,
                writer=structs.replace(last.writer, producer="toy/1", epoch=2**40),
            ),
            *(
                structs.replace(
                    last,
                    message=structs.replace(beat, producer_epoch=epoch),
                    writer=structs.replace(last.writer, epoch=epoch),
                )
                for epoch in (-1, 3, 2**40)
            ),
        ]
        await shard.bus.append(BEATS, strange)
        await shard.run(9.0, owner, standby)
        assert owners(owner, standby) == [True, False]
        assert owner.ended_by is None
        assert owner.epoch == 0
        told = shard.bus._records[BEATS]
        told[:] = [record for record in told if record not in strange]  # else the log is unsound

    play(scenario)


def test_loop_whose_name_is_not_its_producers_is_heard_too() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        shard.name = "toy"
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        await shard.run(20, owner, standby)
        assert owners(owner, standby) == [True, False]
        assert await shard.starts() == [0]

    play(scenario)


def test_heartbeats_carry_what_their_message_says() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        await shard.run(2, shard.instance("a", begins=Begins.AT_ONCE))
        for record in await shard.read(BEATS):
            assert isinstance(record.message, Heartbeat)
            assert record.writer.producer == "toy/0"
            assert record.writer.epoch == record.message.producer_epoch
            assert record.message.service == "toy"

    play(scenario)
