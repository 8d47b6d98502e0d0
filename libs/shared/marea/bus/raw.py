"""What does a record look like byte for byte, and what does it say?"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from marea.messages.channels import load_channels
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.errors import BadMessage
from marea.messages.framing import unframe
from marea.messages.ids import derived_id
from marea.messages.system import DeadLetter


class Raw(Struct, frozen=True, gc=False):
    """What stands at one offset of a Kafka partition."""

    partition: int
    """Kafka's number of the log."""
    offset: int
    """The record's position on the log."""
    ts_ms: int
    """When its producer wrote it, ms UTC; -1 where no record stands."""
    key: bytes | None
    """The log's partition, where it is one of ours."""
    value: bytes | None
    """The record in registry framing, or whatever else; None: no record stands there."""


class RawLogs(Protocol):
    """Logs that give each record as it stands."""

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any; of these, if any are named."""
        ...

    async def raw_ends(self) -> Mapping[Log, int]:
        """As `ends`, of all logs, those with the snapshots of loops too: `snapshots/<loop>`.

        Raises `Unavailable`.
        """
        ...

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        """At most `limit` records from a position on, in order; none at the end.

        What retention has taken is not there: the first record may then stand behind the position.
        Raises `Unavailable`.
        """
        ...


def record_of(log: Log, raw: Raw) -> Record:
    """What a record of this log says; a void one where it can't be read, or has no place there."""
    try:
        record = unframe(raw.value or b"")
    except BadMessage as error:
        return _void(log, raw, "unreadable", str(error))
    kind = type(record.message).__name__
    if not load_channels().by_name[log.channel].holds(kind):
        return _void(log, raw, "wrong_channel", f"{kind} has no place on {log.channel}")
    return record


def _void(log: Log, raw: Raw, reason: str, detail: str) -> Record:
    message = DeadLetter(
        id=derived_id("bus", log, "DeadLetter", "", str(raw.offset)),
        ts_event=raw.ts_ms * 1_000_000,
        source=str(log),
        place=f"offset {raw.offset}",
        reason=reason,
        detail=detail,
        payload=raw.value or b"",
    )
    return Record(message=message, writer=NOBODY, seq=-1)  # its time is nobody's either
