"""A recorded market with something wrong in it: what is wrong is said, and nothing else is lost."""

import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from marea.messages.envelope import Log
from marea.messages.market import BookDelta, Quote, Trade
from marea.messages.system import Clock
from marea.venues.tape import BadTape
from tests.unit.ingestion.tapes import Run, run

DEMO = "demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst"
LINE_COUNT = 4_000
BTC = "BTC-USDT.BINANCE"
ETH = "ETH-USDT.BINANCE"
Lines = list[bytes]
Take = Callable[[Sequence[bytes]], Run]


@pytest.fixture(scope="module")
def lines(data_dir: Path) -> Lines:
    """The first 20 s of the demo tape."""
    with (data_dir / "books" / DEMO).open("rb") as packed:
        content = zstandard.ZstdDecompressor().stream_reader(packed).read(2_000_000)
    return content.split(b"\n")[:LINE_COUNT]


@pytest.fixture(scope="module")
def calm(lines: Lines, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What comes of them where nothing is wrong."""
    return take_lines(tmp_path_factory.mktemp("calm"), lines)


@pytest.fixture
def take(tmp_path: Path) -> Take:
    return lambda changed: take_lines(tmp_path, changed)


def take_lines(folder: Path, changed: Sequence[bytes]) -> Run:
    file = folder / "tape.raw"
    file.write_bytes(b"\n".join(changed))
    return run(file)


def of_stream(lines: Lines, stream: str) -> list[int]:
    """The places of the lines of a stream, without those of its first seconds."""
    named = f'"stream":"{stream}"'.encode()
    return [place for place, line in enumerate(lines) if named in line and place > 500]


def event(line: bytes) -> dict[str, int]:
    data: dict[str, int] = json.loads(line.partition(b" ")[2])["data"]
    return data


def with_field(line: bytes, field: str, text: str) -> bytes:
    """The line with this in place of the first value of a field, quotes included."""
    changed = re.sub(rf'"{field}":"[^"]*"'.encode(), f'"{field}":{text}'.encode(), line, count=1)
    assert changed != line
    return changed


def ids(result: Run, instrument: str) -> list[str]:
    return [message.id for message in result.of_venue(instrument)]


def clocks(result: Run) -> list[int]:
    return [each.ts_event for each in result.logs[Log("market", BTC)] if isinstance(each, Clock)]


def test_nothing_is_wrong_with_the_tape_itself(calm: Run) -> None:
    assert calm.counts == (LINE_COUNT, 0, 0)
    assert calm.state.failed_counts == {}
    assert {each.book.status for each in calm.state.streams.values()} == {"LIVE"}


# What is missing, doubled or out of order


def test_missing_delta_breaks_its_book_to_the_end_and_nothing_else(
    lines: Lines, calm: Run, take: Take
) -> None:
    before, place, after = of_stream(lines, "btcusdt@depth@100ms")[20:23]
    result = take(lines[:place] + lines[place + 1 :])
    expected, got = event(lines[before])["u"] + 1, event(lines[after])["U"]
    assert [each for each in result.told(BTC) if each != "request unanswered"] == [
        *calm.told(BTC),
        f"BROKEN gap {event(lines[after])['u']}",
        "request gap",
        f"sequence expected:{expected},got:{got}",
    ]
    assert result.told(BTC).count("request unanswered") == 1
    assert result.counts == (LINE_COUNT - 1, 0, 0)
    stream = result.state.streams[BTC]
    assert (stream.book.status, stream.compared_count) == ("BROKEN", stream.agreed_count)
    lost = f"{BTC}:delta:{event(lines[place])['u']}"
    assert ids(result, BTC) == [each for each in ids(calm, BTC) if each != lost]
    assert ids(result, ETH) == ids(calm, ETH)
    assert result.told(ETH) == calm.told(ETH)


def test_missing_trade_is_said(lines: Lines, calm: Run, take: Take) -> None:
    place = of_stream(lines, "ethusdt@trade")[10]
    number = event(lines[place])["t"]
    result = take(lines[:place] + lines[place + 1 :])
    assert result.told(ETH) == [*calm.told(ETH), f"sequence trades:{number}-{number}"]
    assert result.told(BTC) == calm.told(BTC)
    assert result.counts == (LINE_COUNT - 1, 0, 0)


def test_lines_that_come_twice_are_duplicates(lines: Lines, calm: Run, take: Take) -> None:
    result = take([line for line in lines for _ in range(2)])
    assert result.counts == (LINE_COUNT, LINE_COUNT, 0)
    assert result.frame_count == 2 * LINE_COUNT
    for name in (BTC, ETH):
        assert ids(result, name) == ids(calm, name)
        assert result.told(name) == calm.told(name)
    assert clocks(result) == clocks(calm)


def test_trades_that_are_swapped_are_both_passed_on(lines: Lines, calm: Run, take: Take) -> None:
    places = of_stream(lines, "btcusdt@trade")
    first, second = next(
        pair for pair in pairwise(places) if pair[1] - pair[0] > 5 and ms_between(lines, *pair) < 90
    )
    changed = lines.copy()
    changed[first], changed[second] = lines[second], lines[first]
    result = take(changed)
    number = event(lines[first])["t"]
    assert result.counts == (LINE_COUNT, 0, 0)
    assert result.told(BTC) == [*calm.told(BTC), f"sequence trades:{number}-{number}"]
    assert sorted(ids(result, BTC)) == sorted(ids(calm, BTC))


def ms_between(lines: Lines, first: int, second: int) -> int:
    return (int(lines[second][:19]) - int(lines[first][:19])) // 1_000_000


def test_deltas_that_are_swapped_break_the_book(lines: Lines, calm: Run, take: Take) -> None:
    first, second = of_stream(lines, "btcusdt@depth@100ms")[20:22]
    changed = lines.copy()
    changed[first], changed[second] = lines[second], lines[first]
    result = take(changed)
    assert result.counts == (LINE_COUNT - 1, 1, 0)
    assert f"BROKEN gap {event(lines[second])['u']}" in result.told(BTC)
    assert result.state.streams[BTC].book.status == "BROKEN"
    assert ids(result, ETH) == ids(calm, ETH)


def test_lines_shuffled_within_a_second_lose_no_trade_and_every_one_is_counted(
    lines: Lines, calm: Run, take: Take
) -> None:
    chance = random.Random(7)
    blocks: dict[int, Lines] = {}
    for line in lines[500:]:
        blocks.setdefault(int(line[:19]) // 900_000_000, []).append(line)
    shuffled = [line for block in blocks.values() for line in chance.sample(block, len(block))]
    result = take(lines[:500] + shuffled)
    passed, duplicates, letters = result.counts
    assert passed + duplicates == LINE_COUNT == result.frame_count
    assert letters == 0
    for name in (BTC, ETH):
        trades = [each.id for each in calm.of_venue(name) if isinstance(each, Trade)]
        assert (
            sorted(each.id for each in result.of_venue(name) if isinstance(each, Trade)) == trades
        )
        assert set(ids(result, name)) <= set(ids(calm, name))
        assert len(set(ids(result, name))) == len(ids(result, name))
    assert clocks(result) == sorted(clocks(result))


# What can't be read


BAD_TEXTS = ['"NaN"', '"1e400"', '"-1"', '""', '"Infinity"', '"0x1F"', '"1,5"', '" 1"', '"-0.0001"']
BAD_JSON = ["NaN", "1e400", "null", "1.5", "[]", "Infinity", "-"]


@pytest.mark.parametrize("stream", ["ethusdt@trade", "ethusdt@bookTicker"])
def test_amount_that_can_not_be_true_is_a_dead_letter_and_the_stream_goes_on(
    lines: Lines, calm: Run, take: Take, stream: str
) -> None:
    fields = "pq" if stream.endswith("trade") else "bBaA"
    cases = [(field, text) for field in fields for text in BAD_TEXTS + BAD_JSON]
    places = of_stream(lines, stream)[: len(cases)]
    changed = lines.copy()
    for place, (field, text) in zip(places, cases, strict=False):
        changed[place] = with_field(lines[place], field, text)
    result = take(changed)
    assert result.counts == (LINE_COUNT - len(places), 0, len(places))
    for letter, place in zip(result.letters, places, strict=True):
        assert letter.place == f"tape.raw:{place + 1}"
        assert letter.payload == changed[place].partition(b" ")[2]
        assert letter.reason in ("bad_amount", "ill_typed", "not_json", "crossed")
    assert {letter.reason for letter in result.letters[: len(BAD_TEXTS)]} == {"bad_amount"}
    kind = Trade if fields == "pq" else Quote
    gone = {f"{ETH}:{kind.__name__.lower()}:{number(lines[place])}" for place in places}
    assert ids(result, ETH) == [each for each in ids(calm, ETH) if each not in gone]
    assert ids(result, BTC) == ids(calm, BTC)
    assert result.told(BTC) == calm.told(BTC)


def number(line: bytes) -> int:
    """The venue's number of a trade or a quote."""
    found = event(line)
    return found.get("t") or found["u"]


@pytest.mark.parametrize("text", BAD_TEXTS + BAD_JSON)
def test_delta_with_an_amount_that_can_not_be_true_is_missing_from_its_book(
    lines: Lines, take: Take, text: str
) -> None:
    place, after = of_stream(lines, "btcusdt@depth@100ms")[:2]
    bad = re.sub(rb'"b":\[\["[^"]*"', f'"b":[[{text}'.encode(), lines[place], count=1)
    assert bad != lines[place]
    result = take([*lines[:place], bad, *lines[place + 1 : after + 1]])
    (letter,) = result.letters
    assert letter.payload == bad.partition(b" ")[2]
    assert f"BROKEN gap {event(lines[after])['u']}" in result.told(BTC)


def test_lines_of_other_instruments_are_dead_letters_and_change_nothing(
    lines: Lines, calm: Run, take: Take
) -> None:
    changed: Lines = []
    for place, line in enumerate(lines):
        changed.append(line)
        if place % 100 == 50:
            changed.append(line.replace(b"btcusdt", b"bnbusdt").replace(b"ethusdt", b"bnbusdt"))
    foreign = of_stream(lines, "ethusdt@bookTicker")[3]
    changed.append(lines[foreign].replace(b"ETHUSDT", b"BTCUSDT"))
    changed[-1] = lines[-1].partition(b" ")[0] + b" " + changed[-1].partition(b" ")[2]
    result = take(changed)
    assert result.counts == (LINE_COUNT, 0, 41)
    reasons = [letter.reason for letter in result.letters]
    assert set(reasons[:-1]) <= {"unknown_instrument", "foreign_symbol"}
    assert reasons[-1] == "foreign_symbol"
    for name in (BTC, ETH):
        assert result.of_venue(name) == calm.of_venue(name)
        assert result.told(name) == calm.told(name)
    assert clocks(result) == clocks(calm)


def test_what_is_no_message_is_a_dead_letter_with_its_bytes_and_changes_nothing(
    lines: Lines, calm: Run, take: Take
) -> None:
    stamp, _, payload = lines[1_000].partition(b" ")
    noise = [
        payload,
        stamp,
        b"\x00\xff\xfe",
        stamp + b" " + payload[:-30],
        stamp + b' {"stream":"!serverShutdown","data":{"e":"serverShutdown"}}',
        stamp + b" " + re.sub(rb'"(u|t|U)":\d+', b'"\\1":-1', payload),
        stamp + b' {"x":' + b"[" * 5_000,
    ]
    result = take([*lines[:1_000], *noise, *lines[1_000:]])
    assert [letter.reason for letter in result.letters] == [
        "no_stamp",
        "no_payload",
        "no_stamp",
        "not_json",
        "unknown_event",
        "ill_typed",
        "not_json",
    ]
    assert [letter.place for letter in result.letters] == [f"tape.raw:{1001 + n}" for n in range(7)]
    for letter, line in zip(result.letters, noise, strict=True):
        assert letter.payload in (line, line.partition(b" ")[2])
    assert result.counts == (LINE_COUNT, 0, 7)
    for name in (BTC, ETH):
        assert result.of_venue(name) == calm.of_venue(name)
        assert result.told(name) == calm.told(name)
    assert clocks(result) == clocks(calm)


@pytest.mark.parametrize("stamp_ms", [0, 9_999_999_999_999, 1_723_061_255_000])
def test_stamp_that_can_not_be_true_does_not_move_the_clock(
    lines: Lines, calm: Run, take: Take, stamp_ms: int
) -> None:
    place = of_stream(lines, "ethusdt@depth@100ms")[40]
    bad = re.sub(rb'"E":\d+', b'"E":%d' % stamp_ms, lines[place], count=1)
    result = take([*lines[:place], bad, *lines[place + 1 :]])
    assert [letter.reason for letter in result.letters] == ["bad_time"]
    assert clocks(result) == clocks(calm)
    assert result.state.streams[ETH].book.status == "BROKEN"
    assert len([each for each in result.of_venue(ETH) if isinstance(each, BookDelta)]) > 100


def test_tape_that_is_cut_off_stops_with_its_line(lines: Lines, tmp_path: Path) -> None:
    file = tmp_path / "tape.raw.gz"
    file.write_bytes(gzip.compress(b"\n".join(lines))[:-500])
    with pytest.raises(BadTape, match=r"tape\.raw\.gz, line 39\d\d: the compressed data end too e"):
        run(file)
