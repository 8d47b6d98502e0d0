"""The forms of a message: on disk, canonical with its hash, and on the wire as JSON.

The disk form is MessagePack of the message alone, its fields by position. It holds nothing of the
record (producer, seq, epoch, input, build, stamps of arrival), so it is the canonical form too:
two messages are the same if their types and their disk forms are. The order of a map's keys counts
and is kept by every form, since a core may walk it.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from marea.messages.envelope import Message, Record
from marea.messages.errors import VALUE_SHOWN_MAX, BadMessage
from marea.messages.forms import form_of
from marea.messages.types import TYPES
from marea.messages.wire import from_wire, refusal, to_wire

HASH_BYTES = 20
CHAIN_START = bytes(HASH_BYTES)
"""The hash of a log without a message."""

encode: Callable[[Message], bytes] = msgspec.msgpack.Encoder().encode
"""The disk form of a message, which is its canonical form; the bare encoder, as it is hot."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_DISK: dict[str, msgspec.msgpack.Decoder[Any]] = {
    name: msgspec.msgpack.Decoder(kind) for name, kind in TYPES.items()
}


def decode(kind: str, data: bytes) -> Message:
    """The message of this type whose disk form is `data`; raises `BadMessage`."""
    try:
        message: Message = _DISK[kind].decode(data)
    except (KeyError, *_UNREADABLE) as error:
        raise _bad_disk(kind, data, error) from error
    return message


_CHAINED = {name: name.encode() if kind.canonical else None for name, kind in TYPES.items()}


def chain(previous: bytes, kind: str, canonical: bytes) -> bytes:
    """The hash of a log after one more message, 20 bytes: BLAKE2b-160 of all three in a row.

    It begins with `CHAIN_START`. A message whose type is not canonical leaves it as it was, so that
    a start or a recovery changes no hash.
    """
    prefix = _CHAINED[kind]
    if prefix is None:
        return previous
    return blake2b(previous + prefix + canonical, digest_size=HASH_BYTES).digest()


def message_hash(message: Message) -> str:
    """What a message says, whoever said it and when it arrived, as 40 hex digits."""
    said = type(message).__name__.encode() + encode(message)
    return blake2b(said, digest_size=HASH_BYTES).hexdigest()


_encode_json = msgspec.json.Encoder().encode


class _TypeOnly(msgspec.Struct):
    type: str


class _EnvelopeOnly(msgspec.Struct):
    envelope: _TypeOnly


_PEEK = msgspec.json.Decoder(_EnvelopeOnly)


def encode_json(record: Record) -> bytes:
    """The wire form of a record as one JSON object in UTF-8; bytes as base64.

    Raises `BadMessage` where it can't be written: NaN, infinity, an amount beyond 64 bits.
    """
    return _encode_json(to_wire(record))


def decode_json(data: bytes) -> Record:
    """The record whose wire form is this JSON object; raises `BadMessage`.

    Fields that this version doesn't know are left aside; where a field is missing that has a
    default, the default holds.
    """
    try:
        form = form_of(_PEEK.decode(data).envelope.type)
        wire = form.decoder.decode(data)
    except _UNREADABLE as error:
        raise _bad(data, error, msgspec.json.decode) from error
    return from_wire(form, wire)


def _bad_disk(kind: str, data: bytes, error: Exception) -> BadMessage:
    if kind not in TYPES:
        return BadMessage("type", kind, f"unknown; take one of {', '.join(TYPES)}")
    bad = _bad(data, error, msgspec.msgpack.decode)
    place = bad.field.strip("[]").partition("]")[0]
    field = f"{kind}.{TYPES[kind].__struct_fields__[int(place)]}" if place.isdigit() else kind
    return BadMessage(field, bad.received, bad.remedy)


def _bad(data: bytes, error: Exception, decode: Callable[[bytes], object]) -> BadMessage:
    start = data[:VALUE_SHOWN_MAX]
    if not isinstance(error, msgspec.ValidationError):
        return BadMessage("record", start, f"can't be decoded: {error}; send one whole record")
    try:
        return refusal(error, decode(data))
    except _UNREADABLE:
        return refusal(error, start)
