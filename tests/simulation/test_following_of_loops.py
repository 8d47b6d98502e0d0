"""A standby of each loop, over a run of them all, has the state of its owner bit for bit."""

import asyncio

import msgspec
import pytest

from marea.bus.memory import MemorySnapshots
from marea.messages.envelope import Message, Nanos
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from services.ingestion.shell.markets import DrawnMarket
from services.standalone.embedded import AnyLoop
from tools.crash_loops import World, trial_of

SEED, MINUTES = 1, 4


@pytest.fixture(scope="module")
def world() -> World:
    """A run that came to its end."""
    world = World(trial_of(SEED, MINUTES).settings, DrawnMarket(SEED, MINUTES), {})
    asyncio.run(world.play())
    return world


def behind(world: World, loop: AnyLoop, *, is_cold: bool) -> AnyLoop:
    """A loop that has followed this one to where it is."""
    snapshots = MemorySnapshots() if is_cold else loop.ports.snapshots
    ports = Ports(source=loop.ports.source, bus=world.bus, snapshots=snapshots)
    standby = Loop(loop.core, loop.wiring, ports)

    async def follow() -> None:
        while await standby.follow(loop.position, 997):
            pass

    asyncio.run(follow())
    return standby


@pytest.mark.parametrize("is_cold", [False, True], ids=["from a snapshot", "from the begin"])
def test_standby_has_the_state_of_the_owner(world: World, is_cold: bool) -> None:
    followed = [loop for loop in world.loops if loop not in world.market.loops]
    assert len(followed) == 8
    for loop in followed:
        standby = behind(world, loop, is_cold=is_cold)
        assert standby.divergence_count == 0
        assert _all_of(standby) == _all_of(loop), loop.wiring.name


def _all_of(loop: AnyLoop) -> tuple[int, Nanos, bytes, object]:
    return loop.position, loop.now, msgspec.msgpack.encode(loop.state), loop.intake.state


def test_takeover_after_all_was_followed_says_nothing_again(world: World) -> None:
    async def take_over(standby: AnyLoop) -> list[Message]:
        [log] = standby.wiring.outputs
        epoch = await standby.start("b")
        while await standby.step(997):
            pass
        said = await world.bus.read(log, epoch + 1, 9_999)
        return [record.message for record in said if record.message.canonical]

    for loop in world.loops:
        if loop.core.service in ("features", "signals"):
            standby = behind(world, loop, is_cold=False)
            assert asyncio.run(take_over(standby)) == []
