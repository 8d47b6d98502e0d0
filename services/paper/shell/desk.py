"""How do requests from outside get to a loop that takes turns: they wait at a desk.

The loop and its venue are one, and neither may be called while the other works. So whoever asks over
HTTP leaves the question here, and it is answered between two turns of the loop.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from marea.errors import MareaError, Unavailable
from marea.runtime.loop import Loop
from services.paper.core import PaperState
from services.paper.shell.merge import Merge
from services.paper.shell.venue import PaperVenue

Answer = TypeVar("Answer")
Call: TypeAlias = Callable[[PaperVenue], Awaitable[Any]]

ASKED_MAX = 1_000
ANSWER_S_MAX = 2.0


class Desk:
    """Where questions to the venue wait."""

    def __init__(self, balances: Mapping[str, int]) -> None:
        """The account begins with these balances, at `ASSET_SCALE`."""
        self._balances = balances
        self._asked: deque[tuple[Call, asyncio.Future[Any]]] = deque()
        self._events: list[asyncio.Event] = []
        self._taken = asyncio.Event()
        self._position = -1
        """Of the loop, when it was last told that it took something."""
        self._loop: Loop[PaperState] | None = None
        self._venue: PaperVenue | None = None
        self._merge: Merge | None = None
        self._is_open = False

    def serve(self, loop: Loop[PaperState], venue: PaperVenue, merge: Merge) -> None:
        """From now on this life of the venue answers."""
        self._loop, self._venue, self._merge, self._is_open = loop, venue, merge, False

    async def ask(self, call: Callable[[PaperVenue], Awaitable[Answer]]) -> Answer:
        """Have the venue answer. Raises `Unavailable` where it does not in time, or can't."""
        if len(self._asked) >= ASKED_MAX:
            raise Unavailable(f"{len(self._asked)} requests wait already: try again")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked.append((call, future))
        for event in self._events:
            event.set()
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                return await future
        except TimeoutError as err:
            raise Unavailable("the venue takes no requests now: try again") from err

    async def answer_all(self) -> None:
        """Answer what was asked, between two turns of the loop."""
        venue = self._venue
        assert venue is not None, "a loop takes turns before it was made"
        if await self._opened(venue):
            while self._asked:
                call, future = self._asked.popleft()
                if future.done():
                    continue  # nobody waits any more
                await _answer(call, venue, future)
        assert self._loop is not None
        if self._position != self._loop.position:
            self._position = self._loop.position
            self._taken.set()
            self._taken = asyncio.Event()

    def taken(self) -> asyncio.Event:
        """What is set as soon as the loop has taken more of its input than it has by now."""
        return self._taken

    def wake(self, event: asyncio.Event) -> None:
        """Set this event from now on whenever something is asked."""
        self._events.append(event)

    async def _watermark(self) -> int:
        assert self._merge is not None
        return await self._merge.watermark()

    async def _opened(self, venue: PaperVenue) -> bool:
        if not self._is_open and await self._watermark():
            await venue.open_account(self._balances)
            self._is_open = True
        return self._is_open


async def _answer(call: Call, venue: PaperVenue, future: asyncio.Future[Any]) -> None:
    try:
        answer = await call(venue)
    except MareaError as err:
        if not future.done():
            future.set_exception(err)
        raise  # the loop may have stopped: a new life goes on from the log
    if not future.done():
        future.set_result(answer)
