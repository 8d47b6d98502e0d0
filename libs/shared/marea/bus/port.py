"""How does an event get from its writer to its readers, in order and for ever?

A bus holds ordered logs. A position on a log is the number of records before it; a reader keeps
its own. A log keeps what it is given: a writer that does not know whether an append went through
appends again, and readers drop the second copy by producer, epoch and `seq`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from marea.messages.envelope import Log, Record


class Bus(Protocol):
    """Ordered logs of records."""

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Put records at the end of a log, and give the position of the first.

        All of them or none, unless they are too many for one write of the log's own: then a failure
        may leave the first ones there.

        Readers on this bus see them at once. They are acknowledged, and outlive a kill of this
        process, only when `flush` has returned; what a kill takes before that, it takes from the
        end: no record survives one that was appended before it, on whatever log.

        Of appends to one log that are under way at the same time any may come first; who wants an
        order waits for each before the next. A bus that puts records on its log later (`DoubleBus`)
        gives a position at or before the first, and shows them when they are there.

        Raises `Unavailable` when the log can't take them; the outcome is then unknown.
        """
        ...

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on, in order; none at the end."""
        ...

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log that holds any; of these, if any are named."""
        ...

    async def flush(self) -> None:
        """Return once everything appended so far is safe."""
        ...


class Snapshots(Protocol):
    """Where loops keep their state, so that a start need not read a log from its begin."""

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep the state after `position` inputs; it never becomes safe before what it rests on."""
        ...

    async def load(self, name: str) -> Sequence[bytes]:
        """The states that are kept, the latest first."""
        ...
