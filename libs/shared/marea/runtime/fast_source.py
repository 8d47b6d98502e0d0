"""The inputs of a loop that is in a hurry: from the fast copy while it can, and always as on record.

The log is the record, and is followed all the time. A copy is given early only when the record
before it is the last one that was given, so nothing is ever given that the log could not hold at
this place: what is missing on the fast copy comes from the log. What was given early is confirmed
when the log brings it. Where the log brings another record instead, its writer died before that one
was safe: what was made of it must never be on record, and the life that took it is over.

Positions count the records of the log that readers take: without second copies, and without what
was written under an epoch that was over or never began. They are the same whichever way a record came.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from msgspec.structs import replace

from marea.bus.fast import FIRST, FastCopy, Key, key_of
from marea.bus.port import Bus, Snapshots
from marea.errors import Broken, Unavailable
from marea.messages.envelope import Log, Record
from marea.runtime.counting import Cursor
from marea.runtime.cursors import Cursors

READ_RECORDS_MAX = 1_000
AHEAD_RECORDS_MAX = 10_000
"""Given and not confirmed; beyond it the log is waited for."""
COPIES_HELD_MAX = 10_000
"""Read from the fast copy before the record that they follow."""


Expect: TypeAlias = Callable[[Log, Record], None]


def expect_nothing(log: Log, record: Record) -> None:
    """The log decodes whatever it brings."""


class NeverRecorded(Unavailable):
    """What a loop took early was lost with its writer; a new life takes what there is instead."""


class FastSource:
    """The source of a loop, and the keeper of its snapshots."""

    def __init__(
        self,
        log: Log,
        record: Bus,
        fast: FastCopy,
        snapshots: Snapshots,
        expect: Expect = expect_nothing,
    ) -> None:
        """`expect` is told of each record that is given before the log has it."""
        self.log = log
        self._expect = expect
        self._record = record
        self._fast = fast
        self._snapshots = Cursors(snapshots, Cursor)
        self._unsafe: tuple[str, int, bytes, tuple[int, Cursor]] | None = None
        """A snapshot that rests on records that are not confirmed."""
        self._begin(0, Cursor())

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on.

        Raises `NeverRecorded` when some of what was given before never will be on the log, `Broken`
        when the log ends before the position.
        """
        assert log == self.log, f"{log} is asked for, and {self.log} is followed"
        if position != self._given:
            await self._go_to(position)
        found: list[Record] = []
        await self._follow(found, limit)
        await self._overtake(found, limit)
        self._given += len(found)
        return found

    async def confirm(self) -> None:
        """Read of the log what was given early, as far as it is there, and give nothing.

        Raises `NeverRecorded` as `read` does.
        """
        await self._follow([], 0)

    @property
    def confirmed(self) -> int:
        """How many of the records that were given are known to be on the log, from the first on."""
        return self._confirmed

    @property
    def offset(self) -> int:
        """How many records of the log were read, with those that nobody takes."""
        return self._cursor.offset

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a snapshot as soon as all that it rests on is on the log; one waits at a time."""
        if self._unsafe is None:
            cursor = self._cursor
            kept = replace(cursor, keys=dict(cursor.keys), early=dict(cursor.early))
            place = self._confirmed, kept
            self._unsafe = name, position, body, place
            await self._save_if_safe()

    async def load(self, name: str) -> Sequence[bytes]:
        """The snapshots that are kept, the latest first."""
        return await self._snapshots.load(name)

    # Where it stands

    def _begin(self, position: int, cursor: Cursor) -> None:
        self._given = self._confirmed = position
        self._cursor = cursor
        self._last = cursor.last
        """The key of the last record that was given."""
        self._ahead: deque[Record] = deque()
        """Given and not confirmed."""
        self._incarnation = ""
        self._copy_id = FIRST
        self._held: dict[Key, Record] = {}
        """Copies by the record that they follow."""

    async def _go_to(self, position: int) -> None:
        self._begin(*(self._snapshots.before(position) or (0, Cursor())))
        while self._given < position:
            found: list[Record] = []
            await self._take_from_log(found, min(READ_RECORDS_MAX, position - self._given))
            if not found:
                raise Broken(
                    f"{self.log}: position {position} is asked for, and the log ends at "
                    f"{self._given}; restore it from its archive"
                )
            self._given += len(found)

    # The log

    async def _follow(self, found: list[Record], limit: int) -> None:
        try:
            await self._take_from_log(found, limit)
        except NeverRecorded:
            raise
        except Unavailable:
            return  # what is not confirmed stays so, and is bounded
        await self._save_if_safe()

    async def _take_from_log(self, found: list[Record], limit: int) -> None:
        # Each record confirms one that was given early, or is found.
        while count := len(self._ahead) + limit - len(found):
            records = await self._record.read(self.log, self._cursor.offset, count)
            if not records:
                return
            for record in records:
                self._take(record, found)

    def _take(self, record: Record, found: list[Record]) -> None:
        taken = self._cursor.take(record)
        if taken is None:
            return
        key = key_of(taken)
        if self._ahead:
            self._confirm(key, record)
        else:
            if self._last is not None:
                self._held.pop(self._last, None)
            self._last = key
            found.append(taken)
        self._confirmed += 1

    def _confirm(self, key: Key, record: Record) -> None:
        given = self._ahead.popleft()
        if key_of(given) != key:
            raise NeverRecorded(
                f"{self.log} holds {key} at position {self._confirmed}, where {key_of(given)} was "
                "taken from the fast copy, which will never be on record: start anew"
            )
        if given.message != record.message:
            raise NeverRecorded(
                f"{self.log} holds another {key} at position {self._confirmed} than was taken from "
                "the fast copy, whose bytes were changed: start anew, and see who writes there"
            )

    async def _save_if_safe(self) -> None:
        if self._unsafe is not None and self._unsafe[1] <= self._confirmed:
            unsafe, self._unsafe = self._unsafe, None
            await self._snapshots.save(*unsafe)

    # The fast copy

    async def _overtake(self, found: list[Record], limit: int) -> None:
        if len(found) == limit:
            return  # far behind, where the log is read in larger pieces
        with suppress(Unavailable):  # the log has it all
            await self._hold()
        limit = min(limit, len(found) + AHEAD_RECORDS_MAX - len(self._ahead))
        while self._last is not None and len(found) < limit:
            record = self._held.pop(self._last, None)
            if record is None:
                return
            self._last = key_of(record)
            self._ahead.append(record)
            self._expect(self.log, record)
            found.append(record)

    async def _hold(self) -> None:
        page = await self._fast.read(self.log, self._copy_id, READ_RECORDS_MAX)
        if page.incarnation != self._incarnation:
            self._incarnation, self._copy_id = page.incarnation, FIRST
            page = await self._fast.read(self.log, FIRST, READ_RECORDS_MAX)
        for copy in page.copies:
            self._copy_id = copy.id
            self._held[copy.after] = copy.record
        while len(self._held) > COPIES_HELD_MAX:
            del self._held[next(iter(self._held))]
