"""A bad tape has a clear outcome: what is wrong, where, and what helps; and nothing goes unsaid."""

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system import tapes
from tests.system.conftest import Marea

Lines = list[bytes]
TRADE = b"btcusdt@trade"


@pytest.fixture(scope="module")
def good(lines: Lines) -> Lines:
    """Some twelve seconds of market."""
    return lines[:3_000]


def nothing(good: Lines) -> Lines:
    return []


def blanks(good: Lines) -> Lines:
    return [b"\n"] * 50


def noise(good: Lines) -> Lines:
    return [random.Random(1).randbytes(50_000)]


def prose(good: Lines) -> Lines:
    return [b"The quick brown fox jumps over lazy dog number %d.\n" % n for n in range(100)]


def stamped_prose(good: Lines) -> Lines:
    return [b"%d a line of prose\n" % (1_723_161_254_000_000_000 + n) for n in range(100)]


def of_others(good: Lines) -> Lines:
    others = ((b"BTC", b"XRP"), (b"btc", b"xrp"), (b"ETH", b"LTC"), (b"eth", b"ltc"))
    for ours, theirs in others:
        good = [line.replace(ours, theirs) for line in good]
    return good


REFUSED: list[tuple[str, Callable[[Lines], Lines], str]] = [
    ("empty.raw", nothing, r"empty\.raw: it is empty; leave it out, or fetch it again"),
    ("empty.raw.zst", nothing, r"empty\.raw\.zst: it is empty; leave it out"),
    ("blank.raw", blanks, r"blank\.raw, line 50: it is empty; leave it out"),
    (
        "noise.raw",
        noise,
        r"noise\.raw, line \d+: none of its first \d+ lines is .*; name a recorded",
    ),
    ("prose.txt", prose, r"prose\.txt, line 20: none of its first 20 lines is `<local stamp> <pay"),
    ("prose.raw", stamped_prose, r"its first lines hold no event of Binance .*; name a capture"),
    ("others.raw", of_others, r"it names LTCUSDT, XRPUSDT, and of BINANCE .* BTCUSDT.*; name anot"),
    (
        "shuffled.raw",
        lambda good: tapes.shuffled(good, len(good)),
        r"shuffled\.raw, line \d+: its time lies \d\.\d{3} s before .*; name the files in the order",
    ),
    (
        "units.raw.gz",
        lambda good: [*good[:1_500], *map(tapes.in_millis, good[1_500:])],
        r"units\.raw\.gz, line 1501: its stamp \d{13} has another unit .*; record each unit in a",
    ),
]


@pytest.mark.parametrize(("name", "make", "told"), REFUSED)
def test_tape_that_can_not_be_read_on_is_refused(
    name: str, make: Callable[[Lines], Lines], told: str, good: Lines, tmp_path: Path, marea: Marea
) -> None:
    refused(marea, [tapes.write(tmp_path / name, make(good))], told)


@pytest.mark.parametrize("name", ["cut.raw.zst", "cut.raw.gz"])
def test_packed_tape_without_its_end_is_read_up_to_there_and_refused(
    name: str, good: Lines, tmp_path: Path, marea: Marea
) -> None:
    tape = tapes.cut(tapes.write(tmp_path / name, good), 0.5)
    ended = refused(marea, [tape], rf"{name}, line \d+: the compressed data end too early; fetch")
    shown = re.search(r"What came before is on the log: marea (log \S+)", ended)
    assert shown
    listed = marea(*shown[1].split(), "--type", "Trade", "--json")
    assert len(json.loads(listed.out)["events"]) > 50


def test_packed_tape_that_is_broken_in_the_middle_is_refused(
    good: Lines, tmp_path: Path, marea: Marea
) -> None:
    tape = tapes.write(tmp_path / "broken.raw.zst", good)
    content = tape.read_bytes()
    tape.write_bytes(content[:20_000] + bytes(100) + content[20_100:])
    refused(marea, [tape], r"broken\.raw\.zst.*: the compressed data are broken .*; fetch the file")


def test_what_is_no_file_is_refused(good: Lines, tmp_path: Path, marea: Marea) -> None:
    tape = tapes.write(tmp_path / "a.raw", good[:10])
    os.mkfifo(tmp_path / "pipe")
    refused(marea, [tmp_path / "none"], "none: there is no such file; check its path")
    refused(marea, [tmp_path], "it is a folder; name the files in it")
    refused(marea, [tape / "b.raw"], r"it can't be opened \(Not a directory\); check its path")
    refused(marea, [tmp_path / "pipe"], "pipe: it is no regular file; copy it to a file first")
    refused(marea, [tmp_path / "x\udcff.raw"], "there is no such file")
    tape.rename(tmp_path / "x\udcff.raw")
    refused(marea, [tmp_path / "x\udcff.raw"], "its name is no UTF-8; rename it")


def test_files_that_do_not_belong_together_are_refused(
    good: Lines, books: Path, tmp_path: Path, marea: Marea
) -> None:
    (usdm,) = books.glob("binance_usdm_ETHUSDT_2024*")
    (coinm,) = books.glob("binance_coinm_*")
    first = tapes.write(tmp_path / "first.raw", good[:1_500])
    second = tapes.write(tmp_path / "second.raw", good[1_500:])
    refused(marea, [first, usdm], r"raw\.gz, line 1: it is of usdm, .* of spot; run the markets")
    refused(marea, [coinm], "it names BTCUSD_PERP, and of BINANCEUSDM the settings have BTCUSDT")
    refused(marea, [second, first], r"first\.raw, line 1: its time lies .*; name the files in the")
    ended = marea("demo", "--tape", first, "--tape", second, "--json")
    assert json.loads(ended.out)["market_events"] == 3_000


def refused(marea: Marea, files: list[Path], told: str) -> str:
    named = [part for file in files for part in ("--tape", file)]
    ended = marea("demo", *named, "--json")
    error = json.loads(ended.out)
    assert (ended.code, error["exit"]) == (3, 3)
    assert re.search(told, error["error"]), error["error"]
    assert error["error"] in ended.err
    assert "Traceback" not in ended.err
    return ended.err


def with_price(price: bytes) -> Callable[[bytes], bytes]:
    return lambda line: re.sub(rb'"p":"[0-9.]+"', b'"p":' + price, line)


def foreign(line: bytes) -> bytes:
    return line.replace(b"BTCUSDT", b"DOGEUSDT").replace(b"btcusdt", b"dogeusdt")


SET_ASIDE: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("NaN as a text", with_price(b'"NaN"'), "bad_amount"),
    ("NaN", with_price(b"NaN"), "not_json"),
    ("1e400 as a text", with_price(b'"1e400"'), "bad_amount"),
    ("1e400", with_price(b"1e400"), "ill_typed"),
    ("foreign symbol", foreign, "unknown_instrument"),
    ("noise in the middle", lambda line: line[::-1].strip() + b"\n", "no_stamp"),
    ("half a line", lambda line: line[:100] + b"\n", "not_json"),
]


@pytest.mark.parametrize(("name", "change", "reason"), SET_ASIDE)
def test_line_that_can_not_be_true_is_a_dead_letter_and_the_rest_is_read(
    name: str,
    change: Callable[[bytes], bytes],
    reason: str,
    good: Lines,
    tmp_path: Path,
    marea: Marea,
) -> None:
    changed = tapes.changed(good, TRADE, change)
    number = next(n for n, line in enumerate(changed, 1) if line != good[n - 1])
    ended = marea("demo", "--tape", tapes.write(tmp_path / "a.raw", changed), "--json")
    result = json.loads(ended.out)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert (result["market_events"], result["dead_letters"]) == (3_000, 1)
    assert {book["status"] for book in result["books"].values()} == {"LIVE"}
    [letter] = events(marea, "DeadLetter")
    assert (letter["place"], letter["reason"]) == (f"a.raw:{number}", reason)
    shown = marea("log", "last", "--type", "DeadLetter")
    assert f"place=a.raw:{number} reason={reason}" in shown.out
    assert shown.out.strip().isprintable()


def test_missing_diff_breaks_the_book_of_its_instrument_only(
    good: Lines, tmp_path: Path, marea: Marea
) -> None:
    tape = tapes.write(tmp_path / "gap.raw", tapes.without(good, b"btcusdt@depth", 60))
    ended = marea("demo", "--tape", tape, "--json")
    result = json.loads(ended.out)
    assert ended.code == 1
    assert {name: book["status"] for name, book in result["books"].items()} == {
        "BTC-USDT.BINANCE": "BROKEN",
        "ETH-USDT.BINANCE": "LIVE",
    }
    assert result["quality"] == {"sequence": 1}
    changes = [event["reason"] for event in events(marea, "BookStatusChanged")]
    assert changes == ["start", "start", "synchronised", "synchronised", "gap"]


def test_missing_trade_is_told_and_ends_well(good: Lines, tmp_path: Path, marea: Marea) -> None:
    tape = tapes.write(tmp_path / "gap.raw", tapes.without(good, TRADE, 60))
    ended = marea("demo", "--tape", tape, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["quality"] == {"sequence": 1}
    [failed] = events(marea, "QualityCheckFailed")
    assert re.fullmatch(r"trades:(\d+)-\1", failed["detail"])


def test_lines_that_race_each_other_are_counted_and_judged(
    good: Lines, tmp_path: Path, marea: Marea
) -> None:
    tape = tapes.write(tmp_path / "racing.raw", tapes.shuffled(good, 20))
    ended = marea("demo", "--tape", tape, "--json")
    result = json.loads(ended.out)
    assert ended.code == 1
    assert result["steps_back"] > 1_000
    assert result["quality"]["sequence"] > 0
    assert result["market_events"] + result["duplicates"] + result["dead_letters"] == 3_000
    assert "lower than one on a line above" in marea("demo", "--resume", "last").out


def events(marea: Marea, kind: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(marea("log", "last", "--type", kind, "--json").out)[
        "events"
    ]
    return found
