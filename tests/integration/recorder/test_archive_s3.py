"""A recorded run in an S3 store: what reads back is what was recorded, by us and by others."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from deploy.local.minio import BUCKET, KEY, SECRET
from deploy.local.servers import Servers
from marea.errors import BadInput
from marea.messages.envelope import Log, Message, Record
from marea.messages.features import Bar
from marea.messages.market import Trade
from marea.messages.orders import OrderFilled
from marea.testing.raw import RawView
from services.recorder.config import ObjectsConfig
from services.recorder.shell.copying import Feed
from services.recorder.shell.recording import Recorder
from services.recorder.shell.tail import Direct
from services.recorder.sinks.archive import Archive
from services.recorder.sinks.objects import ObjectSink
from services.recorder.sinks.store import Objects, open_store
from services.recorder.sinks.tables import CHANNELS, TableSink
from tests.integration.recorder.conftest import s3_at
from tests.integration.recorder.copying import DRAINED_S_MAX, LARGE, copy, copy_while
from tests.integration.recorder.reading import table
from tests.servers import need
from tests.unit.recorder.stores import figures


def objects(config: ObjectsConfig) -> Objects:
    return Objects(open_store(config))


async def assert_same(archive: Archive, logs: RawView) -> None:
    """Every record of every log, byte for byte and as it reads."""
    ends = await logs.ends()
    assert await archive.ends() == ends
    for log, end in ends.items():
        raws, position = list(await logs.read_raw(log, 0, end)), 0
        while position < end:
            found = await archive.read_raw(log, position, 1_700)
            assert found == raws[position : position + len(found)]
            position += len(found)
        assert await archive.read(log, end - 1, 1) == await logs.bus.read(log, end - 1, 1)


async def said(logs: RawView, kind: type[Message], channel: str) -> Sequence[Record]:
    return [
        record
        for log, end in (await logs.ends()).items()
        if log.channel == channel
        for record in await logs.bus.read(log, 0, end)
        if isinstance(record.message, kind)
    ]


def exact(units: int, scale: int) -> Decimal:
    return Decimal(units).scaleb(-scale)


def test_recorded_run_reads_back_byte_for_byte(logs: RawView, s3: ObjectsConfig) -> None:
    async def run() -> None:
        await copy(logs, ObjectSink(objects(s3)))
        await assert_same(Archive(objects(s3)), logs)
        before = await objects(s3).names("raw")
        await copy(logs, ObjectSink(objects(s3)))  # nothing new
        assert await objects(s3).names("raw") == before

    asyncio.run(run())


def test_tables_hold_the_bars_trades_and_fills_of_the_log(logs: RawView, s3: ObjectsConfig) -> None:
    async def run() -> dict[str, Sequence[Record]]:
        await copy(logs, ObjectSink(objects(s3)))
        drain = asyncio.Event()
        drain.set()
        feed = Feed(
            sink=TableSink(objects(s3)),
            reading=Direct(Archive(objects(s3))),
            pace=LARGE,
            channels=CHANNELS,
        )
        await Recorder([feed], figures(), DRAINED_S_MAX).run(drain)
        return {
            "trades": await said(logs, Trade, "market"),
            "bars": await said(logs, Bar, "features"),
            "fills": await said(logs, OrderFilled, "trading"),
        }

    recorded = asyncio.run(run())
    assert {name: len(records) for name, records in recorded.items()} == {
        "trades": 2_221,
        "bars": 242,
        "fills": 3,
    }
    for name, records in recorded.items():
        found = table(s3, name)
        assert sorted(found["id"]) == sorted(record.message.id for record in records)
    trades: list[Any] = [record.message for record in recorded["trades"]]
    turnover = sum(
        exact(each.price, each.price_scale) * exact(each.qty, each.qty_scale) for each in trades
    )
    found = table(s3, "trades")
    assert sum(p * q for p, q in found.select("price", "qty").iter_rows()) == turnover
    bars: list[Any] = [record.message for record in recorded["bars"]]
    volume = sum(exact(each.volume, each.qty_scale) for each in bars)
    assert table(s3, "bars")["volume"].sum() == volume
    fills: list[Any] = [record.message for record in recorded["fills"]]
    paid = sum(exact(each.commission, each.asset_scale) for each in fills)
    assert table(s3, "fills")["commission"].sum() == paid


def test_store_that_is_killed_and_comes_back_holds_everything_once(
    own_servers: Servers, logs: RawView, place: str
) -> None:
    need("minio")
    own_servers.up("minio")
    s3 = s3_at(own_servers.address("minio"), place)

    async def act(_: Recorder) -> None:
        while not await objects(s3).names("raw"):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_servers.kill, "minio")
        await asyncio.sleep(1)
        await asyncio.to_thread(own_servers.up, "minio")

    async def run() -> None:
        await copy_while(logs, act, ObjectSink(objects(s3)))
        await copy(logs, ObjectSink(objects(s3)))
        await assert_same(Archive(objects(s3)), logs)

    asyncio.run(run())


def test_wrong_secret_is_refused_with_what_to_do(minio: str, place: str) -> None:
    config = ObjectsConfig(
        url=f"s3://{BUCKET}/{place}",
        endpoint=minio,
        region="us-east-1",
        key=KEY,
        secret=SECRET[::-1],
    )

    async def run() -> None:
        await objects(config).put("x", b"")

    with pytest.raises(BadInput, match=r"refuses writing x .* give a key and a secret that may"):
        asyncio.run(run())


def test_two_recorders_at_once_leave_each_record_once(logs: RawView, s3: ObjectsConfig) -> None:
    async def run() -> None:
        await asyncio.gather(
            copy_while(logs, _seconds, ObjectSink(objects(s3))),
            copy_while(logs, _seconds, ObjectSink(objects(s3))),
        )
        await copy(logs, ObjectSink(objects(s3)))
        await assert_same(Archive(objects(s3)), logs)

    async def _seconds(_: Recorder) -> None:
        await asyncio.sleep(3)

    asyncio.run(run())


def test_log_of_another_name_is_another_log(s3: ObjectsConfig) -> None:
    async def run() -> None:
        archive = Archive(objects(s3))
        assert await archive.ends(Log("market", "nobody")) == {}
        assert await archive.read_raw(Log("market", "nobody"), 0, 10) == []

    asyncio.run(run())
