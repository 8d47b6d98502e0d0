"""The states of loops stand on Kafka: the last few of each, the latest first."""

import asyncio

import pytest

from marea.bus.kafka.snapshots import KEPT_COUNT
from marea.bus.kafka.topics import create_topics
from marea.messages.envelope import Log
from tests.integration.kafka.opening import FEW, new_prefix, opened

MIB = 1024 * 1024


def test_states_are_given_the_latest_first_and_each_loop_its_own(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            assert await bus.snapshots.load("risk/main") == []
            for position in (10, 20, 30):
                await bus.snapshots.save("risk/main", position, f"at {position}".encode())
            await bus.snapshots.save("features/BTC", 5, b"other")
            assert await bus.snapshots.load("risk/main") == [b"at 30", b"at 20", b"at 10"]
            assert await bus.snapshots.load("features/BTC") == [b"other"]
            assert await bus.ends() == {}  # they are no events

    asyncio.run(scenario())


def test_state_of_a_later_position_comes_first_though_it_was_saved_before(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            await bus.snapshots.save("risk/main", 20, b"at 20")
            await bus.snapshots.save("risk/main", 10, b"at 10")
            assert await bus.snapshots.load("risk/main") == [b"at 20", b"at 10"]

    asyncio.run(scenario())


def test_next_process_goes_on_with_the_last_few(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, FEW)
        last = 3 * KEPT_COUNT
        for first in range(0, last, 3):  # lives that save three times
            async with opened(kafka, prefix) as bus:
                for position in range(first, first + 3):
                    await bus.snapshots.save("risk/main", position, str(position).encode())
        async with opened(kafka, prefix) as bus:
            kept = await bus.snapshots.load("risk/main")
            assert kept == [str(last - 1 - age).encode() for age in range(KEPT_COUNT)]
            place = bus._logs.place(Log("snapshots", "risk/main"))
            assert place is not None
            raws = (await bus._logs.link.read(place, 0)).raws
            keys = [raw.key for raw in raws]
            assert len(set(keys[-KEPT_COUNT:])) == KEPT_COUNT  # or compaction would take some

    asyncio.run(scenario())


def test_large_states_are_kept(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            bodies = [bytes([number]) * (16 * MIB) for number in range(3)]
            for position, body in enumerate(bodies):
                await bus.snapshots.save("risk/main", position, body)
            assert await bus.snapshots.load("risk/main") == bodies[::-1]

    asyncio.run(scenario())


def test_state_that_is_too_large_is_told_of_with_its_remedy_and_the_one_before_is_kept(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            await bus.snapshots.save("risk/main", 3, b"before")
            await bus.snapshots.save("risk/main", 4, bytes(17 * MIB))
            assert await bus.snapshots.load("risk/main") == [b"before"]

    asyncio.run(scenario())
    [told] = [record.getMessage() for record in caplog.records if record.name.startswith("marea")]
    assert told.startswith(f"the state of risk/main has {17 * MIB} bytes and is not kept")
    assert "shard.instruments" in told
