"""What does a record look like to whoever keeps it as it stands, byte for byte?"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from marea.messages.envelope import Log, Record


class Raw(NamedTuple):
    """A record as Kafka holds it."""

    topic: str
    partition: int
    """Kafka's number of the log."""
    offset: int
    """The record's position on the log."""
    ts_ms: int
    """Kafka's timestamp, ms UTC."""
    key: bytes
    """The log's partition."""
    value: bytes
    """The record in registry framing, or whatever else stands there."""


class RawLogs(Protocol):
    """Logs that give each record as it stands and as it reads."""

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any; of these, if any are named."""
        ...

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[tuple[Raw, Record]]:
        """At most `limit` records from a position on, in order; none at the end.

        What retention has taken is not there: the first record may then stand behind the position.
        Raises `Unavailable`.
        """
        ...
