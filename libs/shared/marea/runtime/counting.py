"""Which records of a log do its readers take, and how are these counted?

On a log with a fast copy a position counts the records that are taken: without second copies, without
what nobody could read or was written under an epoch that was over. So it is the same whether a record
came from the fast copy or from the log.
"""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from marea.bus.fast import STARTED_SEQ, Key, key_of
from marea.bus.port import Bus
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.system import Started

READ_RECORDS_MAX = 1_000
BEFORE_ALL = (-1, STARTED_SEQ)


class Cursor(Struct, kw_only=True):
    """How far a log was read; it is kept with snapshots."""

    offset: int = 0
    """How many records of the log were read, with those that nobody takes."""
    last: Key | None = None
    """The last one that is taken."""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Epoch and seq of the last one of each producer."""
    early: dict[str, int] = field(default_factory=dict)
    """The seq of the last one of a producer that stands behind a gap, unless the gap was filled."""

    def take(self, record: Record) -> Record | None:
        """Go on behind the next record of the log; give it as readers know it, None where none takes it."""
        record = _with_epoch(record, self.offset)
        self.offset += 1
        if record.writer == NOBODY or not self._takes(key_of(record)):
            return None
        return record

    def _takes(self, key: Key) -> bool:
        # What a life wrote that began here, in its order. What comes too early may be anybody's: the
        # gap is believed when the next one follows that one, and both are not the awaited one.
        producer, epoch, seq = key
        life, last_seq = self.keys.get(producer, BEFORE_ALL)
        if seq == STARTED_SEQ:
            is_taken = epoch > life
        else:
            is_taken = epoch == life and last_seq < seq in (
                last_seq + 1,
                self.early.get(producer, seq) + 1,
            )
            if epoch == life and seq > last_seq and not is_taken:
                self.early[producer] = seq
        if is_taken:
            self.keys[producer], self.last = (epoch, seq), key
            self.early.pop(producer, None)
        return is_taken


class Counted:
    """The records of one log that readers take, at the positions by which these know them."""

    def __init__(self, log: Log, bus: Bus) -> None:
        self._log = log
        self._bus = bus
        self._cursor = Cursor()
        self._position = 0

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on; it goes on where it stopped, or else anew."""
        assert log == self._log, f"{log} is asked for, and {self._log} is counted"
        if position < self._position:
            self._cursor, self._position = Cursor(), 0
        while self._position < position:
            if not await self._next(position - self._position):
                return ()
        return await self._next(limit)

    async def _next(self, limit: int) -> Sequence[Record]:
        found: list[Record] = []
        while not found:
            records = await self._bus.read(self._log, self._cursor.offset, limit)
            if not records:
                break
            found = [taken for each in records if (taken := self._cursor.take(each)) is not None]
        self._position += len(found)
        return found


def _with_epoch(record: Record, offset: int) -> Record:
    # A start is where it stands on the log; here positions are counted otherwise.
    if type(record.message) is not Started:
        return record
    return replace(record, writer=replace(record.writer, epoch=offset))
