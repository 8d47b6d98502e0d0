"""The fast copy in a real Redis: the suite of every fast copy, and what only a server can do."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from marea.bus import redis as fast_redis
from marea.bus.fast import FIRST, Copy, FastCopy, key_of
from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.bus.redis import RedisFastCopy
from marea.errors import BadInput
from marea.messages.channels import Channels, Redis, load_channels
from marea.messages.envelope import Log, Record
from marea.runtime.double_bus import DoubleBus
from marea.runtime.fast_source import FastSource
from marea.testing.builders import WRITER, quote_record, started_record
from marea.testing.contracts.fast import (
    BEFORE,
    MARKET,
    OTHER,
    FastCopyContract,
    add,
    numbers,
    read_all,
)
from tests.integration.redis.ear import SOON_S, Ear
from tests.integration.redis.opening import opened, prefixes
from tests.integration.redis.own_redis import OwnRedis


class TestRedisFastCopy(FastCopyContract):
    """The suite."""

    @pytest.fixture(autouse=True)
    def _on(self, server: OwnRedis) -> Iterator[None]:
        self.server, self.prefix = server, next(prefixes)
        yield
        with server.client() as client:
            client.config_set("maxmemory", 0)

    def open_fast(self) -> FastCopy:
        return RedisFastCopy(self.server.url, self.prefix)

    def run(self, scenario: Callable[[FastCopy], Coroutine[Any, Any, None]]) -> None:
        async def played() -> None:
            async with opened(self.server, self.prefix) as fast:
                await scenario(fast)

        asyncio.run(played())

    async def trim(self, _: FastCopy, log: Log, keep: int) -> None:
        with self.server.client() as client:
            stream = f"{self.prefix}{log.channel}.{log.partition}"
            client.xtrim(stream, maxlen=keep, approximate=False)

    async def flush_all(self, _: FastCopy) -> None:
        with self.server.client() as client:
            client.flushall()

    async def fill(self, _: FastCopy) -> None:
        with self.server.client() as client:
            client.config_set("maxmemory", 1)


def test_what_another_process_adds_wakes_a_reader_and_is_given_from_memory(
    server: OwnRedis,
) -> None:
    async def scenario() -> None:
        async with opened(server, "woken.") as reader, opened(server, "woken.") as writer:
            await add(writer, MARKET, 0, 1)
            page = await reader.read(MARKET, FIRST, 10)
            assert numbers(page.copies) == [0]
            told = asyncio.create_task(Ear(reader, MARKET).news(SOON_S))
            await add(writer, MARKET, 1, 3)
            assert await told
            with server.paused():  # nothing is asked of it now
                page = await reader.read(MARKET, page.copies[-1].id, 2)
                assert numbers(page.copies) == [1, 2]
                page = await reader.read(MARKET, page.copies[-1].id, 2)
                assert numbers(page.copies) == [3]
                assert numbers((await reader.read(MARKET, page.copies[-1].id, 2)).copies) == []

    asyncio.run(scenario())


def test_nobody_is_woken_by_what_was_read_nor_by_what_is_not_there(server: OwnRedis) -> None:
    async def scenario() -> None:
        async with opened(server) as fast:
            await add(fast, MARKET, 0, 3)
            await read_all(fast, MARKET)
            assert not await Ear(fast, MARKET).news(0.3)
            assert not await Ear(fast, OTHER).news(0.3)  # nobody reads it

    asyncio.run(scenario())


def test_reader_that_falls_far_behind_reads_the_store_and_misses_nothing(
    server: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_redis, "COPIES_KEPT_MAX", 20)

    async def scenario() -> None:
        async with opened(server) as fast:
            await add(fast, MARKET, 0, 1)
            last = (await read_all(fast, MARKET))[-1]
            ear = Ear(fast, MARKET)
            for first in range(1, 201, 10):
                await add(fast, MARKET, first, 10)
            await ear.news(SOON_S)
            found: list[Copy] = []
            while len(found) < 200:
                page = await fast.read(MARKET, last.id, 7)
                found += page.copies
                last = page.copies[-1] if page.copies else last
                await asyncio.sleep(0)
            assert numbers(found) == list(range(1, 201))

    asyncio.run(scenario())


def test_memory_keeps_a_slow_stream_no_longer_than_the_stream_is_kept(
    server: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = load_channels()
    short = Redis(retention_s=1, encoding="json")
    by_name = {name: replace(each, redis=short) for name, each in channels.by_name.items()}
    monkeypatch.setattr(fast_redis, "load_channels", lambda: Channels(by_name))

    async def scenario() -> None:
        prefix = next(prefixes)
        async with opened(server, prefix) as fast:
            await add(fast, MARKET, 0, 1)
            (first,) = await read_all(fast, MARKET)
            ear = Ear(fast, MARKET)
            await add(fast, MARKET, 1, 2)
            while len((await fast.read(MARKET, first.id, 9)).copies) < 2:
                await ear.news(SOON_S)
            with server.client() as client:  # so that only memory has them
                client.xtrim(f"{prefix}market.{MARKET.partition}", maxlen=0, approximate=False)
            assert numbers((await fast.read(MARKET, first.id, 9)).copies) == [1, 2]
            await asyncio.sleep(1.5)
            await add(fast, MARKET, 3, 1)
            await ear.news(SOON_S)
            assert numbers((await fast.read(MARKET, first.id, 9)).copies) == [3]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "entry",
    [
        {"record": "{}"},
        {"after": '["a",0,1]', "record": "{"},
        {"after": "ingestion", "record": "{}"},
        {"after": b'["\xff",0,1]', "record": "{}"},
        {"after": '["a",0,1]', "record": '{"envelope":{"type":"Nobody"}}'},
        {"after": '["a",0,1]', "record": "\ud800".encode("utf-8", "surrogatepass")},
    ],
)
def test_entry_that_cannot_be_read_is_passed_over_and_told(
    server: OwnRedis, entry: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        prefix = next(prefixes)
        with server.client() as client:
            async with opened(server, prefix) as fast:
                await add(fast, MARKET, 0, 2)
                for _ in range(8):  # more than are read at once
                    client.xadd(f"{prefix}market.BTC-USDT.SIM", entry)
                await add(fast, MARKET, 2, 1)
                found = await read_all(fast, MARKET)
                assert numbers(found) == [0, 1, 2]
                told = fast.unreadable_count
                assert told >= 8
                client.xadd(f"{prefix}market.BTC-USDT.SIM", entry)
                ear = Ear(fast, MARKET)
                await add(fast, MARKET, 3, 1)
                await ear.news(SOON_S)
                page = await fast.read(MARKET, found[-1].id, 7)
                assert numbers(page.copies) == [3]
                assert fast.unreadable_count > told

    asyncio.run(scenario())
    assert "market.BTC-USDT.SIM: the entry" in caplog.text
    assert "is passed over, the log has it" in caplog.text


def test_entry_says_its_schema_to_who_knows_nothing_of_marea(server: OwnRedis) -> None:
    async def scenario() -> None:
        async with opened(server, "plain.") as fast:
            await add(fast, MARKET, 0, 1)
        with server.client() as client:
            [(_, values)] = client.xrange("plain.market.BTC-USDT.SIM")
        assert (values["schema"], values["version"]) == ("Quote", "1")
        assert values["after"] == '["ingestion/BTC-USDT.SIM",0,-1]'
        assert values["record"].startswith(
            '{"envelope":{"id":"BTC-USDT.SIM:quote:0","type":"Quote"'
        )

    asyncio.run(scenario())


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1:6379"])
def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=r"the address of Redis: .*; give redis://HOST:PORT/NUMBER"):
        RedisFastCopy(url)


def test_reader_of_a_log_with_a_fast_copy_gets_all_of_it_whatever_redis_loses(
    server: OwnRedis,
) -> None:
    async def scenario() -> None:
        record = MemoryBus()
        async with opened(server, "double.") as near, opened(server, "double.") as far:
            bus = DoubleBus(record, near, MemorySnapshots(), time.monotonic_ns)
            writer = replace(WRITER, epoch=-1)
            epoch = await bus.append(MARKET, [started_record(writer)])
            life = replace(writer, epoch=epoch)
            source = FastSource(MARKET, record, far, MemorySnapshots())
            ear = Ear(far, MARKET)
            taken: list[Record] = []

            async def take(until: int) -> None:
                deadline = time.monotonic() + SOON_S
                while len(taken) < until:
                    assert time.monotonic() < deadline
                    found = await source.read(MARKET, len(taken), 1_000)
                    taken.extend(found)
                    if not found:
                        await ear.news(0.5)

            async def say(first: int, until: int) -> None:
                await bus.append(MARKET, [quote_record(seq, life) for seq in range(first, until)])

            await say(0, 100)
            await take(101)  # the start stands on the log alone
            assert source.confirmed == 1
            await say(100, 150)
            with server.client() as client:
                client.flushall()
            await say(150, 200)  # the reader has no link to these
            await bus.flush()
            await take(201)
            await say(200, 250)
            await take(251)  # and is served early again
            assert source.confirmed == 201
            await bus.flush()
            assert await source.read(MARKET, len(taken), 1_000) == []
            assert source.confirmed == 251
            assert taken[1:] == (await record.read(MARKET, 0, 1_000))[1:]

    asyncio.run(scenario())


def test_record_that_names_the_start_before_it_is_the_first(server: OwnRedis) -> None:
    async def scenario() -> None:
        async with opened(server) as fast:
            await fast.add(MARKET, BEFORE, [quote_record(0)])
            [copy] = (await fast.read(MARKET, FIRST, 10)).copies
            assert copy.after == BEFORE == key_of(started_record())

    asyncio.run(scenario())
