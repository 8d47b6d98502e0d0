"""The command as a user meets it, with its runs in a folder of the test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import database, influx, kafka, minio, postgres, redis
from tests.system import tapes
from tools import command
from tools.command import Ended

__all__ = ["database", "influx", "kafka", "minio", "postgres", "redis"]

Marea = Callable[..., Ended]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where the runs of a test stand."""
    return tmp_path / "runs"


@pytest.fixture
def marea(runs: Path) -> Marea:
    """Runs the command to its end: its arguments, then variables to set."""

    def run(*arguments: str | Path, **settings: str) -> Ended:
        return command.run(arguments, runs, settings)

    return run


@pytest.fixture(scope="session")
def books(data_dir: Path) -> Path:
    """The folder of recorded tapes."""
    return data_dir / "books"


@pytest.fixture(scope="session")
def demo_tape(books: Path) -> Path:
    """The tape of the demo, whole."""
    (tape,) = books.glob("demo_tape_*.raw.zst")
    return tape


@pytest.fixture(scope="session")
def lines(demo_tape: Path) -> list[bytes]:
    """The first lines of the demo's tape, with their ends."""
    return tapes.first_lines(demo_tape, 40_000)


@pytest.fixture(scope="session")
def short_tape(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Less than a minute of market, which takes less than a second to run."""
    return tapes.write(tmp_path_factory.mktemp("tapes") / "short.raw.zst", lines[:12_000])


@pytest.fixture(scope="session")
def long_tape(lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some minutes of market, which take long enough to meet their run at work."""
    return tapes.write(tmp_path_factory.mktemp("tapes") / "long.raw.zst", lines)
