"""A recorded market, heard again window by window, over what is written anew in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from marea.bus.memory import MemoryBus
from marea.bus.port import Bus
from marea.errors import Broken
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.system import Clock, ClockOffset
from marea.runtime.loop import Loop

READ_RECORDS_MAX = 1_000


class _Heard:
    """One recorded log, as far as it is heard."""

    def __init__(self, record: Bus, log: Log, end: int) -> None:
        self.record = record
        self.log = log
        self.end = end
        """The position after its last record."""
        self.heard = 0
        """Readers see nothing from this position on."""
        self.ts_next: Nanos | None = 0
        """The clock of the window that begins at `heard`; None: none does."""
        self._clock_at = -1
        self._first = 0
        self._kept: list[Record] = []
        """From the position `_first` on: what is heard now, and what was read ahead."""

    async def begin(self) -> None:
        self.ts_next = await self._find_clock()

    async def hear_window(self) -> None:
        # What stands before the first clock (a start, an instrument) is heard with its window.
        self.ts_next = await self._find_clock()
        self.heard = self.end if self.ts_next is None else self._clock_at
        if self.ts_next is not None and await self._tells_offset(self.heard - 1):
            self.heard -= 1  # the offset is told together with the clock that rests on it

    async def read(self, position: int, limit: int) -> Sequence[Record]:
        end = min(position + limit, self.heard)
        if position < self._first:
            return await self.record.read(self.log, position, max(0, end - position))
        return self._kept[position - self._first : max(0, end - self._first)]

    async def _find_clock(self) -> Nanos | None:
        while (found := await self._at(self._clock_at + 1)) is not None:
            self._clock_at += 1
            if type(found.message) is Clock:
                return found.message.ts_event
        return None

    async def _tells_offset(self, position: int) -> bool:
        found = await self._at(position)
        return found is not None and type(found.message) is ClockOffset

    async def _at(self, position: int) -> Record | None:
        while position >= (known := self._first + len(self._kept)):
            limit = min(READ_RECORDS_MAX, self.end - known)
            if limit <= 0:
                return None
            self._forget()
            self._kept += await self.record.read(self.log, known, limit)
        return self._kept[position - self._first]

    def _forget(self) -> None:
        # Readers are at most one window behind; who is further behind reads the record.
        gone = self.heard - READ_RECORDS_MAX - self._first
        if gone > 0:
            del self._kept[:gone]
            self._first += gone


class RecordedMarket:
    """The logs of the market of a record, heard a window at a time, and a bus over them.

    It takes ingestion's place as the first stage of a run. Loops read what is heard so far from the
    record itself, where it is copied from nowhere; all other logs are new, and live in memory.
    """

    def __init__(self, record: Bus, ends: Mapping[Log, int]) -> None:
        """Nothing is heard yet; `ends` are those of the record's logs."""
        self.bus = _Overlay(
            {log: _Heard(record, log, end) for log, end in ends.items() if log.channel == "market"}
        )
        self._logs = self.bus.heard
        self._now: Nanos = 0

    @property
    def instruments(self) -> Sequence[str]:
        """The ids of those whose logs are recorded."""
        return sorted(log.partition for log in self._logs)

    @property
    def loops(self) -> Sequence[Loop[Any]]:
        """None: what ingestion said stands on the record."""
        return ()

    @property
    def now(self) -> Nanos:
        """The clock of the latest window."""
        return self._now

    def progress(self) -> float:
        """How much of it is heard, in 0…1."""
        total = sum(each.end for each in self._logs.values())
        return sum(each.heard for each in self._logs.values()) / max(1, total)

    async def start(self) -> None:
        """Find where the first window begins."""
        for each in self._logs.values():
            await each.begin()

    async def advance(self) -> bool:
        """Let the next window be heard on every log that has it; False at the end."""
        times = [each.ts_next for each in self._logs.values() if each.ts_next is not None]
        if not times:
            return False
        self._now = min(times)
        for each in self._logs.values():
            if each.ts_next == self._now:
                await each.hear_window()
        return True


class _Overlay:
    """A bus of recorded logs, that nobody writes to, and of others in memory."""

    def __init__(self, heard: Mapping[Log, _Heard]) -> None:
        self.heard = heard
        self._others = MemoryBus()

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        if log in self.heard:
            raise Broken(
                f"{log.channel}/{log.partition} is recorded: only its own writer adds to it"
            )
        return await self._others.append(log, records)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        if log in self.heard:
            return await self.heard[log].read(position, limit)
        return await self._others.read(log, position, limit)

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        heard = {
            log: each.heard
            for log, each in self.heard.items()
            if each.heard and (not logs or log in logs)
        }
        return {**heard, **await self._others.ends(*logs)}

    async def flush(self) -> None:
        await self._others.flush()
