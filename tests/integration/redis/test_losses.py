"""A Redis that is flushed, killed, stopped or full costs readers nothing but haste."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from marea.bus.fast import FIRST
from marea.errors import Unavailable
from marea.testing.contracts.fast import (
    MARKET,
    add,
    numbers,
    read_all,
)
from tests.integration.redis.ear import SOON_S, Ear
from tests.integration.redis.opening import answering, opened
from tests.integration.redis.own_redis import OwnRedis


def assert_refused_at_once(asked: Coroutine[Any, Any, object]) -> None:
    """It ends in its first step, before it could wait for anything."""
    with pytest.raises(Unavailable):
        asked.send(None)


def test_flush_in_the_middle_of_a_reader_gives_it_another_incarnation(server: OwnRedis) -> None:
    async def scenario() -> None:
        async with opened(server) as fast:
            await add(fast, MARKET, 0, 5)
            before = await fast.read(MARKET, FIRST, 10)
            with server.client() as client:
                client.flushall()
            deadline = time.monotonic() + SOON_S
            after, ear = before, Ear(fast, MARKET)
            while after.incarnation == before.incarnation:
                assert time.monotonic() < deadline
                after = await fast.read(MARKET, before.copies[-1].id, 10)
                await ear.news(0.5)
            await add(fast, MARKET, 5, 2)
            page = await fast.read(MARKET, FIRST, 10)
            assert page.incarnation not in ("", before.incarnation)
            assert numbers(page.copies) == [5, 6]

    asyncio.run(scenario())


def test_server_that_was_killed_and_came_back_empty_serves_again_by_itself(
    mortal: OwnRedis,
) -> None:
    async def scenario() -> None:
        async with opened(mortal, "killed.") as fast:
            await add(fast, MARKET, 0, 5)
            before = (await fast.read(MARKET, FIRST, 10)).incarnation
            mortal.kill()
            with pytest.raises(Unavailable, match=r"Redis at 127\.0\.0\.1:\d+: .*; try again"):
                await add(fast, MARKET, 5, 1)
            assert_refused_at_once(fast.read(MARKET, FIRST, 10))  # nobody else waits for it
            mortal.start()
            await answering(fast)
            ear = Ear(fast, MARKET)
            await add(fast, MARKET, 6, 1)
            await ear.news(SOON_S)
            page = await fast.read(MARKET, FIRST, 10)
            assert page.incarnation not in ("", before)
            assert numbers(page.copies) == [6]

    asyncio.run(scenario())


def test_process_may_start_before_its_redis(tmp_path: Path) -> None:
    async def scenario() -> None:
        own = OwnRedis(tmp_path)
        async with opened(own, "early.") as fast:
            with pytest.raises(Unavailable):
                await fast.read(MARKET, FIRST, 10)
            own.start()
            try:
                await answering(fast)
                await add(fast, MARKET, 0, 1)
            finally:
                own.kill()

    asyncio.run(scenario())


def test_server_that_stands_still_is_given_up_in_time_and_taken_up_again(
    mortal: OwnRedis,
) -> None:
    async def scenario() -> None:
        async with opened(mortal, "paused.") as fast:
            await add(fast, MARKET, 0, 1)
            await read_all(fast, MARKET)
            with mortal.paused():
                with pytest.raises(Unavailable, match=r"no answer within 0\.5 s; try again"):
                    async with asyncio.timeout(SOON_S):  # it stands still for longer
                        await add(fast, MARKET, 1, 1)
                assert_refused_at_once(add(fast, MARKET, 1, 1))
            await answering(fast)
            await add(fast, MARKET, 2, 1)
            assert 2 in numbers(await read_all(fast, MARKET))

    asyncio.run(scenario())


def test_store_without_room_takes_records_again_once_there_is_some(server: OwnRedis) -> None:
    async def scenario() -> None:
        async with opened(server) as fast:
            with server.client() as client:
                client.config_set("maxmemory", 1)
                try:
                    with pytest.raises(
                        Unavailable, match=r"refused: .*maxmemory.*make room, then try again"
                    ):
                        await add(fast, MARKET, 0, 1)
                finally:
                    client.config_set("maxmemory", 0)
            await add(fast, MARKET, 1, 1)
            assert numbers(await read_all(fast, MARKET)) == [1]

    asyncio.run(scenario())


def test_store_without_room_is_trimmed_nevertheless(server: OwnRedis) -> None:
    async def scenario() -> None:
        with server.client() as client:
            put_old(server, "full.market.BTC-USDT.SIM", 1_000)
            async with opened(server, "full.") as fast:
                client.config_set("maxmemory", 1)
                try:
                    with pytest.raises(Unavailable):
                        await add(fast, MARKET, 0, 1)
                finally:
                    client.config_set("maxmemory", 0)
            assert client.xlen("full.market.BTC-USDT.SIM") == 0

    asyncio.run(scenario())


def test_entries_older_than_the_channel_keeps_them_are_dropped(server: OwnRedis) -> None:
    async def scenario() -> None:
        put_old(server, "old.market.BTC-USDT.SIM", 1_000)
        async with opened(server, "old.") as fast:
            await add(fast, MARKET, 0, 3)
        with server.client() as client:
            assert client.xlen("old.market.BTC-USDT.SIM") <= 100  # whole nodes go

    asyncio.run(scenario())


def put_old(server: OwnRedis, stream: str, entries: int) -> None:
    with server.client() as client:
        for number in range(1, entries + 1):
            client.xadd(stream, {"any": "thing"}, id=f"{number}-0")


def test_stream_stays_within_its_bytes(server: OwnRedis) -> None:
    async def scenario() -> None:
        bytes_max = 200_000
        async with opened(server, "small.", stream_bytes_max=bytes_max) as fast:
            for first in range(0, 4_000, 50):
                await add(fast, MARKET, first, 50)
            kept = numbers(await read_all(fast, MARKET, limit=1_000))
            assert kept == list(range(4_000 - len(kept), 4_000))
        with server.client() as client:
            used = client.memory_usage("small.market.BTC-USDT.SIM", samples=0)
        assert 0.5 * bytes_max < used < 1.5 * bytes_max

    asyncio.run(scenario())
