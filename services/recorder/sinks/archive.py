"""How does the archive keep the record for ever, byte for byte, and how is it read again?

    raw/<channel>/<log>/<first>-<last>.parquet      records as they stood on Kafka
    manifests/<channel>/<log>/<first>.json          which of these count, in order, with hashes

An object is written whole or not at all, then the manifest that names it. Both are found by their
names alone: the position of a log is where its last manifest ends. Any tool reads the objects:
Parquet with the columns of `Raw`.
"""

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from io import BytesIO
from string import ascii_letters, digits
from typing import Final

import msgspec
import polars as pl
from msgspec import Struct

from marea.bus.raw import Raw, record_of
from marea.errors import BadInput, Broken
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Record
from services.recorder.sinks.store import Objects

FORMAT: Final = 1
RAW, MANIFESTS = "raw", "manifests"
ENTRIES_MAX = 500
"""A manifest with so many is followed by another one."""
OBJECTS_OPEN_MAX = 4
HASH_BYTES = 20
PLAIN = frozenset(ascii_letters + digits + "._-")
SNAPSHOTS: Final = "snapshots"
"""The channel of the loops' states, which holds no events."""
CHANNELS = frozenset({*load_channels().by_name, SNAPSHOTS})
"""Whose logs are archived: all."""
COLUMNS: Mapping[str, pl.DataType] = {
    "partition": pl.Int32(),
    "offset": pl.Int64(),
    "ts_ms": pl.Int64(),
    "key": pl.Binary(),
    "value": pl.Binary(),
}


class Entry(Struct, frozen=True, kw_only=True):
    """One object that counts."""

    first: int
    """Offset of its first record."""
    last: int
    count: int
    size_bytes: int
    blake2b: str
    """Of its bytes, 160 bits in hex."""


class Manifest(Struct, frozen=True, kw_only=True):
    """Objects of one log, in order; what stands behind the last of them is not archived yet."""

    format: int = FORMAT
    channel: str
    partition: str
    entries: tuple[Entry, ...]


_decode = msgspec.json.Decoder(Manifest).decode


def folder_of(kind: str, log: Log) -> str:
    """Where the objects or the manifests of a log stand."""
    if not log.partition:
        raise BadInput(f"the log {log} has no name: it can't be archived")
    return f"{kind}/{log.channel}/{file_safe(log.partition)}"


def file_safe(name: str) -> str:
    """A name as one part of a path, so that no two are the same there."""
    safe = "".join(
        char if char in PLAIN else "".join(f"!{byte:02X}" for byte in char.encode())
        for char in name
    )
    return f"!2E{safe[1:]}" if safe.startswith(".") else safe  # no `..`, and nothing hidden


def log_of(channel: str, folder: str) -> Log:
    """The log whose objects stand in a folder of a channel."""
    first, *escaped = folder.split("!")
    name = first.encode() + b"".join(
        bytes.fromhex(part[:2]) + part[2:].encode() for part in escaped
    )
    return Log(channel, name.decode())


def object_name(log: Log, first: int, last: int) -> str:
    """The name of the object with these records."""
    return f"{folder_of(RAW, log)}/{first:020d}-{last:020d}.parquet"


def manifest_name(log: Log, first: int) -> str:
    """The name of the manifest whose first object begins there."""
    return f"{folder_of(MANIFESTS, log)}/{first:020d}.json"


def pack(raws: Sequence[Raw]) -> bytes:
    """Records as one Parquet file."""
    columns = {name: [getattr(raw, name) for raw in raws] for name in COLUMNS}
    file = BytesIO()
    pl.DataFrame(columns, schema=COLUMNS).write_parquet(file, compression="zstd")
    return file.getvalue()


def unpack(body: bytes) -> list[Raw]:
    """The records that a Parquet file holds. Raises polars' errors where it is none of ours."""
    frame = pl.read_parquet(BytesIO(body))
    if frame.schema != pl.Schema(COLUMNS):
        raise pl.exceptions.SchemaError(f"columns are {frame.schema}, not those of raw records")
    return [Raw(*row) for row in frame.iter_rows()]


def entry_of(raws: Sequence[Raw], body: bytes) -> Entry:
    """What a manifest says of an object with these records."""
    return Entry(
        first=raws[0].offset,
        last=raws[-1].offset,
        count=len(raws),
        size_bytes=len(body),
        blake2b=digest(body),
    )


def digest(body: bytes) -> str:
    """The hash by which a manifest knows an object."""
    return blake2b(body, digest_size=HASH_BYTES).hexdigest()


def read_manifest(name: str, body: bytes) -> Manifest:
    """The manifest that an object holds. Raises `Broken` where it is damaged, `BadInput` for another format."""
    try:
        manifest = _decode(body)
    except msgspec.DecodeError as err:
        raise Broken(f"{name} is no manifest ({err}): restore it from a copy") from err
    if manifest.format != FORMAT:
        raise BadInput(
            f"{name} has format {manifest.format}: this build reads {FORMAT}, take a newer one"
        )
    return manifest


class Archive:
    """The archive as logs to read: what was on Kafka, long after Kafka has let it go."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._entries: dict[Log, list[Entry]] = {}
        self._open: OrderedDict[str, Sequence[Raw]] = OrderedDict()
        """The objects that were read last."""

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log that is archived; of these, if any are named."""
        wanted = logs or tuple(await self.logs(MANIFESTS))
        found = await asyncio.gather(*map(self.last_manifest, wanted))
        return {
            log: last.entries[-1].last + 1 for log, last in zip(wanted, found, strict=True) if last
        }

    async def raw_ends(self) -> Mapping[Log, int]:
        """As `ends`, of all logs."""
        return await self.ends()

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on; what can't be read is by `NOBODY`."""
        return [record_of(log, raw) for raw in await self.read_raw(log, position, limit)]

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        """At most `limit` records from a position on, as they stood on Kafka.

        Raises `Broken` where an object is missing, or is not what the manifest names.
        """
        entry = await self._entry(log, position)
        if entry is None:
            return []
        raws = await self._raws(log, entry)
        at = bisect_left(raws, position, key=lambda raw: raw.offset)
        return raws[at : at + limit]

    async def logs(self, kind: str) -> list[Log]:
        """The logs of which there are manifests, or objects."""
        channels = await self._objects.folders(kind)
        folders = await asyncio.gather(
            *(self._objects.folders(f"{kind}/{channel}") for channel in channels)
        )
        return [
            log_of(channel, name)
            for channel, names in zip(channels, folders, strict=True)
            for name in names
        ]

    async def last_manifest(self, log: Log) -> Manifest | None:
        """The manifest that says where a log ends; None where none of it is archived."""
        names = await self._objects.names(folder_of(MANIFESTS, log))
        return await self._manifest(names[-1]) if names else None

    async def _manifest(self, name: str) -> Manifest:
        found = await self._objects.get(name)
        if found is None:
            raise Broken(f"{name} was there and is gone: restore it from a copy")
        return read_manifest(name, found.body)

    async def _entry(self, log: Log, position: int) -> Entry | None:
        # The object with the first record at or behind the position.
        entries = self._entries.get(log, [])
        if not entries or position > entries[-1].last:
            names = await self._objects.names(folder_of(MANIFESTS, log))
            manifests = await asyncio.gather(*map(self._manifest, names))
            entries = [entry for manifest in manifests for entry in manifest.entries]
            self._entries[log] = entries
        at = bisect_left(entries, position, key=lambda entry: entry.last)
        return entries[at] if at < len(entries) else None

    async def _raws(self, log: Log, entry: Entry) -> Sequence[Raw]:
        name = object_name(log, entry.first, entry.last)
        if name not in self._open:
            found = await self._objects.get(name)
            if found is None or digest(found.body) != entry.blake2b:
                what = "is missing" if found is None else "has changed"
                raise Broken(f"{name} {what}, its manifest knows it: restore it from a copy")
            self._open[name] = await asyncio.to_thread(unpack, found.body)
            if len(self._open) > OBJECTS_OPEN_MAX:
                self._open.popitem(last=False)
        self._open.move_to_end(name)
        return self._open[name]
