"""Avro: the schema of each message type, and records to and from it, for Kafka and its tools."""

from functools import cache
from io import BytesIO
from typing import Any, TypeAlias, cast

import fastavro
import msgspec
from fastavro.read import SchemaResolutionError
from msgspec import inspect as mi

from marea.messages.avro_writing import encoder_of
from marea.messages.envelope import Record
from marea.messages.errors import VALUE_SHOWN_MAX, BadMessage
from marea.messages.forms import form_of
from marea.messages.wire import from_wire, refusal, to_wire

NAMESPACE = "marea"

Schema: TypeAlias = dict[str, Any]


def schema_of(kind: str) -> Schema:
    """The Avro schema of the message type of this name.

    Two attributes that Avro itself leaves aside say what it can't: `version` is the version of the
    type, `disk_order` the fields of its disk form by position.
    """
    form = form_of(kind)
    return {
        "namespace": NAMESPACE,
        "version": form.kind.schema_version,
        "disk_order": list(form.kind.__struct_fields__),
        **_record(cast(mi.StructType, mi.type_info(form.wire))),
    }


def encode_avro(record: Record) -> bytes:
    """The wire form of a record in Avro's binary encoding, by the present schema, without it.

    Raises `BadMessage` where it can't be written: NaN, infinity, an amount beyond 64 bits.
    """
    try:
        return encoder_of(type(record.message).__name__)(record)
    except (ValueError, OverflowError):
        to_wire(record)  # it names the field
        raise


def decode_avro(kind: str, data: bytes, writer: Schema | None = None) -> Record:
    """The record of this type that `data` holds; raises `BadMessage`.

    `writer` is the schema it was written with (parsed by fastavro, or it is parsed at each call),
    where that isn't the present one; what it lacks takes its default.
    """
    form = form_of(kind)
    present = _parsed(kind)
    stream = BytesIO(data)
    try:
        source = fastavro.schemaless_reader(stream, writer or present, writer and present)
    except (EOFError, ValueError, LookupError, SchemaResolutionError) as error:
        remedy = f"the Avro form of a {kind} by its writer's schema: {error!r}"
        raise BadMessage(kind, data[:VALUE_SHOWN_MAX], remedy) from error
    rest = stream.read(VALUE_SHOWN_MAX)
    if rest:
        raise BadMessage(kind, rest, "bytes after the end of the record; send one record a message")
    try:
        wire = msgspec.convert(source, form.wire)
    except msgspec.ValidationError as error:
        raise refusal(error, source) from error
    if wire.envelope.type != kind:
        raise BadMessage("envelope.type", wire.envelope.type, f"{kind}, as its schema is named")
    return from_wire(form, wire)


@cache
def _parsed(kind: str) -> Schema:
    return cast(Schema, fastavro.parse_schema(schema_of(kind)))


def _record(struct: mi.StructType) -> Schema:
    return {
        "type": "record",
        "name": struct.cls.__name__,
        "doc": struct.cls.__doc__,
        "fields": [_field(struct.cls.__name__, field) for field in struct.fields],
    }


def _field(record: str, field: mi.Field) -> Schema:
    name = record + field.name.title().replace("_", "")
    schema: Schema = {"name": field.name, "type": _type(field.type, name)}
    if isinstance(field.type, mi.Metadata) and field.type.extra_json_schema:
        schema["doc"] = field.type.extra_json_schema["description"]
    if not field.required:
        schema["default"] = _default(field)
    return schema


_SCALARS: dict[type[mi.Type], str] = {
    mi.StrType: "string",
    mi.IntType: "long",
    mi.FloatType: "double",
    mi.BoolType: "boolean",
    mi.BytesType: "bytes",
    mi.NoneType: "null",
}


def _type(node: mi.Type, name: str) -> str | Schema | list[str | Schema]:
    # `name` is what an enum is called here: every one needs a name.
    if type(node) in _SCALARS:
        return _SCALARS[type(node)]
    match node:
        case mi.Metadata(type=inner):
            return _type(inner, name)
        case mi.LiteralType(values=values):
            return {"type": "enum", "name": name, "symbols": list(values)}
        case mi.VarTupleType(item_type=inner):
            return {"type": "array", "items": _type(inner, name)}
        case mi.DictType(value_type=inner):
            return {"type": "map", "values": _type(inner, name)}
        case mi.UnionType(types=types):
            parts = [cast(str | Schema, _type(part, name)) for part in types]
            return sorted(parts, key=lambda part: part != "null")
        case mi.StructType():
            return _record(node)
    raise TypeError(f"{name}: {type(node).__name__} has no Avro type")


def _default(field: mi.Field) -> object:
    default = field.default
    if default is msgspec.NODEFAULT:
        default = cast(Any, field.default_factory)()
    return msgspec.to_builtins(default)
