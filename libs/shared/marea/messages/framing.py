"""A record as it stands on Kafka: registry framing, which tells every reader its schema.

A zero byte, the schema's id as four bytes (big-endian), and the record in Avro's binary encoding:
what kcat, ksqlDB, Flink, Spark and Kafka Connect read. `schemas/ids.json` says which schema an id
stands for.
"""

import json
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple, cast

import fastavro

from marea.messages.avro import Schema, decode_avro, encode_avro
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
    """Frames records and reads frames, by the ids that it was given."""

    def __init__(self, present: dict[str, int], written: dict[int, Written]) -> None:
        self._heads = {kind: _HEAD.pack(MAGIC, number) for kind, number in present.items()}
        self._written = written

    def frame(self, record: Record) -> bytes:
        """The record as a value for Kafka.

        Raises `BadMessage` where it can't be written: NaN, infinity, an amount beyond 64 bits.
        """
        return self._heads[type(record.message).__name__] + encode_avro(record)

    def unframe(self, data: bytes) -> Record:
        """The record that a value from Kafka holds; raises `BadMessage` for anything else."""
        if len(data) < _HEAD.size:
            raise BadMessage("frame", data, "a zero byte and 4 bytes of schema id come first")
        magic, number = _HEAD.unpack_from(data)
        if magic != MAGIC:
            shown = data[:VALUE_SHOWN_MAX]
            raise BadMessage("frame", shown, "write it in registry framing: its first byte is 0")
        written = self._written.get(number)
        if written is None:
            remedy = "no schema of this version; take one of schemas/ids.json, or upgrade"
            raise BadMessage("schema id", number, remedy)
        return decode_avro(written.kind, data[_HEAD.size :], written.schema)


def frame(record: Record) -> bytes:
    """`Framing.frame` by the ids of the committed schemas."""
    return committed().frame(record)


def unframe(data: bytes) -> Record:
    """`Framing.unframe` by the ids of the committed schemas."""
    return committed().unframe(data)


@cache
def committed(folder: Path = SCHEMAS) -> Framing:
    """The framing by the present message types, and by every older version that was released."""
    present = {kind: schema_id(kind, message.schema_version) for kind, message in TYPES.items()}
    written = {number: Written(kind, None) for kind, number in present.items()}
    for schema in _released(folder):
        number = schema_id(schema["name"], schema["version"])
        if number not in written:
            parsed = cast(Schema, fastavro.parse_schema(schema))
            written[number] = Written(schema["name"], parsed)
    return Framing(present, written)


def _released(folder: Path) -> Iterator[Schema]:
    for file in sorted(folder.glob("released/*/*.avsc")):
        yield json.loads(file.read_text("utf-8"))
