"""The bus of a process that waits for no log: what it appends is on the fast copy at once.

On record it comes later, in the order of its appends, each log's and each record's number as they
are: from a queue that `pump` empties, which the process calls again and again. Nothing goes on
record before what it rests on: an output stays in the queue until its input is confirmed there, and
a snapshot until everything before it is. So a crash takes from the end of every chain of causes,
and leaves no effect on record without its cause.

One process writes to a log that has a fast copy, through one such bus: the order on both is its own.
"""

from asyncio import Lock
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeAlias

from marea.bus.fast import STARTED_SEQ, FastCopy, Key, key_of
from marea.bus.port import Bus, Snapshots
from marea.errors import Unavailable
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Record
from marea.messages.system import Started
from marea.runtime.fast_source import Expect, FastSource, expect_nothing
from marea.runtime.wiring import Backlog

PUMPED_RECORDS_MAX = 1_000
WAITING_RECORDS_MAX = 100_000
BEHIND_RECORDS_MAX = 10_000
BEHIND_NS_MAX = 2_000_000_000
"""Beyond either a shard is degraded; it is over when both are halved, so that it does not flap."""
FAST_RETRY_NS = 1_000_000_000
"""A fast copy that refused is left alone for so long."""


Job: TypeAlias = Callable[[], Awaitable[None]]
Join: TypeAlias = Callable[[Sequence[Job]], Awaitable[object]]


async def in_turn(jobs: Sequence[Job]) -> None:
    """Do one after the other."""
    for job in jobs:
        await job()


class _Append(NamedTuple):
    log: Log
    record: Record
    since_ns: int


class _Save(NamedTuple):
    name: str
    position: int
    body: bytes


_Waiting: TypeAlias = _Append | _Save


class DoubleBus:
    """The bus and the snapshots of the loops of one process.

    It lives as long as they do: what waits in it is lost with them, and then nobody has seen an
    effect of it that stands on record.
    """

    def __init__(
        self,
        record: Bus,
        fast: FastCopy,
        snapshots: Snapshots,
        now_ns: Callable[[], int],
        join: Join = in_turn,
        expect: Expect = expect_nothing,
    ) -> None:
        """`now_ns` gives a monotonic time, ns; `join` has appends to several logs done.

        `expect` is told of what loops are given before their logs have it.
        """
        self._expect = expect
        self._join = join
        self._record = record
        self._fast = fast
        self._snapshots = snapshots
        self._now_ns = now_ns
        self._sources: dict[Log, FastSource] = {}
        self._queue: deque[_Waiting] = deque()
        self._lock = Lock()
        self._ends: dict[Log, int] = {}
        """Behind the last record of each log that was acknowledged to us."""
        self._last: dict[Log, Key] = {}
        """The last record of each log that was appended."""
        self._doubled = load_channels().doubled
        self._fast_due_ns = 0
        self._is_degraded = False

    def follow(self, log: Log) -> FastSource:
        """A source for a loop of this process, on which what the loop appends rests."""
        source = self._sources[log] = FastSource(log, self._record, self._fast, self, self._expect)
        return source

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Put records on the fast copy and into the queue for the log; a `Started` on the log itself.

        Gives the position of a `Started`, and else one that the records stand at or behind. Raises
        `Unavailable` when too many wait, or a `Started` can't be put on the log.
        """
        if type(records[0].message) is Started:
            return await self._claim(log, records)
        if len(self._queue) + len(records) > WAITING_RECORDS_MAX:
            raise Unavailable(
                f"{log}: {len(self._queue)} records wait for the log already: bring it back, and "
                "start anew"
            )
        now_ns = self._now_ns()
        self._queue.extend(_Append(log, record, now_ns) for record in records)
        after, self._last[log] = self._last.get(log), key_of(records[-1])
        if after is not None and log.channel in self._doubled and now_ns >= self._fast_due_ns:
            try:
                await self._fast.add(log, after, records)
            except Unavailable:
                self._fast_due_ns = now_ns + FAST_RETRY_NS
        return self._ends.get(log, 0)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records that are on the log, from a position on."""
        return await self._record.read(log, position, limit)

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record on each log."""
        return await self._record.ends(*logs)

    async def flush(self) -> None:
        """Return once everything appended so far is on record; raises `Unavailable` if it can't be."""
        while await self.pump():
            pass
        if self._queue:
            raise Unavailable(
                f"{len(self._queue)} records wait for their log: bring it back, then try again"
            )

    @property
    def waiting(self) -> int:
        """How many records and snapshots wait for their log."""
        return len(self._queue)

    async def pump(self) -> int:
        """Put on record what waits and may stand there; give how many records were acknowledged.

        What the log refused, or took without saying so, is put there again by the next call: a
        second copy may stand there then.
        """
        async with self._lock:
            ready = self._ready()
            acknowledged = await self._put(ready) if ready else set()
            left = [each for each in ready if each.log not in acknowledged]
            for _ in ready:
                self._queue.popleft()
            self._queue.extendleft(reversed(left))
            with suppress(Unavailable):
                while self._queue and isinstance(self._queue[0], _Save):
                    await self._snapshots.save(*self._queue[0])
                    self._queue.popleft()
            return len(ready) - len(left)

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a snapshot once everything that was appended before it is on record."""
        self._queue.append(_Save(name, position, body))

    async def load(self, name: str) -> Sequence[bytes]:
        """The snapshots that are kept, the latest first."""
        return await self._snapshots.load(name)

    def backlog(self, log: Log) -> Backlog | None:
        """How far the record is behind; None where a log has no fast copy."""
        if log.channel not in self._doubled:
            return None
        oldest = next((each for each in self._queue if isinstance(each, _Append)), None)
        behind_ns = self._now_ns() - oldest.since_ns if oldest else 0
        count = len(self._queue)
        share = 2 if self._is_degraded else 1
        self._is_degraded = behind_ns * share > BEHIND_NS_MAX or count * share > BEHIND_RECORDS_MAX
        return Backlog(self._is_degraded, count, behind_ns)

    async def _claim(self, log: Log, records: Sequence[Record]) -> int:
        # A life begins where it stands on the log, behind all that was appended before it.
        await self.flush()
        epoch = await self._record.append(log, records)
        await self._record.flush()
        self._ends[log] = epoch + len(records)
        producer = records[0].writer.producer
        self._last[log] = (producer, epoch, STARTED_SEQ)
        return epoch

    def _ready(self) -> list[_Append]:
        found: list[_Append] = []
        for each in self._queue:
            if isinstance(each, _Save) or len(found) == PUMPED_RECORDS_MAX:
                break
            if not self._is_confirmed(each.record):
                break
            found.append(each)
        return found

    def _is_confirmed(self, record: Record) -> bool:
        source = self._sources.get(record.writer.input_log) if record.writer.input_log else None
        return source is None or record.input_offset < source.confirmed

    async def _put(self, ready: Sequence[_Append]) -> set[Log]:
        by_log: dict[Log, list[Record]] = {}
        for each in ready:
            by_log.setdefault(each.log, []).append(each.record)
        ends: dict[Log, int] = {}

        async def put(log: Log, records: Sequence[Record]) -> None:
            with suppress(Unavailable):  # whether or not it stands there, it is put there again
                ends[log] = await self._record.append(log, records) + len(records)

        await self._join([partial(put, log, records) for log, records in by_log.items()])
        try:
            await self._record.flush()
        except Unavailable:
            return set()
        self._ends.update(ends)
        return set(ends)
