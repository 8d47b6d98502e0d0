"""Real servers for tests: begun when the first test asks, one of each for all workers, ended with the session.

A test keeps to itself by what it names: a prefix of topics or keys, a database, a folder of the
bucket. One that stops or breaks a server takes `own_servers`, and has them alone.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.local import ports, process
from deploy.local.builds import ROOT
from deploy.local.process import Process
from deploy.local.servers import FIXED, SERVERS, Servers


def need(*names: str) -> None:
    """Skip the test where one of these is not installed."""
    missing = [text for name in names if (text := SERVERS[name].missing())]
    if missing:
        pytest.skip("; ".join(missing))


@pytest.fixture(scope="session")
def kafka() -> str:
    """`127.0.0.1:port` of a Kafka broker that makes no topic by itself."""
    return _address("kafka")


@pytest.fixture(scope="session")
def redis() -> str:
    """The URL of a Redis."""
    return _address("redis")


@pytest.fixture(scope="session")
def postgres() -> str:
    """The DSN of a PostgreSQL, as a superuser: make a database, and drop it."""
    return _address("postgres")


@pytest.fixture(scope="session")
def influx() -> str:
    """The URL of an InfluxDB 1.6."""
    return _address("influx")


@pytest.fixture(scope="session")
def minio() -> str:
    """The URL of an S3 store with the bucket `marea`; its key and secret: `deploy.local.minio`."""
    return _address("minio")


@pytest.fixture(scope="session")
def apicurio() -> str:
    """The URL of a schema registry, where it speaks as Confluent's."""
    return _address("apicurio")


@pytest.fixture
def own_servers() -> Iterator[Servers]:
    """Servers for one test alone, which may `restart` and `kill` them; none runs yet."""
    folder = Path(tempfile.mkdtemp(prefix="marea-own-servers-"))
    servers = _servers(folder, os.getpid())
    yield servers
    servers.down(*SERVERS)
    shutil.rmtree(folder)


def _address(name: str) -> str:
    need(name)
    servers = _shared()
    servers.up(name)
    return servers.address(name)


@cache
def _shared() -> Servers:
    """Those of the session, whose folder is named by the process that all its workers come from."""
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    now = Process.of(session)
    assert now is not None, "the session has ended before its worker"
    folder = Path(tempfile.gettempdir()) / f"marea-servers-{now.pid}-{now.started_ticks}"
    try:
        folder.mkdir()
    except FileExistsError:  # another worker was first
        return Servers(folder, _free_ports)
    return _servers(folder, session)


def _servers(folder: Path, owner: int) -> Servers:
    """Servers that end when a process ends, in whatever way, and leave nothing behind."""
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    words = [
        "-m",
        "deploy.local",
        "--state",
        str(folder),
        "down",
        "--after",
        str(owner),
        "--remove",
    ]
    process.start([sys.executable, *words], {"PYTHONPATH": str(ROOT)}, folder / "ending.log")
    return Servers(folder, _free_ports)


def _free_ports() -> ports.Ports:
    return ports.free(FIXED)
