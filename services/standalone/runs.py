"""Where does a run stand, and what is known of it?

A run is a folder under `./runs` (or `MAREA_RUNS`) with two files: `log.sqlite`, the record, and
`run.json`, what it was made from and how it ended.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from marea.errors import BadInput, Refused, Unavailable
from services.standalone.commands import Order
from services.standalone.tally import TradingResult

FORMAT = 2
RUN_FILE = "run.json"
LOG_FILE = "log.sqlite"
LISTED_RUNS_MAX = 5


class InputFile(Struct, frozen=True, kw_only=True):
    """A file that a run reads."""

    path: str
    bytes: int
    sha256: str


class BookResult(Struct, frozen=True, kw_only=True):
    """How an order book stood at the end, and how often it was held against the venue's quote."""

    status: str
    compared: int
    agreed: int


class Result(TradingResult, frozen=True, kw_only=True):
    """What came of a run: what `marea demo --json` prints."""

    run: str
    market_events: int
    features: int
    """Vectors."""
    bars: int
    dead_letters: int
    duplicates: int
    conflated: int
    steps_back: int
    divergences: int
    not_warm: int
    not_live: int
    books: dict[str, BookResult]
    quality: dict[str, int]
    """Checks that failed, by their name."""
    seconds: float
    events_per_s: int
    log_hash: str


class Run(Struct, kw_only=True):
    """What a run was made from and how it ended: the content of `run.json`."""

    id: str = ""
    format: int = FORMAT
    created: str
    """ISO 8601, UTC."""
    status: Literal["running", "interrupted", "failed", "done"] = "running"
    build: str
    settings_hash: str
    settings: dict[str, Any]
    tape: list[InputFile] = field(default_factory=list)
    """Empty where the market is simulated."""
    seed: int
    minutes: int
    crash_pct: int = 0
    """By how much prices of the simulated market fall halfway."""
    commands: list[Order] = field(default_factory=list)
    """What people order, and when."""
    platform: dict[str, str]
    """Machine, interpreter and mathematical library: floats are equal on one platform."""
    result: Result | None = None
    """None until its end is reached."""


class _Head(Struct):
    format: int
    build: str = "unknown"


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def log_path(self) -> Path:
        """The file of the record."""
        return self.path / LOG_FILE

    def read(self) -> Run:
        """What is known of the run.

        Raises `BadInput` where its file can't be read, or is of another format.
        """
        file = self.path / RUN_FILE
        try:
            content = file.read_bytes()
            head = msgspec.json.decode(content, type=_Head)
            if head.format == FORMAT:
                return msgspec.json.decode(content, type=Run)
        except OSError as err:
            raise BadInput(f"{file} can't be read ({err.strerror}): name another run") from err
        except (msgspec.DecodeError, UnicodeDecodeError) as err:
            raise BadInput(f"{file} is damaged ({err}): restore it or name another run") from err
        raise BadInput(
            f"{file} has format {head.format}; this build reads {FORMAT}: use the build that "
            f"wrote it, {head.build}"
        )

    def write(self, run: Run) -> None:
        """Replace what is known, whole or not at all. Raises `Unavailable`."""
        text = msgspec.json.format(msgspec.json.encode(run), indent=2)
        new = self.path / f".{RUN_FILE}"
        try:
            with new.open("wb") as out:
                out.write(text + b"\n")
                out.flush()
                os.fsync(out.fileno())
            new.replace(self.path / RUN_FILE)
        except OSError as err:
            with suppress(OSError):
                new.unlink()
            raise Unavailable(
                f"{self.path / RUN_FILE} can't be written ({err.strerror}): make room, then try again"
            ) from err

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run for this process. Raises `Refused` where another one writes to it."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                raise Refused(
                    f"another process is writing to run {self.path.name}: wait until it ends"
                ) from err
            yield
        finally:
            os.close(folder)


def runs_dir(environment: Mapping[str, str]) -> Path:
    """Where runs stand: `MAREA_RUNS`, else `runs` in the working folder."""
    return Path(environment.get("MAREA_RUNS") or "runs")


def begin(run: Run, runs: Path) -> RunFolder:
    """A folder for a new run, which is named by its time, so that names sort by age.

    Raises `BadInput` where no folder can be made, `Unavailable` where its file can't be written.
    """
    now_us = time.time_ns() // 1_000
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_us // 1_000_000))
    run.id = f"{stamp}-{now_us % 1_000_000:06d}"
    folder = RunFolder(runs / run.id)
    try:
        folder.path.mkdir(parents=True)
    except OSError as err:
        raise BadInput(
            f"{folder.path} can't be made ({err.strerror}): name a folder that you may write to "
            "in MAREA_RUNS"
        ) from err
    try:
        folder.write(run)
    except Unavailable:
        folder.path.rmdir()
        raise
    return folder


def find_folder(name: str, runs: Path) -> RunFolder:
    """The run that is meant by a folder, an id, a unique begin of an id, or `last`.

    Raises `BadInput` where there is none, or more than one.
    """
    if _is_run(Path(name)):
        return RunFolder(Path(name))
    known = sorted(path.name for path in runs.glob("*") if _is_run(path))
    if not known:
        raise BadInput(f"there is no run in {runs} yet: make one with `marea demo`")
    if name == "last":
        return RunFolder(runs / known[-1])
    matches = [name] if name in known else [id_ for id_ in known if id_.startswith(name)]
    if len(matches) != 1:
        what = "no run" if not matches else f"{len(matches)} runs"
        listed = ", ".join((matches or known)[-LISTED_RUNS_MAX:])
        raise BadInput(f"{what} in {runs} named '{name}'; give more of one of these: {listed}")
    return RunFolder(runs / matches[0])


def _is_run(path: Path) -> bool:
    try:
        return (path / RUN_FILE).is_file()
    except OSError:  # a name that no file system takes
        return False
