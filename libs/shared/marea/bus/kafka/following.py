"""How do the ends of logs come to a process as soon as they are written?

One long question to each broker, for all logs of which it holds what is followed; it answers when
any of them has grown.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from marea.bus.kafka.breakdown import Breakdown
from marea.bus.kafka.link import RETRY_S, Link, Part, named
from marea.bus.kafka.question import Session
from marea.bus.kafka.window import Window
from marea.errors import Unavailable

WAIT_MS = 250
"""What is followed newly is part of the next question, so it waits at most this long, once."""
LOOK_S = 1.0
IDLE_S = 60.0
"""A window that nobody read for so long is closed; the next read opens another one."""
STANDSTILL_S = 30.0

_logger = logging.getLogger(__name__)


class Standstill:
    """Does what is followed come, or does a log grow while its window stands still?"""

    def __init__(self) -> None:
        self._due: dict[TopicPartition, int] = {}

    def judge(
        self, reached: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> None:
        """Compare how far windows have come with where the logs ended at the last call.

        `ends` is where they end now. Raises `Unavailable` where one has not come that far.
        """
        due, self._due = self._due, dict(ends)
        for place, end in due.items():
            if reached.get(place, end) < end:
                raise Unavailable(
                    f"Kafka: {named(place)} went on to {end}, and this process stands at "
                    f"{reached[place]} since {STANDSTILL_S:g} s: start it anew"
                )

    def forget(self) -> None:
        """Begin anew: nobody could tell where the logs end."""
        self._due = {}


class Outage:
    """Tells that a broker is away, and that it is back, once each."""

    def __init__(self, node: int) -> None:
        self._node = node
        self._is_away = False

    def tell(self, error: str | None) -> None:
        """Take how a question to it ended; None: it was answered."""
        if error is not None and not self._is_away:
            _logger.warning(
                "broker %d is away (%s): it is asked again until it is back", self._node, error
            )
        elif error is None and self._is_away:
            _logger.info("broker %d is back", self._node)
        self._is_away = error is not None


class Follower:
    """Keeps windows at the ends of their logs."""

    def __init__(
        self,
        link: Link,
        other: Link,
        breakdown: Breakdown,
        grown: Callable[[TopicPartition, Window], None],
        standstill_s: float = STANDSTILL_S,
    ) -> None:
        """`link` is for this alone; over `other` it is asked whether all comes that stands there.

        `grown` is called with each window that has grown.
        """
        self.windows: dict[TopicPartition, Window] = {}
        self.kept: set[TopicPartition] = set()
        """Windows that stay open even if nobody reads there."""
        self._link = link
        self._other = other
        self._grown = grown
        self._standstill_s = standstill_s
        self._standstill = Standstill()
        self._judged_s = time.monotonic()
        self._changed = asyncio.Event()
        self._nodes: dict[int, asyncio.Task[None]] = {}
        self._breakdown = breakdown
        self._looks = breakdown.spawn(self._look())

    def add(self, place: TopicPartition, window: Window) -> None:
        """Follow a log from the end of this window on."""
        self.windows[place] = window
        self._changed.set()
        self._attend()

    async def close(self) -> None:
        """Follow nothing any more."""
        tasks = [self._looks, *self._nodes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Each broker

    def _attend(self) -> None:
        for place in self.windows:
            node = self._link.node(place)
            if node is not None and node not in self._nodes:
                self._nodes[node] = self._breakdown.spawn(self._follow(node))

    async def _follow(self, node: int) -> None:
        session, outage = Session(), Outage(node)
        while True:
            followed = {
                place: window
                for place, window in self.windows.items()
                if self._link.node(place) == node
            }
            if not followed:
                self._changed.clear()
                await self._changed.wait()
                continue
            wanted = {place: window.end for place, window in followed.items()}
            try:
                found = await self._link.fetch(node, wanted, WAIT_MS, session)
                is_well = self._take_all(followed, found)
                outage.tell(None if is_well else "it answers for none, or not all, of its logs")
            except KafkaError as err:
                is_well = False
                outage.tell(repr(err))
            if not is_well:
                self._link.look_around()
                await asyncio.sleep(RETRY_S)

    def _take_all(
        self, followed: Mapping[TopicPartition, Window], found: Mapping[TopicPartition, Part]
    ) -> bool:
        now = time.monotonic()
        for place, window in followed.items():
            if place not in found:  # no news
                window.heard_s = now
        taken = [self._take(place, followed[place], part) for place, part in found.items()]
        return all(taken)

    def _take(self, place: TopicPartition, window: Window, part: Part) -> bool:
        if self.windows.get(place) is not window:
            return True  # it was closed meanwhile
        if part.error is not None:
            if part.error is OffsetOutOfRangeError:
                self._close(place)  # who reads there is told why
            return False
        window.heard_s = time.monotonic()
        window.known_end = max(window.known_end, part.end)
        if part.raws:
            window.extend(part.raws)
            self._grown(place, window)
        return True

    # Now and then

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._attend()  # another broker may answer for a partition now
            self._changed.set()
            now = time.monotonic()
            for place, window in list(self.windows.items()):
                if place not in self.kept and now - window.read_s > IDLE_S:
                    self._close(place)
            if now - self._judged_s >= self._standstill_s:
                self._judged_s = now
                await self._judge()

    async def _judge(self) -> None:
        try:
            ends = await self._other.ends(list(self.windows))
        except Unavailable:
            self._standstill.forget()  # nothing can come
            return
        reached = {place: window.end for place, window in self.windows.items()}
        self._standstill.judge(reached, ends)

    def _close(self, place: TopicPartition) -> None:
        window = self.windows.pop(place)
        window.grown.set()
