"""Topics are made from the list of channels, and only so."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from marea.bus.kafka.bus import open_kafka
from marea.bus.kafka.topics import create_topics
from marea.errors import BadInput, Unavailable
from marea.messages.channels import load_channels
from marea.messages.envelope import Log
from marea.testing.contracts.bus import MARKET, numbers
from tests.integration.kafka.opening import FEW, few, new_prefix, opened, quotes


async def describe(servers: str, prefix: str) -> dict[str, int]:
    """The partitions of each topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        topics = await admin.describe_topics()
        return {
            each["topic"].removeprefix(prefix): len(each["partitions"])
            for each in topics
            if each["topic"].startswith(prefix)
        }
    finally:
        await admin.close()


async def settings_of(servers: str, topic: str) -> dict[str, str]:
    """What a topic is configured to."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        [response] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        [(_, _, _, _, entries)] = response.resources
        return {name: value for name, value, *_ in entries}
    finally:
        await admin.close()


def test_every_channel_has_a_topic_and_so_have_the_directory_and_the_snapshots(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1)
        await create_topics(kafka, prefix, 1)  # changes nothing
        listed = {name: each.kafka.partitions for name, each in load_channels().by_name.items()}
        assert await describe(kafka, prefix) == {**listed, "partitions": 1, "snapshots": 64}

    asyncio.run(scenario())


def test_topics_keep_what_the_list_says(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, FEW)
        market = await settings_of(kafka, f"{prefix}market")
        assert market["retention.ms"] == str(168 * 3_600_000)
        assert market["cleanup.policy"] == "delete"
        assert market["min.insync.replicas"] == "1"
        assert int(market["max.message.bytes"]) > 16 * 1024 * 1024
        assert (await settings_of(kafka, f"{prefix}snapshots"))["cleanup.policy"] == "compact"
        assert (await settings_of(kafka, f"{prefix}partitions"))["retention.ms"] == "-1"

    asyncio.run(scenario())


def test_topic_with_too_few_partitions_gets_more_and_logs_stay_where_they_are(kafka: str) -> None:
    async def scenario() -> None:
        prefix, more = new_prefix(), few(market=6)
        await create_topics(kafka, prefix, 1, FEW)
        async with opened(kafka, prefix) as bus:
            await bus.append(MARKET, quotes(0, 3))
        with pytest.raises(
            Unavailable, match=r"market has 4 partitions of 6, 4 of them led: a service makes"
        ):
            await open_kafka(kafka, prefix, channels=more, timeout_s=1)
        await create_topics(kafka, prefix, 1, more)
        bus = await open_kafka(kafka, prefix, channels=more)
        for name in "ABCDE":
            await bus.append(Log("market", name), quotes(0, 1))
        assert numbers(await bus.read(MARKET, 0, 9)) == [0, 1, 2]
        await bus.close()

    asyncio.run(scenario())


def test_number_that_is_for_ever_is_never_changed(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, few(trading=3))
        refused = rf"topic {prefix}trading has 3 partitions: it must have 64 for ever"
        with pytest.raises(BadInput, match=refused):
            await create_topics(kafka, prefix, 1, few(trading=64))

    asyncio.run(scenario())


def test_brokers_that_can_not_make_a_topic_are_told(kafka: str) -> None:
    with pytest.raises(Unavailable, match=r"Kafka made no topic .*InvalidReplicationFactorError"):
        asyncio.run(create_topics(kafka, new_prefix(), 3, FEW))


def test_what_retention_removed_is_told_with_where_it_is_and_passed_over_raw(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, FEW)
        async with opened(kafka, prefix) as bus:
            await bus.append(MARKET, quotes(0, 10))
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        place = TopicPartition(f"{prefix}market", 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=6)})
        await admin.close()
        async with opened(kafka, prefix) as bus:
            removed = r"market\[0\]: offset 2 was removed .* from 6 on: restore it from the archive"
            with pytest.raises(BadInput, match=removed):
                await bus.read(MARKET, 2, 9)
            assert numbers(await bus.read(MARKET, 6, 9)) == [6, 7, 8, 9]
            with pytest.raises(BadInput, match=removed):
                await bus.read(MARKET, 2, 9)
            assert [raw.offset for raw in await bus.read_raw(MARKET, 2, 9)] == [6, 7, 8, 9]

    asyncio.run(scenario())
