"""What do the brokers themselves need: one hop through each, by bare clients, as the limit beside ours."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

HOPS = 1_000
PAUSE_S = 0.005
"""Between two hops: 200 a second."""
BODY = bytes(200)
WARM_UP = 50

Hop = Callable[[], Coroutine[Any, Any, None]]


async def _timed(hop: Hop) -> list[float]:
    spent_ms = []
    for _ in range(HOPS + WARM_UP):
        begun = time.perf_counter()
        await hop()
        spent_ms.append(1_000 * (time.perf_counter() - begun))
        await asyncio.sleep(PAUSE_S)
    return spent_ms[WARM_UP:]


async def redis_hops(url: str, key: str) -> list[float]:
    """XADD on one connection until a blocked XREAD on another has it, ms each."""
    # Each verb of this client has the types of two clients.
    writer: Any = Redis.from_url(url)
    reader: Any = Redis.from_url(url, socket_timeout=None)
    last = b"0"

    async def hop() -> None:
        nonlocal last
        reading = asyncio.ensure_future(reader.xread({key: last}, block=1_000))
        await asyncio.sleep(0)
        await writer.xadd(key, {"body": BODY})
        [[_, [[last, _]]]] = await reading

    try:
        return await _timed(hop)
    finally:
        await writer.delete(key)
        await writer.aclose()
        await reader.aclose()


async def kafka_hops(servers: str, topic: str) -> list[float]:
    """A record with acks=all until it is acknowledged and a consumer has it, ms each."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, linger_ms=0
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=500,
    )
    await producer.start()
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_end()

        async def hop() -> None:
            await producer.send_and_wait(topic, BODY, partition=0)
            await consumer.getone()

        return await _timed(hop)
    finally:
        await producer.stop()
        await consumer.stop()
