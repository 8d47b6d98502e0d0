"""How does a source that counts positions of its own find its places again after a start?

It keeps them beside the loop's snapshot, as one with it.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from marea.bus.port import Snapshots

Cursor = TypeVar("Cursor")


class _Kept(Struct, kw_only=True):
    """A snapshot of the loop, and the source's own beside it."""

    position: int
    """Up to which the source had given when the cursor was taken: the loop's, or before it."""
    cursor: bytes
    body: bytes


class Cursors(Generic[Cursor]):
    """A loop's snapshots with the cursors of its source."""

    def __init__(
        self,
        snapshots: Snapshots,
        cursor_type: type[Cursor],
        fits: Callable[[Cursor], bool] = lambda _: True,
    ) -> None:
        """`fits` says whether a cursor is of the logs that are read now."""
        self._snapshots = snapshots
        self._cursor_type = cursor_type
        self._fits = fits
        self._known: dict[int, Cursor] = {}
        """By position, of the snapshots that were loaded."""

    async def save(self, name: str, position: int, body: bytes, place: tuple[int, Cursor]) -> None:
        """Keep a snapshot of the loop after `position` inputs, and a place where its source stood."""
        at, cursor = place
        kept = _Kept(position=at, cursor=msgspec.msgpack.encode(cursor), body=body)
        await self._snapshots.save(name, position, msgspec.msgpack.encode(kept))

    async def load(self, name: str) -> Sequence[bytes]:
        """The loop's own snapshots that are kept, the latest first; their cursors are known then."""
        found: list[bytes] = []
        for encoded in await self._snapshots.load(name):
            try:
                kept = msgspec.msgpack.decode(encoded, type=_Kept)
                cursor = msgspec.msgpack.decode(kept.cursor, type=self._cursor_type)
            except msgspec.DecodeError:
                continue  # another build's, or damaged: an older one, or the logs, give the same
            if self._fits(cursor):
                self._known[kept.position] = cursor
                found.append(kept.body)
        return found

    @property
    def latest(self) -> tuple[int, Cursor] | None:
        """The last place of all that are known."""
        return self.before(max(self._known, default=0))

    def before(self, position: int) -> tuple[int, Cursor] | None:
        """The last place at or before a position; None where no cursor is known there."""
        reached = [at for at in self._known if at <= position]
        return (max(reached), self._known[max(reached)]) if reached else None
