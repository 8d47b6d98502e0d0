"""The bus of a process over a real Kafka, as tests open it: each with topics of its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from os import urandom

from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from marea.bus.kafka.bus import TIMEOUT_S, KafkaBus, open_kafka
from marea.bus.kafka.topics import create_topics
from marea.errors import Unavailable
from marea.messages.channels import Channels, load_channels
from marea.messages.envelope import Log, Record
from marea.testing.builders import quote_record


def few(**partitions: int) -> Channels:
    """These channels alone, with so many partitions: what a broker makes in no time."""
    known = load_channels().by_name
    return Channels(
        {
            name: replace(known[name], kafka=replace(known[name].kafka, partitions=count))
            for name, count in partitions.items()
        }
    )


FEW = few(market=4)
SOON_S = 60.0
"""What comes, comes within a second or two; on a machine that does much else it may take long."""


def new_prefix() -> str:
    """For topics that no other test uses."""
    return f"test-{urandom(6).hex()}."


@asynccontextmanager
async def opened(
    servers: str, prefix: str = "", *, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[KafkaBus]:
    """A process's bus, over topics that are made for it unless a prefix of others is given."""
    if not prefix:
        prefix = new_prefix()
        await create_topics(servers, prefix, 1, FEW)
    bus = await open_kafka(servers, prefix, channels=FEW, timeout_s=timeout_s)
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def opened_twice(servers: str) -> AsyncIterator[tuple[KafkaBus, KafkaBus]]:
    """The buses of two processes over the same topics."""
    prefix = new_prefix()
    await create_topics(servers, prefix, 1, FEW)
    async with opened(servers, prefix) as first, opened(servers, prefix) as second:
        yield first, second


async def put_raw(servers: str, topic: str, partition: int, *values: bytes | None) -> None:
    """Write what is no record, as any program might."""
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, key=b"?", partition=partition)


def quotes(first: int, end: int) -> list[Record]:
    """Records with these numbers."""
    return [quote_record(seq) for seq in range(first, end)]


async def come(bus: KafkaBus, log: Log, count: int) -> list[Record]:
    """The first records of a log, once so many have come."""
    found: list[Record] = []
    until_s = time.monotonic() + SOON_S
    while len(found) < count:
        found += await bus.read(log, len(found), 1_000)
        assert time.monotonic() < until_s, f"{len(found)} of {count} have come"
        await asyncio.sleep(0.005)
    return found


async def until_done(bus: KafkaBus, log: Log, records: list[Record]) -> int:
    """Append as often as it takes; give how often it took."""
    until_s = time.monotonic() + SOON_S
    for count in range(1, 1_000):
        try:
            await bus.append(log, records)
        except Unavailable:
            assert time.monotonic() < until_s, "the broker does not come back"
        else:
            return count
    raise AssertionError("tried in vain")


async def become(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until_s = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < until_s, "it does not become so"
        await asyncio.sleep(0.01)
