"""Types that Marea has not yet: how a body may grow, and what has no wire form."""

import json
from typing import Annotated, Any

import pytest
from msgspec import Meta

from marea.messages.avro import decode_avro, encode_avro, schema_of
from marea.messages.codec import decode_json, encode_json
from marea.messages.envelope import Message, Record
from marea.messages.errors import BadMessage
from marea.messages.forms import form_of
from marea.messages.market import Price
from marea.messages.types import TYPES
from marea.testing.examples import record_of


class Parcel(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """As it was released."""

    price_scale: Annotated[int, Meta(description="places of a price")]
    price: Annotated[Price, Meta(description="what it costs")]


class ParcelGrown(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The same with one new field of each kind."""

    price_scale: Annotated[int, Meta(description="places of a price")]
    price: Annotated[Price, Meta(description="what it costs")]
    duty: Annotated[Price, Meta(description="an amount with a default")] = 0
    refund: Annotated[Price | None, Meta(description="an amount that may be absent")] = None
    steps: Annotated[tuple[Price, ...], Meta(description="amounts")] = ()
    label: Annotated[str | None, Meta(description="a text that may be absent")] = None
    seal: Annotated[bytes, Meta(description="bytes")] = b"\xff"
    weights: Annotated[dict[str, float], Meta(description="a map")] = {}  # noqa: RUF012 # msgspec makes it anew
    open: Annotated[bool, Meta(description="a flag")] = True


class Nested(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A list has no place in a frozen message."""

    items: Annotated[list[int], Meta(description="numbers")]


class Wavering(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Null could be two things."""

    label: Annotated[str | None, Meta(description="a text")] = "none"


@pytest.fixture(autouse=True)
def types(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Parcel, ParcelGrown, Nested, Wavering):
        monkeypatch.setitem(TYPES, kind.__name__, kind)


PARCEL = record_of(Parcel(id="p", price_scale=2, price=1050))
GROWN = record_of(
    ParcelGrown(
        id="p",
        price_scale=2,
        price=1050,
        duty=-7,
        refund=300,
        steps=(1, 20),
        label="glass",
        seal=b"\x00",
        weights={"kg": 0.5},
        open=False,
    )
)


def renamed(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {**schema, "name": name}


def with_type(data: bytes, name: str) -> bytes:
    wire = json.loads(data)
    wire["envelope"]["type"] = name
    return json.dumps(wire).encode()


@pytest.mark.parametrize("record", [PARCEL, GROWN], ids=["released", "grown"])
def test_every_kind_of_field_comes_back(record: Record) -> None:
    kind = type(record.message).__name__
    assert decode_json(encode_json(record)) == record
    assert decode_avro(kind, encode_avro(record)) == record


def test_json_of_the_released_type_takes_the_defaults_of_the_grown_one() -> None:
    again = decode_json(with_type(encode_json(PARCEL), "ParcelGrown"))
    assert again.message == ParcelGrown(id="p", price_scale=2, price=1050)


def test_json_of_the_grown_type_is_read_by_the_released_one() -> None:
    assert decode_json(with_type(encode_json(GROWN), "Parcel")).message == PARCEL.message


def test_avro_of_the_released_type_takes_the_defaults_of_the_grown_one() -> None:
    grown_name = record_of(ParcelGrown(id="p", price_scale=2, price=1050))
    writer = renamed(schema_of("Parcel"), "ParcelGrown")
    data = encode_avro(PARCEL).replace(b"\x0cParcel", b"\x16ParcelGrown")
    assert decode_avro("ParcelGrown", data, writer) == grown_name


def test_avro_of_the_grown_type_is_read_by_the_released_one() -> None:
    writer = renamed(schema_of("ParcelGrown"), "Parcel")
    data = encode_avro(GROWN).replace(b"\x16ParcelGrown", b"\x0cParcel")
    assert decode_avro("Parcel", data, writer).message == PARCEL.message


def test_new_amount_shows_no_scale_since_old_records_lack_it() -> None:
    assert form_of("ParcelGrown").shown == {"price_scale": "price"}


def test_new_amount_must_have_the_places_of_its_scale() -> None:
    wire = json.loads(encode_json(GROWN))
    with pytest.raises(BadMessage, match=r"^steps is '1': .* the 2 places of its scale"):
        decode_json(json.dumps({**wire, "steps": ["1"]}).encode())


def test_field_without_a_wire_form_is_an_error_of_its_type() -> None:
    with pytest.raises(TypeError, match=r"^Nested\.items has no wire form: ListType is neither"):
        form_of("Nested")


def test_nullable_field_with_another_default_is_an_error_of_its_type() -> None:
    with pytest.raises(TypeError, match=r"^Wavering\.label may be None: let None be its default"):
        form_of("Wavering")
