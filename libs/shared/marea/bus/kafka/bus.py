"""The bus of a process over Kafka.

A position on a log is an offset of its partition. What is appended is acknowledged by all in-sync
replicas before the call returns. The end of each log that is read stands in a window in memory, where
every reader in the process finds it; what is older is fetched when it is asked for.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress

from aiokafka.structs import TopicPartition

from marea.bus.kafka.breakdown import Breakdown
from marea.bus.kafka.following import Follower
from marea.bus.kafka.link import Removed, bounded
from marea.bus.kafka.logs import Cluster, Logs
from marea.bus.kafka.pages import Pages
from marea.bus.kafka.snapshots import KafkaSnapshots
from marea.bus.kafka.window import Window
from marea.bus.raw import Raw, record_of
from marea.bus.registry import Registry, open_registry
from marea.messages.channels import Channels, load_channels
from marea.messages.envelope import Log, Record
from marea.messages.errors import BadMessage
from marea.messages.framing import frame

TIMEOUT_S = 5.0
FRESH_S = 1.0
"""So long what a broker told of a log's end is what is known of it: the follower is told of more as
soon as it is there, and asks four times in that time."""


async def open_kafka(
    servers: str,
    prefix: str,
    *,
    channels: Channels | None = None,
    timeout_s: float = TIMEOUT_S,
    registry_url: str = "",
) -> "KafkaBus":
    """A bus over the topics that begin with this prefix.

    `servers` are host:port of some brokers, with commas; `timeout_s` bounds every call;
    `registry_url` is of the registry that gives the ids of schemas, none if empty. Raises
    `Unavailable` where they don't answer, or topics are missing, and `BadInput` where the registry
    refuses a schema.
    """
    cluster = Cluster(
        servers=servers,
        prefix=prefix,
        channels=channels or load_channels(),
        timeout_s=timeout_s,
    )
    registry = await open_registry(registry_url, timeout_s) if registry_url else None
    async with AsyncExitStack() as stack:
        bus = KafkaBus(cluster, registry)
        stack.push_async_callback(bus.close)
        await bus.open()
        stack.pop_all()
    return bus


class Expected:
    """What is known to a process before it comes from its log: its bytes are compared, not read."""

    def __init__(self, logs: Logs, follower: Follower) -> None:
        self._logs = logs
        self._follower = follower

    def add(self, log: Log, record: Record) -> None:
        """Expect a record that another process has told of."""
        place = self._logs.place(log)
        window = self._follower.windows.get(place) if place is not None else None
        if window is not None:
            # What can't be written never comes.
            with suppress(ValueError, OverflowError, BadMessage):
                window.expect(frame(record), record)


class KafkaBus:
    """Logs on Kafka, and the snapshots beside them."""

    def __init__(self, cluster: Cluster, registry: Registry | None = None) -> None:
        """Nothing is asked before it is opened; the registry is closed with it."""
        self._registry = registry
        self._timeout_s = cluster.timeout_s
        self._channels = cluster.channels.by_name
        self._breakdown = Breakdown()
        self._logs = Logs(cluster, self._breakdown, self._wake)
        self._following = cluster.link()
        self._follower = Follower(
            self._following, self._logs.link, self._breakdown, self._on_growth
        )
        self._pages = Pages(self._logs.link)
        self._appended: dict[Log, int] = {}
        """Behind the last record of each log that was appended here."""
        self._events: defaultdict[Log, list[asyncio.Event]] = defaultdict(list)
        self.snapshots = KafkaSnapshots(self._logs)
        self.expected = Expected(self._logs, self._follower)

    async def open(self) -> None:
        """Connect. Raises `Unavailable`."""
        await self._logs.open()
        await self._following.open()
        await self._following.follow(self._logs.topics)
        place, position = self._logs.directory_place, self._logs.directory.position
        self._follower.kept.add(place)
        self._follower.add(place, Window(Log(place.topic, ""), position, position))

    async def close(self) -> None:
        """Let what is on its way arrive, and disconnect."""
        await self._follower.close()
        await self._following.close()
        await self._logs.close()
        if self._registry is not None:
            await self._registry.close()

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Put records at the end of a log; they are safe when it returns.

        What takes more than one batch may be there in part when it raises.
        """
        place = self._logs.place(log) or await self._logs.claim(log)
        window = self._follower.windows.get(place)
        key = log.partition.encode()
        entries = []
        for record in records:
            value = frame(record)
            if window is not None:
                window.expect(value, record)
            entries.append((key, value))
        position = await self._logs.appender.put(place, entries)
        end = position + len(records)
        self._appended[log] = max(end, self._appended.get(log, 0))
        self._know(log, end)
        return position

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on.

        It waits only for what is known to be there. What can't be read comes as a void record.
        Raises `BadInput` where the log's retention has removed it, `Unavailable`.
        """
        held = await self._hold(log, position, limit)
        await self._meet(held, position, limit)
        if isinstance(held, Window):
            return held.records(position, limit)
        return [record_of(log, raw) for raw in held]

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        """As `read`, and as it stands on Kafka; what retention has removed is passed over."""
        try:
            held = await self._hold(log, position, limit)
        except Removed as removed:
            position = removed.begin
            held = await self._hold(log, position, limit)
        await self._meet(held, position, limit)
        return held.raws(position, limit) if isinstance(held, Window) else held

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log.

        Of named ones that are read here it is known; for the others the brokers are asked. Raises
        `Unavailable`.
        """
        if not logs or any(self._logs.place(log) is None for log in logs):
            await self._logs.learn()
        named = logs or [log for log in self._logs.there() if log.channel in self._channels]
        found = {log: self._fresh_end(log) for log in logs}
        asked = [log for log in named if found.get(log) is None]
        told = await self._logs.ends(asked) if asked else {}
        ends = {
            log: max(found.get(log) or told.get(log, 0), self._appended.get(log, 0))
            for log in named
        }
        for log, end in told.items():
            self._know(log, end)
        return {log: end for log, end in ends.items() if end}

    async def raw_ends(self) -> Mapping[Log, int]:
        """As `ends`, of all logs, and of those with the snapshots of loops. Raises `Unavailable`."""
        await self._logs.learn()
        return await self.ends(*self._logs.there())

    async def flush(self) -> None:
        """Nothing is waiting: each append has waited for its own."""

    def wake(self, event: asyncio.Event, *logs: Log) -> None:
        """Set this event from now on whenever there may be more to read of one of these logs.

        Who clears it, then reads, and waits for it where nothing was read, misses nothing.
        """
        for log in logs:
            self._events[log].append(event)
            place = self._logs.place(log)
            if place is not None:
                self._follower.kept.add(place)

    async def watch(self) -> None:
        """Return never; raise what only a new process mends: `Unavailable`, or `Broken` for a bug.

        A log goes on and nothing of it comes here, or the brokers refused what was appended.
        """
        await self._breakdown.wait()

    def _wake(self, log: Log) -> None:
        for event in self._events.get(log, ()):
            event.set()

    def _on_growth(self, place: TopicPartition, window: Window) -> None:
        if place == self._logs.directory_place:
            position = self._logs.directory.position
            self._logs.take_claims(window.raws(max(position, window.first), window.end))
        else:
            self._wake(window.log)

    def _know(self, log: Log, end: int) -> None:
        # Who is told that a log goes that far must not be told, as it reads there, that it ends before.
        place = self._logs.place(log)
        window = self._follower.windows.get(place) if place is not None else None
        if window is not None:
            window.known_end = max(end, window.known_end)

    def _fresh_end(self, log: Log) -> int | None:
        place = self._logs.place(log)
        window = self._follower.windows.get(place) if place is not None else None
        if window is None or time.monotonic() - window.heard_s > FRESH_S:
            return None
        return window.known_end

    async def _meet(self, held: Window | Sequence[Raw], position: int, limit: int) -> None:
        # Before they are decoded: a newer Marea may have written by schemas that came later.
        if self._registry is not None:
            raws = held.raws(position, limit) if isinstance(held, Window) else held
            await self._registry.meet(raw.value for raw in raws)

    async def _hold(self, log: Log, position: int, limit: int) -> Window | Sequence[Raw]:
        # The window that holds the position, or else what stands there.
        self._breakdown.check()
        place = self._logs.place(log)
        if place is None:
            return ()
        window = self._follower.windows.get(place)
        if window is None:
            return await self._open_window(log, place, position, limit)
        window.read_s = time.monotonic()
        if window.end <= position < window.known_end:
            await self._let_come(log, window, position)
        if position < window.first:
            return await self._pages.read(place, position, limit)
        return window

    async def _open_window(
        self, log: Log, place: TopicPartition, position: int, limit: int
    ) -> Sequence[Raw]:
        # It begins with what is asked for, if that is all there is, and else at the end.
        part = await self._logs.link.read(place, position)
        if place not in self._follower.windows:
            is_all = part.raws and part.raws[-1].offset + 1 >= part.end
            window = Window(log, position if is_all else part.end, part.end)
            window.extend(part.raws if is_all else ())
            window.heard_s = time.monotonic()
            self._follower.add(place, window)
            if log in self._events:
                self._follower.kept.add(place)
        return self._pages.cut(place, part.raws, position, limit)

    async def _let_come(self, log: Log, window: Window, position: int) -> None:
        async with bounded(f"reading {log} at {position}", self._timeout_s):
            while window.end <= position:
                window.grown.clear()
                await window.grown.wait()
