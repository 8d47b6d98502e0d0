"""Somebody who is woken by what comes to a log."""

import asyncio

from marea.bus.redis import RedisFastCopy
from marea.messages.envelope import Log

SOON_S = 30.0
"""What comes, comes within milliseconds; on a machine that does much else it may take long."""


class Ear:
    """Hears of a log from its making on."""

    def __init__(self, fast: RedisFastCopy, log: Log) -> None:
        self.event = asyncio.Event()
        fast.wake(self.event, log)

    async def news(self, timeout_s: float) -> bool:
        """Whether there may be more, as soon as there is, or after so long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.event.wait()
        except TimeoutError:
            return False
        self.event.clear()
        return True
