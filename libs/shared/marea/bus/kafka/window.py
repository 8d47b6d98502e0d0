"""The end of one log, in memory: how do all readers in the process share what was fetched once?"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from marea.bus.raw import Raw, record_of
from marea.messages.envelope import Log, Record

RECORDS_MAX = 4_096
BYTES_MAX = 1_000_000
"""Of values; what was decoded takes a few times as much."""
AGE_S_MAX = 60.0
"""What came before that goes, so that the window of a slow log is not filled for hours."""
MARK_S = 1.0
"""When records came is known as closely as this."""
SLACK = 5 / 4
"""So much more may stand here before the oldest go, many at a time."""


class Window:
    """The last records of a log, as they came and, once someone has read them, decoded."""

    def __init__(self, log: Log, position: int, known_end: int) -> None:
        """`position` is where it begins."""
        self.log = log
        self.first = position
        self.known_end = known_end
        """Where the log is known to end: not less than what this process has appended."""
        self.heard_s = float("-inf")
        """When a broker last told its end, on the monotonic clock."""
        self.read_s = time.monotonic()
        """When somebody last read here."""
        self.grown = asyncio.Event()
        self._raws: list[Raw] = []
        self._records: list[Record | None] = []
        self._bytes = 0
        self._came: deque[tuple[float, int]] = deque()
        """When records came, on the monotonic clock, and the end behind them."""
        self._own: dict[bytes, Record] = {}

    @property
    def end(self) -> int:
        """The position after the last record that is here."""
        return self.first + len(self._raws)

    def expect(self, value: bytes, record: Record) -> None:
        """Remember what is about to be appended: when it comes, it need not be decoded."""
        self._own[value] = record
        if len(self._own) > RECORDS_MAX:
            del self._own[next(iter(self._own))]

    def extend(self, raws: Sequence[Raw]) -> None:
        """Take what was fetched; what is here already is left aside, and the oldest goes."""
        known = self.end - raws[0].offset if raws else 0
        fresh = raws[known:] if known > 0 else raws
        self._raws += fresh
        self._records += [None] * len(fresh)
        self._bytes += sum(_size(raw) for raw in fresh)
        self.known_end = max(self.known_end, self.end)
        now_s = time.monotonic()
        if self._came and now_s - self._came[-1][0] < MARK_S:
            now_s, _ = self._came.pop()
        self._came.append((now_s, self.end))
        is_old = now_s - self._came[0][0] > AGE_S_MAX * SLACK
        if is_old or len(self._raws) > RECORDS_MAX * SLACK or self._bytes > BYTES_MAX * SLACK:
            self._let_go(now_s)
        self.grown.set()

    def raws(self, position: int, limit: int) -> Sequence[Raw]:
        """What stands from a position in the window on."""
        at = self._at(position)
        return self._raws[at : at + limit]

    def records(self, position: int, limit: int) -> Sequence[Record]:
        """The records from a position in the window on; each is decoded once."""
        at = self._at(position)
        found = []
        for place, known in enumerate(self._records[at : at + limit], at):
            record = known or self._decode(self._raws[place])
            self._records[place] = record
            found.append(record)
        return found

    def _at(self, position: int) -> int:
        assert position >= self.first, f"{self.log}: {position} is before {self.first}"
        return position - self.first

    def _decode(self, raw: Raw) -> Record:
        return self._own.pop(raw.value or b"", None) or record_of(self.log, raw)

    def _let_go(self, now_s: float) -> None:
        gone = max(0, len(self._raws) - RECORDS_MAX)
        while self._came and now_s - self._came[0][0] > AGE_S_MAX:
            _, end = self._came.popleft()
            gone = max(gone, end - self.first)
        self._bytes -= sum(_size(raw) for raw in self._raws[:gone])
        while self._bytes > BYTES_MAX and gone < len(self._raws) - 1:
            self._bytes -= _size(self._raws[gone])
            gone += 1
        del self._raws[:gone], self._records[:gone]
        self.first += gone


def _size(raw: Raw) -> int:
    return len(raw.value or b"")
