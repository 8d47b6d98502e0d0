"""The end of a log in memory: bounded, shared by its readers, decoded once."""

import time
from collections.abc import Sequence

import pytest

from marea.bus.kafka import window as windows
from marea.bus.kafka.window import Window
from marea.bus.raw import Raw
from marea.messages.envelope import NOBODY, Record
from marea.messages.framing import frame
from marea.testing.builders import LOG, quote_record


def raws(numbers: Sequence[int]) -> list[Raw]:
    return [Raw(0, seq, 0, b"k", frame(quote_record(seq))) for seq in numbers]


def opened(first: int, end: int) -> Window:
    window = Window(LOG, first, end)
    window.extend(raws(range(first, end)))
    return window


def numbers(records: Sequence[Record]) -> list[int]:
    return [record.seq for record in records]


def test_records_are_given_from_any_position_on() -> None:
    window = opened(10, 20)
    assert (window.first, window.end, window.known_end) == (10, 20, 20)
    assert numbers(window.records(10, 3)) == [10, 11, 12]
    assert numbers(window.records(18, 9)) == [18, 19]
    assert numbers(window.records(20, 9)) == []
    assert numbers(window.records(25, 9)) == []


def test_all_readers_get_the_record_that_was_decoded_once() -> None:
    window = opened(0, 5)
    assert window.records(2, 2)[1] is window.records(3, 1)[0]


def test_what_comes_twice_stands_there_once() -> None:
    window = opened(0, 5)
    window.extend(raws(range(3, 8)))
    window.extend(raws(range(6)))
    window.extend([])
    assert numbers(window.records(0, 99)) == list(range(8))


def test_what_this_process_appended_is_what_comes_back() -> None:
    window = opened(0, 1)
    mine = quote_record(1)
    window.expect(frame(mine), mine)
    window.extend(raws(range(1, 4)))
    found = window.records(1, 3)
    assert found[0] is mine
    assert numbers(found) == [1, 2, 3]


def test_oldest_go_beyond_so_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "RECORDS_MAX", 8)
    window = opened(0, 10)
    assert window.first == 0  # a little more may stand there
    window.extend(raws(range(10, 11)))
    assert (window.first, window.end) == (3, 11)
    assert numbers(window.records(3, 99)) == list(range(3, 11))


def test_oldest_go_beyond_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(frame(quote_record(50)))
    monkeypatch.setattr(windows, "BYTES_MAX", 4 * size)
    window = opened(50, 60)
    assert (window.first, window.end) == (56, 60)
    window.extend(raws(range(60, 62)))
    assert (window.first, window.end) == (58, 62)


def test_what_came_a_while_ago_goes_though_little_came_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    window = opened(0, 3)
    for seq in range(3, 200):
        now_s[0] += 1.0
        window.extend(raws([seq]))
        assert window.end - window.first < windows.AGE_S_MAX * windows.SLACK + 5
    assert numbers(window.records(190, 99)) == list(range(190, 200))
    now_s[0] += 1_000.0
    window.extend(raws([200]))
    assert (window.first, window.end) == (200, 201)


def test_record_that_is_larger_than_all_may_be_stands_there_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "BYTES_MAX", 4)
    assert opened(0, 3).first == 2


def test_what_is_expected_and_never_comes_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "RECORDS_MAX", 2)
    window = opened(0, 0)
    mine = [quote_record(seq) for seq in range(3)]
    for record in mine:
        window.expect(frame(record), record)
    found: list[Record] = []
    for seq in range(3):
        window.extend(raws([seq]))
        found += window.records(seq, 1)
    assert numbers(found) == [0, 1, 2]
    assert [record is own for record, own in zip(found, mine, strict=True)] == [False, True, True]


def test_what_can_not_be_read_has_its_place() -> None:
    window = Window(LOG, 0, 0)
    window.extend([raws([0])[0], Raw(0, 1, 0, None, None), raws([2])[0]])
    found = window.records(0, 3)
    assert [record.writer == NOBODY for record in found] == [False, True, False]
