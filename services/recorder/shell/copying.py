"""How do the logs get into one sink: in order, without loss, and whatever becomes of the others?"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from marea.errors import Refused, Unavailable
from marea.messages.channels import load_channels
from marea.messages.envelope import Log
from marea.runtime.facts import LoopFacts
from services.recorder.config import Pace
from services.recorder.shell.figures import PREFIX, Figures
from services.recorder.shell.tail import Reading
from services.recorder.sink import Batch, Kept, Sink

POLL_S = 0.2
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0
WRITE_S_MAX = 600.0
"""A sink that says nothing for so long counts as away; each has shorter limits for what it asks."""
DRAIN_S_MAX = 20.0
"""With what closing takes it is less than the 30 s after which who told it to end kills it."""
CLOSE_S_MAX = 5.0
CANCEL_S = 1.0
"""What is called off may ask its store for a last thing, and is called off from that, too."""
BATCH_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A sink, what it is fed from, and how."""

    sink: Sink
    reading: Reading
    pace: Pace = field(default_factory=Pace)
    channels: Collection[str] = field(default_factory=lambda: load_channels().by_name)
    """Those whose logs it takes; unless told, all that hold events."""


class Copying:
    """One sink, and how far each log is in it."""

    def __init__(self, feed: Feed, figures: Figures, drain_s: float) -> None:
        """`drain_s` is how long it may take once it is told to stop; closing comes after it."""
        self.feed = feed
        self.positions: dict[Log, int] = {}
        self.lag = 0
        """Records that should be in the sink by now; what waits for more by its pace is none."""
        self.last_error = ""
        """Why it can't be written to; empty: it can."""
        self.missing = 0
        """Records that were gone from their logs before they could be taken."""
        self.ended_by: Exception | None = None
        """What stopped it for good."""
        self._figures = figures
        self._drain_s = drain_s
        self._limit = feed.pace.records_max
        self._has_begun = False
        self._is_behind = False
        """Whether the last write left something, which the next one takes at once."""
        self._write_at = 0.0
        self._retry_s = RETRY_S_MIN

    def facts(self) -> LoopFacts:
        """How it stands; its position is the sum of those on all logs."""
        return LoopFacts(
            loop=PREFIX + self.feed.sink.name,
            phase="runs" if self._has_begun and self.ended_by is None else "has not started",
            role="owner",
            lag=self.lag,
            position=sum(self.positions.values()),
            missing=self.missing,
            last_error=self.last_error,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Copy until it is told to stop and nothing is left, the sink is away, or its time is up."""
        copying, told = asyncio.create_task(self._copy(stop)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({copying, told}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({copying}, timeout=self._drain_s)
            if not copying.done():
                self._figures.cut(self.feed.sink.name, self.lag)
        finally:
            told.cancel()
            while not copying.done():
                copying.cancel()
                await asyncio.wait({copying}, timeout=CANCEL_S)
        await self._close()

    async def _copy(self, stop: asyncio.Event) -> None:
        name = self.feed.sink.name
        while True:
            try:
                await self._begin()
                while await self._turn(stop):
                    pass
                break
            except Unavailable as err:
                self._has_begun = False
                self.last_error = f"{type(err).__name__}: {err}"
                self._figures.away(name, err)
                await self._look()
                if await _within(self._retry_s, stop):
                    break
                self._retry_s = min(2 * self._retry_s, RETRY_S_MAX)
            except Exception as err:  # noqa: BLE001 # whatever it is, the other sinks go on
                self.last_error = f"{type(err).__name__}: {err}"
                self.ended_by = err
                self._figures.ended(name, err)
                break

    async def _close(self) -> None:
        sink = self.feed.sink
        try:
            async with _deadline(sink.name, CLOSE_S_MAX):
                await sink.close()
        except Exception as err:  # noqa: BLE001 # as above; what was written stays
            self._figures.away(sink.name, err)

    async def _begin(self) -> None:
        sink = self.feed.sink
        async with _deadline(sink.name):
            await sink.open()
            self.positions = dict(await sink.positions())
        ends = await self.feed.reading.ends(at_once=True)
        for log, position in self.positions.items():
            end = ends.get(log, 0)
            if position > end and log.channel in self.feed.channels:
                raise Refused(
                    f"{sink.name} holds {log} up to {position} and the log ends at {end}, so it is "
                    "another log of that name: bring back the one that was, or give the sink an "
                    "empty place (another database, bucket or prefix)"
                )
        self._has_begun = True
        if self.last_error:
            self.last_error = ""
            self._figures.back(sink.name)

    async def _look(self) -> None:
        # How much waits for a sink that is away.
        with suppress(Unavailable):
            due = self._due(await self.feed.reading.ends(at_once=False))
            self.lag = sum(due.values())

    async def _turn(self, stop: asyncio.Event) -> bool:
        # One write, or none, and the wait for the next; False when that was the last one.
        pace, now = self.feed.pace, asyncio.get_running_loop().time()
        is_last = stop.is_set()
        due = self._due(await self.feed.reading.ends(at_once=is_last))
        waiting = sum(due.values())
        is_enough = 0 < pace.enough_records <= waiting
        if due and (self._is_behind or now >= self._write_at or is_enough or is_last):
            self.lag = waiting
            self._write_at = now + pace.wait_ms / 1_000
            self._is_behind = await self._write(due)
            if self._is_behind:
                await asyncio.sleep(0)
                return True
        if is_last:
            return False
        await _within(min(pace.wait_ms / 1_000, POLL_S), stop)
        return True

    def _due(self, ends: Mapping[Log, int]) -> dict[Log, int]:
        # The logs that go on behind the sink, and by how many records; the shortest first.
        found = {
            log: end - self.positions.get(log, 0)
            for log, end in ends.items()
            if log.channel in self.feed.channels
        }
        due = {log: count for log, count in found.items() if count > 0}
        return dict(sorted(due.items(), key=lambda item: (item[1], item[0])))

    async def _write(self, due: Mapping[Log, int]) -> bool:
        # Whether there is more than was taken.
        batches = await self._read(due)
        if not batches:
            return False
        sink = self.feed.sink
        began_ns = self._figures.now_ns()
        async with _deadline(sink.name):
            rows = await sink.write(batches)
        for batch in batches:
            self.positions[batch.log] = batch.end
        self._figures.wrote(sink.name, batches, rows, self._figures.now_ns() - began_ns)
        self._retry_s = RETRY_S_MIN  # that it opens does not mean that it takes anything
        self.lag = max(0, self.lag - sum(len(batch.kept) for batch in batches))
        pace = self.feed.pace
        is_more = self.lag > 0
        self._limit = min(2 * self._limit, pace.behind_records_max) if is_more else pace.records_max
        return is_more

    async def _read(self, due: Mapping[Log, int]) -> Sequence[Batch]:
        batches: list[Batch] = []
        left, left_bytes = self._limit, BATCH_BYTES_MAX
        for logs_left, log in zip(range(len(due), 0, -1), due, strict=True):
            share = max(1, left // logs_left)
            position = self.positions.get(log, 0)
            kept = await self._pages(log, position, min(share, due[log]), left_bytes)
            if kept:
                batches.append(Batch(log, kept))
                left -= len(kept)
                left_bytes -= sum(each.size_bytes for each in kept)
            if left <= 0 or left_bytes <= 0:
                break
        return batches

    async def _pages(self, log: Log, position: int, limit: int, bytes_max: int) -> list[Kept]:
        # As many as that, however few are given at a time.
        found: list[Kept] = []
        while len(found) < limit and bytes_max > 0:
            page = await self.feed.reading.read(log, position, limit - len(found))
            if not page:
                break
            self._tell_missing(log, position, page)
            found += page
            bytes_max -= sum(each.size_bytes for each in page)
            position = page[-1].raw.offset + 1
        return found

    def _tell_missing(self, log: Log, position: int, kept: Sequence[Kept]) -> None:
        missing = kept[0].raw.offset - position
        if missing:
            self.missing += missing
            self._figures.missing(self.feed.sink.name, log, missing)


async def _within(seconds: float, stop: asyncio.Event) -> bool:
    # Whether it was told to stop by then.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()


@asynccontextmanager
async def _deadline(name: str, within_s: float = WRITE_S_MAX) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as err:
        raise Unavailable(f"{name} has said nothing for {within_s:.0f} s") from err
