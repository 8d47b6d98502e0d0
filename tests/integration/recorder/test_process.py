"""The recorder as a process, over real servers: what Kafka holds is in every store, once."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from aiohttp import ClientSession

from deploy.local import ports
from deploy.local.minio import BUCKET, KEY, SECRET
from marea.bus.kafka.bus import open_kafka
from marea.bus.kafka.topics import create_topics
from marea.bus.sqlite import SqliteBus
from marea.messages.envelope import Log
from marea.messages.system import DeadLetter
from services.recorder.config import ObjectsConfig
from services.recorder.sinks.archive import Archive
from services.recorder.sinks.dead_letters import LOG as DEAD_LETTERS
from services.recorder.sinks.store import Objects, open_store
from tests.integration.kafka.opening import put_raw
from tests.integration.postgres.feeding import rows
from tests.integration.recorder.comparing import unlike_logs
from tools.command import environment

POISON = (b"no frame", b"\0\0\0\0\1x", None)
MARKET = Log("market", "BTC-USDT.SIM")
SNAPSHOT = b"the state of a loop"
SINKS = {"postgres", "influx", "objects", "tables", "mirrors", "dead-letters"}


class Process:
    """The recorder, as somebody runs it."""

    def __init__(self, settings: Mapping[str, str], folder: Path) -> None:
        self.port = ports.free({"recorder": 0})["recorder"]
        self._words = [sys.executable, "-m", "services.recorder", "--port", str(self.port)]
        self._settings = settings
        self._folder = folder
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._words, env=environment(self._folder, self._settings), stdout=log, stderr=log
            )
        return self.process

    def health(self) -> dict[str, Any] | None:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None

    def until_all_is_written(self, records: int) -> None:
        """Wait until every sink holds all of so many records that it takes."""
        until_s = time.monotonic() + 90
        while time.monotonic() < until_s:
            health = self.health()
            assert self.process.poll() is None, self.log()
            if health is not None and health["ready"]:
                sinks = {each["loop"]: each for each in health["loops"]}
                assert set(sinks) == {f"recorder/{name}" for name in SINKS}
                if sinks["recorder/objects"]["position"] >= records:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not all is written: {self.health()} {self.log()}")

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-3_000:]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture
def settings(redis: str, influx: str, minio: str, database: str, place: str) -> dict[str, str]:
    """What says where the stores are, but for Kafka, whose topics begin with the place's name."""
    return {
        "MAREA__KAFKA__PREFIX": f"{place}.",
        "MAREA__REDIS__URL": redis,
        "MAREA__REDIS__PREFIX": f"{place}.",
        "MAREA__POSTGRES__DSN": database,
        "MAREA__INFLUX__URL": influx,
        "MAREA__INFLUX__DATABASE": place,
        "MAREA__OBJECTS__URL": f"s3://{BUCKET}/{place}",
        "MAREA__OBJECTS__ENDPOINT": minio,
        "MAREA__RECORDER__OBJECTS_EVERY_S": "0.3",
        "MAREA__RECORDER__TABLES_EVERY_S": "0.5",
        "MAREA_S3_KEY": KEY,
        "MAREA_S3_SECRET": SECRET,
    }


async def fill(kafka: str, prefix: str, recorded: Path) -> int:
    """Put a recorded run on Kafka, with poison in the middle and a snapshot; give the records."""
    await create_topics(kafka, prefix, 1)
    bus, source = await open_kafka(kafka, prefix), SqliteBus(recorded, read_only=True)
    for log, end in (await source.ends()).items():
        for position in range(0, end, 1_000):
            await bus.append(log, await source.read(log, position, 1_000))
    (first, *_) = await bus.read_raw(MARKET, 0, 1)
    await put_raw(kafka, f"{prefix}market", first.partition, *POISON)
    await bus.snapshots.save("features/main", 7, SNAPSHOT)
    ends = await bus.raw_ends()
    await bus.close()
    return sum(ends.values())


async def spoil(settings: Mapping[str, str]) -> None:
    """Take a trade from PostgreSQL, and put a point into InfluxDB that nothing was said of."""
    await rows(
        settings["MAREA__POSTGRES__DSN"],
        "DELETE FROM trading.market_trades WHERE event_id = "
        "(SELECT min(event_id) FROM trading.market_trades)",
    )
    url, database = settings["MAREA__INFLUX__URL"], settings["MAREA__INFLUX__DATABASE"]
    point = b"system.errors,kind=invented count=1 1"
    async with (
        ClientSession() as session,
        session.post(f"{url}/write", params={"db": database}, data=point) as answer,
    ):
        assert answer.status == 204, await answer.text()


def test_recorder_that_is_killed_and_started_anew_fills_every_store(
    kafka: str, settings: dict[str, str], s3: ObjectsConfig, recorded: Path, tmp_path: Path
) -> None:
    prefix = settings["MAREA__KAFKA__PREFIX"]
    settings = {**settings, "MAREA__KAFKA__SERVERS": kafka}
    count = asyncio.run(fill(kafka, prefix, recorded))
    process = Process(settings, tmp_path)
    try:
        for wait_s in (2.5, 3.5):
            time.sleep(wait_s)
            process.process.kill()
            process.process.wait()
            process.start()
        process.until_all_is_written(count)
        assert process.end() == 0, process.log()
        process.start()  # what it told itself of the poison is recorded as well
        process.until_all_is_written(count)
        assert process.end() == 0, process.log()
    finally:
        process.process.kill()

    async def check() -> None:
        bus = await open_kafka(kafka, prefix)
        told = [
            record.message
            for record in await bus.read(DEAD_LETTERS, 0, 1_000)
            if isinstance(record.message, DeadLetter)
        ]
        assert [letter.payload for letter in told] == [b"no frame", b"\0\0\0\0\1x", b""]
        archive = Archive(Objects(open_store(s3)))
        (snapshot,) = await archive.read_raw(Log("snapshots", "features/main"), 0, 10)
        assert snapshot.value is not None
        assert snapshot.value.endswith(SNAPSHOT)
        await bus.close()

    asyncio.run(check())
    told = environment(tmp_path, settings)
    assert asyncio.run(unlike_logs(told)) == []
    asyncio.run(spoil(settings))
    missing, *sums, invented = asyncio.run(unlike_logs(told))
    assert missing.startswith("PostgreSQL's market_trades: 1 of ")
    assert {each.partition(" to ")[0] for each in sums} == {
        "PostgreSQL sums qty of Trade",
        "PostgreSQL sums worth of Trade",
    }
    assert invented.startswith("InfluxDB's points: 0 of ")
    assert "invented" in invented
