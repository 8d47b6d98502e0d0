"""A part of some recorded logs, each up to a position that stays, as a bus to read."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from marea.errors import Broken
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.system import DeadLetter

if TYPE_CHECKING:  # it takes packages that the embedded run has not
    from marea.bus.raw import RawLogs

CHUNK_RECORDS = 500
CHUNKS_KEPT_MAX = 100
"""Whoever looks for a time, or back from an event, comes to the same places again."""
NOT_THERE = Record(
    message=DeadLetter(source="", place="", reason="not_there", detail="", payload=b""),
    writer=NOBODY,
    seq=-1,
)
"""What retention has taken, or was not asked for: it holds its place, and readers pass it over."""


class Excerpt:
    """A bus over logs that nobody writes to any more, as far as its readers can tell."""

    def __init__(
        self, logs: "RawLogs", ends: Mapping[Log, int], begins: Mapping[Log, int] | None = None
    ) -> None:
        """Of each log what stands from its begin on, which is 0 where none is named, to its end."""
        self._logs = logs
        self._ends = dict(ends)
        self._begins = dict(begins or {})
        self._chunks: OrderedDict[tuple[Log, int], Sequence[Record]] = OrderedDict()

    def part(self, ends: Mapping[Log, int], begins: Mapping[Log, int]) -> "Excerpt":
        """Of the same logs what stands between these positions."""
        return Excerpt(self._logs, ends, begins)

    async def append(self, log: Log, records: Sequence[Record]) -> int:  # noqa: ARG002 # none is taken
        """Refused: the logs are their writers' alone."""
        raise Broken(f"{log} is recorded: only its own writer adds to it")

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """The `limit` records from a position on, or all up to the end. Raises as the logs do."""
        end = min(position + limit, self._ends.get(log, 0))
        found: list[Record] = []
        while position < end:
            first = position - position % CHUNK_RECORDS
            chunk = await self._chunk(log, first)
            part = chunk[position - first : end - first]
            found += part
            position += len(part)
        return found

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log."""
        return {log: end for log, end in self._ends.items() if not logs or log in logs}

    async def flush(self) -> None:
        """Nothing is waiting."""

    async def _chunk(self, log: Log, first: int) -> Sequence[Record]:
        key = log, first
        if key not in self._chunks:
            self._chunks[key] = await self._fetch(log, first)
            if len(self._chunks) > CHUNKS_KEPT_MAX:
                self._chunks.popitem(last=False)
        self._chunks.move_to_end(key)
        return self._chunks[key]

    async def _fetch(self, log: Log, first: int) -> Sequence[Record]:
        from marea.bus.raw import record_of  # noqa: PLC0415 # as above

        end = min(first + CHUNK_RECORDS, self._ends[log])
        position = max(first, min(end, self._begins.get(log, 0)))
        found = [NOT_THERE] * (position - first)
        while position < end:
            raws = await self._logs.read_raw(log, position, end - position)
            if not raws:
                raise Broken(
                    f"{log} has nothing at position {position}, and ended after it: restore the log "
                    "from its archive"
                )
            skipped = min(raws[0].offset, end) - position
            found += [NOT_THERE] * skipped
            found += [record_of(log, raw) for raw in raws if raw.offset < end]
            position = first + len(found)
        return found
