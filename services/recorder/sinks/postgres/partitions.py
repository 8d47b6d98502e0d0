"""Where do the rows of a series go, and which of its partitions are over?

Where TimescaleDB keeps the series there is nothing to do here. Otherwise a partition is made with
the one after it when the first row of its day or month comes, without holding up any reader, and
dropped whole when all of it is older than the series is kept.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import asyncpg
from asyncpg import Connection

from marea.messages.envelope import Nanos
from services.recorder.sinks.postgres.columns import LINEAGE
from services.recorder.sinks.postgres.tables import FOR_EVER, SERIES, Period, Row, Series, Table

TIME_COLUMN = len(LINEAGE)
DAY_CHARS, MONTH_CHARS = len("2026-01-05"), len("2026-01")
DROP_WAIT_S = 2
"""For whoever reads the series; then it is dropped another time."""

PARTITIONS = """
SELECT parent.relname AS series, child.relname AS name
FROM pg_class AS parent
LEFT JOIN pg_inherits ON inhparent = parent.oid
LEFT JOIN pg_class AS child ON child.oid = inhrelid
WHERE parent.relkind = 'p' AND parent.relnamespace = 'trading'::REGNAMESPACE
"""
IS_THERE = "SELECT to_regclass($1) IS NOT NULL"


class Partitions:
    """The partitions of every series of a database that has them."""

    def __init__(self) -> None:
        self._begins: dict[str, set[date]] = {}
        """Of each partition, by the name of its series; a hypertable is not there."""

    async def load(self, connection: Connection) -> None:
        """Find out what is there."""
        begins: defaultdict[str, set[date]] = defaultdict(set)
        for row in await connection.fetch(PARTITIONS):
            known = begins[row["series"]]
            if row["name"]:
                known.add(_begin_of(row["name"]))
        self._begins = dict(begins)

    async def make(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Make those that the rows go to, and the next, in the transaction that goes on."""
        for series in table.series:
            known = self._begins.get(series.name)
            if known is not None:
                for begin in sorted(set(_needed(series.period, rows)) - known):
                    if not await connection.fetchval(IS_THERE, f"trading.{_name(series, begin)}"):
                        await connection.execute(_make_sql(series, begin))
                    known.add(begin)

    async def drop_expired(self, connection: Connection, now: Nanos) -> int:
        """Drop those that are over; give how many.

        A series is kept from its own last day on where that lies behind: a market of old days, played
        again, is kept as long as one of today.
        """
        count = 0
        for series in SERIES:
            expired = self._expired(series, now)
            for begin in expired:
                if not await _drop(connection, _name(series, begin)):
                    break
                self._begins[series.name].discard(begin)
                count += 1
        return count

    def _expired(self, series: Series, now: Nanos) -> list[date]:
        known = self._begins.get(series.name)
        if not known or series.kept_days == FOR_EVER:
            return []
        today = datetime.fromtimestamp(now // 1_000_000_000, UTC).date()
        first_kept = min(today, max(known)) - timedelta(days=series.kept_days)
        return sorted(begin for begin in known if _next(series.period, begin) <= first_kept)


async def _drop(connection: Connection, name: str) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(
                f"SET LOCAL lock_timeout = '{DROP_WAIT_S}s'; DROP TABLE IF EXISTS trading.{name}"
            )
    except asyncpg.LockNotAvailableError:
        return False
    return True


def _needed(period: Period, rows: Iterable[Row]) -> Iterator[date]:
    chars = DAY_CHARS if period == "day" else MONTH_CHARS
    for text in {(row[TIME_COLUMN] or "")[:chars] for row in rows}:
        begin = date.fromisoformat(text if period == "day" else f"{text}-01")
        yield begin
        yield _next(period, begin)


def _next(period: Period, begin: date) -> date:
    if period == "day":
        return begin + timedelta(days=1)
    return (begin.replace(day=28) + timedelta(days=4)).replace(day=1)


def _name(series: Series, begin: date) -> str:
    return f"{series.name}_{begin:%Y%m%d}"


def _begin_of(name: str) -> date:
    return datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC).date()


def _make_sql(series: Series, begin: date) -> str:
    # Attached, not created in place: that would hold up whoever reads the series.
    name, end = _name(series, begin), _next(series.period, begin)
    return (
        f"CREATE TABLE trading.{name} (LIKE trading.{series.name} INCLUDING ALL);"
        f" ALTER TABLE trading.{series.name} ATTACH PARTITION trading.{name}"
        f" FOR VALUES FROM ('{begin} 00:00:00+00') TO ('{end} 00:00:00+00')"
    )
