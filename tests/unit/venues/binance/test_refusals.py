from typing import Any

import pytest

from marea.venues.binance.parse import BinanceParser
from marea.venues.port import DETAIL_CHARS_MAX, UnreadableMessage
from tests.unit.venues.binance.samples import (
    AGG_TRADE,
    BAR,
    BAR_BODY,
    BTC,
    MARK_PRICE,
    SPOT_DELTA,
    SPOT_QUOTE,
    SPOT_SNAPSHOT,
    SPOT_TRADE,
    USDM_DELTA,
    parse,
)


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"", "not_json", "truncated"),
        (b"{", "not_json", "truncated"),
        (b"noise", "not_json", "malformed"),
        (b'{"stream":"btcusdt@trade"}', "not_json", "truncated"),
        (b'{"e":"trade","s":"\xff"}', "not_json", "utf-8"),
        (b'{"stream":"btcusdt@trade","data":' + b"[" * 100_000, "not_json", "recursion"),
        (b"[1]", "ill_typed", "Expected `object`, got `array`"),
        (b'{"result":null,"id":1}', "unknown_event", "e '': expected one of trade, aggTrade"),
        (b'{"e":"24hrTicker","s":"BTCUSDT"}', "unknown_event", "e '24hrTicker'"),
        (b'{"e":"serverShutdown","E":1}', "unknown_event", "e 'serverShutdown'"),
    ],
)
def test_what_is_no_event_is_refused(payload: bytes, reason: str, detail: str) -> None:
    with pytest.raises(UnreadableMessage, match=detail) as caught:
        BinanceParser({"BTCUSDT": BTC}, "spot").parse(payload, 5)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (SPOT_TRADE | {"t": -1}, "ill_typed", "Expected `int` >= 0 - at `\\$.t`"),
        (SPOT_TRADE | {"t": "1"}, "ill_typed", "Expected `int`, got `str`"),
        (SPOT_TRADE | {"t": 1 << 64}, "ill_typed", "at `\\$.t`"),
        (SPOT_TRADE | {"m": 1}, "ill_typed", "Expected `bool`, got `int`"),
        (SPOT_TRADE | {"p": 1.5}, "ill_typed", "Expected `str`, got `float`"),
        (SPOT_TRADE | {"p": None}, "ill_typed", "Expected `str`, got `null`"),
        (SPOT_TRADE | {"T": 1723161255342000}, "ill_typed", "<= 9999999999999"),
        (SPOT_TRADE | {"X": "A" * 33}, "ill_typed", "length <= 32"),
        ({"e": "trade", "s": "BTCUSDT"}, "ill_typed", "missing required field `t`"),
        (SPOT_TRADE | {"p": ""}, "bad_amount", "amount is ''"),
        (SPOT_TRADE | {"p": "NaN"}, "bad_amount", "amount is 'NaN'"),
        (SPOT_TRADE | {"p": "1e400"}, "bad_amount", "amount is '1e400'"),
        (SPOT_TRADE | {"p": "-1"}, "bad_amount", "p -1, q 0.02000000: expected more than 0"),
        (SPOT_TRADE | {"q": "0"}, "bad_amount", "q 0: expected more than 0"),
        (SPOT_TRADE | {"p": "1.001"}, "bad_amount", "beyond 2 places"),
        (SPOT_TRADE | {"X": "NA", "p": "-1"}, "bad_amount", "p -1"),
        (SPOT_TRADE | {"s": "ETHUSDT"}, "unknown_instrument", "s ETHUSDT: expected one of BTCUSDT"),
        (AGG_TRADE | {"q": "0"}, "bad_amount", "q 0: expected more than 0"),
        (AGG_TRADE | {"l": 99}, "bad_sequence", "l 99: expected f 100 or more"),
        (SPOT_QUOTE | {"B": "0"}, "bad_amount", "B 0, A 40.66: expected more than 0"),
        (SPOT_QUOTE | {"A": "0"}, "bad_amount", "A 0: expected more than 0"),
        (SPOT_QUOTE | {"b": "0"}, "bad_amount", "b 0, B 31.21"),
        (SPOT_QUOTE | {"a": "25.35"}, "crossed", "b 25.35, a 25.35: expected b below a"),
        (SPOT_QUOTE | {"u": None}, "unknown_event", "e ''"),
        (SPOT_DELTA | {"U": 161}, "bad_sequence", "u 160: expected U 161 or more"),
        (SPOT_DELTA | {"b": [["0", "1"]]}, "bad_amount", "expected price > 0 and qty >= 0"),
        (SPOT_DELTA | {"a": [["1", "-1"]]}, "bad_amount", "expected price > 0 and qty >= 0"),
        (SPOT_DELTA | {"a": [["1"]]}, "ill_typed", "Expected `array` of length 2"),
        (SPOT_SNAPSHOT, "no_symbol", "nothing says whose it is"),
        (SPOT_SNAPSHOT | {"s": "BTCUSDT", "bids": [["1", "0"]]}, "bad_amount", "qty >= 1"),
        (
            SPOT_SNAPSHOT | {"s": "BTCUSDT", "bids": [["0.1", "1"], ["0.2", "1"]]},
            "bad_order",
            "bids: expected falling prices",
        ),
        (
            SPOT_SNAPSHOT | {"s": "BTCUSDT", "asks": [["0.3", "1"], ["0.3", "1"]]},
            "bad_order",
            "asks: expected rising prices",
        ),
        (
            SPOT_SNAPSHOT | {"s": "BTCUSDT", "asks": [["0.24", "1"]]},
            "crossed",
            "bid 0.24, ask 0.24: expected the bid below",
        ),
        (BAR | {"k": BAR_BODY | {"i": "1M"}}, "unknown_interval", "i 1M: expected 1s, 1m"),
        (BAR | {"k": BAR_BODY | {"h": "1.99"}}, "bad_amount", "expected prices > 0 within l and h"),
        (BAR | {"k": BAR_BODY | {"l": "0"}}, "bad_amount", "l 0,"),
        (BAR | {"k": BAR_BODY | {"v": "-1"}}, "bad_amount", "v -1: .* v >= 0"),
        (BAR | {"k": BAR_BODY | {"L": 99}}, "bad_sequence", "f 100, L 99: expected f <= L"),
        (BAR | {"k": BAR_BODY | {"L": -1}}, "bad_sequence", "or both -1"),
        (BAR | {"E": 59_999}, "bad_time", "E 59999: expected t 60000 or later"),
    ],
)
def test_what_can_not_be_true_is_refused(event: dict[str, Any], reason: str, detail: str) -> None:
    with pytest.raises(UnreadableMessage, match=detail) as caught:
        parse(event)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (MARK_PRICE | {"p": "0"}, "bad_amount", "p 0, .*: expected p > 0, none negative"),
        (MARK_PRICE | {"i": "-1"}, "bad_amount", "i -1"),
        (MARK_PRICE | {"r": "0.000000001"}, "bad_amount", "beyond 8 places"),
        ({**USDM_DELTA, "pu": None}, "ill_typed", "at `\\$.pu`"),
        (SPOT_DELTA, "ill_typed", "missing required field `T`"),
        (SPOT_QUOTE, "ill_typed", "missing required field `e`"),
    ],
)
def test_what_usdm_does_not_send_is_refused(
    event: dict[str, Any], reason: str, detail: str
) -> None:
    with pytest.raises(UnreadableMessage, match=detail) as caught:
        parse(event, "usdm")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("stream", "event", "reason", "detail"),
    [
        ("btcusdt@trade", SPOT_TRADE | {"s": "ETHUSDT"}, "foreign_symbol", "s ETHUSDT on stream"),
        ("btcusdt@trade", SPOT_QUOTE, "ill_typed", "missing required field `e`"),
        ("btcusdt@trade", AGG_TRADE, "ill_typed", "Invalid enum value 'aggTrade'"),
        ("btcusdt@depth20", SPOT_SNAPSHOT, "unknown_event", "btcusdt@depth20: expected one of"),
        ("btcusdt@markPrice", MARK_PRICE, "unknown_event", "btcusdt@markPrice"),
        ("ethusdt@trade", SPOT_TRADE, "unknown_instrument", "s ETHUSDT: expected one of BTCUSDT"),
    ],
)
def test_event_that_does_not_belong_on_its_stream_is_refused(
    stream: str, event: dict[str, Any], reason: str, detail: str
) -> None:
    with pytest.raises(UnreadableMessage, match=detail) as caught:
        parse(event, stream=stream)
    assert caught.value.reason == reason


def test_detail_of_a_refusal_is_bounded_whatever_came() -> None:
    with pytest.raises(UnreadableMessage, match="unknown_event: stream x@AAA") as caught:
        parse(SPOT_TRADE, stream="x@" + "A" * 100_000)
    assert len(caught.value.detail) == DETAIL_CHARS_MAX
