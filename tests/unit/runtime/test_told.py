"""Each input is taken under the configuration of the life that took it first, whoever takes it again."""

from dataclasses import replace

import pytest

from marea.messages.system import CoreDiverged, QualityCheckFailed, Started
from marea.runtime.loop import Loop
from marea.runtime.recorded import Overtaken
from marea.runtime.replay import Comparison, Replay
from marea.runtime.wiring import Ports
from marea.testing.toy import (
    ALARMS,
    INPUT,
    ToyConfig,
    ToyState,
    toy_core,
    toy_wiring,
    trade_record,
)
from tests.unit.runtime.bench import Bench, play

FOURTH = '{"alarm_trades":4}'
THIRD = '{"alarm_trades":3}'


def told(bench: Bench, config: str) -> Loop[ToyState]:
    """The toy as a life that is told this."""
    ports = Ports(source=bench.bus, bus=bench.bus, snapshots=bench.snapshots)
    return Loop(toy_core(), replace(toy_wiring(), config=config), ports)


async def more(bench: Bench, first: int, end: int) -> None:
    await bench.bus.append(INPUT, [trade_record(seq) for seq in range(first, end)])


async def alarms(bench: Bench, config: str) -> list[QualityCheckFailed]:
    """Those that were said in lives which were told this."""
    records = await bench.read(ALARMS)
    lives = {
        place
        for place, record in enumerate(records)
        if isinstance(record.message, Started) and record.message.config == config
    }
    return [
        record.message
        for record in records
        if isinstance(record.message, QualityCheckFailed) and record.writer.epoch in lives
    ]


async def replayed(bench: Bench, config: str, *, follows_lives: bool = True) -> Comparison:
    replay = Replay(told(bench, config), bench.bus, is_whole=True, follows_lives=follows_lives)
    await replay.start()
    while await replay.step(7):
        pass
    return replay.comparison


def different(comparison: Comparison) -> int:
    return sum(each.different for each in comparison.by_type.values())


@pytest.mark.parametrize("has_snapshot", [True, False])
def test_new_configuration_holds_from_where_the_record_ends(has_snapshot: bool) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(told(bench, THIRD))
        if not has_snapshot:
            bench.forget_snapshots()
        await more(bench, 60, 100)
        second = await bench.run(told(bench, FOURTH))
        assert (second.divergence_count, second.state.config) == (0, ToyConfig(alarm_trades=4))
        said = await alarms(bench, FOURTH)
        assert len(said) == second.state.trade_count // 4 - 54 // 4
        assert not [each for each in await bench.read(ALARMS) if type(each.message) is CoreDiverged]

    play(60, scenario)


def test_what_is_taken_again_is_decided_as_each_life_was_told() -> None:
    async def scenario(bench: Bench) -> None:
        for config, end in ((THIRD, 90), (FOURTH, 120), (FOURTH, 150), (THIRD, 180)):
            await more(bench, end - 30, end)
            await bench.run(told(bench, config))
            bench.forget_snapshots()
        last = await bench.run(told(bench, FOURTH))
        assert last.divergence_count == 0
        assert different(await replayed(bench, THIRD)) == 0
        assert different(await replayed(bench, FOURTH)) == 0
        assert different(await replayed(bench, FOURTH, follows_lives=False)) > 0

    play(60, scenario)


def test_who_follows_is_told_what_the_owner_was_told_and_then_its_own() -> None:
    async def scenario(bench: Bench) -> None:
        owner, standby = told(bench, THIRD), told(bench, FOURTH)
        await bench.run(owner)
        while await standby.follow(owner.position, 7):
            pass
        assert standby.state == owner.state
        await standby.start()
        await more(bench, 60, 100)
        await bench.run_to_the_end(standby, 7)
        assert standby.divergence_count == 0
        assert standby.state.config == ToyConfig(alarm_trades=4)
        assert different(await replayed(bench, FOURTH)) == 0

    play(60, scenario)


def test_life_that_said_nothing_before_its_snapshot_leaves_its_inputs_to_its_configuration() -> (
    None
):
    async def scenario(bench: Bench) -> None:
        never = '{"alarm_trades":1000}'
        await bench.run(told(bench, THIRD))
        await more(bench, 60, 64)
        await bench.run(told(bench, never))
        await more(bench, 64, 100)
        await bench.run(told(bench, FOURTH))
        assert different(await replayed(bench, THIRD)) == 0

    play(60, scenario)


def test_configuration_that_this_build_cannot_read_does_not_stop_a_start() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(told(bench, '{"alarm_trades":"often"}'))
        bench.forget_snapshots()
        await more(bench, 60, 100)
        again = await bench.run(told(bench, FOURTH))
        assert again.divergence_count == 0
        assert again.state.config == ToyConfig(alarm_trades=4)

    play(60, scenario)


def test_snapshot_at_the_end_of_the_record_does_not_hide_what_its_life_was_told() -> None:
    async def scenario(bench: Bench) -> None:
        owner = await bench.run(told(bench, THIRD))
        standby = told(bench, FOURTH)
        await standby.follow(owner.position)
        await more(bench, 60, 101)
        await bench.run_to_the_end(owner, 7)
        while await standby.follow(owner.position):
            pass
        await standby.start()
        await standby.step()  # nothing has come since, and a snapshot is due
        await more(bench, 101, 109)
        await bench.run_to_the_end(standby, 7)
        again = await bench.run(told(bench, FOURTH))
        assert again.divergence_count == 0
        assert again.state == standby.state

    play(60, scenario)


def test_who_follows_notices_that_the_owner_began_anew_under_another_configuration() -> None:
    async def scenario(bench: Bench) -> None:
        never = '{"alarm_trades":1000}'
        owner = await bench.run(told(bench, never))
        bench.forget_snapshots()
        standby = told(bench, never)
        await standby.follow(owner.position)
        again = await bench.run(told(bench, THIRD))  # it says what the standby has passed
        await more(bench, 9, 100)
        await bench.run_to_the_end(again, 7)
        with pytest.raises(Overtaken):
            await standby.follow(again.position)
        anew = told(bench, never)
        while await anew.follow(again.position):
            pass
        assert (anew.divergence_count, anew.state) == (0, again.state)

    play(9, scenario)
