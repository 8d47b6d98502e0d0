"""Brokers that stand still, die and come back: what was acknowledged is there, and the bus goes on."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator, Mapping

import pytest
from aiokafka.structs import TopicPartition

from deploy.local.servers import Servers
from marea.bus.kafka.breakdown import Breakdown
from marea.bus.kafka.following import Follower
from marea.bus.kafka.link import Link, Part
from marea.bus.kafka.question import Session
from marea.bus.kafka.topics import create_topics
from marea.bus.kafka.window import Window
from marea.errors import Unavailable
from marea.runtime.intake import Intake
from marea.testing.contracts.bus import MARKET, numbers
from tests.integration.kafka.opening import (
    FEW,
    SOON_S,
    come,
    new_prefix,
    opened,
    quotes,
    until_done,
)
from tests.servers import need

CLUSTER = ("kafka-1", "kafka-2", "kafka-3")


@pytest.fixture
def broker(own_servers: Servers) -> Servers:
    """A broker that the test has alone, as `kafka`."""
    need("kafka")
    own_servers.up("kafka")
    return own_servers


@pytest.fixture
def paused(broker: Servers) -> Iterator[Servers]:
    """A broker that goes on whatever becomes of the test."""
    running = broker.process("kafka")
    assert running is not None
    yield broker
    os.kill(running.pid, signal.SIGCONT)


def pause(servers: Servers, by: signal.Signals) -> None:
    running = servers.process("kafka")
    assert running is not None
    os.kill(running.pid, by)


def test_append_to_a_broker_that_stands_still_is_unknown_and_the_next_goes_on(
    paused: Servers,
) -> None:
    async def scenario() -> None:
        async with opened(paused.address("kafka"), timeout_s=1.5) as bus:
            await bus.append(MARKET, quotes(0, 5))
            assert len(await come(bus, MARKET, 5)) == 5
            pause(paused, signal.SIGSTOP)
            with pytest.raises(Unavailable, match=r"appending to .*market\[0\]: no answer within"):
                async with asyncio.timeout(SOON_S):  # it stands still for longer
                    await bus.append(MARKET, quotes(5, 8))
            assert list(await bus.read(MARKET, 5, 9)) == []  # nothing is known to be there
            pause(paused, signal.SIGCONT)
            await until_done(bus, MARKET, quotes(5, 8))
            await bus.append(MARKET, quotes(8, 10))
            end = (await bus.ends(MARKET))[MARKET]
            records = await come(bus, MARKET, end)
            intake = Intake(MARKET)
            taken = [
                each for at, record in enumerate(records) for _, each in intake.take(at, record)
            ]
            assert numbers(taken) == list(range(10))
            assert intake.state.missing_count == 0

    asyncio.run(scenario())


def test_bus_is_closed_in_time_while_its_broker_stands_still(paused: Servers) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(SOON_S), opened(paused.address("kafka"), timeout_s=1) as bus:
            await bus.append(MARKET, quotes(0, 1))
            pause(paused, signal.SIGSTOP)
            with pytest.raises(Unavailable):
                await bus.append(MARKET, quotes(1, 2))

    asyncio.run(scenario())


def test_bus_goes_on_when_its_broker_was_killed_and_runs_again_on_its_data(
    broker: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "marea")

    async def scenario() -> None:
        async with opened(broker.address("kafka"), timeout_s=2) as bus:
            event = asyncio.Event()
            bus.wake(event, MARKET)
            await bus.append(MARKET, quotes(0, 50))
            assert len(await come(bus, MARKET, 50)) == 50
            await asyncio.to_thread(broker.kill, "kafka")
            with pytest.raises(Unavailable, match="appending to"):
                await bus.append(MARKET, quotes(50, 60))
            await asyncio.to_thread(broker.up, "kafka")
            await until_done(bus, MARKET, quotes(50, 60))
            found = numbers(await come(bus, MARKET, 60))
            assert found[:60] == list(range(60))
            event.clear()
            await bus.append(MARKET, quotes(60, 61))
            async with asyncio.timeout(SOON_S):
                await event.wait()

    asyncio.run(scenario())
    told = [record.getMessage() for record in caplog.records if record.name.startswith("marea")]
    assert "is away" in told[0]
    assert told[-1].endswith("is back")


def test_logs_on_three_brokers_outlive_one_of_them(own_servers: Servers) -> None:
    need(*CLUSTER)
    own_servers.up(*CLUSTER)
    servers = own_servers.address("kafka-1")

    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(servers, prefix, 3, FEW)
        async with opened(servers, prefix) as bus:
            logs = [MARKET._replace(partition=name) for name in "ABCD"]
            for log in logs:
                await bus.append(log, quotes(0, 20))
            await asyncio.to_thread(own_servers.kill, "kafka-2")
            for log in logs:  # one of them had its leader there
                await until_done(bus, log, quotes(20, 40))
                assert numbers((await come(bus, log, 40))[:40]) == list(range(40))

    asyncio.run(scenario())


class Deaf(Link):
    """To whom nothing comes any more, though the brokers go on."""

    async def fetch(
        self,
        node: int,
        wanted: Mapping[TopicPartition, int],
        wait_ms: int = 0,
        session: Session | None = None,
    ) -> dict[TopicPartition, Part]:
        await asyncio.sleep(3_600)
        return await super().fetch(node, wanted, wait_ms, session)


def test_follower_to_whom_nothing_comes_ends_the_process(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, FEW)
        deaf, other, breakdown = Deaf(kafka, 5), Link(kafka, 5), Breakdown()
        for link in (deaf, other):
            await link.open()
            await link.follow([f"{prefix}market"])
        follower = Follower(deaf, other, breakdown, lambda *_: None, standstill_s=0.1)
        async with opened(kafka, prefix) as bus:
            await bus.append(MARKET, quotes(0, 3))
            follower.add(TopicPartition(f"{prefix}market", 0), Window(MARKET, 0, 0))
            with pytest.raises(Unavailable, match=r"market\[0\] went on to 3, and this .* at 0"):
                async with asyncio.timeout(SOON_S):
                    await breakdown.wait()
        with pytest.raises(Unavailable, match="went on to 3"):
            breakdown.check()
        await follower.close()
        await deaf.close()
        await other.close()

    asyncio.run(scenario())
