import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.messages.codec import decode_json, encode, encode_json
from marea.messages.envelope import Message, Record
from marea.messages.errors import BadMessage
from marea.messages.features import FeatureVector
from marea.messages.market import BookDelta, MarkPrice, Quote, Trade
from marea.messages.orders import AccountReported
from marea.messages.system import DeadLetter
from marea.messages.types import TYPES
from marea.testing.examples import example, record_of
from marea.testing.strategies import records

KINDS = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)


def wire_of(kind: type[Message]) -> dict[str, Any]:
    wire: dict[str, Any] = json.loads(encode_json(record_of(example(kind))))
    return wire


def read(wire: object) -> Record:
    return decode_json(json.dumps(wire).encode())


@KINDS
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_record_comes_back_from_json(kind: type[Message], data: st.DataObject) -> None:
    record = data.draw(records(kind))
    again = decode_json(encode_json(record))
    assert again == record
    assert encode(again.message) == encode(record.message)


def test_envelope_has_what_the_architecture_says() -> None:
    assert list(wire_of(FeatureVector)["envelope"]) == [
        "id",
        "type",
        "schema",
        "ts_event",
        "ts_known",
        "ts_origin",
        "producer",
        "epoch",
        "seq",
        "input",
        "parents",
        "trace",
        "build",
    ]
    assert wire_of(FeatureVector)["envelope"]["input"] == {
        "channel": "market",
        "partition": "BTC-USDT.BINANCE",
        "offset": 1207,
    }


def test_record_decided_on_no_log_has_no_input() -> None:
    assert wire_of(Trade)["envelope"]["input"] is None


def test_amount_is_a_string_that_shows_its_scale() -> None:
    wire = wire_of(Quote)
    assert (wire["bid_price"], wire["ask_qty"]) == ("61672.01", "1.00007")
    assert "price_scale" not in wire
    assert "qty_scale" not in wire


def test_scale_stays_where_no_single_amount_shows_it() -> None:
    assert wire_of(BookDelta)["price_scale"] == 2
    assert wire_of(MarkPrice)["qty_scale"] == 3
    assert "price_scale" not in wire_of(MarkPrice)


def test_book_delta_without_a_level_keeps_its_scales() -> None:
    delta = msgspec.structs.replace(
        example(BookDelta), bid_prices=(), bid_qtys=(), ask_prices=(), ask_qtys=()
    )
    assert decode_json(encode_json(record_of(delta))).message == delta


def test_bytes_are_written_as_base64_text() -> None:
    payload = msgspec.structs.replace(example(DeadLetter), payload=b"\xff\x00")
    assert json.loads(encode_json(record_of(payload)))["payload"] == "/wA="


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        (0, 0, "0"),
        (0, 2, "0.00"),
        (-5, 2, "-0.05"),
        (5, 2, "0.05"),
        (-12345, 2, "-123.45"),
        (100, 2, "1.00"),
        (7, 18, "0.000000000000000007"),
        (-(2**63), 0, "-9223372036854775808"),
    ],
)
def test_amount_has_exactly_the_places_of_its_scale(units: int, scale: int, text: str) -> None:
    trade = msgspec.structs.replace(example(Trade), price=units, price_scale=scale)
    assert json.loads(encode_json(record_of(trade)))["price"] == text
    assert decode_json(encode_json(record_of(trade))).message == trade


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "5.",
        ".50",
        "+5.00",
        "-0.00",
        "05.00",
        "1e5",
        "1_0.00",
        " 1.00",
        "1.00\n",
        "NaN",
        "Infinity",
        "0x1",
        "1,000.00",
        "1.2.3",
        "\u0663.\u0660\u0660",
        "9223372036854775808",
        "1" * 5000,
    ],
)
def test_text_that_is_no_plain_amount_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match=r"^price is '?.*: (a plain decimal|an amount has 64)"):
        read({**wire_of(Trade), "price": text})


def test_amount_of_a_map_is_refused_with_its_key() -> None:
    wire = wire_of(AccountReported)
    asset = next(iter(wire["balances"]))
    wire["balances"][asset] = "92233720368.54775808"  # 2^63 units
    with pytest.raises(BadMessage, match=rf"^balances\.{asset} is 9223372036854775808: an amount"):
        read(wire)


def test_amount_with_too_many_places_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"^price is 0: an amount has 64 bits and 0 to 18 places"):
        read({**wire_of(Trade), "price": "0." + "0" * 19})


def test_amounts_of_one_scale_with_different_places_are_refused() -> None:
    with pytest.raises(BadMessage, match=r"^ask_price is '61672\.020': .* the 2 places of its sc"):
        read({**wire_of(Quote), "ask_price": "61672.020"})


def test_amount_that_does_not_fit_the_scale_beside_it_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"^bid_prices is '61672\.01': .* the 3 places of its"):
        read({**wire_of(BookDelta), "price_scale": 3})


def test_amount_beyond_64_bits_is_not_written() -> None:
    trade = msgspec.structs.replace(example(Trade), price=2**63)
    with pytest.raises(BadMessage, match=r"^price is 9223372036854775808: an amount has 64 bits"):
        encode_json(record_of(trade))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_finite_is_not_written(value: float) -> None:
    vector = msgspec.structs.replace(example(FeatureVector), values={"rsi_14": value})
    with pytest.raises(BadMessage, match=rf"^values\.rsi_14 is {value}: a number is finite"):
        encode_json(record_of(vector))


def test_number_that_is_not_finite_is_refused() -> None:
    text = json.dumps(wire_of(FeatureVector)).replace("47.30118", "1e400").encode()
    with pytest.raises(BadMessage, match=r"^values\[\.\.\.\] is .*: Number out of range"):
        decode_json(text)


def test_offset_without_a_log_is_not_written() -> None:
    record = record_of(example(Trade))
    record.input_offset = 3
    with pytest.raises(BadMessage, match=r"^input_offset is 3: take -1 where the writer reads no"):
        encode_json(record)


def test_fields_that_are_not_known_are_left_aside() -> None:
    wire = wire_of(Trade)
    wire["envelope"]["signed"] = True
    assert read({**wire, "liquidation": {"deep": [1]}}) == record_of(example(Trade))


def test_missing_field_with_a_default_takes_it() -> None:
    wire = wire_of(Trade)
    del wire["condition"]
    assert read(wire) == record_of(example(Trade))


def without(path: str) -> dict[str, Any]:
    wire = wire_of(FeatureVector)
    *place, last = path.split(".")
    inside = wire
    for part in place:
        inside = inside[part]
    del inside[last]
    return wire


@pytest.mark.parametrize(
    "path",
    ["envelope", "envelope.type", "envelope.seq", "envelope.input.offset", "instrument", "values"],
)
def test_missing_field_is_refused_with_its_name(path: str) -> None:
    with pytest.raises(BadMessage, match=rf"^{path} is UNSET: required and not given; send it"):
        read(without(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": 61672.01}, r"price is 61672\.01: Expected `str`, got `float`"),
        ({"first_trade_id": "7"}, "first_trade_id is '7': Expected `int`, got `str`"),
        ({"first_trade_id": 2**63}, "first_trade_id is 9223372036854775808: Expected `int` <="),
        ({"first_trade_id": True}, "first_trade_id is True: Expected `int`, got `bool`"),
        ({"taker_side": "both"}, "taker_side is 'both': Invalid enum value 'both'"),
        ({"instrument": None}, "instrument is None: Expected `str`, got `null`"),
        ({"envelope": []}, r"envelope is \[\]: Expected `object`, got `array`"),
    ],
)
def test_wrong_type_is_refused_with_field_and_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadMessage, match=f"^{message}"):
        read({**wire_of(Trade), **changes})


def test_wrong_item_is_refused_with_its_place() -> None:
    with pytest.raises(BadMessage, match=r"^bid_qtys\[1\] is 0: Expected `str`, got `int`"):
        read({**wire_of(BookDelta), "bid_qtys": ["3.20154", 0]})


def test_unknown_type_is_refused() -> None:
    wire = wire_of(Trade)
    wire["envelope"]["type"] = "Tirade"
    with pytest.raises(
        BadMessage, match=r"^envelope\.type is 'Tirade': unknown; take one of .*Bar"
    ):
        read(wire)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"a":NaN}', b'{"a":' + b"[" * 100_000, b'{"a":"\\ud800"}'],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage, match=r"^record is b'.*: can't be decoded: "):
        decode_json(data)


def test_torn_json_with_a_wrong_field_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"^envelope is b'.*: Expected `object`, got `int`"):
        decode_json(b'{"envelope":5,')


@pytest.mark.parametrize("data", [b"5", b"[]", b"null", b'"x"'])
def test_json_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage, match=r"^record is .*: Expected `object`, got"):
        decode_json(data)


def test_field_given_twice_is_refused_all_the_same() -> None:
    text = encode_json(record_of(example(BookDelta)))[:-1] + b',"bid_prices":[5],"bid_prices":[]}'
    with pytest.raises(BadMessage, match=r"^bid_prices\[0\] is \[\]: Expected `str`, got `int`"):
        decode_json(text)


def test_long_value_is_shown_shortened() -> None:
    with pytest.raises(BadMessage, match=r"^taker_side is 'a{118}…: Invalid enum value") as caught:
        read({**wire_of(Trade), "taker_side": "a" * 10_000})
    assert caught.value.received == "a" * 10_000
