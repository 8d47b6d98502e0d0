"""What an instance of a loop shows of itself, and the health of a process that follows from it."""

from dataclasses import replace

from msgspec.structs import replace as with_fields

from marea.messages.envelope import Log
from marea.runtime.facts import LAG_READY_MAX, LoopFacts, facts_of, health_of
from marea.runtime.ownership import Begins
from marea.runtime.wiring import Backlog
from tests.unit.runtime.instances import TRADING, Shard, play, settle

RUNS = LoopFacts(loop="risk/main", phase="runs", role="owner", lag=3, position=40, epoch=7)


def test_instance_shows_what_it_does_and_as_whom() -> None:
    async def scenario(shard: Shard) -> None:
        owner, standby = shard.instance("a", begins=Begins.AT_ONCE), shard.instance("b")
        begun = facts_of(owner, lag=30)
        assert (begun.phase, begun.role, begun.epoch) == ("has not started", "standby", -1)
        await shard.feed(0, 30)
        await shard.run(3, owner, standby)
        runs, follows = facts_of(owner, lag=0), facts_of(standby, lag=1, last_error="late")
        assert (runs.loop, runs.phase, runs.role) == ("toy/0", "runs", "owner")
        assert runs.epoch == (await shard.starts())[-1]
        assert (follows.phase, follows.role, follows.epoch) == ("follows", "standby", -1)
        assert (follows.lag, follows.last_error) == (1, "late")
        assert runs.position == follows.position == owner.loop.position

    play(scenario)


def test_owner_recovers_until_the_record_ends() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.run(3, owner)
        await shard.feed(30, 60)
        await settle(owner)  # and has not told it
        again = shard.instance("b", begins=Begins.AT_ONCE)
        while not again.is_owner:
            await again.turn(1)
        assert facts_of(again, lag=0).phase == "recovers"
        await shard.run(1, again)
        assert facts_of(again, lag=0).phase == "runs"

    play(scenario)


def test_counts_are_those_of_the_input_log() -> None:
    async def scenario(shard: Shard) -> None:
        await shard.feed(0, 30)
        await shard.feed(10, 15)
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        await shard.run(1, owner)
        facts = facts_of(owner, lag=0)
        assert facts.duplicates == 5
        assert (facts.void, facts.missing, facts.divergences) == (0, 0, 0)

    play(scenario)


def test_loop_whose_record_is_behind_is_degraded() -> None:
    async def scenario(shard: Shard) -> None:
        owner = shard.instance("a", begins=Begins.AT_ONCE)
        assert not facts_of(owner, lag=0).is_degraded
        behind: dict[Log, Backlog] = {}
        owner.loop.ports = replace(owner.loop.ports, backlog=behind.get)
        assert not facts_of(owner, lag=0).is_degraded
        for is_degraded in (False, True):
            behind[TRADING] = Backlog(is_degraded, 20_000, 3_000_000_000)
            assert facts_of(owner, lag=0).is_degraded == is_degraded

    play(scenario, TRADING)


def test_process_whose_loops_run_or_follow_is_live_and_ready() -> None:
    standby = with_fields(RUNS, phase="follows", role="standby", lag=LAG_READY_MAX)
    health = health_of("risk", "a", (RUNS, standby))
    assert (health.live, health.ready, health.why) == (True, True, ())


def test_process_that_is_not_ready_says_why() -> None:
    loops = (
        with_fields(RUNS, phase="recovers", last_error="Unavailable: Kafka is away"),
        with_fields(RUNS, loop="risk/marks", lag=LAG_READY_MAX + 1),
        with_fields(RUNS, last_error="of long ago"),
    )
    health = health_of("risk", "a", loops, waits_for=("it drains",))
    assert (health.live, health.ready) == (True, False)
    assert health.why == (
        "it drains",
        "risk/main recovers",
        "risk/main: Unavailable: Kafka is away",
        "risk/marks is 10001 records behind",
    )


def test_process_that_should_not_go_on_is_neither_live_nor_ready() -> None:
    health = health_of("risk", "a", (RUNS,), ends_because="its position stands still")
    assert (health.live, health.ready) == (False, False)
    assert health.why == ("its position stands still",)
