"""How is something put into a partition, so that it stands there once and for good?"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import TopicPartition

from marea.bus.kafka.breakdown import Breakdown
from marea.bus.kafka.link import RETRY_S, bounded, named
from marea.errors import BadInput, Unavailable

BATCH_BYTES_MAX = 1_000_000
VALUE_BYTES_MAX = 16 * 1024 * 1024 + 1024
MESSAGE_BYTES_MAX = VALUE_BYTES_MAX + 64 * 1024
"""What a topic must take: the largest value with its key, alone in its batch."""

Entry: TypeAlias = tuple[bytes, bytes]
"""Key and value."""


class Appender:
    """Writes to the partitions of a cluster, each in the order of the calls."""

    def __init__(self, servers: str, timeout_s: float, breakdown: Breakdown) -> None:
        """`timeout_s` bounds each append."""
        self._timeout_s = timeout_s
        self._breakdown = breakdown
        self._producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            client_id="marea",
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            compression_type=None,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=MESSAGE_BYTES_MAX,
            request_timeout_ms=int(timeout_s * 1000),
            retry_backoff_ms=int(RETRY_S * 1000),
        )

    async def open(self, topics: Iterable[str]) -> None:
        """Be known to the brokers. Raises `Unavailable`."""
        async with bounded("connecting to write", self._timeout_s):
            await self._producer.start()
            await self._producer.client.set_topics(topics)

    async def close(self) -> None:
        """Let what is on its way arrive, as long as that may take; the rest stays unknown."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.stop()
        except TimeoutError:
            await self._producer.client.close()

    async def put(self, place: TopicPartition, entries: Sequence[Entry]) -> int:
        """Put entries at the end of a partition, and give the offset of the first.

        What fits into one batch (`BATCH_BYTES_MAX`) is written whole or not at all; of what is
        larger only the first batches may stand there when it fails.

        Raises `BadInput` for a value that is too large, and `Unavailable` when it isn't
        acknowledged in time: it may be there, or come there later, before what is put after it.
        """
        for _, value in entries:
            if len(value) > VALUE_BYTES_MAX:
                raise BadInput(
                    f"a value of {len(value)} bytes for {named(place)}: Kafka takes "
                    f"{VALUE_BYTES_MAX} here: make it smaller"
                )
        first = -1
        async with bounded(f"appending to {named(place)}", self._timeout_s):
            for batch in self._batches(entries):
                offset = await self._put(place, batch)
                first = offset if first < 0 else first
        return first

    def _batches(self, entries: Sequence[Entry]) -> Iterator[BatchBuilder]:
        batch = self._producer.create_batch()
        for key, value in entries:
            if batch.append(timestamp=None, key=key, value=value) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        yield batch

    async def _put(self, place: TopicPartition, batch: BatchBuilder) -> int:
        self._breakdown.check()
        try:
            sent = await self._producer.send_batch(batch, place.topic, partition=place.partition)
            offset: int = (await sent).offset
        except KafkaTimeoutError:
            raise  # not even on its way
        except KafkaError as err:
            # The producer has counted what the broker refused, and every later batch would be out
            # of sequence: only a new producer goes on.
            refused = Unavailable(
                f"Kafka refused what was appended to {named(place)}: {err!r}: start anew"
            )
            self._breakdown.tell(refused)
            raise refused from err
        if offset < 0:
            raise Unavailable(
                f"Kafka took what was appended to {named(place)} twice and tells no offset: append "
                "it again"
            )
        return offset
