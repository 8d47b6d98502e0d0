"""The bus over a real Kafka keeps the contract, and what only it promises."""

import asyncio

import pytest
from aiokafka.structs import TopicPartition
from msgspec.structs import replace

from marea.bus.kafka import following
from marea.bus.kafka import window as windows
from marea.bus.kafka.appender import BATCH_BYTES_MAX, VALUE_BYTES_MAX
from marea.bus.kafka.bus import KafkaBus, open_kafka
from marea.bus.kafka.directory import Claim, encode_claim
from marea.bus.kafka.following import Follower
from marea.bus.kafka.topics import create_topics
from marea.errors import BadInput, Unavailable
from marea.messages.envelope import NOBODY, Log
from marea.messages.framing import frame
from marea.messages.system import DeadLetter
from marea.testing.builders import quote_record
from marea.testing.contracts.bus import MARKET, OTHER, BusContract, Scenario, numbers, read_all
from tests.integration.kafka.opening import (
    FEW,
    SOON_S,
    become,
    come,
    few,
    new_prefix,
    opened,
    opened_twice,
    put_raw,
    quotes,
)

LOGS = [Log("market", name) for name in ("A", "B", "C", "D")]


class TestKafkaBus(BusContract):
    """The record of a distributed run."""

    @pytest.fixture(autouse=True)
    def _servers(self, kafka: str) -> None:
        self.servers = kafka

    def run(self, scenario: Scenario) -> None:
        async def play() -> None:
            async with opened(self.servers) as bus:
                await scenario(bus)

        asyncio.run(play())


# Who writes where


def test_what_was_appended_is_there_for_another_process(kafka: str) -> None:
    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, FEW)
        async with opened(kafka, prefix) as bus:
            await bus.append(MARKET, quotes(0, 20))
        async with opened(kafka, prefix) as bus:
            assert await bus.ends() == {MARKET: 20}
            assert await read_all(bus, MARKET) == quotes(0, 20)
            assert await bus.append(MARKET, quotes(20, 21)) == 20

    asyncio.run(scenario())


def test_what_was_told_before_it_came_is_not_decoded_again(kafka: str) -> None:
    async def scenario() -> None:
        async with opened_twice(kafka) as (first, second):
            await first.append(MARKET, quotes(0, 1))
            await come(second, MARKET, 1)
            told, changed = quotes(1, 3)
            unwritable = replace(told, input_offset=3)
            for record in (told, replace(changed, ts_known=7), unwritable):
                second.expected.add(MARKET, record)
                second.expected.add(OTHER, record)  # which is not read here
            await first.append(MARKET, quotes(1, 3))
            found = (await come(second, MARKET, 3))[1:]
            assert found == quotes(1, 3)
            assert found[0] is told

    asyncio.run(scenario())


def test_two_that_begin_a_log_at_once_write_to_the_same_one(kafka: str) -> None:
    async def scenario() -> None:
        async with opened_twice(kafka) as (first, second):
            appends = [bus.append(log, quotes(0, 1)) for log in LOGS for bus in (first, second)]
            positions = await asyncio.gather(*appends)
            assert sorted(positions) == [0] * 4 + [1] * 4
            for bus in (first, second):
                assert await bus.ends() == dict.fromkeys(LOGS, 2)
                assert [len(await come(bus, log, 2)) for log in LOGS] == [2] * 4

    asyncio.run(scenario())


def test_log_beyond_the_partitions_of_its_channel_is_refused(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            for log in LOGS:
                await bus.append(log, quotes(0, 1))
            with pytest.raises(BadInput, match=r"all 4 partitions of market .* raise partitions"):
                await bus.append(Log("market", "E"), quotes(0, 1))

    asyncio.run(scenario())


def test_log_that_claims_a_partition_that_there_is_not_is_told_of_once_and_left_out(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            strange = encode_claim(Claim(channel="market", partition="X", number=9_999))
            await bus._logs.appender.put(bus._logs.directory_place, [(b"market/X", strange)])
            await bus.append(MARKET, quotes(0, 3))
            for _ in range(2):
                assert await bus.ends() == await bus.raw_ends() == {MARKET: 3}

    asyncio.run(scenario())
    told = [record.getMessage() for record in caplog.records if "market/X" in record.getMessage()]
    assert len(told) == 1
    assert "market[9999], which its topic doesn't have: it is left out" in told[0]


def test_all_see_one_order_of_what_two_append_to_a_log(kafka: str) -> None:
    async def scenario() -> None:
        async with opened_twice(kafka) as (first, second):

            async def write(bus: KafkaBus, numbers: range) -> None:
                for seq in numbers:
                    await bus.append(MARKET, [quote_record(seq)])

            await asyncio.gather(write(first, range(50)), write(second, range(100, 150)))
            found = await come(first, MARKET, 100)
            assert found == await come(second, MARKET, 100)
            assert [seq for seq in numbers(found) if seq < 100] == list(range(50))
            assert [seq for seq in numbers(found) if seq >= 100] == list(range(100, 150))

    asyncio.run(scenario())


def test_append_that_takes_several_batches_keeps_its_order(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            count = 3 * BATCH_BYTES_MAX // len(frame(quote_record(0)))
            assert await bus.append(MARKET, quotes(0, 5)) == 0
            assert await bus.append(MARKET, quotes(5, count)) == 5
            assert numbers(await come(bus, MARKET, count)) == list(range(count))

    asyncio.run(scenario())


def test_value_that_is_too_large_is_refused_and_the_bus_goes_on(kafka: str) -> None:
    def letter(payload: bytes) -> DeadLetter:
        return DeadLetter(
            id="d", source="tape", place="1", reason="not_json", detail="", payload=payload
        )

    async def scenario() -> None:
        dead = few(**{"dead-letters": 1})
        prefix, log = new_prefix(), Log("dead-letters", "SIM")
        await create_topics(kafka, prefix, 1, dead)
        bus = await open_kafka(kafka, prefix, channels=dead)
        record = quote_record(0)
        record.message = letter(bytes(VALUE_BYTES_MAX))
        with pytest.raises(BadInput, match=rf"a value of \d+ bytes for .*takes {VALUE_BYTES_MAX}"):
            await bus.append(log, [record])
        record.message = letter(bytes(VALUE_BYTES_MAX - 1_000))
        assert await bus.append(log, [record]) == 0
        assert await bus.read(log, 0, 1) == [record]
        await bus.close()

    asyncio.run(scenario())


# What comes, and when


def test_what_another_process_appends_wakes_who_waits_for_it(kafka: str) -> None:
    async def scenario() -> None:
        async with opened_twice(kafka) as (writer, reader):
            event = asyncio.Event()
            reader.wake(event, MARKET)
            assert list(await reader.read(MARKET, 0, 10)) == []
            for seq in range(20):  # the log itself is the first news
                event.clear()
                await writer.append(MARKET, [quote_record(seq)])
                while not (found := await reader.read(MARKET, seq, 10)):
                    async with asyncio.timeout(SOON_S):
                        await event.wait()
                    event.clear()
                assert numbers(found) == [seq]

    asyncio.run(scenario())


def test_own_append_wakes_who_waits_for_it(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            event = asyncio.Event()
            bus.wake(event, MARKET)
            for seq in range(3):
                await bus.append(MARKET, [quote_record(seq)])
                async with asyncio.timeout(SOON_S):
                    await event.wait()
                assert numbers(await bus.read(MARKET, seq, 10)) == [seq]
                event.clear()

    asyncio.run(scenario())


def test_ends_are_never_before_what_was_appended_here(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            for end in range(1, 40):
                await bus.append(MARKET, [quote_record(end - 1)])
                assert await bus.ends(MARKET) == {MARKET: end}
                if end % 2:
                    await bus.read(MARKET, end - 1, 1)

    asyncio.run(scenario())


def test_end_of_a_log_that_another_process_began_is_known_at_once(kafka: str) -> None:
    async def scenario() -> None:
        async with opened_twice(kafka) as (writer, reader):
            assert await reader.ends(MARKET) == {}
            await writer.append(MARKET, quotes(0, 7))
            assert await reader.ends(MARKET) == {MARKET: 7}
            assert await reader.ends() == {MARKET: 7}

    asyncio.run(scenario())


def test_readers_behind_the_window_get_the_same_records(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "RECORDS_MAX", 16)

    async def scenario() -> None:
        async with opened_twice(kafka) as (writer, reader):
            await writer.append(MARKET, quotes(0, 1))
            assert numbers(await reader.read(MARKET, 0, 5)) == [0]
            for first in range(1, 300, 23):
                await writer.append(MARKET, quotes(first, first + 23))
            assert numbers(await come(reader, MARKET, 300)) == list(range(300))
            for position in (0, 3, 150, 280, 299):
                found = await read_all(reader, MARKET, position)
                assert numbers(found) == list(range(position, 300))

    asyncio.run(scenario())


def test_window_that_nobody_reads_is_closed_and_opened_again(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.02)
    monkeypatch.setattr(following, "IDLE_S", 0.1)
    closed = []
    close = Follower._close

    def watched_close(self: Follower, place: TopicPartition) -> None:
        closed.append(place)
        close(self, place)

    monkeypatch.setattr(Follower, "_close", watched_close)

    async def scenario() -> None:
        async with opened(kafka) as bus:
            bus.wake(asyncio.Event(), OTHER)
            for log in (MARKET, OTHER):
                await bus.append(log, quotes(0, 5))
                await bus.read(log, 0, 5)
            await become(lambda: len(closed) == 1)
            await bus.append(MARKET, quotes(5, 9))
            assert numbers(await read_all(bus, MARKET)) == list(range(9))
            assert {place.partition for place in closed} == {0}  # the other one is waited for

    asyncio.run(scenario())


# What is no record


def test_what_is_no_record_stands_void_in_its_place(kafka: str) -> None:
    poison = [b"", b"\x00", b"\x00\xff\xff\xff\xff rest", frame(quote_record(9))[:-3], None]

    async def scenario() -> None:
        prefix = new_prefix()
        await create_topics(kafka, prefix, 1, FEW)
        async with opened(kafka, prefix) as bus, opened(kafka, prefix) as late:
            await bus.append(MARKET, quotes(0, 3))
            await bus.read(MARKET, 0, 1)
            await put_raw(kafka, f"{prefix}market", 0, *poison)
            await bus.append(MARKET, quotes(3, 5))
            for reader in (bus, late):
                found = await come(reader, MARKET, 10)
                voids = [record for record in found if record.writer == NOBODY]
                assert [record.writer == NOBODY for record in found] == [False] * 3 + [True] * 5 + [
                    False
                ] * 2
                assert numbers(found[:3] + found[8:]) == list(range(5))
                letters = [record.message for record in voids]
                assert all(isinstance(letter, DeadLetter) for letter in letters)
                raws = await reader.read_raw(MARKET, 3, 5)
                assert [raw.value for raw in raws] == poison
                assert [(raw.partition, raw.offset, raw.key) for raw in raws] == [
                    (0, offset, b"?") for offset in range(3, 8)
                ]

    asyncio.run(scenario())


def test_raw_record_is_what_other_programs_read(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            await bus.append(MARKET, quotes(0, 3))
            [raw] = await bus.read_raw(MARKET, 1, 1)
            assert raw.value == frame(quote_record(1))
            assert raw.key == MARKET.partition.encode()
            assert raw.ts_ms > 1_700_000_000_000
            assert list(await bus.read_raw(MARKET, 3, 9)) == []
            assert list(await bus.read_raw(OTHER, 0, 9)) == []

    asyncio.run(scenario())


# What is not there


def test_unknown_channel_is_refused(kafka: str) -> None:
    async def scenario() -> None:
        async with opened(kafka) as bus:
            with pytest.raises(BadInput, match="channel nope is unknown: take one of market"):
                await bus.append(Log("nope", "x"), quotes(0, 1))

    asyncio.run(scenario())


def test_log_is_not_said_to_end_before_where_it_was_said_to_end(kafka: str) -> None:
    async def scenario() -> None:
        async with opened_twice(kafka) as (first, second):
            await first.append(MARKET, quotes(0, 5))
            await read_all(second, MARKET)
            await second._follower.close()  # as when its broker hangs: nothing comes any more
            await first.append(MARKET, quotes(5, 10))
            await asyncio.sleep(1.1)  # what was heard is too old by now
            assert await second.ends(MARKET) == {MARKET: 10}
            with pytest.raises(Unavailable, match=r"reading market/.* at 5: no answer within"):
                await second.read(MARKET, 5, 10)

    asyncio.run(scenario())


def test_missing_topics_are_told_with_what_makes_them(kafka: str) -> None:
    with pytest.raises(
        Unavailable,
        match=r"market has 0 partitions of 4, .*: a service makes them when it starts .*kafka\.prefix",
    ):
        asyncio.run(open_kafka(kafka, new_prefix(), channels=FEW, timeout_s=1))


def test_broker_that_does_not_answer_is_told(free_port: int) -> None:
    with pytest.raises(
        Unavailable, match=r"Kafka: connecting to .*: see to its brokers, then try again"
    ):
        asyncio.run(open_kafka(f"127.0.0.1:{free_port}", "x.", channels=FEW, timeout_s=1))
