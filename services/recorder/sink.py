"""Where does the record go: the port of a store that the recorder writes to."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from marea.bus.raw import Raw, record_of
from marea.messages.envelope import Log, Record


class Kept:
    """A record as it stands on Kafka; what it says is read when it is asked for, once for all."""

    __slots__ = ("_record", "log", "raw")

    def __init__(self, log: Log, raw: Raw) -> None:
        self.log = log
        self.raw = raw
        self._record: Record | None = None

    @property
    def size_bytes(self) -> int:
        """Of its key and its value."""
        return len(self.raw.key or b"") + len(self.raw.value or b"")

    @property
    def record(self) -> Record:
        """What it says; where it can't be read a `DeadLetter` by nobody."""
        if self._record is None:
            self._record = record_of(self.log, self.raw)
        return self._record


class Batch:
    """Records that follow each other on one log, at least one."""

    def __init__(self, log: Log, kept: Sequence[Kept]) -> None:
        self.log = log
        self.kept = kept

    @property
    def position(self) -> int:
        """Of the first record."""
        return self.kept[0].raw.offset

    @property
    def end(self) -> int:
        """The position after the last record."""
        return self.kept[-1].raw.offset + 1

    @cached_property
    def raws(self) -> Sequence[Raw]:
        """The records as they stand on Kafka."""
        return [each.raw for each in self.kept]

    @cached_property
    def records(self) -> Sequence[Record]:
        """The same records as they read, one for each; those that can't be read are by `NOBODY`."""
        return [each.record for each in self.kept]


class Sink(Protocol):
    """A store with a position of its own on each log.

    Only one recorder writes to it at a time. Every verb raises `Unavailable` where the store is
    away and what came of it is unknown: the recorder then asks for the positions and goes on from
    these. Anything else that a sink raises stops it, and no other.
    """

    name: str
    """By which metrics and logs call it: `postgres`."""

    async def open(self) -> None:
        """Be ready to write; called again after any `Unavailable`."""
        ...

    async def positions(self) -> Mapping[Log, int]:
        """How far each log is in the store; a log that is not named is not in it at all."""
        ...

    async def write(self, batches: Sequence[Batch]) -> int:
        """Keep these, at most one batch a log, and then their positions; give the rows written.

        The position becomes safe with the rows or after them, never before: what is written twice,
        even in batches with other borders, stands there once.
        """
        ...

    async def close(self) -> None:
        """Let go of the store; what was written stays."""
        ...
