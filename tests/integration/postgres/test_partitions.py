"""Series have a partition for whatever comes, and lose whole ones that are over."""

import asyncio
from datetime import UTC, datetime

import asyncpg
from msgspec.structs import replace

from marea.messages.envelope import Log, Record
from marea.messages.features import Bar, FeatureVector
from marea.messages.market import Quote
from marea.messages.signals import Signal
from marea.testing.builders import TS_START, quote_record
from marea.testing.examples import example
from services.recorder.sinks.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import batch_of, rows, said, write

MARKET = Log("market", "BTC-USDT.SIM")
DAY_NS = 86_400_000_000_000
PARTITIONS = """SELECT child.relname AS name FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = $1::TEXT::REGCLASS ORDER BY 1"""


def of_days(*days: int) -> list[Record]:
    """A quote on each day after the first one of the tests, which is 2024-08-09."""
    quote = quote_record(0).message
    assert isinstance(quote, Quote)
    return said([replace(quote, id=f"{day}", ts_event=TS_START + day * DAY_NS) for day in days])


def partitions(dsn: str, table: str) -> list[str]:
    found = asyncio.run(rows(dsn, PARTITIONS, f"trading.{table}"))
    return [row["name"].removeprefix(f"{table}_") for row in found]


def days(dsn: str) -> list[str]:
    found = asyncio.run(rows(dsn, "SELECT event_id FROM trading.order_book ORDER BY timestamp_utc"))
    return [row["event_id"] for row in found]


def swept(dsn: str, now: int, records: list[Record]) -> None:
    """Write by a recorder whose clock says `now`: the first write drops what is over."""

    async def sweep() -> None:
        sink = PostgresSink(dsn, now=lambda: now)
        await sink.open()
        await sink.write([batch_of(MARKET, records)])
        await sink.close()

    asyncio.run(sweep())


def test_partitions_are_made_for_what_comes_and_the_time_after_it(database: str) -> None:
    asyncio.run(write(database, [[batch_of(MARKET, of_days(0, 3))]]))
    assert partitions(database, "order_book") == ["20240809", "20240810", "20240812", "20240813"]
    december = replace(example(FeatureVector), ts_event=TS_START + 130 * DAY_NS)
    asyncio.run(write(database, [[batch_of(Log("features", "main"), said([december]))]]))
    assert partitions(database, "features") == ["20241201", "20250101"]


def test_rows_at_the_edges_of_time_have_their_partitions(database: str) -> None:
    times = (-(2**63), -1, 0, TS_START - 1, TS_START, 2**63 - 1)
    records = said([replace(example(Signal), id=str(ts), ts_event=ts) for ts in times])
    asyncio.run(write(database, [[batch_of(Log("trading", "main"), records)]]))
    query = "SELECT event_id, timestamp_utc FROM trading.signals ORDER BY timestamp_utc"
    found = asyncio.run(rows(database, query))
    assert [row["event_id"] for row in found] == [str(ts) for ts in times]
    last = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert found[1]["timestamp_utc"] == last


def test_what_is_older_than_it_is_kept_is_dropped_day_by_day(database: str) -> None:
    swept(database, TS_START + 9 * DAY_NS, of_days(*range(10)))
    assert days(database) == ["2", "3", "4", "5", "6", "7", "8", "9"]  # today and 7 before it
    assert partitions(database, "order_book")[0] == "20240811"


def test_market_of_old_days_is_kept_from_its_own_last_day_on(database: str) -> None:
    years_later = TS_START + 1_000 * DAY_NS
    swept(database, years_later, of_days(0, 1, 6, 8))
    assert days(database) == ["6", "8"]


def test_row_of_a_far_future_drops_nothing(database: str) -> None:
    swept(database, TS_START, of_days(0, 20_000))
    assert days(database) == ["0", "20000"]


def test_what_is_kept_for_ever_is_not_dropped(database: str) -> None:
    old = replace(example(FeatureVector), ts_event=TS_START)
    recent = replace(old, id="recent", ts_event=TS_START + 200 * DAY_NS)

    async def sweep() -> None:
        sink = PostgresSink(database, now=lambda: TS_START + 300 * DAY_NS)
        await sink.open()
        await sink.write([batch_of(Log("features", "main"), said([old, recent, example(Bar)]))])
        await sink.close()

    asyncio.run(sweep())
    found = asyncio.run(rows(database, "SELECT event_id FROM trading.features"))
    assert [row["event_id"] for row in found] == ["recent"]
    assert len(asyncio.run(rows(database, "SELECT * FROM trading.market_data"))) == 1


def test_partition_that_is_read_is_dropped_another_time(database: str) -> None:
    asyncio.run(write(database, [[batch_of(MARKET, of_days(0))]]))

    async def read() -> None:
        reader = await asyncpg.connect(database)
        async with reader.transaction():
            await reader.fetch("SELECT * FROM trading.order_book")
            await asyncio.to_thread(swept, database, TS_START + 20 * DAY_NS, of_days(0, 20))
        await reader.close()

    asyncio.run(read())
    assert days(database) == ["0", "20"]
    swept(database, TS_START + 20 * DAY_NS, of_days(0, 20, 19))
    assert days(database) == ["19", "20"]


def test_partition_that_another_recorder_made_is_taken(database: str) -> None:
    async def race() -> None:
        sink = PostgresSink(database)
        await sink.open()
        await write(database, [[batch_of(MARKET, of_days(0))]])
        await sink.write([batch_of(MARKET, of_days(0, 0, 1))])
        await sink.close()

    asyncio.run(race())
    assert days(database) == ["0", "1"]
