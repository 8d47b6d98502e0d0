"""Somebody who is woken by what comes to a log."""

import asyncio
from contextlib import suppress

from marea.bus.redis import RedisFastCopy
from marea.messages.envelope import Log


class Ear:
    """Hears of a log from its making on."""

    def __init__(self, fast: RedisFastCopy, log: Log) -> None:
        self.event = asyncio.Event()
        fast.wake(self.event, log)

    async def news(self, timeout_s: float) -> None:
        """Return when there may be more, or after so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.event.wait()
        self.event.clear()
