"""A database gets our tables from any beginning, and loses nothing by being asked again."""

import asyncio
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from marea.errors import BadInput, Unavailable
from marea.messages.envelope import Log
from marea.testing.builders import quote_record
from services.recorder.sinks.postgres import migrations, tables
from services.recorder.sinks.postgres.migrations import SQL, migrate
from tests.integration.postgres.feeding import (
    KILL_WAITING,
    batch_of,
    held,
    rows,
    until_somebody_waits,
    write,
)
from tests.integration.postgres.feeding import tables as content

MARKET = Log("market", "BTC-USDT.SIM")
FILES = sorted(path.stem for path in SQL.glob("*.sql"))
SCHEMA = """
SELECT table_schema || '.' || table_name AS name, column_name, data_type, is_nullable
FROM information_schema.columns WHERE table_schema IN ('trading', 'public') ORDER BY 1, 2
"""


def shape(dsn: str) -> list[dict[str, str]]:
    return asyncio.run(rows(dsn, SCHEMA))


def order(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)


def test_migration_is_applied_once_in_order_and_keeps_what_is_there(database: str) -> None:
    assert migrate(database) == FILES
    asyncio.run(write(database, [[batch_of(MARKET, [quote_record(0)])]]))
    assert migrate(database) == []
    assert len(asyncio.run(rows(database, "SELECT * FROM trading.order_book"))) == 1


@pytest.mark.parametrize("applied", range(len(FILES)))
def test_database_that_has_some_files_gets_the_others(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, applied: int
) -> None:
    for name in FILES[:applied]:
        shutil.copy(SQL / f"{name}.sql", tmp_path)
    with monkeypatch.context() as older:
        older.setattr(migrations, "SQL", tmp_path)
        assert migrate(database) == FILES[:applied]
    assert migrate(database) == FILES[applied:]
    assert {row["name"] for row in shape(database)} >= {"trading.trades", "public.trades"}


def test_file_whose_mark_was_lost_changes_nothing_the_second_time(database: str) -> None:
    migrate(database)
    asyncio.run(write(database, [[batch_of(MARKET, [quote_record(0)])]]))
    before, found = shape(database), asyncio.run(content(database))
    order(database, "DELETE FROM _yoyo_migration")
    assert migrate(database) == FILES
    assert (shape(database), asyncio.run(content(database))) == (before, found)


def test_migration_that_is_killed_leaves_no_part_of_its_file(database: str) -> None:
    migrate(database)
    order(database, "DELETE FROM _yoyo_migration WHERE migration_id > '0003'")
    order(database, "DROP TABLE trading.portfolios, trading.audit_log")

    async def kill() -> None:
        async with held(database, "signals"):
            migrating = asyncio.create_task(asyncio.to_thread(migrate, database))
            await until_somebody_waits(database)
            await rows(database, KILL_WAITING)
            with pytest.raises(Unavailable, match=r"can't be migrated: .*; try again"):
                await migrating

    asyncio.run(kill())
    assert "trading.portfolios" not in {row["name"] for row in shape(database)}
    order(database, "INSERT INTO yoyo_lock (locked, pid) VALUES (1, 1)")  # of one that died
    assert migrate(database) == ["0003.trading", "0004.views"]
    assert {row["name"] for row in shape(database)} >= {"trading.portfolios", "trading.audit_log"}


def test_user_that_may_make_no_tables_is_told_what_to_grant(database: str) -> None:
    name = database.rpartition("/")[2]
    server = database.partition("@")[2]
    order(database, f"CREATE ROLE {name} LOGIN")
    dsn, password = f"postgresql://{name}@{server}", "p@ss:/w?rd# %"
    try:
        with pytest.raises(BadInput, match="grant it CREATE on the database and on schema public"):
            migrate(dsn, password)
        order(database, f"GRANT CREATE ON DATABASE {name} TO {name}")
        order(database, f"GRANT CREATE ON SCHEMA public TO {name}")
        assert migrate(dsn, password) == FILES
    finally:
        order(database, f"DROP OWNED BY {name} CASCADE")
        order(database, f"DROP ROLE {name}")


def test_several_recorders_that_begin_at_once_migrate_one_after_the_other(database: str) -> None:
    gate = threading.Barrier(3)

    def begin() -> list[str]:
        gate.wait()
        return list(migrate(database))

    with ThreadPoolExecutor(3) as pool:
        found = [each.result() for each in [pool.submit(begin) for _ in range(3)]]
    assert sorted(found) == [[], [], FILES]


def test_columns_that_the_recorder_fills_are_those_of_the_tables(database: str) -> None:
    migrate(database)
    there = {(row["name"], row["column_name"]) for row in shape(database)}
    for table in (*tables.TABLES, tables.TRADES, tables.POSITIONS):
        missing = [name for name in table.row if (f"trading.{table.name}", name) not in there]
        assert missing == []


def test_series_are_the_tables_that_are_partitioned_and_those_that_timescale_takes(
    database: str,
) -> None:
    migrate(database)
    query = """SELECT relname FROM pg_class
        WHERE relkind = 'p' AND relnamespace = 'trading'::REGNAMESPACE"""
    names = {series.name for series in tables.SERIES}
    assert {row["relname"] for row in asyncio.run(rows(database, query))} == names
    hypertables = (SQL / "timescale" / "0005.hypertables.sql").read_text("utf-8")
    for series in tables.SERIES:
        chunk = f"INTERVAL '1 {series.period}'"
        kept = f"INTERVAL '{series.kept_days} days'" if series.kept_days else "NULL"
        line = next(line for line in hypertables.splitlines() if f"('{series.name}'," in line)
        assert line.split(",")[1].strip() == chunk
        assert line.split(",")[2].strip().startswith(kept)
