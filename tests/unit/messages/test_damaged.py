"""Whatever stands on Kafka or in Redis is a valid record or a `BadMessage`, and soon known to be."""

import json
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import example as such_as
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.messages.codec import decode_json, encode_json
from marea.messages.envelope import Record
from marea.messages.errors import BadMessage
from marea.messages.framing import frame, unframe
from marea.messages.market import Trade
from marea.messages.signals import Signal
from marea.testing.examples import EXAMPLES, example, record_of

RECORDS = [record_of(message) for message in EXAMPLES.values()]
FRAMES = [frame(record) for record in RECORDS]
OBJECTS = [encode_json(record) for record in RECORDS]
HEAD_BYTES = 5
LENGTHS = [2**63 - 1, -(2**63), 2**40, -1, 10**9]
NUMBERS = [struct.pack("<d", number) for number in (float("nan"), float("inf"), -0.0)]
WORDS = [b"NaN", b"1e400", b"null", b"-0", b"\\ud800", b"[" * 5_000, b"1" * 5_000]
READ_S_MAX = 2.0


def zigzag(number: int) -> bytes:
    """A number as Avro writes it."""
    left = number << 1 ^ number >> 63
    digits = []
    while left > 127:
        digits.append(left & 127 | 128)
        left >>= 7
    return bytes([*digits, left])


@st.composite
def damaged(draw: st.DrawFn, whole: list[bytes], planted: list[bytes], kept: int) -> bytes:
    """One of these, with a few bits turned, a part replaced by others, or cut off."""
    data = draw(st.sampled_from(whole))
    at = draw(st.integers(kept, len(data)))
    end = draw(st.integers(at, min(len(data), at + 16)))
    change = draw(st.sampled_from(["turn", "cut", "replace", "plant", "join"]))
    if change == "turn":
        turned = bytearray(data)
        for _ in range(draw(st.integers(1, 8))):
            bit = draw(st.integers(0, 8 * len(data) - 1))
            turned[bit // 8] ^= 1 << bit % 8
        return bytes(turned)
    if change == "cut":
        return data[:at]
    other = {
        "replace": st.binary(max_size=16),
        "plant": st.sampled_from(planted),
        "join": st.sampled_from(whole).map(lambda one: one[kept:]),
    }
    return data[:at] + draw(other[change]) + data[end:]


def is_read(read: Callable[[bytes], Record], data: bytes) -> Record | None:
    """The record that it holds; None where it is refused, in words."""
    try:
        return read(data)
    except BadMessage as error:
        assert str(error)  # noqa: PT017 # either is right; the text must be sayable
        return None


@settings(max_examples=400, deadline=None)
@given(data=damaged(FRAMES, [*map(zigzag, LENGTHS), *NUMBERS], HEAD_BYTES))
def test_damaged_frame_is_refused_or_a_valid_record(data: bytes) -> None:
    record = is_read(unframe, data)
    if record is not None:
        assert unframe(frame(record)) == record


@settings(max_examples=400, deadline=None)
@given(data=damaged(OBJECTS, WORDS, 0))
def test_damaged_json_is_refused_or_a_valid_record(data: bytes) -> None:
    record = is_read(decode_json, data)
    if record is not None:
        assert decode_json(encode_json(record)) == record


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=64), one=st.sampled_from(FRAMES))
@such_as(data=b"", one=FRAMES[0])
def test_bytes_of_another_make_are_refused(data: bytes, one: bytes) -> None:
    for whole in (data, b"\0" + data, one[:HEAD_BYTES] + data):
        is_read(unframe, whole)
    is_read(decode_json, data)


def read_s(read: Callable[[bytes], Record], data: bytes) -> float:
    """How long does it take to refuse this?"""
    begin = time.process_time()
    with pytest.raises(BadMessage, match=r" is .*: ") as refused:
        read(data)
    assert len(str(refused.value)) < 1_000
    return time.process_time() - begin


TRADE = record_of(example(Trade))
HUGE = 5_000_000


@pytest.mark.parametrize("length", LENGTHS)
def test_text_that_says_to_be_longer_than_the_record_is_refused_at_once(length: int) -> None:
    data = frame(TRADE)[:HEAD_BYTES] + zigzag(length)
    assert read_s(unframe, data) < READ_S_MAX


@pytest.mark.parametrize("count", [2**62, -(2**62)])
def test_array_that_says_to_have_more_items_than_bytes_is_refused_at_once(count: int) -> None:
    data = frame(TRADE)
    trace_and_parents = data.index(b"\0\0", HEAD_BYTES)
    at = trace_and_parents + 1
    assert read_s(unframe, data[:at] + zigzag(count) + data[at:]) < READ_S_MAX


@pytest.mark.parametrize("text", ["9" * HUGE, "0." + "0" * HUGE, "x" * HUGE, "-" * HUGE])
def test_huge_amount_is_refused_at_once(text: str) -> None:
    wire = json.loads(encode_json(TRADE))
    wire["price"] = text
    assert read_s(decode_json, json.dumps(wire).encode()) < READ_S_MAX
    written = frame(TRADE)
    price = b"\x1061672.01"
    assert price in written
    huge = written.replace(price, zigzag(len(text)) + text.encode())
    assert read_s(unframe, huge) < READ_S_MAX


def test_huge_text_where_any_text_may_stand_is_read() -> None:
    wire = json.loads(encode_json(TRADE))
    wire["condition"] = "x" * HUGE
    record = decode_json(json.dumps(wire).encode())
    assert unframe(frame(record)) == record


def test_deep_json_is_refused() -> None:
    for part in (b"[", b'{"a":'):
        assert read_s(decode_json, b'{"envelope":' + part * 1_000_000) < READ_S_MAX


def test_number_beyond_all_bounds_is_refused() -> None:
    text = encode_json(record_of(example(Signal)))
    score = b'"score":'
    at = text.index(score) + len(score)
    end = text.index(b",", at)
    for number in (b"1e400", b"-1e400", b"NaN", b"Infinity"):
        assert is_read(decode_json, text[:at] + number + text[end:]) is None
