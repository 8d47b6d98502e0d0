"""What a process tells: lines of JSON, whole and without secrets, on stdout and in a file."""

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import SecretStr

from marea.errors import BadInput
from marea.runtime.log_outputs import FILES_KEPT, LogFile, StandardOutput, writing
from marea.runtime.logs import opened_logs
from marea.runtime.processes import LogSettings

QUIET = LogSettings(level="info", file="", file_mb_max=1)


def lines(text: str) -> Iterator[dict[str, Any]]:
    return map(json.loads, text.splitlines())


def test_line_says_when_who_and_what_and_then_the_fields(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with opened_logs(QUIET, "risk", "a") as log:
        log.bind(loop="risk/main").info("took over", epoch=17)
    (line,) = lines(capfd.readouterr().out)
    assert list(line) == ["time", "level", "service", "instance", "event", "loop", "epoch"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["service"], line["instance"]) == ("info", "risk", "a")
    assert (line["event"], line["loop"], line["epoch"]) == ("took over", "risk/main", 17)


def test_lines_below_the_level_are_not_told(capfd: pytest.CaptureFixture[str]) -> None:
    settings = LogSettings(level="warning", file="", file_mb_max=1)
    with opened_logs(settings, "risk", "a") as log:
        log.info("no")
        logging.getLogger("aiohttp").info("no")
        log.warning("yes")
    assert [line["event"] for line in lines(capfd.readouterr().out)] == ["yes"]


def test_what_a_library_tells_has_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    with opened_logs(QUIET, "risk", "a"):
        logging.getLogger("aiohttp").warning("%s is away", "broker 1")
    (line,) = lines(capfd.readouterr().out)
    assert (line["event"], line["library"]) == ("broker 1 is away", "aiohttp")
    assert (line["level"], line["service"]) == ("warning", "risk")


def test_what_a_library_tells_again_and_again_is_left_out(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with opened_logs(QUIET, "risk", "a"):
        logging.getLogger("aiokafka.conn").error("Unable connect to node with id 1")
    assert capfd.readouterr().out == ""


def test_error_comes_with_where_it_was_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with opened_logs(QUIET, "risk", "a") as log:
        for tell in (log.exception, logging.getLogger("aiohttp").exception):
            try:
                int("torn")
            except ValueError:
                tell("it failed")
    for line in lines(capfd.readouterr().out):
        assert line["level"] == "error"
        assert "test_logs.py" in line["exception"]
        assert line["exception"].endswith("invalid literal for int() with base 10: 'torn'")


def test_no_line_holds_a_secret(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    settings = LogSettings(level="info", file=str(tmp_path / "log.jsonl"), file_mb_max=1)
    secrets = [SecretStr("hush-hush"), None]
    with opened_logs(settings, "risk", "a", secrets) as log:
        log.info("at postgresql://u:hush-hush@h", also={"hush-hush": ["hush-hush", b"hush-hush"]})
        log.info("in its own type", token=SecretStr("another"))
        logging.getLogger("asyncpg").error("refused hush-hush")
        try:
            int("hush-hush")
        except ValueError:
            log.exception("away")
    told = capfd.readouterr().out + (tmp_path / "log.jsonl").read_text()
    assert len(told.splitlines()) == 8
    assert "hush-hush" not in told
    assert "another" not in told
    assert "postgresql://u:**********@h" in told


def test_line_is_told_whatever_stands_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    with opened_logs(QUIET, "risk", "a") as log:
        log.info(
            "all", at=Path("/x"), big=2**70, lone="\ud800", not_a_number=float("nan"), at_2={3}
        )
        log.info("100 %", service="another", time="noon")
        log.info()
    first, second, third = lines(capfd.readouterr().out)
    assert (first["at"], first["big"], first["lone"]) == ("/x", str(2**70), "?")
    assert (first["not_a_number"], first["at_2"]) == (None, "{3}")
    assert (second["event"], second["service"]) == ("100 %", "risk")
    assert second["time"] != "noon"
    assert third["event"] == ""


def test_logging_is_as_before_when_it_is_over(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with opened_logs(QUIET, "risk", "a"):
        assert root.handlers != before[0]
    assert (root.handlers, root.level) == before


def tell(handler: logging.Handler, *texts: str) -> None:
    for text in texts:
        handler.handle(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))


def test_output_that_is_gone_is_told_once_and_stops_nobody(
    capfd: pytest.CaptureFixture[str],
) -> None:
    source, sink = os.pipe()
    os.close(source)
    handler = writing(StandardOutput(sink))
    tell(handler, "one", "two")
    handler.close()
    os.close(sink)
    assert capfd.readouterr().err == "stdout takes no lines of the log: [Errno 32] Broken pipe\n"


class Stuck:
    """An output that takes lines only once it may."""

    name = "a pipe"

    def __init__(self) -> None:
        self.may_go_on = Event()
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.may_go_on.wait()
        self.lines.append(line)

    def close(self) -> None:
        self.lines.append("closed")


def test_output_that_stands_still_holds_up_nobody_and_what_is_dropped_is_counted() -> None:
    output = Stuck()
    handler = writing(output, lines_max=10)
    tell(handler, *map(str, range(15)))
    output.may_go_on.set()
    while len(output.lines) < 10:
        time.sleep(0.001)
    tell(handler, "on")
    handler.close()
    *kept, dropped, on, closed = output.lines
    assert kept == [f"{number}\n" for number in range(len(kept))]
    assert dropped == f"{15 - len(kept)} lines were dropped: a pipe took none of them in time\n"
    assert (on, closed) == ("on\n", "closed")


STUCK = """
from marea.runtime.logs import opened_logs
from marea.runtime.processes import LogSettings

with opened_logs(LogSettings(level="info", file="", file_mb_max=1), "risk", "a") as log:
    for _ in range(2_000):
        log.info("x" * 100)
"""


def test_process_whose_stdout_nobody_reads_ends_when_it_is_done() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as process:
        assert process.wait(60) == 0


def test_file_that_is_full_is_moved_aside_and_only_some_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "trading_system.jsonl"
    output = LogFile(file, bytes_max=100)
    for number in range(1_000):
        output.write(f"{number:09}\n")
    output.close()
    kept = [file, *(file.with_name(f"{file.name}.{n}") for n in range(1, FILES_KEPT + 1))]
    assert sorted(file.parent.iterdir()) == sorted([*kept, file.with_name(f"{file.name}.lock")])
    told = [line for each in reversed(kept) for line in each.read_text().split()]
    assert told == [f"{number:09}" for number in range(940, 1_000)]


def test_line_longer_than_a_file_may_be_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    output = LogFile(file, bytes_max=10)
    for text in ("short\n", "x" * 50 + "\n", "short\n"):
        output.write(text)
    output.close()
    assert file.read_text() == "short\n"
    assert (tmp_path / "log.jsonl.1").read_text() == "x" * 50 + "\n"


def _write(file: Path, name: str, count: int) -> None:
    output = LogFile(file, bytes_max=2_000)
    for number in range(count):
        output.write(f"{name} {number:05} {'x' * 50}\n")
    output.close()


def test_processes_that_share_a_file_lose_no_line_and_tear_none(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(file, name, 40)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    told = [line for each in tmp_path.glob("log.jsonl*") for line in each.read_text().splitlines()]
    expected = [f"{name} {number:05} {'x' * 50}" for name in "abc" for number in range(40)]
    assert sorted(told) == expected


@pytest.mark.parametrize("place", ["file/log.jsonl", "folder"])
def test_file_that_can_not_be_written_is_named_with_its_remedy(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    settings = LogSettings(level="info", file=str(tmp_path / place), file_mb_max=1)
    with (
        pytest.raises(
            BadInput, match=r"logs\.file is '.*' and can't be written \(.*\): name another"
        ),
        opened_logs(settings, "risk", "a"),
    ):
        pass
