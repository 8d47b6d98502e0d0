"""How do the logs get into one sink: in order, without loss, and whatever becomes of the others?"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from marea.errors import Refused, Unavailable
from marea.messages.envelope import Log
from services.recorder.config import Pace
from services.recorder.shell.figures import Figures
from services.recorder.shell.tail import Reading
from services.recorder.sink import Batch, Kept, Sink

RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0
WRITE_S_MAX = 60.0
"""A sink that says nothing for so long counts as away."""
BATCH_BYTES_MAX = 16 * 1024 * 1024
COMPACTED = ("snapshots",)
"""Channels on which what is missing was replaced, and is no loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A sink, what it is fed from, and how."""

    sink: Sink
    reading: Reading
    pace: Pace = field(default_factory=Pace)
    channels: tuple[str, ...] = ()
    """Those whose logs it takes; none named: all."""


class Copying:
    """One sink, and how far each log is in it."""

    def __init__(self, feed: Feed, figures: Figures) -> None:
        self.feed = feed
        self.positions: dict[Log, int] = {}
        self.lag = 0
        """Records that stood on the logs and not in the sink when it was last looked."""
        self.last_error = ""
        """Why it can't be written to; empty: it can."""
        self.ended_by: Exception | None = None
        """What stopped it for good."""
        self._figures = figures
        self._limit = feed.pace.records_max
        self._is_new: set[Log] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Copy until it is told to stop and nothing is left, or the sink is away."""
        name, retry_s = self.feed.sink.name, RETRY_S_MIN
        while True:
            try:
                await self._begin()
                while await self._turn(stop):
                    retry_s = RETRY_S_MIN
                break
            except Unavailable as err:
                self.last_error = str(err)
                self._figures.away(name, err)
                if await _within(retry_s, stop):
                    break
                retry_s = min(2 * retry_s, RETRY_S_MAX)
            except Exception as err:  # noqa: BLE001 # whatever it is, the other sinks go on
                self.last_error = f"{type(err).__name__}: {err}"
                self.ended_by = err
                self._figures.ended(name, err)
                break
        await self.feed.sink.close()

    async def _begin(self) -> None:
        sink = self.feed.sink
        async with _deadline(sink.name):
            await sink.open()
            self.positions = dict(await sink.positions())
        ends = await self.feed.reading.ends()
        for log, position in self.positions.items():
            if position > ends.get(log, 0):
                raise Refused(
                    f"{sink.name} holds {log} up to {position} and the log ends at "
                    f"{ends.get(log, 0)}: it holds another log of that name, give it an empty place"
                )

    async def _turn(self, stop: asyncio.Event) -> bool:
        # One write, or none, and the wait for the next; False when that was the last one.
        ends = await self.feed.reading.ends()
        due = self._due(ends)
        is_more = False
        if due:
            is_more = await self._write(due)
        self.last_error = ""
        self._figures.lag(self.feed.sink.name, self.lag)
        if is_more:
            await asyncio.sleep(0)
            return True
        if stop.is_set():
            return False
        await _within(self.feed.pace.wait_ms / 1_000, stop)
        return True

    def _due(self, ends: Mapping[Log, int]) -> dict[Log, int]:
        # The logs that go on behind the sink, and by how many records; the shortest first.
        wanted = self.feed.channels
        found = {
            log: end - self.positions.get(log, 0)
            for log, end in ends.items()
            if not wanted or log.channel in wanted
        }
        due = {log: count for log, count in found.items() if count > 0}
        self.lag = sum(due.values())
        return dict(sorted(due.items(), key=lambda item: (item[1], item[0])))

    async def _write(self, due: Mapping[Log, int]) -> bool:
        # Whether there is more than was taken.
        batches = await self._read(due)
        if not batches:
            return False
        sink = self.feed.sink
        async with _deadline(sink.name):
            rows = await sink.write(batches)
        for batch in batches:
            self.positions[batch.log] = batch.end
        self._figures.wrote(sink.name, batches, rows)
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
            kept = await self.feed.reading.read(log, position, share)
            if kept:
                self._tell_missing(log, position, kept)
                batches.append(Batch(log, kept))
                left -= len(kept)
                left_bytes -= sum(each.size_bytes for each in kept)
            if left <= 0 or left_bytes <= 0:
                break
        return batches

    def _tell_missing(self, log: Log, position: int, kept: Sequence[Kept]) -> None:
        missing = kept[0].raw.offset - position
        if missing and log.channel not in COMPACTED:
            self._figures.missing(self.feed.sink.name, log, missing)


async def _within(seconds: float, stop: asyncio.Event) -> bool:
    # Whether it was told to stop by then.
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _deadline(name: str) -> "_Deadline":
    return _Deadline(name)
