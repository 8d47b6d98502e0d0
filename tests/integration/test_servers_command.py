"""The command that runs servers, and servers of tests that end with their session."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import is_taken
from deploy.local.process import Process
from tests.servers import need

END_S_MAX = 30

SESSION = """
import time, pathlib, os
from tests.servers import redis

def test_one(redis: str) -> None:
    pathlib.Path(os.environ["TOLD"]).write_text(redis)
    time.sleep(20 if os.environ["ENDS"] == "killed" else 0)
"""


class Runner:
    """`python -m deploy.local` with its state in one folder."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.state = state

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local", "--state", self.state, *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    def json(self, *words: str) -> dict[str, dict[str, Any]]:
        told: dict[str, dict[str, Any]] = json.loads(self("--json", *words).stdout)
        return told


@pytest.fixture
def runner(root: Path) -> Iterator[Runner]:
    folder = Path(tempfile.mkdtemp(prefix="marea-runner-"))
    run = Runner(root, folder)
    yield run
    run("down", "--remove")
    assert not folder.exists()


def test_command_starts_shows_restarts_kills_and_ends(runner: Runner) -> None:
    need("redis")
    begun = runner("up", "redis", "--ports", "free").stdout
    assert [line.split()[:2] for line in begun.splitlines()] == [
        ["server", "state"],
        ["redis", "running"],
    ]
    first = runner.json("ps")
    assert list(first) == ["kafka", "redis", "postgres", "influx", "minio"]
    assert first["redis"]["address"] in begun
    assert first["kafka"]["state"] == "down"
    second = runner.json("restart", "redis")["redis"]
    assert second["pid"] != first["redis"]["pid"]
    assert second["address"] == first["redis"]["address"]
    runner("kill", "redis")
    assert Process.of(second["pid"]) is None
    third = runner.json("up", "redis")["redis"]
    runner("down")
    assert Process.of(third["pid"]) is None


def test_command_takes_a_port_and_a_folder(runner: Runner, tmp_path: Path) -> None:
    need("redis")
    runner("down")  # a folder without servers is no error
    port = 20_000 + os.getpid() % 10_000
    words = ["--port", f"redis={port}", "--data", f"redis={tmp_path}"]
    told = runner.json("up", "redis", *words)["redis"]
    assert told["address"] == f"redis://127.0.0.1:{port}/0"
    assert told["data"] == str(tmp_path)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["up", "rediss"], "'rediss' is none of kafka, redis, postgres"),
        (["kill", "rediss"], "'rediss' is none of kafka, redis, postgres"),
        (["install", "x"], "'x' is none of "),
        (
            ["up", "redis", "--port", "redis"],
            "'redis' names no port: write NAME=NUMBER, of 1 to 65",
        ),
        (["up", "redis", "--port", "redis=a"], "'redis=a' names no port: write NAME=NUMBER, of 1"),
        (["up", "redis", "--port", "x=1"], "'x' is none of kafka, kafka.controller, redis"),
        (["up", "redis", "--data", "redis"], "'redis' names no folder: write NAME=FOLDER"),
        (["up", "redis", "--data", "x=/tmp"], "'x' is none of kafka, redis, postgres"),
        (["down", "--after", "-1"], "'-1' is no process: write its number"),
    ],
)
def test_command_says_what_it_can_not_understand(
    runner: Runner, words: list[str], why: str
) -> None:
    assert why in runner(*words, code=2).stderr


def test_command_says_which_folder_it_can_not_use(runner: Runner) -> None:
    need("redis")
    told = runner("up", "redis", "--ports", "free", "--data", "redis=/proc/x", code=4).stderr
    assert "'/proc/x': see to its rights and to room, or name another folder" in told
    assert "Traceback" not in told


def test_server_that_does_not_run_is_killed_already(runner: Runner) -> None:
    runner("kill", "redis")


@pytest.mark.parametrize("ends", ["passes", "killed"])
def test_servers_of_a_session_end_with_it(ends: str, tmp_path: Path, root: Path) -> None:
    need("redis")
    told = tmp_path / "told"
    (tmp_path / "test_one.py").write_text(SESSION)
    environment = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", tmp_path],
        cwd=tmp_path,
        env=environment
        | {
            "PYTHONPATH": os.pathsep.join([str(root), str(root / "libs/shared")]),
            "TOLD": str(told),
            "ENDS": ends,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as session:
        until_s = time.monotonic() + END_S_MAX
        while not told.exists() or not told.read_text():
            assert time.monotonic() < until_s, "the test of the session has not begun"
            time.sleep(0.05)
        if ends == "killed":
            session.kill()
        else:
            assert session.wait(END_S_MAX) == 0
    port = int(told.read_text().rpartition(":")[2].partition("/")[0])
    folder = f"marea-servers-{session.pid}-*"
    until_s = time.monotonic() + END_S_MAX
    while is_taken(port) or list(Path(tempfile.gettempdir()).glob(folder)):
        assert time.monotonic() < until_s, "the servers of the session are still there"
        time.sleep(0.05)
