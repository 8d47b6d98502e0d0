"""A loop that follows another life of itself, and then starts: one recovery, in two parts."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from marea.bus.memory import MemorySnapshots
from marea.errors import Broken, Refused, Unavailable
from marea.messages.envelope import Log, Message, Record
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.toy import ALARMS, BARS, INPUT, ToyState, toy_core, toy_wiring
from tests.unit.runtime.bench import AwayFrom, Bench, play, with_decide
from tests.unit.runtime.test_crash import canonical, live, new_world
from tests.unit.runtime.world import Killed

TRADING = Log("trading", "p1")


async def follow_to(loop: Loop[ToyState], until: int, batch: int = 7) -> None:
    while await loop.follow(until, batch):
        pass


@pytest.mark.parametrize("output", [None, TRADING], ids=["logs apart", "one log"])
@pytest.mark.parametrize("place", [0, 1, 30, 61, 121])
def test_takeover_anywhere_after_a_kill_anywhere_leaves_the_log_of_an_undisturbed_run(
    output: Log | None, place: int
) -> None:
    calm = new_world(output or INPUT)
    asyncio.run(live(calm, output, 25))
    expected = canonical(calm, output)
    for boundary in range(1, calm.boundary + 1):
        world = new_world(output or INPUT)
        world.kills = {boundary}
        with suppress(Killed):
            asyncio.run(live(world, output, 25))
        ports = Ports(source=world.bus, bus=world.bus, snapshots=MemorySnapshots())
        standby = Loop(toy_core(), toy_wiring(output), ports)

        async def take_over(standby: Loop[ToyState], until: int) -> None:
            await follow_to(standby, until)
            assert standby.position == until
            await standby.start("b")
            while await standby.step(25):
                pass

        done = min(
            _done(asyncio.run(world.bus.read(log, 0, 999))) for log in toy_wiring(output).outputs
        )
        done = min(place, done)
        asyncio.run(take_over(standby, done))
        assert canonical(world, output) == expected, f"killed at boundary {boundary}"
        assert standby.divergence_count == 0


def _done(records: Sequence[Record]) -> int:
    # The inputs that the other was surely done with: those before the last one it spoke of.
    return max([0, *(each.input_offset for each in records if each.writer.producer == "toy/0")])


def test_follower_takes_what_the_owner_is_done_with_and_no_more() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        follower = bench.loop()
        assert await follower.follow(0) == 0
        assert await follower.follow(40, 25) == 25
        assert await follower.follow(40, 25) == 15
        assert await follower.follow(40, 25) == 0
        assert follower.position == 40

    play(60, scenario)


def test_follower_writes_nothing_and_keeps_no_snapshot() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        ends = await bench.bus.ends()
        await follow_to(bench.loop(), 61)
        assert await bench.bus.ends() == ends
        assert await bench.snapshots.load("toy/0") == []

    play(60, scenario)


def test_follower_begins_at_the_latest_snapshot() -> None:
    async def scenario(bench: Bench) -> None:
        first = await bench.run(bench.loop())
        follower = bench.loop()
        await follower.follow(0)
        assert 30 < follower.position < 61
        await follow_to(follower, 61)
        assert follower.state == first.state

    play(60, scenario)


def test_core_that_would_say_more_says_it_only_after_the_takeover() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop(with_decide(lambda _state, _event: ())))
        bench.forget_snapshots()
        ends = await bench.bus.ends()
        follower = bench.loop()
        await follow_to(follower, 61)
        assert follower.state.alarm_count == 0  # the log outranks the code
        assert follower.divergence_count > 0
        assert await bench.bus.ends() == ends
        await follower.start()
        await bench.run_to_the_end(follower, 10)
        assert len(await bench.read(ALARMS)) > ends[ALARMS] + 1

    play(60, scenario)


def test_follower_does_not_step_and_an_owner_does_not_follow() -> None:
    async def scenario(bench: Bench) -> None:
        loop = bench.loop()
        with pytest.raises(Broken, match="toy/0 has not started; start it anew"):
            await loop.step()
        await loop.follow(0)
        with pytest.raises(Broken, match="toy/0 follows; start it anew"):
            await loop.step()
        await loop.start()
        with pytest.raises(Broken, match="toy/0 runs; start it anew"):
            await loop.follow(1)
        with pytest.raises(Broken, match="toy/0 runs; start it anew"):
            await loop.start()
        assert await loop.step() == 61

    play(60, scenario)


def test_follower_that_could_not_read_has_stopped() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        away = AwayFrom(INPUT, bench.bus)
        loop = Bench(away, MemorySnapshots()).loop()
        away.is_away = True
        with pytest.raises(Unavailable, match="away"):
            await loop.follow(10)
        assert loop.has_stopped
        with pytest.raises(Broken, match="toy/0 has stopped; start it anew"):
            await loop.follow(10)

    play(60, scenario)


def failing(state: ToyState, event: Message) -> None:
    raise ZeroDivisionError


def test_core_that_fails_on_what_the_owner_took_stops_the_follower() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(bench.loop())
        bench.forget_snapshots()
        loop = bench.loop(replace(toy_core(), apply=failing))
        with pytest.raises(Broken, match=r"toy/0 stopped at market/BTC-USDT\.SIM position 0"):
            await loop.follow(10)

    play(60, scenario)


def test_what_was_appended_is_confirmed_while_no_other_life_begins() -> None:
    async def scenario(bench: Bench) -> None:
        loop = await bench.run(bench.loop())
        await loop.confirm()
        await bench.loop().start()  # behind all that it said
        with pytest.raises(Refused, match="toy/0 of epoch 0 has been followed by epoch 11: let"):
            await loop.confirm()

    play(60, scenario)


def test_what_can_not_be_read_back_yet_is_not_confirmed() -> None:
    class Late(AwayFrom):
        async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
            return [] if self.is_away else await super().read(log, position, limit)

    async def scenario(bench: Bench) -> None:
        late = Late(BARS, bench.bus)
        loop = Bench(late, bench.snapshots).loop()
        await loop.start()
        late.is_away = True
        with pytest.raises(
            Unavailable, match="features/toy can be read up to 0, and toy/0 has written up to 1:"
        ):
            await loop.confirm()
        late.is_away = False
        await loop.confirm()

    play(60, scenario)
