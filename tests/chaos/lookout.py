"""Who looks on while a stage is played, from a thread of its own."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, suppress
from threading import Event, Thread
from typing import Generic, TypeVar

from marea.errors import Unavailable

Logs = TypeVar("Logs")

LOOK_S = 1.0


class Lookout(Thread, ABC, Generic[Logs]):
    """Looks at the logs every second; while they are away, until they are back."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._ends = Event()

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[Logs]:
        """What it looks at."""

    @abstractmethod
    async def look(self, at: Logs) -> None:
        """Look once. Raises `Unavailable` where that is away."""

    def run(self) -> None:
        asyncio.run(self._look_on())

    def stop(self) -> None:
        """Look no more."""
        self._ends.set()
        self.join()

    async def _look_on(self) -> None:
        while not self._ends.is_set():
            with suppress(Unavailable):
                async with self.opened() as at:
                    while not self._ends.is_set():
                        await self.look(at)
                        await asyncio.sleep(LOOK_S)
