"""How do the logs get into the archive?"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import polars as pl

from marea.bus.raw import Raw
from marea.messages.envelope import Log
from services.recorder.sink import Batch
from services.recorder.sinks.archive import (
    ENTRIES_MAX,
    MANIFESTS,
    RAW,
    Archive,
    Entry,
    Manifest,
    entry_of,
    folder_of,
    manifest_name,
    object_name,
    pack,
    read_manifest,
    unpack,
)
from services.recorder.sinks.store import Objects

Result = TypeVar("Result")

WRITES_MAX = 8
"""Logs that are written to at the same time."""


@dataclass(slots=True)
class _End:
    """The end of one log in the archive."""

    log: Log
    entries: tuple[Entry, ...] = ()
    """Of the last manifest."""
    tag: str | None = None
    """The version of it that we know."""

    @property
    def position(self) -> int:
        return self.entries[-1].last + 1 if self.entries else 0


class ObjectSink:
    """The archive, written. Nothing else is kept: what stands there says how far it goes."""

    name = "objects"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._ends: dict[Log, _End] = {}
        self._writes = asyncio.Semaphore(WRITES_MAX)

    async def open(self) -> None:
        """Look anew at what stands there."""
        self._ends = {}

    async def positions(self) -> Mapping[Log, int]:
        """Where the manifests end, with what an earlier recorder has written and not named yet."""
        archive = Archive(self._objects)
        logs = {*await archive.logs(MANIFESTS), *await archive.logs(RAW)}
        await _all(map(self._find, sorted(logs)))
        return {log: end.position for log, end in self._ends.items() if end.entries}

    async def write(self, batches: Sequence[Batch]) -> int:
        """Write each batch as an object, then the manifest that names it."""
        return sum(await _all(map(self._write, batches)))

    async def close(self) -> None:
        """Nothing is held."""

    async def _find(self, log: Log) -> None:
        async with self._writes:
            end = self._ends[log] = _End(log)
            names = await self._objects.names(folder_of(MANIFESTS, log))
            found = await self._objects.get(names[-1]) if names else None
            if found is not None:
                end.entries, end.tag = read_manifest(names[-1], found.body).entries, found.tag
            after = f"{folder_of(RAW, log)}/{end.position:020d}"
            for name in await self._objects.names(folder_of(RAW, log), after):
                await self._adopt(end, name)

    async def _adopt(self, end: _End, name: str) -> None:
        # A recorder that was killed between an object and its manifest has left it.
        found = await self._objects.get(name)
        raws = _readable(found.body) if found is not None else None
        if found is not None and raws is not None:
            entry = entry_of(raws, found.body)
            is_ours = name == object_name(end.log, entry.first, entry.last)
            if is_ours and entry.first >= end.position:
                await self._enter(end, entry)

    async def _write(self, batch: Batch) -> int:
        end = self._ends.setdefault(batch.log, _End(batch.log))
        raws = [raw for raw in batch.raws if raw.offset >= end.position]
        if not raws:
            return 0
        async with self._writes:
            body = await asyncio.to_thread(pack, raws)
            name = object_name(batch.log, raws[0].offset, raws[-1].offset)
            entry = entry_of(raws, body)
            if not await self._objects.create(name, body):
                entry = await self._settle(name, raws, body)
            await self._enter(end, entry)
        return len(raws)

    async def _settle(self, name: str, raws: Sequence[Raw], body: bytes) -> Entry:
        # One of that name is there, and in no manifest: the same, or one that is not whole.
        found = await self._objects.get(name)
        if found is not None and _readable(found.body) == raws:
            return entry_of(raws, found.body)
        await self._objects.put(name, body)
        return entry_of(raws, body)

    async def _enter(self, end: _End, entry: Entry) -> None:
        is_full = len(end.entries) >= ENTRIES_MAX
        entries = (entry,) if is_full else (*end.entries, entry)
        manifest = Manifest(channel=end.log.channel, partition=end.log.partition, entries=entries)
        name, body = manifest_name(end.log, entries[0].first), msgspec.json.encode(manifest)
        end.tag = await self._objects.replace(name, body, None if len(entries) == 1 else end.tag)
        end.entries = entries


async def _all(works: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    # What one of them raises, when none is at work any more.
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _readable(body: bytes) -> list[Raw] | None:
    try:
        return unpack(body) or None
    except pl.exceptions.PolarsError:
        return None
