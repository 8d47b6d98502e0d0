"""How can a message on Kafka be wrong? Real ones, changed by a seed.

Two changes are left to the broker's access control, for no reader can tell them from the truth: the
very next number of a life under its own name, and a life's begin (`is_forged`).
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from random import Random
from types import MappingProxyType
from typing import Any

import fastavro
from msgspec import Struct

from marea.bus.raw import Raw, record_of
from marea.messages.avro import schema_of
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.framing import schema_id
from marea.messages.system import Started
from marea.messages.types import TYPES
from marea.messages.wire import to_wire

HEAD_BYTES = 5
NEAR = 64
"""A number so little ahead of the record that was changed may be the next one by the time it arrives."""
TEXTS = ("", "NaN", "1e400", "-0", "\x00", "0" * 5_000, "x" * 200_000)
FLOATS = (float("nan"), float("inf"), 1e308, -0.0)
INTS = (0, -1, 2**63 - 1, -(2**63), 2**40)


class Real(Struct, frozen=True, kw_only=True):
    """A record as it was read."""

    log: Log
    value: bytes
    record: Record


class Damaged(Struct, frozen=True, kw_only=True):
    """What is put on a log."""

    kind: str
    log: Log
    value: bytes | None
    """None: a tombstone."""

    @property
    def record(self) -> Record:
        """What its readers see."""
        return record_of(self.log, Raw(0, 0, 0, None, self.value))

    @property
    def is_valid(self) -> bool:
        """Whether it can be read, and has a place on its log."""
        return self.record.writer != NOBODY


Change = Callable[[Real, Random], bytes | None]


def _turned(real: Real, draw: Random) -> bytes:
    value = bytearray(real.value)
    for _ in range(draw.randint(1, 4)):
        bit = draw.randrange(8 * len(value))
        value[bit // 8] ^= 1 << bit % 8
    return bytes(value)


def _cut(real: Real, draw: Random) -> bytes:
    return real.value[: draw.randrange(1, len(real.value))]


def _of_another_type(real: Real, draw: Random) -> bytes:
    kind = draw.choice(list(TYPES))
    return _head(schema_id(kind, TYPES[kind].schema_version)) + real.value[HEAD_BYTES:]


def _with_another_value(real: Real, draw: Random) -> bytes:
    wire, kind = to_wire(real.record), type(real.record.message).__name__
    holder: dict[str, Any] = draw.choice([wire, wire["envelope"]])
    name = draw.choice([name for name in holder if name != "envelope"])
    value = holder[name]
    if isinstance(value, str):
        holder[name] = draw.choice(TEXTS)
    elif isinstance(value, float):
        holder[name] = draw.choice(FLOATS)
    elif isinstance(value, int) and not isinstance(value, bool):
        holder[name] = draw.choice(INTS)
    else:
        return _turned(real, draw)
    try:
        return real.value[:HEAD_BYTES] + _encoded(kind, wire)
    except ValueError:  # one of a few texts stands there, and Avro writes no other
        return _turned(real, draw)


def _with_nan(real: Real, draw: Random) -> bytes:
    at = draw.randrange(HEAD_BYTES, len(real.value))
    return real.value[:at] + struct.pack("<d", draw.choice(FLOATS)) + real.value[at + 8 :]


def _unknown(real: Real, draw: Random) -> bytes:
    return _head(draw.getrandbits(31)) + real.value[HEAD_BYTES:]


def _of_the_future(real: Real, draw: Random) -> bytes:
    kind = type(real.record.message)
    number = schema_id(kind.__name__, kind.schema_version + 1)
    return _head(number) + real.value[HEAD_BYTES:] + draw.randbytes(4)


def _without_its_magic(real: Real, draw: Random) -> bytes:
    return bytes([draw.randint(1, 255)]) + real.value[1:]


def _empty(_: Real, __: Random) -> bytes:
    return b""


def _tombstone(_: Real, __: Random) -> None:
    return None


def _as_it_is(real: Real, _: Random) -> bytes:
    return real.value


CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "bits turned": _turned,
        "cut off": _cut,
        "another type": _of_another_type,
        "another value": _with_another_value,
        "NaN inside": _with_nan,
        "unknown schema": _unknown,
        "a version to come": _of_the_future,
        "no magic byte": _without_its_magic,
        "empty": _empty,
        "tombstone": _tombstone,
        "on another log": _as_it_is,
    }
)


def damaged(kind: str, real: Real, logs: Sequence[Log], draw: Random) -> Damaged:
    """This record, changed in this way; where that is all, on another of these logs."""
    log = draw.choice(logs) if kind == "on another log" else real.log
    return Damaged(kind=kind, log=log, value=CHANGES[kind](real, draw))


def is_forged(damage: Damaged, real: Real) -> bool:
    """Whether nobody can tell it from what its writer may say next."""
    record = damage.record
    if type(record.message) is Started:
        return True
    is_of_its_life = record.writer.epoch == real.record.writer.epoch
    return is_of_its_life and 0 < record.seq - real.record.seq <= NEAR


def _head(number: int) -> bytes:
    return struct.pack(">BI", 0, number)


def _encoded(kind: str, wire: Mapping[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema_of(kind)), wire)
    return out.getvalue()
