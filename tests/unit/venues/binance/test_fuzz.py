"""Whatever is done to a real message, it parses or it is refused: nothing else ever comes out."""

import re
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.messages.market import Observation
from marea.venues.binance.parse import BinanceParser, Market
from marea.venues.port import UnreadableMessage
from marea.venues.tape import Tape
from tests.unit.venues.binance.samples import parser_of

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
TAPES: dict[Market, str] = {
    "spot": "demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst",
    "usdm": "binance_usdm_BTCUSDT_20230404.raw.gz",
}
VALUE = re.compile(rb'"[^"]*"|-?[0-9]+|true|false|null')
OTHER_VALUES = [
    *(b"null", b"true", b"{}", b"[]", b'""', b"-1", b"0", b"1.0", b"1.5", b"1e400", b"NaN"),
    *(b"99999999999999999999", b'"NaN"', b'"Infinity"', b'"1e400"', b'"-1"', b'"-0"', b'"1_0"'),
    *(b'" 1"', b'"+1"', b'"0x1"', b'"1."', b'".5"', b'"\\ud800"', b'"\\u0000"', b'"\xff"'),
    *(b'"\xd9\xa1"', b'"' + b"9" * 5000 + b'"', b"[" * 5000, b'{"a":' * 5000),
]


@st.composite
def spoilt(draw: st.DrawFn, payload: bytes) -> bytes:
    how = draw(st.sampled_from(["flip", "cut", "swap", "repeat"]))
    if how == "flip":
        bits = draw(st.lists(st.integers(0, len(payload) * 8 - 1), min_size=1, max_size=4))
        changed = bytearray(payload)
        for bit in bits:
            changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)
    if how == "cut":
        return payload[: draw(st.integers(0, len(payload)))]
    places = [match.span() for match in VALUE.finditer(payload)]
    begin, end = draw(st.sampled_from(places))
    if how == "swap":
        return payload[:begin] + draw(st.sampled_from(OTHER_VALUES)) + payload[end:]
    return payload[:end] + payload[begin:]


@pytest.fixture(scope="module")
def recorded(data_dir: Path) -> dict[Market, list[bytes]]:
    """The first messages of a tape of each market: every kind that it holds is among them."""
    return {
        market: [frame.payload for frame in islice(Tape([data_dir / "books" / name]), 300)]
        for market, name in TAPES.items()
    }


@pytest.fixture(scope="module")
def parsers(recorded: dict[Market, list[bytes]]) -> dict[Market, BinanceParser]:
    """Parsers that have read every stream before."""
    found = {market: parser_of(market, SYMBOLS) for market in TAPES}
    for market, parser in found.items():
        for payload in recorded[market]:
            parser.parse(payload, 1, "BTCUSDT")
    return found


@settings(max_examples=1000, deadline=None)
@given(data=st.data(), market=st.sampled_from(sorted(TAPES)))
def test_spoilt_message_parses_or_is_refused_whatever_was_read_before(
    recorded: dict[Market, list[bytes]],
    parsers: dict[Market, BinanceParser],
    data: st.DataObject,
    market: Market,
) -> None:
    payload = data.draw(spoilt(data.draw(st.sampled_from(recorded[market]))))
    assert outcome(parsers[market], payload) == outcome(parser_of(market, SYMBOLS), payload)


def outcome(parser: BinanceParser, payload: bytes) -> Observation | str:
    try:
        return parser.parse(payload, 1, "BTCUSDT")
    except UnreadableMessage as refusal:
        told = f"{refusal.reason}: {refusal.detail}"
        told.encode()  # it must stand on the log
        return told


@settings(max_examples=300, deadline=None)
@given(payload=st.binary(max_size=64), market=st.sampled_from(sorted(TAPES)))
def test_noise_is_refused(
    parsers: dict[Market, BinanceParser], payload: bytes, market: Market
) -> None:
    with pytest.raises(UnreadableMessage, match=r"not_json|ill_typed|unknown_event"):
        parsers[market].parse(payload, 1)
