"""A disk that is full stops a run with a remedy; with room again the run goes on as if never stopped."""

import json
import subprocess
from pathlib import Path

import pytest

from marea.errors import BadInput, Unavailable
from services.standalone.timing import Stopwatch
from tests.system.conftest import Marea
from tools import command
from tools.command import Ended


def run_with_room(blocks: int, arguments: list[str | Path], runs: Path) -> Ended:
    """The command where no file may grow beyond so many blocks of 512 bytes."""
    limited = ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", *command.PROGRAM]
    done = subprocess.run(
        [*limited, *map(str, arguments)],
        env=command.environment(runs),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("blocks", [12, 200, 4_000])
def test_run_that_fills_the_disk_goes_on_when_there_is_room(
    blocks: int, short_tape: Path, marea: Marea, runs: Path
) -> None:
    stopped = run_with_room(blocks, ["demo", "--tape", short_tape, "--json"], runs)
    assert (stopped.code, json.loads(stopped.out)["exit"]) == (4, 4)
    assert "make room" in stopped.err
    assert "Go on later with: marea demo --resume" in stopped.err
    assert "Traceback" not in stopped.err
    (folder,) = runs.iterdir()
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"
    resumed = json.loads(marea("demo", "--resume", "last", "--json").out)
    whole = json.loads(marea("demo", "--tape", short_tape, "--json").out)
    assert resumed["log_hash"] == whole["log_hash"]


def test_run_without_room_for_its_first_file_leaves_nothing(short_tape: Path, runs: Path) -> None:
    stopped = run_with_room(1, ["demo", "--tape", short_tape, "--json"], runs)
    assert stopped.code == 4
    assert "run.json can't be written (File too large): make room, then try again" in stopped.err
    assert list(runs.iterdir()) == []


def test_report_without_room_leaves_none_and_says_what_helps(marea: Marea, runs: Path) -> None:
    marea("demo", "--minutes", "3")
    (file,) = runs.glob("*/report.html")
    file.unlink()
    stopped = run_with_room(66, ["report", "last"], runs)
    assert stopped.code == 4
    assert "report.html can't be written (File too large): make room, then try" in stopped.err
    assert not list(file.parent.glob("*report*"))


def test_times_that_can_not_be_kept_say_what_helps(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"no database at all" * 100)
    with pytest.raises(BadInput, match=r"noise is damaged: .*: restore it"):
        Stopwatch().save(tmp_path / "noise")
    with pytest.raises(Unavailable, match=r"unable to open .*: make room, then try again"):
        Stopwatch().save(tmp_path / "none" / "log.sqlite")
