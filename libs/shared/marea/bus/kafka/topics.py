"""Which topics are there, and how are they made? All of them before anybody writes, never by use."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import TopicPartition

from marea.bus.kafka.appender import MESSAGE_BYTES_MAX
from marea.bus.kafka.link import RETRY_S, Found, Link, bounded
from marea.errors import BadInput, Unavailable
from marea.messages.channels import Channels, load_channels

DIRECTORY: Final = "partitions"
"""Whose partition is whose (`marea.bus.kafka.directory`)."""
SNAPSHOTS: Final = "snapshots"
"""The states of loops (`marea.bus.kafka.snapshots`)."""
SNAPSHOT_LOOPS_MAX: Final = 64
FIXED: Final = ("trading",)
"""Channels whose number of partitions never changes."""
CREATE_S: Final = 60.0
FOR_EVER: Final = "-1"
HOUR_MS: Final = 3_600_000
SNAPSHOT_SEGMENT_BYTES: Final = 4 * MESSAGE_BYTES_MAX
"""Only what is in closed segments is compacted."""


class Topic(NamedTuple):
    """A topic as it should be."""

    name: str
    partitions: int
    config: Mapping[str, str]
    is_fixed: bool = False


def partition_counts(channels: Channels) -> dict[str, int]:
    """How many logs may each channel have, and how many loops a snapshot?"""
    counts = {name: channel.kafka.partitions for name, channel in channels.by_name.items()}
    return {**counts, SNAPSHOTS: SNAPSHOT_LOOPS_MAX}


def topics_of(prefix: str, channels: Channels) -> list[Topic]:
    """The topics of these channels, and the two that hold no events."""
    logs = [
        Topic(
            prefix + channel.name,
            channel.kafka.partitions,
            {
                "cleanup.policy": "delete",
                "retention.ms": str(channel.kafka.retention_h * HOUR_MS),
            },
            channel.name in FIXED,
        )
        for channel in channels.by_name.values()
    ]
    kept = {"cleanup.policy": "delete", "retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
    compacted = {"cleanup.policy": "compact", "segment.bytes": str(SNAPSHOT_SEGMENT_BYTES)}
    return [
        *logs,
        Topic(prefix + DIRECTORY, 1, kept, is_fixed=True),
        Topic(prefix + SNAPSHOTS, SNAPSHOT_LOOPS_MAX, compacted),
    ]


async def create_topics(
    servers: str, prefix: str, replication: int, channels: Channels | None = None
) -> None:
    """Make the topics that are missing, and give more partitions to those that have too few.

    `replication` is on how many brokers each stands; all of them but one must have a record before
    it is acknowledged. What a topic is configured to otherwise stays as it is.

    Raises `BadInput` where a topic has another number of partitions than it must have for ever,
    `Unavailable` where the brokers don't make one.
    """
    wanted = topics_of(prefix, channels or load_channels())
    link = Link(servers, CREATE_S)
    admin = AIOKafkaAdminClient(
        bootstrap_servers=servers, client_id="marea", request_timeout_ms=int(CREATE_S * 1000)
    )
    try:
        await link.open()
        there = await link.look_up([topic.name for topic in wanted])
        refuse_others(wanted, there)
        missing = [topic for topic in wanted if topic.name not in there]
        small = [
            topic
            for topic in wanted
            if topic.name in there and there[topic.name].partitions < topic.partitions
        ]
        async with bounded("creating topics", CREATE_S):
            await admin.start()
            await _create(admin, missing, replication)
            await _extend(admin, small)
            while not _are_there(wanted, await link.look_up([topic.name for topic in wanted])):
                await asyncio.sleep(RETRY_S)  # brokers hear later of it than who makes them
        await link.follow([topic.name for topic in wanted])
        await link.ends(_places(wanted))  # when each answers, it can be written to
    finally:
        await admin.close()
        await link.close()


def refuse_others(wanted: Sequence[Topic], there: Mapping[str, Found]) -> None:
    """Raise `BadInput` where a topic has another number of partitions than it must have for ever.

    How many of them have no leader now says nothing: brokers that come back take a while to.
    """
    for topic in wanted:
        found = there.get(topic.name)
        count = found.partitions if found is not None else topic.partitions
        if topic.is_fixed and count != topic.partitions:
            raise BadInput(
                f"topic {topic.name} has {count} partitions: it must have {topic.partitions} for "
                "ever, as a log never moves: take another prefix"
            )


def _are_there(wanted: list[Topic], there: Mapping[str, Found]) -> bool:
    return all(
        topic.name in there and there[topic.name].led >= topic.partitions for topic in wanted
    )


def _places(topics: list[Topic]) -> list[TopicPartition]:
    return [
        TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)
    ]


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], replication: int) -> None:
    new = [
        NewTopic(
            name=topic.name,
            num_partitions=topic.partitions,
            replication_factor=replication,
            topic_configs={
                "min.insync.replicas": str(max(1, replication - 1)),
                "max.message.bytes": str(MESSAGE_BYTES_MAX),
                **topic.config,
            },
        )
        for topic in topics
    ]
    if new:
        response = await admin.create_topics(new, timeout_ms=int(CREATE_S * 1000))
        for name, code, text in response.topic_errors:
            _check(name, code, text)


async def _extend(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    if topics:
        more = {topic.name: NewPartitions(topic.partitions) for topic in topics}
        response = await admin.create_partitions(more, timeout_ms=int(CREATE_S * 1000))
        for name, code, text in response.topic_errors:
            _check(name, code, text)


def _check(name: str, code: int, text: str | None) -> None:
    error: type[KafkaError] = for_code(code)
    if code and error is not TopicAlreadyExistsError:  # another one makes them as well
        raise Unavailable(
            f"Kafka made no topic {name}: {error.__name__}: {text}: see to its brokers, then try again"
        )
