"""A record as it stands on Kafka: registry framing, which tells every reader its schema.

A zero byte, the schema's id as four bytes (big-endian), and the record in Avro's binary encoding:
what kcat, ksqlDB, Flink, Spark and Kafka Connect read. `schemas/ids.json` says which schema an id
stands for.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple, cast

import fastavro

from marea.messages.avro import Schema, decode_avro, encode_avro, schema_of
from marea.messages.channels import CHANNELS_FILE
from marea.messages.envelope import Record
from marea.messages.errors import VALUE_SHOWN_MAX, BadMessage
from marea.messages.types import TYPES

MAGIC: Final = 0
SCHEMAS: Final = CHANNELS_FILE.parent
"""The folder of the committed schemas; the released ones are how older versions were written."""

_HEAD = Struct(">BI")


class Written(NamedTuple):
    """By which schema a record was written."""

    kind: str
    schema: Schema | None
    """Parsed by fastavro; none: the present one of its type."""


def schema_id(kind: str, version: int) -> int:
    """Which id has this version of a message type? Derived from both, so it never changes."""
    named = blake2b(f"{kind}.v{version}".encode(), digest_size=4).digest()
    return int.from_bytes(named) >> 1  # registries keep ids as signed integers of 32 bits


class Framing:
    """Frames records and reads frames, by the ids that it knows."""

    def __init__(self, released: Iterable[Schema] = ()) -> None:
        """It knows the ids that `schema_id` gives, of the present types and of these versions."""
        self._heads: dict[str, bytes] = {}
        self._written: dict[int, Written] = {}
        for schema in released:
            self.learn(schema_id(schema["name"], schema["version"]), schema)
        for kind, message in TYPES.items():
            number = schema_id(kind, message.schema_version)
            self.learn(number, schema_of(kind))
            self.write_as(kind, number)

    def knows(self, number: int) -> bool:
        """Whether records with this id can be read."""
        return number in self._written

    def learn(self, number: int, schema: Schema) -> None:
        """Take it that this id stands for this schema, which names its type."""
        kind = schema["name"]
        is_present = kind in TYPES and schema.get("version") == TYPES[kind].schema_version
        parsed = None if is_present else cast(Schema, fastavro.parse_schema(schema))
        self._written[number] = Written(kind, parsed)

    def write_as(self, kind: str, number: int) -> None:
        """Frame records of this type with this id from now on."""
        self._heads[kind] = _HEAD.pack(MAGIC, number)

    def frame(self, record: Record) -> bytes:
        """The record as a value for Kafka.

        Raises `BadMessage` where it can't be written: NaN, infinity, an amount beyond 64 bits.
        """
        return self._heads[type(record.message).__name__] + encode_avro(record)

    def unframe(self, data: bytes) -> Record:
        """The record that a value from Kafka holds; raises `BadMessage` for anything else."""
        number = id_in(data)
        written = self._written.get(number)
        if written is None:
            remedy = (
                "no schema that is known here; take one of schemas/ids.json, upgrade, or set "
                "kafka.registry_url"
            )
            raise BadMessage("schema id", number, remedy)
        return decode_avro(written.kind, data[_HEAD.size :], written.schema)


def id_in(data: bytes) -> int:
    """By which schema was this value written? Raises `BadMessage` where it is no frame."""
    if len(data) < _HEAD.size:
        raise BadMessage("frame", data, "a zero byte and 4 bytes of schema id come first")
    magic, number = _HEAD.unpack_from(data)
    if magic != MAGIC:
        shown = data[:VALUE_SHOWN_MAX]
        raise BadMessage("frame", shown, "write it in registry framing: its first byte is 0")
    return cast(int, number)


def frame(record: Record) -> bytes:
    """`Framing.frame` of this process."""
    return framing().frame(record)


def unframe(data: bytes) -> Record:
    """`Framing.unframe` of this process."""
    return framing().unframe(data)


@cache
def framing() -> Framing:
    """What this process knows of ids: the committed ones, and those that a registry tells it."""
    return Framing(released_before(SCHEMAS))


def released_before(folder: Path) -> Iterator[Schema]:
    """The schemas of versions that were released and aren't the present ones, the oldest first."""
    versions = {
        (schema["name"], schema["version"]): schema
        for file in sorted(folder.glob("released/*/*.avsc"), key=_release)
        for schema in [json.loads(file.read_text("utf-8"))]
    }
    for (kind, version), schema in versions.items():
        if kind not in TYPES or TYPES[kind].schema_version != version:
            yield schema


def _release(file: Path) -> int:
    return int(file.parent.name)
