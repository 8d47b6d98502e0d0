"""A record in Avro's binary encoding, straight from its fields: what fastavro would write, sooner.

There is one function a message type, put together at its first use from the wire types of its
fields. This only writes: fastavro reads as fast as plain Python does, and by older schemas too.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from math import isfinite
from operator import attrgetter
from struct import Struct
from typing import Any, TypeAlias, cast

from msgspec import inspect as mi

from marea.domain.money import SCALE_MAX, format_amount
from marea.messages.envelope import Record, Writer
from marea.messages.forms import INT_MAX, INT_MIN, form_of
from marea.messages.wire import AMOUNTS_KEPT_MAX

Write: TypeAlias = Callable[[Any, int], bytes]
"""Writes a value; an amount with the places that the second argument says."""

WRITERS_MAX = 256
"""Writers whose part of the envelope is remembered: a process writes as one or a few."""
KEYS_MAX = 4096
"""Keys of maps whose text is remembered: names of features, of assets, of limits."""

_BITS = 14
_MASK = (1 << _BITS) - 1
# Two digits of base 128, the lower first; after those of `_MORE` come others.
_MORE = [bytes((pair & 127 | 128, pair >> 7 | 128)) for pair in range(1 << _BITS)]
_LAST = [bytes((pair,)) for pair in range(128)]
_LAST += [bytes((low, high & 127)) for low, high in _MORE[128:]]
_NULL, _PRESENT = b"\x00", b"\x02"  # which of a union's two types follows
_END = b"\x00"  # of an array and of a map


@cache
def encoder_of(kind: str) -> Callable[[Record], bytes]:
    """What writes a record of this message type.

    It raises `ValueError` or `OverflowError` where one can't be written, and names no field.
    """
    form = form_of(kind)
    named = _text(kind) + _long(form.kind.schema_version)
    fields = cast(mi.StructType, mi.type_info(form.wire)).fields[1:]
    writes = [
        _write(node.type, field.scale) for node, field in zip(fields, form.fields, strict=True)
    ]
    values = _getter(form.names)
    places = _getter([field.scale or "id" for field in form.fields])

    def encode(record: Record) -> bytes:
        message = record.message
        body = zip(writes, values(message), places(message), strict=True)
        return _envelope(record, named) + b"".join([write(value, at) for write, value, at in body])

    return encode


def _getter(names: Sequence[str]) -> Callable[[object], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda message: tuple([getattr(message, name) for name in names])


def _envelope(record: Record, named: bytes) -> bytes:
    message = record.message
    writer, at, build = _said_by(record.writer)
    if at:
        at += _long(record.input_offset)
    elif record.input_offset != -1:
        raise ValueError(record.input_offset)
    parents = message.parents
    return b"".join(
        (
            _text(message.id),
            named,
            _long(message.ts_event),
            _long(record.ts_known),
            _long(record.ts_origin),
            writer,
            _long(record.seq),
            at or _NULL,
            _array(_text)(parents, 0) if parents else _END,
            _text(record.trace),
            build,
        )
    )


@lru_cache(WRITERS_MAX)
def _said_by(writer: Writer) -> tuple[bytes, bytes, bytes]:
    log = writer.input_log
    return (
        _text(writer.producer) + _long(writer.epoch),
        _PRESENT + _text(log.channel) + _text(log.partition) if log else b"",
        _text(writer.build),
    )


def _long(number: int, _: int = 0) -> bytes:
    pairs = number << 1 ^ number >> 63
    if pairs <= _MASK:
        return _LAST[pairs]
    if not INT_MIN <= number <= INT_MAX:
        raise OverflowError(number)
    written = b""
    while pairs > _MASK:
        written += _MORE[pairs & _MASK]
        pairs >>= _BITS
    return written + _LAST[pairs]


def _bytes(value: bytes, _: int = 0) -> bytes:
    twice = len(value) << 1
    return (_LAST[twice] if twice <= _MASK else _long(len(value))) + value


def _text(value: str, _: int = 0) -> bytes:
    return _bytes(value.encode())


_key = lru_cache(KEYS_MAX)(_text)


@lru_cache(AMOUNTS_KEPT_MAX)
def _amount(units: int, scale: int) -> bytes:
    if not (INT_MIN <= units <= INT_MAX and 0 <= scale <= SCALE_MAX):
        raise OverflowError(units)
    text = format_amount(units, scale).encode()
    return _LAST[len(text) << 1] + text


_pack_double = Struct("<d").pack


def _double(number: float, _: int) -> bytes:
    if not isfinite(number):
        raise ValueError(number)
    return _pack_double(number)


def _boolean(value: bool, _: int) -> bytes:
    return b"\x01" if value else b"\x00"


def _array(write: Write) -> Write:
    def write_array(items: tuple[Any, ...], places: int) -> bytes:
        if not items:
            return _END
        return _long(len(items)) + b"".join([write(item, places) for item in items]) + _END

    return write_array


def _map(write: Write) -> Write:
    def write_map(items: dict[str, Any], places: int) -> bytes:
        if not items:
            return _END
        pairs = [_key(key) + write(item, places) for key, item in items.items()]
        return _long(len(items)) + b"".join(pairs) + _END

    return write_map


def _optional(write: Write) -> Write:
    def write_optional(value: object, places: int) -> bytes:
        return _NULL if value is None else _PRESENT + write(value, places)

    return write_optional


def _enum(members: tuple[str, ...]) -> Write:
    numbers = {member: _long(number) for number, member in enumerate(members)}

    def write_enum(value: str, _: int) -> bytes:
        return numbers[value]

    return write_enum


_SCALARS: dict[type[mi.Type], Write] = {
    mi.StrType: _text,
    mi.IntType: _long,
    mi.FloatType: _double,
    mi.BoolType: _boolean,
    mi.BytesType: _bytes,
}


def _write(node: mi.Type, scale: str) -> Write:
    if isinstance(node, mi.StrType) and scale:
        return _amount
    if type(node) in _SCALARS:
        return _SCALARS[type(node)]
    match node:
        case mi.Metadata(type=inner):
            return _write(inner, scale)
        case mi.LiteralType(values=values):
            return _enum(cast(tuple[str, ...], values))
        case mi.VarTupleType(item_type=inner):
            return _array(_write(inner, scale))
        case mi.DictType(value_type=inner):
            return _map(_write(inner, scale))
        case mi.UnionType(types=(inner, mi.NoneType()) | (mi.NoneType(), inner)):
            return _optional(_write(inner, scale))
    raise TypeError(f"{type(node).__name__} has no binary form")
