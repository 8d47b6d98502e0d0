"""Can the bus of this process still go on?"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from marea.errors import Broken, MareaError


class Breakdown:
    """What nothing but a new process mends, once it has happened."""

    def __init__(self) -> None:
        self._told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told.add_done_callback(_look)  # nobody may ever ask

    def tell(self, what: BaseException) -> None:
        """It has happened; the first cause counts."""
        if not self._told.done():
            cause = what if isinstance(what, MareaError) else Broken(f"the bus stopped: {what!r}")
            if cause is not what:
                cause.__cause__ = what
            self._told.set_exception(cause)

    def check(self) -> None:
        """Raise it, if it has happened."""
        if self._told.done():
            self._told.result()

    async def wait(self) -> None:
        """Raise it when it happens; return never."""
        await asyncio.shield(self._told)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start what must never end by itself."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.tell(task.exception() or AssertionError("it goes on for ever"))


def _look(told: asyncio.Future[None]) -> None:
    if not told.cancelled():
        told.exception()
