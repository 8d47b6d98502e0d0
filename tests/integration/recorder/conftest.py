"""A recorded run, and places of their own on the stores for each test."""

from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.minio import BUCKET, KEY, SECRET
from marea.bus.sqlite import SqliteBus
from marea.testing.raw import RawView
from services.recorder.config import InfluxConfig, ObjectsConfig
from tools import command


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a run of the demo: two minutes of two instruments, with orders and fills."""
    runs = tmp_path_factory.mktemp("runs")
    ended = command.run(["demo", "--seed", "7", "--minutes", "2", "--json"], runs)
    assert ended.code == 0, ended.err
    (log,) = runs.glob("*/log.sqlite")
    return log


@pytest.fixture
def logs(recorded: Path) -> RawView:
    """That run, as Kafka would hold it."""
    return RawView(SqliteBus(recorded, read_only=True))


@pytest.fixture
def place() -> str:
    """A name that nobody else has."""
    return f"test-{uuid4().hex}"


def s3_at(endpoint: str, folder: str) -> ObjectsConfig:
    """A folder of the bucket of an S3 server."""
    return ObjectsConfig(
        url=f"s3://{BUCKET}/{folder}",
        endpoint=endpoint,
        region="us-east-1",
        key=KEY,
        secret=SECRET,
    )


@pytest.fixture
def s3(minio: str, place: str) -> ObjectsConfig:
    """A folder of the bucket."""
    return s3_at(minio, place)


@pytest.fixture
def influx_config(influx: str, place: str) -> InfluxConfig:
    """A database."""
    return InfluxConfig(url=influx, version=1, database=place)
