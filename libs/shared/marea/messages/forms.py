"""What a record looks like on the wire: the envelope, and each message type's body beside it.

A body differs from its message in two things. An amount is a string with exactly as many places as
its scale. A scale is left out where a single required amount of its type shows it, and stays where
none does (an order book delta may have no level at all).
"""

from functools import cache, reduce
from inspect import cleandoc
from operator import or_
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, cast

import msgspec
from msgspec import Meta, Struct
from msgspec import inspect as mi

from marea.messages.envelope import Message
from marea.messages.errors import BadMessage
from marea.messages.types import TYPES

INT_MIN, INT_MAX = -(2**63), 2**63 - 1

Int64: TypeAlias = Annotated[int, Meta(ge=INT_MIN, le=INT_MAX)]
Amount: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"})
]
"""Text of an amount; the pattern is for readers of the schema, ours compares with what it'd write."""


class Input(Struct, frozen=True, kw_only=True):
    """The place on a log that a record was decided on."""

    channel: Annotated[str, Meta(description="of schemas/channels.yaml")]
    partition: Annotated[str, Meta(description="the key of that log")]
    offset: Annotated[Int64, Meta(description="the position on it; -1: on none, as at a start")]


class Envelope(Struct, frozen=True, kw_only=True):
    """What every record carries, whatever it says."""

    id: Annotated[str, Meta(description="unique for ever; derived, never drawn")]
    type: Annotated[str, Meta(description="the message type, as the schema is named")]
    schema: Annotated[Int64, Meta(description="the version of that type it was written with")]
    ts_event: Annotated[Int64, Meta(description="when it happened, ns UTC")]
    ts_known: Annotated[Int64, Meta(description="when we knew it, on the venue's clock, ns UTC")]
    ts_origin: Annotated[
        Int64, Meta(description="when we knew the market event at its root, ns UTC")
    ]
    producer: Annotated[str, Meta(description="the service and its shard or instrument")]
    epoch: Annotated[Int64, Meta(description="the position of the Started of its producer's life")]
    seq: Annotated[Int64, Meta(description="contiguous from 0 per producer and epoch, on each log")]
    input: Annotated[
        Input | None, Meta(description="what was decided on; null where a venue is read")
    ]
    parents: Annotated[
        tuple[str, ...], Meta(description="ids of the messages it followed from; none on a root")
    ]
    trace: Annotated[str, Meta(description="the root's trace; empty on a root, whose id gives it")]
    build: Annotated[str, Meta(description="version and hash of the code that wrote it")]


class Wire(Struct, frozen=True, kw_only=True):
    """The wire form of any record: its envelope, and beside it the fields of its body."""

    envelope: Annotated[Envelope, Meta(description="what every record carries")]


class Field(NamedTuple):
    """How one field of a body stands on the wire."""

    name: str
    scale: str
    """The field with the scale of the amount; empty: it is no amount."""
    has_floats: bool
    has_default: bool
    """Null on the wire is the message's default."""


class Form(NamedTuple):
    """How one message type stands on the wire."""

    kind: type[Message]
    wire: type[Wire]
    """The wire object as a type: it validates what is read, and gives the schemas."""
    decoder: msgspec.json.Decoder[Wire]
    fields: tuple[Field, ...]
    """Of the body, in the order of the message."""
    shown: dict[str, str]
    """Scales that are not on the wire, and the amount that shows each."""
    names: tuple[str, ...]
    """Of the fields."""
    changed: tuple[Field, ...]
    """The fields whose value isn't told as it is, or may not be any of its type."""


@cache
def form_of(kind: str) -> Form:
    """How the message type of this name stands on the wire.

    Raises `BadMessage` for a name that is none, and `TypeError` for a field without a wire form.
    """
    message = TYPES.get(kind)
    if message is None:
        raise BadMessage("envelope.type", kind, f"unknown; take one of {', '.join(TYPES)}")
    body = cast(mi.StructType, mi.type_info(message)).fields[len(Message.__struct_fields__) :]
    shown: dict[str, str] = {}
    for field in body:
        scale = _single_scale(field)
        if scale:
            shown.setdefault(scale, field.name)
    body = tuple(field for field in body if field.name not in shown)
    wire = msgspec.defstruct(
        kind,
        [_definition(kind, field) for field in body],
        bases=(Wire,),
        kw_only=True,
        frozen=True,
        module=__name__,
        namespace={"__doc__": cleandoc(message.__doc__ or "")},
    )
    wire = cast(type[Wire], wire)
    fields = tuple(map(_field, body))
    return Form(
        kind=message,
        wire=wire,
        decoder=msgspec.json.Decoder(wire),
        fields=fields,
        shown=shown,
        names=tuple(field.name for field in fields),
        changed=tuple(field for field in fields if any(field[1:])),
    )


def _field(field: mi.Field) -> Field:
    return Field(
        field.name,
        _scale_of(field.type),
        has_floats=_holds(field.type, mi.FloatType),
        has_default=not field.required,
    )


def _single_scale(field: mi.Field) -> str:
    # The scale that this field always shows: of one amount, there in every version.
    node = field.type.type if isinstance(field.type, mi.Metadata) else field.type
    return _scale_of(field.type) if field.required and isinstance(node, mi.IntType) else ""


def _definition(kind: str, field: mi.Field) -> tuple[str, Any, Any]:
    described = isinstance(field.type, mi.Metadata) and field.type.extra_json_schema
    meta = Meta(description=described["description"] if described else None)
    try:
        wire = _wire_type(field.type)
    except TypeError as error:
        raise TypeError(f"{kind}.{field.name} has no wire form: {error}") from error
    if field.required:
        return field.name, Annotated[wire, meta], msgspec.NODEFAULT
    if _holds(field.type, mi.NoneType) and field.default is not None:
        raise TypeError(f"{kind}.{field.name} may be None: let None be its default, or drop it")
    # A schema can't say a default in units (it has no places) or in bytes: null stands for it.
    if _scale_of(field.type) or _holds(field.type, mi.BytesType):
        return field.name, Annotated[wire | None, meta], None
    if field.default is not msgspec.NODEFAULT:
        return field.name, Annotated[wire, meta], field.default
    return field.name, Annotated[wire, meta], msgspec.field(default_factory=field.default_factory)


_SCALARS: dict[type[mi.Type], Any] = {
    mi.StrType: str,
    mi.IntType: Int64,
    mi.FloatType: float,
    mi.BoolType: bool,
    mi.BytesType: bytes,
    mi.NoneType: None,
}


def _wire_type(node: mi.Type) -> Any:  # noqa: ANN401 # a type expression has no type
    if type(node) in _SCALARS:
        return _SCALARS[type(node)]
    match node:
        case mi.Metadata(type=inner, extra=extra):
            return Amount if extra and "scale" in extra else _wire_type(inner)
        case mi.LiteralType(values=values):
            return Literal.__getitem__(values)
        case mi.VarTupleType(item_type=inner):
            return GenericAlias(tuple, (_wire_type(inner), ...))
        case mi.DictType(key_type=mi.StrType(), value_type=inner):
            return GenericAlias(dict, (str, _wire_type(inner)))
        case mi.UnionType(types=types):
            return reduce(or_, map(_wire_type, types))
    raise TypeError(f"{type(node).__name__} is neither text, number, bytes, tuple nor map of these")


def _scale_of(node: mi.Type) -> str:
    if isinstance(node, mi.Metadata) and node.extra and "scale" in node.extra:
        return str(node.extra["scale"])
    return next(filter(None, map(_scale_of, _parts(node))), "")


def _holds(node: mi.Type, kind: type[mi.Type]) -> bool:
    return isinstance(node, kind) or any(_holds(part, kind) for part in _parts(node))


def _parts(node: mi.Type) -> tuple[mi.Type, ...]:
    match node:
        case mi.Metadata(type=inner) | mi.VarTupleType(item_type=inner):
            return (inner,)
        case mi.DictType(value_type=inner):
            return (inner,)
        case mi.UnionType(types=types):
            return types
    return ()
