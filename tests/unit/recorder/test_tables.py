"""The tables hold the bars, trades and fills that readers of the logs take, exactly."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import obstore
import polars as pl
import pytest
from obstore.store import MemoryStore

from marea.errors import Broken
from marea.testing.raw import RawView
from services.recorder.sinks.store import Objects
from services.recorder.sinks.tables import TableSink
from tests.unit.recorder.stores import A
from tests.unit.recorder.story import bar, fill, story, trade
from tests.unit.recorder.test_kills import copy, rows


def written() -> dict[str, pl.DataFrame]:
    async def run() -> dict[str, pl.DataFrame]:
        store = MemoryStore()
        await copy(RawView(await story()), TableSink(Objects(store)), 10)
        return await rows(store)

    return asyncio.run(run())


def test_rows_stand_by_table_instrument_and_day() -> None:
    assert {name: frame.height for name, frame in written().items()} == {
        "tables/bars/BTC-USDT.SIM/2024-08-09.parquet": 11,
        "tables/fills/BTC-USDT.SIM/2024-08-09.parquet": 3,
        "tables/trades/BTC-USDT.SIM/2024-08-09.parquet": 20,
        "tables/trades/BTC-USDT.SIM/2024-08-10.parquet": 10,
        "tables/trades/ETH-USDT.SIM/2024-08-09.parquet": 20,
        "tables/trades/ETH-USDT.SIM/2024-08-10.parquet": 10,
    }


def test_what_came_twice_or_of_a_life_that_was_over_is_no_row() -> None:
    found = written()["tables/trades/BTC-USDT.SIM/2024-08-09.parquet"]
    assert found["id"].to_list() == [trade(number).id for number in range(20)]


def test_amounts_and_times_are_exact() -> None:
    found = written()
    first = found["tables/trades/BTC-USDT.SIM/2024-08-09.parquet"].row(1, named=True)
    assert (first["price"], first["qty"]) == (Decimal("60000.01"), Decimal("0.00101"))
    assert first["ts_event"] == datetime(2024, 8, 9, 0, 0, 1, tzinfo=UTC)
    assert first["taker_side"] == "buy"
    closed = found["tables/bars/BTC-USDT.SIM/2024-08-09.parquet"].row(0, named=True)
    assert closed["volume"] == Decimal("0.01")
    assert closed["ts_open"] == datetime(2024, 8, 9, tzinfo=UTC)
    assert closed["trade_count"] == bar(1).trade_count
    filled = found["tables/fills/BTC-USDT.SIM/2024-08-09.parquet"].row(0, named=True)
    assert filled["commission"] == Decimal(3)
    assert filled["client_order_id"] == fill(0).client_order_id


def test_day_written_before_a_message_grew_takes_new_rows() -> None:
    async def run() -> None:
        store, logs = MemoryStore(), RawView(await story())
        await copy(logs, TableSink(Objects(store)), 100)
        objects = Objects(store)
        name = "tables/bars/BTC-USDT.SIM/2024-08-09.parquet"
        file = BytesIO()
        (await rows(store))[name].drop("status").head(4).write_parquet(file)
        await objects.put(name, file.getvalue())
        await obstore.delete_async(store, "positions/features/main.json")
        await copy(logs, TableSink(objects), 100)
        found = (await rows(store))[name]
        assert found.height == 11
        assert found["status"].to_list() == [None] * 4 + ["complete"] * 7

    asyncio.run(run())


def test_position_that_is_none_is_told() -> None:
    async def run() -> None:
        objects = Objects(MemoryStore())
        await objects.put("positions/features/main.json", b"{}")
        with pytest.raises(Broken, match=r"below positions a file is no position .*delete all"):
            await TableSink(objects).open()

    asyncio.run(run())


def test_position_of_each_log_is_found_again() -> None:
    async def run() -> None:
        store, bus = MemoryStore(), await story()
        await copy(RawView(bus), TableSink(Objects(store)), 10)
        sink = TableSink(Objects(store))
        await sink.open()
        assert await sink.positions() == await bus.ends()
        assert (await sink.positions())[A] > 30

    asyncio.run(run())
