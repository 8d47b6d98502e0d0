"""Where does the record go: the port of a store that the recorder writes to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from marea.bus.raw import Raw
from marea.messages.envelope import Log, Record


class Batch(NamedTuple):
    """Records that follow each other on one log."""

    log: Log
    position: int
    """Of the first record."""
    records: Sequence[Record]
    """What could not be read stands among them as a `DeadLetter` by nobody."""
    raws: Sequence[Raw]
    """The same records as they stand on Kafka, one for each."""

    @property
    def end(self) -> int:
        """The position after the last record."""
        return self.position + len(self.records)


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
