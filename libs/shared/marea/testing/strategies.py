"""Any record of any message type, made from the types alone: for property tests."""

from typing import Any, TypeVar, cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import inspect as mi

from marea.domain.money import SCALE_MAX
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.forms import INT_MAX, INT_MIN, form_of
from marea.messages.types import TYPES

M = TypeVar("M", bound=Message)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INTS = st.integers(INT_MIN, INT_MAX)
OFFSETS = st.integers(0, INT_MAX)
LOGS = st.builds(Log, TEXTS, TEXTS)


def messages(kind: type[M]) -> SearchStrategy[M]:
    """Which messages of this type can there be? Amounts of all sizes, scales of 0 to 18 places."""
    form = form_of(kind.__name__)
    scales = {field.scale for field in form.fields}
    info = cast(mi.StructType, mi.type_info(kind))
    fields = {
        field.name: st.integers(0, SCALE_MAX) if field.name in scales else _values(field.type)
        for field in info.fields
    }
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def records(kind: type[Message] | None = None) -> SearchStrategy[Record]:
    """Which records of this type, or of any, can there be?"""
    said = (
        st.sampled_from(list(TYPES.values())).flatmap(messages) if kind is None else messages(kind)
    )
    return st.one_of(_records(said, st.none(), st.just(-1)), _records(said, LOGS, OFFSETS))


def _records(
    said: SearchStrategy[Message], logs: SearchStrategy[Log | None], offsets: SearchStrategy[int]
) -> SearchStrategy[Record]:
    writers = st.builds(Writer, producer=TEXTS, epoch=OFFSETS, build=TEXTS, input_log=logs)
    return st.builds(
        Record,
        message=said,
        writer=writers,
        seq=OFFSETS,
        input_offset=offsets,
        ts_known=INTS,
        ts_origin=INTS,
        trace=TEXTS,
    )


_SCALARS: dict[type[mi.Type], SearchStrategy[Any]] = {
    mi.StrType: TEXTS,
    mi.IntType: INTS,
    mi.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    mi.BoolType: st.booleans(),
    mi.BytesType: st.binary(max_size=12),
    mi.NoneType: st.none(),
}


def _values(node: mi.Type) -> SearchStrategy[Any]:
    if type(node) in _SCALARS:
        return _SCALARS[type(node)]
    match node:
        case mi.Metadata(type=inner):
            return _values(inner)
        case mi.LiteralType(values=values):
            return st.sampled_from(values)
        case mi.VarTupleType(item_type=inner):
            return st.lists(_values(inner), max_size=4).map(tuple)
        case mi.DictType(value_type=inner):
            return st.dictionaries(TEXTS, _values(inner), max_size=4)
        case mi.UnionType(types=types):
            return st.one_of(*map(_values, types))
    raise TypeError(f"no values for {type(node).__name__}: add them here")
