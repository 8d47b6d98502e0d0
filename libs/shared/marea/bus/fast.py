"""How does a reader get an event before its log is safe: the port of the fast copy.

A fast copy keeps the end of some logs, in memory and for a short while. Nothing rests on it: it may
lose what it holds, take a record twice, trim it, come back empty or not at all. Each record names
the one before it on its log, so that a reader sees by itself what is missing, and reads that on
the log.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from marea.messages.envelope import Log, Record
from marea.messages.system import Started

FIRST = ""
"""The id before that of any copy."""
STARTED_SEQ = -1

Key: TypeAlias = tuple[str, int, int]
"""Producer, epoch and seq: what names a record on its log. Of one producer they rise."""


class Copy(NamedTuple):
    """A record as the fast copy holds it."""

    id: str
    """Where it stands in the fast copy's own order."""
    after: Key
    """The record before it on its log."""
    record: Record


class Page(NamedTuple):
    """Copies in the order in which they were added."""

    incarnation: str
    """Another one where the fast copy was flushed, or came back: ids of before mean nothing now."""
    copies: Sequence[Copy]


class FastCopy(Protocol):
    """The ends of logs, for readers in a hurry."""

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Add records that stand on the log in this order behind the record `after`.

        Raises `Unavailable` when they can't be taken; some may stand there nevertheless.
        """
        ...

    async def read(self, log: Log, after_id: str, limit: int) -> Page:
        """At most `limit` copies behind the one of this id; what was trimmed is left out.

        Raises `Unavailable`.
        """
        ...


def key_of(record: Record) -> Key:
    """What names this record; a `Started`, which has no number, comes before all of its life."""
    seq = STARTED_SEQ if type(record.message) is Started else record.seq
    return record.writer.producer, record.writer.epoch, seq
