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
"""Venues repeat the same few: a text that is kept takes a fifth of the time."""


def to_wire(record: Record) -> dict[str, Any]:
    """The record as a wire object; bytes stay bytes, for JSON and Avro write them differently.

    Raises `BadMessage` where it can't be written: NaN, infinity, an amount beyond 64 bits.
    """
    message = record.message
    form = form_of(type(message).__name__)
    wire: dict[str, Any] = {"envelope": _envelope(record)}
    for name, scale, has_floats, _ in form.fields:
        value = getattr(message, name)
        if scale:
            value = _each(value, name, _text, getattr(message, scale))
        elif has_floats:
            _each(value, name, _finite, 0)
        wire[name] = value
    return wire


def from_wire(form: Form, wire: Wire) -> Record:
    """The record that stands on the wire as `wire`, an instance of `form.wire`.

    Raises `BadMessage` for what no type can refuse: NaN, infinity, an amount with wrong places.
    """
    values: dict[str, Any] = {
        scale: len(getattr(wire, amount).partition(".")[2]) for scale, amount in form.shown.items()
    }
    for name, scale, has_floats, has_default in form.fields:
        value = getattr(wire, name)
        if value is None and has_default:
            continue  # perhaps written before the field was there
        if scale:
            places = values[scale] if scale in form.shown else getattr(wire, scale)
            value = _each(value, name, _units, places)
        elif has_floats:
            _each(value, name, _finite, 0)
        values[name] = value
    envelope = wire.envelope
    message = form.kind(
        id=envelope.id, ts_event=envelope.ts_event, parents=envelope.parents, **values
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


def _each(
    value: object, name: str, change: Callable[[str, Any, int], object], scale: int
) -> object:
    kind = type(value)
    if kind is str or kind is int or kind is float:  # most are
        return change(name, value, scale)
    if isinstance(value, tuple):
        return tuple([change(name, item, scale) for item in value])
    if isinstance(value, dict):
        return {key: change(f"{name}.{key}", item, scale) for key, item in value.items()}
    return None if value is None else change(name, value, scale)


def _text(name: str, units: int, scale: int) -> str:
    try:
        return _text_of(units, scale)
    except OverflowError as err:
        raise _too_much(name, err) from None


def _units(name: str, text: str, scale: int) -> int:
    try:
        return _units_of(text, scale)
    except OverflowError as err:
        raise _too_much(name, err) from None
    except ValueError:
        remedy = f"a plain decimal number with the {scale} places of its scale"
        raise BadMessage(name, text, remedy) from None


def _too_much(name: str, error: OverflowError) -> BadMessage:
    units, scale = error.args
    remedy = f"an amount has 64 bits and 0 to {SCALE_MAX} places, here {scale}"
    return BadMessage(name, units, remedy)


@lru_cache(AMOUNTS_KEPT_MAX)
def _text_of(units: int, scale: int) -> str:
    if not (INT_MIN <= units <= INT_MAX and 0 <= scale <= SCALE_MAX):
        raise OverflowError(units, scale)
    return format_amount(units, scale)


@lru_cache(AMOUNTS_KEPT_MAX)
def _units_of(text: str, scale: int) -> int:
    # An amount has one text only: the one that we would write.
    units = int(text.replace(".", "", 1))
    if _text_of(units, scale) != text:
        raise ValueError
    return units


def _finite(name: str, value: float, _: int) -> None:
    if not isfinite(value):
        raise BadMessage(name, value, "a number is finite; leave out what isn't known")
