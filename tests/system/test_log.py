"""Reading the log of a run."""

import json
import signal
import time
from itertools import pairwise
from pathlib import Path
from select import select
from typing import Any

import pytest

from tests.system.conftest import Marea
from tools import command
from tools.command import Ended


@pytest.fixture(scope="module")
def done(short_tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs with one run that is done."""
    runs = tmp_path_factory.mktemp("done")
    assert command.run(["demo", "--tape", short_tape], runs).code == 0
    return runs


def log(runs: Path, *arguments: str) -> Ended:
    return command.run(["log", "last", *arguments], runs)


def events(runs: Path, *arguments: str) -> list[dict[str, Any]]:
    ended = log(runs, *arguments, "--json")
    assert (ended.code, ended.err, ended.out.count("\n")) == (0, "", 1)
    found: list[dict[str, Any]] = json.loads(ended.out)["events"]
    return found


def ts(event: dict[str, Any]) -> int:
    return int(event["envelope"]["ts_known"])


def test_log_lists_every_event_in_the_order_of_its_time(done: Path) -> None:
    found = events(done)
    assert len(found) > 12_000
    times = [line[:24] for line in log(done).out.splitlines()]
    assert len(times) == len(found)
    timed = [time for time in times if time != "before the first message"]
    starts = 4 + 2 + 2 + 5  # of ingestion, features, paper with its account, and all on trading
    assert len(timed) == len(found) - starts
    assert all(one <= other for one, other in pairwise(timed))


def test_types_may_be_several_and_are_the_only_ones(done: Path) -> None:
    both = events(done, "--type", "Bar", "--type", "BookStatusChanged")
    kinds = [event["envelope"]["type"] for event in both]
    assert set(kinds) == {"Bar", "BookStatusChanged"}
    assert kinds.count("BookStatusChanged") == 4
    assert kinds.count("Bar") == len(events(done, "--type", "Bar"))


def test_since_is_included_until_is_not_and_both_may_name_a_zone(done: Path) -> None:
    bars = events(done, "--type", "Bar")
    begin, end = "2024-08-08T23:54:20", "2024-08-08T23:54:30.000"
    some = events(done, "--type", "Bar", "--since", begin, "--until", end)
    ns = 1_723_161_260_000_000_000
    assert some == [bar for bar in bars if ns <= ts(bar) < ns + 10_000_000_000]
    assert len(some) > 15
    elsewhere = ["--since", "2024-08-09T01:54:20+02:00", "--until", "2024-08-08T23:54:30Z"]
    assert events(done, "--type", "Bar", *elsewhere) == some
    assert events(done, "--since", "2031-01-01") == []


def test_limit_ends_the_list(done: Path) -> None:
    assert events(done, "--type", "Trade", "--limit", "7") == events(done, "--type", "Trade")[:7]


def test_line_shows_time_place_type_and_values(done: Path) -> None:
    line = log(done, "--type", "Bar", "--limit", "1").out
    assert line.startswith("2024-08-08T23:54:")
    [bar] = events(done, "--type", "Bar", "--limit", "1")
    told = f"Bar {bar['envelope']['id']}  instrument=BTC-USDT.BINANCE interval_s=1 "
    assert f"Z  features/embedded#2  {told}" in line
    first = log(done, "--limit", "1").out
    assert first.startswith("before the first message  dead-letters/BINANCE#0  Started ")
    assert "  service=" in first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--type", "trade"], "--type is 'trade', and there is none such; did you mean 'Trade'?"),
        (["--type", "Vector"], "did you mean 'FeatureVector'?"),
        (["--since", "noon"], "--since is 'noon', which is no time; write one such as 2026-"),
        (["--until", "2026-13-01"], "--until is '2026-13-01', which is no time"),
    ],
)
def test_filter_that_means_nothing_is_refused(done: Path, arguments: list[str], told: str) -> None:
    ended = log(done, *arguments, "--json")
    assert ended.code == 3
    assert told in json.loads(ended.out)["error"]
    assert told in ended.err


def test_reader_that_has_seen_enough_ends_the_list_without_a_word(done: Path) -> None:
    for arguments in (["log", "last"], ["log", "last", "--json"]):
        process = command.start(arguments, done)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait() == -signal.SIGPIPE


def test_ctrl_c_ends_the_list_and_the_object_is_whole(done: Path) -> None:
    process = command.start(["log", "last", "--json"], done)
    assert process.stdout is not None
    assert select([process.stdout], [], [], 30)[0]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    told = json.loads(out)
    assert process.returncode == 130
    assert (told["error"], told["exit"], err) == ("stopped", 130, "marea: stopped\n")
    assert 0 < len(told["events"]) < 12_000


def test_log_can_be_read_while_its_run_goes_on(long_tape: Path, marea: Marea, runs: Path) -> None:
    process = command.start(["demo", "--tape", long_tape], runs)
    while not next(runs.glob("*/log.sqlite"), None):
        assert process.poll() is None
        time.sleep(0.005)
    listed = [marea("log", "last", "--limit", "1", "--json").code for _ in range(2)]
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert set(listed) <= {0, 3}  # 3: it holds nothing yet


def test_run_without_a_log_says_how_to_go_on(marea: Marea, runs: Path) -> None:
    marea("demo", "--minutes", "1")
    next(runs.glob("*/log.sqlite")).unlink()
    ended = marea("log", "last", "--json")
    assert ended.code == 3
    assert "its run wrote nothing yet, go on with it by `marea demo --resume" in ended.err


def test_value_from_outside_can_not_move_the_cursor(
    lines: list[bytes], tmp_path: Path, marea: Marea
) -> None:
    tape = tmp_path / "a.raw"
    evil = rb'1723161254000000000 {"stream":"\u001b[2Jbtc\n@trade","data":{}}' + b"\n"
    tape.write_bytes(b"".join([*lines[:500], lines[499].partition(b" ")[0] + evil[19:]]))
    assert marea("demo", "--tape", tape).code == 1
    shown = marea("log", "last", "--type", "DeadLetter").out
    assert shown.count("\n") == 1
    assert shown.strip().isprintable()


def test_terminal_of_few_letters_is_no_obstacle(done: Path) -> None:
    ended = command.run(
        ["log", "last", "--type", "FeatureVector", "--limit", "3"],
        done,
        {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()
