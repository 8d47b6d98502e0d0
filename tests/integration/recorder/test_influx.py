"""A recorded run in InfluxDB: every point once, whatever happened while it was written."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.servers import Servers
from marea.errors import Unavailable
from marea.messages.envelope import Log
from marea.testing.raw import RawView
from services.recorder.config import InfluxConfig, ObjectsConfig
from services.recorder.shell.recording import Recorder
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.archive import Archive
from services.recorder.sinks.influx import InfluxSink
from services.recorder.sinks.lines import Point, line
from services.recorder.sinks.points import points_of
from services.recorder.sinks.progress import Progresses
from services.recorder.sinks.store import Objects, open_store
from tests.integration.recorder.copying import copy, copy_while
from tests.integration.recorder.reading import ask
from tests.integration.recorder.test_archive_s3 import assert_same
from tests.servers import need
from tools.command import environment


async def counts(config: InfluxConfig) -> dict[str, int]:
    """The points of each measurement, counted by a field that all of its points have."""
    found = {}
    for series in await ask(config, "SELECT * FROM /^(system|trading|market)\\./"):
        found[series["name"]] = len(series["values"])
    return found


async def expected(logs: RawView) -> dict[str, Counter[str]]:
    """What the recorded run makes, by measurement: points and sums."""
    points: dict[tuple[Any, ...], Point] = {}
    for log, end in (await logs.ends()).items():
        kept = [Kept(log, raw) for raw in await logs.read_raw(log, 0, end)]
        for point in points_of(Batch(log, kept), Progresses().of(log)):
            points[point.measurement, tuple(sorted(point.tags.items())), point.ts] = point
    return {
        "points": Counter(point.measurement for point in points.values()),
        "bars": Counter(
            point.tags["instrument"]
            for point in points.values()
            if point.measurement == "market.bars"
        ),
    }


async def assert_whole(config: InfluxConfig, logs: RawView) -> None:
    """As many points of each measurement as the log makes, and its sums."""
    assert await counts(config) == dict((await expected(logs))["points"])
    (series,) = await ask(config, 'SELECT sum("volume"), count("close") FROM "market.bars"')
    _, volume, count = series["values"][0]
    bars = [
        record.message
        for record in await logs.bus.read(Log("features", "embedded"), 0, 100_000)
        if type(record.message).__name__ == "Bar"
    ]
    assert count == len(bars) == 242
    assert volume == pytest.approx(sum(bar.volume / 10**bar.qty_scale for bar in bars))  # type: ignore[attr-defined] # they are bars


def test_recorded_run_stands_there_once_however_often_it_is_written(
    logs: RawView, influx_config: InfluxConfig
) -> None:
    async def run() -> None:
        await copy(logs, InfluxSink(influx_config))
        await assert_whole(influx_config, logs)
        sink = InfluxSink(influx_config)
        await sink.open()
        assert await sink.positions() == await logs.ends()
        log = Log("trading", "main")
        kept = [Kept(log, raw) for raw in await logs.read_raw(log, 0, 3_000)]
        fresh = InfluxSink(influx_config)  # one that has lost its position
        await fresh.open()
        await fresh.write([Batch(log, kept)])
        await fresh.close()
        await sink.close()
        await assert_whole(influx_config, logs)

    asyncio.run(run())


def test_database_that_was_dropped_is_filled_again(
    logs: RawView, influx_config: InfluxConfig
) -> None:
    async def act(recorder: Recorder) -> None:
        while recorder.facts()[0].position < 5_000:
            await asyncio.sleep(0.01)
        async with ClientSession() as session:
            drop = {"q": f'DROP DATABASE "{influx_config.database}"'}
            await (await session.post(f"{influx_config.url}/query", params=drop)).text()

    async def run() -> None:
        await copy_while(logs, act, InfluxSink(influx_config))
        await copy(logs, InfluxSink(influx_config))
        await assert_whole(influx_config, logs)

    asyncio.run(run())


def test_server_that_is_killed_and_comes_back_holds_everything_once(
    own_servers: Servers, logs: RawView, place: str
) -> None:
    need("influx")
    own_servers.up("influx")
    config = InfluxConfig(url=own_servers.address("influx"), version=1, database=place)

    async def act(recorder: Recorder) -> None:
        while recorder.facts()[0].position < 3_000:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_servers.kill, "influx")
        await asyncio.sleep(1)
        assert "Unavailable: InfluxDB at" in recorder.facts()[0].last_error
        await asyncio.to_thread(own_servers.up, "influx")
        while recorder.facts()[0].phase != "runs":
            await asyncio.sleep(0.01)

    async def run() -> None:
        await copy_while(logs, act, InfluxSink(config))
        await assert_whole(config, logs)

    asyncio.run(run())


def test_recorder_that_is_killed_at_any_moment_leaves_both_stores_whole(
    recorded: Path, logs: RawView, s3: ObjectsConfig, influx_config: InfluxConfig, tmp_path: Path
) -> None:
    words = [
        *(sys.executable, "-m", "tests.integration.recorder.copying", str(recorded)),
        *(msgspec.json.encode(config).decode() for config in (s3, influx_config)),
    ]
    objects = Objects(open_store(s3))
    for share in (0.1, 0.3, 0.6):
        process = subprocess.Popen(words, env=environment(tmp_path), stderr=subprocess.DEVNULL)
        asyncio.run(_until_written(objects, logs, share))
        process.kill()
        process.wait()

    async def run() -> None:
        await copy(logs, InfluxSink(influx_config))
        await assert_whole(influx_config, logs)

    subprocess.run(words, env=environment(tmp_path), check=True, timeout=120)
    asyncio.run(assert_same(Archive(objects), logs))
    asyncio.run(run())


async def _until_written(objects: Objects, logs: RawView, share: float) -> None:
    wanted = share * sum((await logs.ends()).values())
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            if sum((await Archive(objects).ends()).values()) >= wanted:
                return
        except Unavailable:
            pass
        await asyncio.sleep(0.01)
    raise AssertionError("the recorder writes nothing")


def _tame(text: str) -> str:
    return "".join("_" if ord(char) < 32 or char in "\x7f\\" else char for char in text)


TEXTS = st.text(min_size=1, max_size=40).filter(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(TEXTS, min_size=1, max_size=20, unique_by=_tame),
    text=st.text(max_size=60),
)
def test_tag_and_text_read_back_from_the_server_as_they_were_written(
    influx: str, values: list[str], text: str
) -> None:
    database = "test-escaping"

    async def run() -> None:
        config = InfluxConfig(url=influx, version=1, database=database)
        await ask(config, f'DROP DATABASE "{database}"')
        await ask(config, f'CREATE DATABASE "{database}"')
        points = [
            Point("m", {"t": value}, {"n": n, "s": text}, n) for n, value in enumerate(values)
        ]
        async with ClientSession() as session:
            body = "\n".join(map(line, points)).encode()
            async with session.post(
                f"{influx}/write", params={"db": database}, data=body
            ) as answer:
                assert answer.status == 204, await answer.text()
        series = await ask(config, 'SELECT n, s FROM "m" GROUP BY t', epoch="ns")
        found = {each["values"][0][1]: each["tags"]["t"] for each in series}
        assert found == {n: _tame(value) for n, value in enumerate(values)}
        assert {each["values"][0][2] for each in series} == {text}

    asyncio.run(run())
