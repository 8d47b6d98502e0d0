"""Avro as others read and write it: plain fastavro with a committed schema, and nothing of Marea."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.messages.avro import decode_avro, encode_avro, schema_of
from marea.messages.codec import encode, encode_json
from marea.messages.envelope import Message
from marea.messages.errors import BadMessage
from marea.messages.features import FeatureVector
from marea.messages.market import Quote, Trade
from marea.messages.types import TYPES
from marea.messages.wire import to_wire
from marea.testing.examples import example, record_of
from marea.testing.strategies import records

KINDS = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)


def committed(root: Path, kind: type[Message]) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(
        (root / "schemas" / "avro" / f"{kind.__name__}.avsc").read_text("utf-8")
    )
    return schema


def plain_bytes(schema: dict[str, Any], wire: dict[str, Any]) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, wire, disable_tuple_notation=True)
    return stream.getvalue()


def plain_wire(kind: type[Message]) -> dict[str, Any]:
    """The JSON wire form as a stranger has it, who takes bytes out of their base64."""
    wire: dict[str, Any] = json.loads(encode_json(record_of(example(kind))))
    if "payload" in wire:
        wire["payload"] = example(kind).payload  # type: ignore[attr-defined] # a DeadLetter has it
    return wire


@KINDS
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_record_comes_back_from_avro(kind: type[Message], data: st.DataObject) -> None:
    record = data.draw(records(kind))
    again = decode_avro(kind.__name__, encode_avro(record))
    assert again == record
    assert encode(again.message) == encode(record.message)


@KINDS
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_we_write_what_fastavro_writes(kind: type[Message], data: st.DataObject) -> None:
    record = data.draw(records(kind))
    assert encode_avro(record) == plain_bytes(schema_of(kind.__name__), to_wire(record))


@KINDS
def test_plain_fastavro_reads_what_we_write(root: Path, kind: type[Message]) -> None:
    ours = BytesIO(encode_avro(record_of(example(kind))))
    assert fastavro.schemaless_reader(ours, committed(root, kind), None) == plain_wire(kind)
    assert not ours.read()


@KINDS
def test_we_read_what_plain_fastavro_writes(root: Path, kind: type[Message]) -> None:
    theirs = plain_bytes(committed(root, kind), plain_wire(kind))
    assert decode_avro(kind.__name__, theirs) == record_of(example(kind))


@KINDS
def test_apache_avro_reads_what_we_write(root: Path, kind: type[Message]) -> None:
    schema = avro.schema.parse(json.dumps(committed(root, kind)))
    decoder = avro.io.BinaryDecoder(BytesIO(encode_avro(record_of(example(kind)))))
    assert avro.io.DatumReader(schema).read(decoder) == plain_wire(kind)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_is_not_finite_is_refused(root: Path, value: float) -> None:
    theirs = plain_bytes(
        committed(root, FeatureVector), {**plain_wire(FeatureVector), "values": {"rsi_14": value}}
    )
    with pytest.raises(BadMessage, match=rf"^values\.rsi_14 is {value}: a number is finite"):
        decode_avro("FeatureVector", theirs)


def test_amounts_of_one_scale_with_different_places_are_refused(root: Path) -> None:
    theirs = plain_bytes(committed(root, Quote), {**plain_wire(Quote), "ask_price": "61672.020"})
    with pytest.raises(BadMessage, match=r"^ask_price is '61672\.020': .* the 2 places of its sc"):
        decode_avro("Quote", theirs)


def test_record_of_another_type_is_refused(root: Path) -> None:
    wire = plain_wire(Trade)
    wire["envelope"]["type"] = "Quote"
    with pytest.raises(
        BadMessage, match=r"^envelope\.type is 'Quote': Trade, as its schema is nam"
    ):
        decode_avro("Trade", plain_bytes(committed(root, Trade), wire))


def test_unknown_type_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"^envelope\.type is 'Tirade': unknown; take one of"):
        decode_avro("Tirade", b"")


def test_torn_record_is_refused() -> None:
    torn = encode_avro(record_of(example(Trade)))[:-1]
    with pytest.raises(BadMessage, match=r"^Trade is b'.*: the Avro form of a Trade .*EOFError"):
        decode_avro("Trade", torn)


def test_bytes_after_the_record_are_refused() -> None:
    long = encode_avro(record_of(example(Trade))) + b"more"
    with pytest.raises(BadMessage, match=r"^Trade is b'more': bytes after the end of the record"):
        decode_avro("Trade", long)


def test_schema_that_is_not_of_the_type_is_refused(root: Path) -> None:
    data = encode_avro(record_of(example(Quote)))
    with pytest.raises(BadMessage, match=r"^Trade is b'.*SchemaResolutionError"):
        decode_avro("Trade", data, committed(root, Quote))
