"""What a broker sends is unpacked to one entry an offset, whatever stands there."""

from collections.abc import Sequence
from struct import pack_into

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from marea.bus.kafka.batches import unpack
from marea.bus.raw import Raw

PLACE = TopicPartition("market", 7)
CRC_AT, ATTRIBUTES_AT = 17, 21
CONTROL = 0x20
LZ4 = 3


def batch(
    base: int,
    values: Sequence[bytes],
    *,
    offsets: Sequence[int] = (),
    header: bytes = b"",
    attributes: int = 0,
) -> bytes:
    """A batch as a broker keeps it, with whatever is wrong about it and a right checksum."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    headers = [("x" * len(header), b"")] if header else []
    for at, value in zip(offsets or range(len(values)), values, strict=True):
        builder.append(at, 1_000 + at, b"key", value, headers)
    found = bytearray(builder.build())
    pack_into(">q", found, 0, base)
    pack_into(">h", found, ATTRIBUTES_AT, attributes)
    if header:
        found[:] = found.replace(b"x" * len(header), header)
    pack_into(">I", found, CRC_AT, calc_crc32c(found[ATTRIBUTES_AT:]))
    return bytes(found)


def values(position: int, data: bytes) -> list[tuple[int, bytes | None]]:
    return [(raw.offset, raw.value) for raw in unpack(PLACE, position, data)]


def test_records_of_several_batches_follow_each_other() -> None:
    data = batch(5, [b"a", b"b"]) + batch(7, [b"c"])
    assert values(5, data) == [(5, b"a"), (6, b"b"), (7, b"c")]
    first = unpack(PLACE, 5, data)[0]
    assert first == Raw(7, 5, 1_000, b"key", b"a")


def test_what_stands_in_a_batch_before_the_position_is_left_out() -> None:
    assert values(6, batch(5, [b"a", b"b"])) == [(6, b"b")]


def test_batch_of_which_the_end_is_missing_is_left_out() -> None:
    data = batch(0, [b"a"]) + batch(1, [b"b"])[:-1]
    assert values(0, data) == [(0, b"a")]


def test_marker_of_a_transaction_has_a_place_and_no_value() -> None:
    data = batch(0, [b"a"]) + batch(1, [b"commit"], attributes=CONTROL) + batch(2, [b"c"])
    assert values(0, data) == [(0, b"a"), (1, None), (2, b"c")]


def test_what_compaction_removed_has_a_place_and_no_value() -> None:
    data = batch(0, [b"a", b"d"], offsets=[0, 3]) + batch(6, [b"g"])
    assert values(0, data) == [
        (0, b"a"),
        (1, None),
        (2, None),
        (3, b"d"),
        *[(4, None), (5, None)],
        (6, b"g"),
    ]


def test_batch_whose_headers_are_no_text_has_places_and_no_values() -> None:
    data = batch(0, [b"a", b"b"], header=b"\xff\xfe") + batch(2, [b"c"])
    assert values(0, data) == [(0, None), (1, None), (2, b"c")]


def test_batch_that_is_packed_as_nobody_here_unpacks_has_places_and_no_values() -> None:
    data = batch(0, [b"a", b"b"], attributes=LZ4) + batch(2, [b"c"])
    assert values(0, data) == [(0, None), (1, None), (2, b"c")]


def test_batch_that_came_damaged_is_refused_as_a_whole_answer() -> None:
    data = bytearray(batch(0, [b"a"]))
    data[-2] ^= 1
    with pytest.raises(CorruptRecordException, match=r"market.*offset 0"):
        unpack(PLACE, 0, bytes(data))
