"""The fast copy of a process, as tests open it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from marea.bus.fast import FIRST
from marea.bus.redis import STREAM_BYTES_MAX, RedisFastCopy
from marea.errors import Unavailable
from marea.testing.contracts.fast import MARKET
from tests.integration.redis.ear import SOON_S
from tests.integration.redis.own_redis import OwnRedis

prefixes = (f"test{number}." for number in count())
"""For streams that no other test of the process uses."""


@asynccontextmanager
async def opened(
    server: OwnRedis, prefix: str = "", stream_bytes_max: int = STREAM_BYTES_MAX
) -> AsyncIterator[RedisFastCopy]:
    """A process's fast copy, with streams of its own unless a prefix is given."""
    fast = RedisFastCopy(server.url, prefix or next(prefixes), stream_bytes_max)
    await fast.open()
    try:
        yield fast
    finally:
        await fast.close()


async def answering(fast: RedisFastCopy, seconds_max: float = SOON_S) -> None:
    """Wait until the fast copy takes reads again, by itself."""
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            await fast.read(MARKET, FIRST, 1)
        except Unavailable:
            assert time.monotonic() < deadline, "it did not come back"
            await asyncio.sleep(0.02)
        else:
            return
