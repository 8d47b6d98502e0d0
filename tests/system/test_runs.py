"""A run from its begin to its end: what it says, and how it is gone on with."""

import json
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tests.system import tapes
from tests.system.conftest import Marea
from tools import command
from tools.command import Ended

KEYS = {
    "run",
    "market_events",
    "features",
    "dead_letters",
    "duplicates",
    "conflated",
    "seconds",
    "events_per_s",
    "log_hash",
}


def test_demo_shows_its_figures_and_json_holds_them(marea: Marea, runs: Path) -> None:
    told = marea("demo", "--minutes", "1", "--json")
    result = json.loads(told.out)
    assert (told.code, told.err, told.out.count("\n")) == (0, "", 1)
    assert result.keys() >= KEYS
    assert [path.name for path in runs.iterdir()] == [result["run"]]
    assert sorted(path.name for path in (runs / result["run"]).iterdir()) == [
        "log.sqlite",
        "report.html",
        "run.json",
    ]
    shown = marea("demo", "--resume", "last", COLUMNS="20")
    assert shown.code == 0
    for value in (result["market_events"], result["features"], result["bars"]):
        assert f"  {value:,}" in shown.out
    assert result["log_hash"] in shown.out
    assert shown.err == f"Run {result['run']} is done already; this is what came of it.\n"


def test_run_file_says_what_the_run_was_made_from(marea: Marea, runs: Path) -> None:
    marea("demo", "--minutes", "1", "--seed", "3", "--json")
    run = json.loads(next(runs.glob("*/run.json")).read_text())
    assert (run["seed"], run["minutes"], run["status"]) == (3, 1, "done")
    assert run["settings"]["demo"] == {"seed": 7, "minutes": 30}
    assert run["platform"].keys() == {"machine", "system", "python", "libm", "libm_fingerprint"}


def test_measured_times_stand_in_a_table_of_their_own(marea: Marea, runs: Path) -> None:
    marea("demo", "--minutes", "1", "--json")
    with sqlite3.connect(next(runs.glob("*/log.sqlite"))) as db:
        hops = dict(db.execute("SELECT loop || ' ' || hop, records FROM timing"))
    db.close()
    assert hops["ingestion/SIM read"] > 1_000
    assert hops["features/BTC-USDT.SIM decide"] > 1_000


def test_settings_come_from_the_environment_and_from_a_folder(
    marea: Marea, runs: Path, tmp_path: Path
) -> None:
    marea("demo", "--json", MAREA__DEMO__MINUTES="1", MAREA__DEMO__SEED="5")
    first = json.loads(next(runs.glob("*/run.json")).read_text())
    assert (first["seed"], first["minutes"]) == (5, 1)
    for file in (command.ROOT / "config").iterdir():
        text = file.read_text().replace("minutes: 30", "minutes: 1").replace("seed: 7", "seed: 5")
        (tmp_path / file.name).write_text(text)
    given = json.loads(marea("demo", "--config", tmp_path, "--json").out)
    found = json.loads(marea("demo", "--json", MAREA_CONFIG=str(tmp_path)).out)
    assert given["log_hash"] == found["log_hash"] == first["result"]["log_hash"]


BAD_SETTINGS = [
    ({"MAREA__DEMO__MINUTE": "2"}, "MAREA__DEMO__MINUTE is no setting; did you mean MAREA__DEMO__"),
    ({"MAREA__DEMO__MINUTES": "-2"}, "demo.minutes is -2: write a number of at least 1"),
    ({"MAREA__DEMO__MINUTES": "10081"}, "demo.minutes is 10081: write a number of at most 10080"),
    ({"MAREA__FEATURES__INTERVALS_S": "[1, 10000000000]"}, "write a number of at most 1000000000"),
    ({"MAREA_CONFIG": "/nowhere"}, "MAREA_CONFIG is '/nowhere', which is no folder"),
    ({"MAREA__INDICATORS__SMA_20__KERNEL": "smo"}, "indicators.sma_20: "),
    ({"MAREA__INDICATORS__SMA_20__PERIOD": "0"}, "indicators.sma_20: "),
]


@pytest.mark.parametrize(("settings", "told"), BAD_SETTINGS)
def test_bad_setting_is_refused_before_a_run_begins(
    settings: dict[str, str], told: str, marea: Marea, runs: Path
) -> None:
    ended = marea("demo", "--json", **settings)
    assert (ended.code, json.loads(ended.out)["exit"]) == (3, 3)
    assert told in ended.err
    assert not runs.exists()
    checked = marea("doctor", **settings)
    assert checked.code == 1
    assert told in checked.out


def test_runs_that_can_not_stand_where_they_should_are_refused(
    marea: Marea, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ended = marea("demo", "--minutes", "1", "--json", MAREA_RUNS=str(tmp_path / "file" / "runs"))
    assert ended.code == 3
    assert "can't be made (Not a directory): name a folder that you may write to" in ended.err


# Stopping and going on


def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(
    long_tape: Path, marea: Marea, runs: Path
) -> None:
    ended = stop(long_tape, runs)
    assert ended.code == 130
    error = json.loads(ended.out)
    assert error["exit"] == 130
    (folder,) = runs.iterdir()
    assert error["error"] == f"stopped; go on with: marea demo --resume {folder}"
    assert error["error"] in ended.err
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert json.loads(marea("log", "last", "--type", "Quote", "--json").out)["events"]
    resumed = marea("demo", "--resume", folder, "--json")
    whole = marea("demo", "--tape", long_tape, "--json")
    assert (resumed.code, whole.code) == (0, 0)
    assert comparable(resumed) == comparable(whole)


def test_run_that_was_killed_as_it_ended_tells_its_figures(marea: Marea, runs: Path) -> None:
    whole = marea("demo", "--minutes", "2", "--json")
    reopen(runs)
    resumed = marea("demo", "--resume", "last", "--json")
    assert json.loads(whole.out)["decisions"] > 0
    assert comparable(resumed) == comparable(whole)


def stop(tape: Path, runs: Path) -> Ended:
    process = command.start(["demo", "--tape", tape, "--json"], runs)
    log = runs / "none"
    while not log.exists() or log.stat().st_size < 1_000_000:  # until it is well on its way
        log = next(runs.glob("*/log.sqlite-wal"), runs / "none")
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def comparable(ended: Ended) -> dict[str, object]:
    # What a new life asks of the venue stands on the log too, and counts in its hash.
    result: dict[str, object] = json.loads(ended.out)
    return {
        name: value
        for name, value in result.items()
        if name not in ("run", "seconds", "events_per_s", "log_hash")
    }


def test_second_writer_of_a_run_is_refused(long_tape: Path, marea: Marea, runs: Path) -> None:
    first = command.start(["demo", "--tape", long_tape, "--json"], runs)
    while not next(runs.glob("*/log.sqlite"), None):
        assert first.poll() is None
        time.sleep(0.005)
    second = marea("demo", "--resume", "last", "--json")
    assert second.code == 5
    assert json.loads(second.out)["exit"] == 5
    assert "another process is writing to run" in second.err
    assert "wait until it ends" in second.err
    _, err = first.communicate(timeout=60)
    assert (first.returncode, err) == (0, "")


def test_run_of_a_tape_that_has_changed_since_is_refused(
    lines: list[bytes], tmp_path: Path, marea: Marea, runs: Path
) -> None:
    tape = tapes.write(tmp_path / "a.raw", lines[:500])
    marea("demo", "--tape", tape, "--json")
    reopen(runs)
    tapes.write(tape, lines[:501])
    changed = marea("demo", "--resume", "last", "--json")
    assert changed.code == 3
    assert "a.raw has changed since run" in changed.err
    assert "restore it, or begin a new run" in changed.err
    tape.unlink()
    assert "there is no such file" in marea("demo", "--resume", "last").err
    tapes.write(tape, lines[:500])
    assert marea("demo", "--resume", "last").code == 0


def reopen(runs: Path, **changes: object) -> None:
    """Let a run look as if it was cut off just before its end."""
    file = next(runs.glob("*/run.json"))
    run = json.loads(file.read_text()) | {"status": "running", "result": None} | changes
    file.write_text(json.dumps(run))


def test_run_whose_file_is_damaged_or_of_another_time_is_refused(marea: Marea, runs: Path) -> None:
    marea("demo", "--minutes", "1", "--json")
    file = next(runs.glob("*/run.json"))
    whole = file.read_text()
    file.write_text(whole[:300])
    refused(marea, r"run.json is damaged")
    assert marea("log", "last", "--limit", "1").code == 0  # the log needs none
    file.write_text(whole)
    reopen(runs, format=3)
    refused(marea, "run.json has format 3; this build reads 2: use the build that wrote it, 0.1.0+")
    reopen(runs, format=2, settings={"log": {}, "then": 1})
    refused(marea, "settings that this build has not, or lacks some")
    file.write_text(whole)
    reopen(runs, settings=json.loads(whole)["settings"] | {"snapshots": {"every_s": 61}})
    refused(marea, "the settings of run")
    file.write_text(whole)
    reopen(runs, status="done", result={"run": "a"})
    refused(marea, "run.json is damaged (Object missing required field `signals`")
    file.write_text(whole)
    reopen(runs)
    log = file.with_name("log.sqlite")
    with sqlite3.connect(log) as db:
        db.execute("PRAGMA user_version=9")
    db.close()
    refused(marea, "log.sqlite has log format 9; this build reads 2: use the build that wrote it")
    log.write_bytes(b"no database at all" * 100)
    refused(marea, r"log.sqlite is no log of Marea, or a damaged one")
    listed = marea("log", "last", "--json")
    assert (listed.code, json.loads(listed.out)["exit"]) == (3, 3)


def refused(marea: Marea, told: str) -> None:
    ended = marea("demo", "--resume", "last", "--json")
    assert (ended.code, json.loads(ended.out)["exit"]) == (3, 3), ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_run_that_is_not_there_is_refused(marea: Marea, runs: Path) -> None:
    for arguments in (["demo", "--resume", "last"], ["log", "last"]):
        none = marea(*arguments, "--json")
        assert none.code == 3
        assert "yet: make one with `marea demo`" in json.loads(none.out)["error"]
    marea("demo", "--minutes", "1")
    other = marea("log", "x" * 5_000, "--json")
    assert other.code == 3
    assert "give more of one of these" in json.loads(other.out)["error"]
