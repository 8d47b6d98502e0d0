"""Real servers for tests: begun when the first test asks, one of each for all workers, ended with the session.

A test keeps to itself by what it names: a prefix of topics or keys, a database, a folder of the
bucket. One that stops or breaks a server takes `own_servers`, and has them alone.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

import asyncpg
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


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The DSN of an empty database."""
    with own_database(postgres) as dsn:
        yield dsn


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
    with own() as servers:
        yield servers


@contextmanager
def own_database(postgres: str) -> Iterator[str]:
    """The DSN of a database for whoever enters."""
    name = f"marea_{uuid4().hex}"
    asyncio.run(_order(postgres, f"CREATE DATABASE {name}"))
    yield f"{postgres.rpartition('/')[0]}/{name}"
    asyncio.run(_order(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def own() -> Iterator[Servers]:
    """Servers for whoever enters, alone; they end, and their data go, with the process at the latest."""
    folder = Path(tempfile.mkdtemp(prefix="marea-own-servers-"))
    ending = _end_after(os.getpid(), folder)
    servers = Servers(folder, _free_ports)
    try:
        yield servers
    finally:
        servers.down(*SERVERS)
        ending.end(signal.SIGTERM, 5)
        shutil.rmtree(folder)


async def _order(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


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
    with suppress(FileExistsError):  # another worker was first
        folder.mkdir()
        _end_after(session, folder)
    return Servers(folder, _free_ports)


def _end_after(owner: int, folder: Path) -> Process:
    """What waits for a process to end, in whatever way, and then ends the servers and their data."""
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
    environment = {"PYTHONPATH": str(ROOT)}
    return process.start([sys.executable, *words], environment, folder / "ending.log")


def _free_ports() -> ports.Ports:
    return ports.free(FIXED)
