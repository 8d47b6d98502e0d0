"""The loop is killed at every step, and the log it leaves is that of a run without any kill."""

import asyncio
from collections.abc import Sequence

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages import codec
from marea.messages.envelope import Log
from marea.messages.system import CoreDiverged
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.toy import INPUT, ToyState, toy_core, toy_wiring, upstream_records
from tests.unit.runtime.world import Killed, World

TRADING = Log("trading", "p1")
INPUTS = 120


def new_world(input_log: Log) -> World:
    world = World(MemoryBus(), MemorySnapshots())
    asyncio.run(world.bus.append(input_log, upstream_records(INPUTS)))
    return world


async def live(world: World, output: Log | None, batch: int) -> Loop[ToyState]:
    """One life of the loop, from its start to the end of its input."""
    ports = Ports(source=world, bus=world, snapshots=world)
    loop = Loop(toy_core(), toy_wiring(output), ports)
    await loop.start()
    while await loop.step(batch):
        pass
    return loop


def run_to_the_end(
    output: Log | None, batch: int, kills: Sequence[int] = ()
) -> tuple[World, Loop[ToyState], int]:
    """Live until the end of the input; at each kill throw the loop away and start another."""
    world = new_world(output or INPUT)
    world.kills = set(kills)
    lives = 1
    while True:
        try:
            return world, asyncio.run(live(world, output, batch)), lives
        except Killed:
            lives += 1


def canonical(world: World, output: Log | None) -> list[tuple[str, str, bytes]]:
    """What the toy said, apart from starts and from who said it in which epoch."""
    logs = toy_wiring(output).outputs

    async def collect() -> list[tuple[str, str, bytes]]:
        return [
            (log.channel, type(record.message).__name__, codec.encode(record.message))
            for log in logs
            for record in await world.bus.read(log, 0, 99_999)
            if record.writer.producer == "toy/0" and record.message.canonical
        ]

    return asyncio.run(collect())


@pytest.mark.parametrize("output", [None, TRADING], ids=["logs apart", "one log"])
@pytest.mark.parametrize("batch", [1, 7, 50])
def test_kill_at_every_boundary_leaves_the_log_of_an_undisturbed_run(
    output: Log | None, batch: int
) -> None:
    calm, calm_loop, _ = run_to_the_end(output, batch)
    expected = canonical(calm, output)
    assert len(expected) > INPUTS // 3
    for boundary in range(1, calm.boundary + 1):
        world, loop, lives = run_to_the_end(output, batch, [boundary])
        assert lives == 2
        assert canonical(world, output) == expected, f"killed at boundary {boundary}"
        assert loop.state == calm_loop.state, f"killed at boundary {boundary}"
        assert loop.divergence_count == 0


def test_second_kill_during_recovery_changes_nothing_either() -> None:
    calm, _, _ = run_to_the_end(None, 25)
    expected = canonical(calm, None)
    tried = 0
    for first in range(1, calm.boundary + 1, 2):
        for second in range(first + 1, first + 30):
            world, _, lives = run_to_the_end(None, 25, [first, second])
            tried += lives == 3
            assert canonical(world, None) == expected, f"killed at {first} and {second}"
    assert tried > 500


def test_nothing_is_published_twice() -> None:
    calm, _, _ = run_to_the_end(None, 7)
    for boundary in range(1, calm.boundary + 1, 3):
        world, _, _ = run_to_the_end(None, 7, [boundary])
        ids = [data for _, _, data in canonical(world, None)]
        assert len(ids) == len(set(ids))


def test_recovery_from_a_snapshot_does_not_read_the_input_from_its_begin() -> None:
    world = new_world(INPUT)
    asyncio.run(live(world, None, 10))
    read_before = world.boundary
    asyncio.run(live(world, None, 10))
    assert world.boundary - read_before < read_before / 3
    diverged = [kind for _, kind, _ in canonical(world, None) if kind == CoreDiverged.__name__]
    assert not diverged
