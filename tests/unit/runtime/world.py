"""A world in which a process dies between any two steps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import Log, Record


class Killed(BaseException):
    """The process is gone; nothing catches it."""


class World:
    """A bus and snapshots whose calls are counted, and that kill their caller at chosen ones.

    Each call is two boundaries: before its effect, and after it but before its caller knows.
    """

    def __init__(self, bus: Bus, snapshots: Snapshots) -> None:
        self.bus = bus
        self.snapshots = snapshots
        self.kills: set[int] = set()
        self.boundary = 0

    def pass_boundary(self) -> None:
        self.boundary += 1
        if self.boundary in self.kills:
            raise Killed

    async def call(self, effect: Callable[..., Any], *given: object) -> Any:
        self.pass_boundary()
        result = await effect(*given)
        self.pass_boundary()
        return result

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        return int(await self.call(self.bus.append, log, records))

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        found: Sequence[Record] = await self.call(self.bus.read, log, position, limit)
        return found

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        found: Mapping[Log, int] = await self.call(self.bus.ends, *logs)
        return found

    async def flush(self) -> None:
        await self.call(self.bus.flush)

    async def save(self, name: str, position: int, body: bytes) -> None:
        await self.call(self.snapshots.save, name, position, body)

    async def load(self, name: str) -> Sequence[bytes]:
        found: Sequence[bytes] = await self.call(self.snapshots.load, name)
        return found
