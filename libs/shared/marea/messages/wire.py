"""Between a record and its wire object, from which JSON and Avro are written and read."""

import re
from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec

from marea.domain.money import SCALE_MAX, format_amount
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.errors import BadMessage
from marea.messages.forms import INT_MAX, INT_MIN, Envelope, Form, Wire, form_of

AMOUNTS_KEPT_MAX = 16_384
"""Venues repeat the same few: an amount that is kept takes half of the time, or less."""


def to_wire(record: Record) -> dict[str, Any]:
    """The record as a wire object; bytes stay bytes, for JSON and Avro write them differently.

    Raises `BadMessage` where it can't be written: NaN, infinity, an amount beyond 64 bits.
    """
    message = record.message
    form = form_of(type(message).__name__)
    wire: dict[str, Any] = {"envelope": _envelope(record)}
    for name in form.names:
        wire[name] = getattr(message, name)
    for name, scale, has_floats, _ in form.changed:
        if scale:
            wire[name] = _each(wire[name], name, _text, getattr(message, scale))
        elif has_floats:
            _each(wire[name], name, _finite, 0)
    return wire


def from_wire(form: Form, wire: Wire) -> Record:
    """The record that stands on the wire as `wire`, an instance of `form.wire`.

    Raises `BadMessage` for what no type can refuse: NaN, infinity, an amount with wrong places.
    """
    envelope = wire.envelope
    fields = {name: getattr(wire, name) for name in form.names}
    for scale, amount in form.shown.items():
        fields[scale] = len(fields[amount].partition(".")[2])
    for name, scale, has_floats, has_default in form.changed:
        value = fields[name]
        if value is None and has_default:
            del fields[name]  # perhaps written before the field was there
        elif scale:
            fields[name] = _each(value, name, _units, fields[scale])
        elif has_floats:
            _each(value, name, _finite, 0)
    message = form.kind(
        id=envelope.id, ts_event=envelope.ts_event, parents=envelope.parents, **fields
    )
    return _record(envelope, message)


_AT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<place>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")


def refusal(error: Exception, source: object) -> BadMessage:
    """What msgspec refused in `source`, in our terms: the field, what it holds, what it takes."""
    at = _AT.fullmatch(str(error))
    what, place = (at["what"], at["place"] or "") if at else (str(error), "")
    missing = _MISSING.fullmatch(what)
    if missing:
        field = f"{place}.{missing[1]}" if place else missing[1]
        return BadMessage(field, msgspec.UNSET, "required and not given; send it")
    for part in re.findall(r"[^.\[\]]+", place):
        if isinstance(source, dict):
            source = source.get(part)
        elif isinstance(source, list) and int(part) < len(source):
            source = source[int(part)]
    return BadMessage(place or "record", source, what)


def _envelope(record: Record) -> dict[str, Any]:
    message, writer = record.message, record.writer
    log, offset = writer.input_log, record.input_offset
    if log is None and offset != -1:
        raise BadMessage("input_offset", offset, "take -1 where the writer reads no log")
    return {
        "id": message.id,
        "type": type(message).__name__,
        "schema": message.schema_version,
        "ts_event": message.ts_event,
        "ts_known": record.ts_known,
        "ts_origin": record.ts_origin,
        "producer": writer.producer,
        "epoch": writer.epoch,
        "seq": record.seq,
        "input": log and {"channel": log.channel, "partition": log.partition, "offset": offset},
        "parents": message.parents,
        "trace": record.trace,
        "build": writer.build,
    }


def _record(envelope: Envelope, message: Message) -> Record:
    at = envelope.input
    return Record(
        message=message,
        writer=Writer(
            producer=envelope.producer,
            epoch=envelope.epoch,
            build=envelope.build,
            input_log=Log(at.channel, at.partition) if at else None,
        ),
        seq=envelope.seq,
        input_offset=at.offset if at else -1,
        ts_known=envelope.ts_known,
        ts_origin=envelope.ts_origin,
        trace=envelope.trace,
    )


class _UnfitError(ValueError):
    """An item that can't be changed, and what could; it doesn't know its field."""


def _each(value: object, name: str, change: Callable[[Any, int], object], scale: int) -> object:
    key = None
    try:
        if isinstance(value, tuple):
            return tuple([change(item, scale) for item in value])
        if isinstance(value, dict):
            changed = {}
            for key, item in value.items():
                changed[key] = change(item, scale)
            return changed
        return None if value is None else change(value, scale)
    except _UnfitError as error:
        place = name if key is None else f"{name}.{key}"
        raise BadMessage(place, *error.args) from None


def _written(units: int, scale: int) -> str:
    if INT_MIN <= units <= INT_MAX and 0 <= scale <= SCALE_MAX:
        return format_amount(units, scale)
    raise _UnfitError(units, f"an amount has 64 bits and 0 to {SCALE_MAX} places, here {scale}")


_text = lru_cache(AMOUNTS_KEPT_MAX)(_written)


@lru_cache(AMOUNTS_KEPT_MAX)
def _units(text: str, scale: int) -> int:
    # An amount has one text only: the one that we would write.
    try:
        units = int(text.replace(".", "", 1))
    except ValueError:
        raise _not_an_amount(text, scale) from None
    if _written(units, scale) != text:  # not kept twice
        raise _not_an_amount(text, scale)
    return units


def _not_an_amount(text: str, scale: int) -> _UnfitError:
    return _UnfitError(text, f"a plain decimal number with the {scale} places of its scale")


def _finite(value: float, _: int) -> None:
    if not isfinite(value):
        raise _UnfitError(value, "a number is finite; leave out what isn't known")
