"""How the tests here feed the sink, and look at what stands in the tables."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from marea.bus.memory import MemoryBus
from marea.bus.raw import Raw
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.framing import frame
from marea.messages.market import BookDelta, BookSnapshot, BookStatusChanged, Quote, Trade
from marea.messages.orders import CancelIntended, OrderFilled, OrderIntended, OrderReport
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import GapFound, QualityCheckFailed
from marea.testing.raw import RawView
from services.recorder.shell.tail import Direct
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.postgres.sink import PostgresSink

WRITER = Writer(producer="test", epoch=0, build="test")
CHANGING = ("id", "created_at", "updated_at")
"""Columns that are another in every database."""
IN_TABLE: dict[str, tuple[type[Message], ...]] = {
    "market_data_raw": (Bar,),
    "market_data": (Bar,),
    "market_data_corrections": (BarCorrection,),
    "market_trades": (Trade,),
    "order_book": (Quote, BookDelta, BookSnapshot),
    "features": (FeatureVector,),
    "data_quality": (QualityCheckFailed, BookStatusChanged, GapFound),
    "signals": (Signal,),
    "risk_decisions": (RiskDecision,),
    "order_events": (OrderIntended, CancelIntended, OrderReport),
    "trades": (OrderFilled,),
    "closed_positions": (PositionClosed,),
    "risk_metrics": (PortfolioValued,),
    "breaker_events": (BreakerTripped, BreakerEnded),
    "audit_log": (Command, CommandTaken),
}
"""The tables that have one row for each message of these types."""
COLUMNS = """
SELECT table_name, string_agg(format('%I', column_name), ', ' ORDER BY ordinal_position) AS listed
FROM information_schema.columns
JOIN pg_class ON relname = table_name AND relnamespace = 'trading'::REGNAMESPACE
WHERE table_schema = 'trading' AND column_name <> ALL ($1)
    AND relkind IN ('r', 'p') AND NOT relispartition
GROUP BY table_name
"""
HASH = "SELECT count(*), coalesce(md5(string_agg(line, ' ' ORDER BY line)), '') FROM ({}) AS lines"
WAITING = """SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'"""
KILL_WAITING = WAITING.replace("pid", "pg_terminate_backend(pid)", 1)


def batch_of(log: Log, records: Sequence[Record], position: int = 0) -> Batch:
    """Records as they stand on Kafka from a position on."""
    return Batch(
        log,
        [
            Kept(log, Raw(0, offset, 0, log.partition.encode(), frame(record)))
            for offset, record in enumerate(records, position)
        ],
    )


def said(messages: Iterable[Message], writer: Writer = WRITER, seq: int = 0) -> list[Record]:
    """These messages as one writer's records."""
    return [
        Record(message=message, writer=writer, seq=number)
        for number, message in enumerate(messages, seq)
    ]


async def kept_on(bus: MemoryBus) -> Mapping[Log, Sequence[Kept]]:
    """All that stands on a bus, as it stands on Kafka."""
    reading = Direct(RawView(bus))
    return {log: await reading.read(log, 0, end) for log, end in (await bus.ends()).items()}


def writes_of(kept: Mapping[Log, Sequence[Kept]], size: int = 2_000) -> list[list[Batch]]:
    """At most so many records of each log in a write."""
    longest = max(map(len, kept.values()))
    return [
        [Batch(log, all_[at : at + size]) for log, all_ in kept.items() if at < len(all_)]
        for at in range(0, longest, size)
    ]


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[PostgresSink]:
    """The sink, open."""
    sink = PostgresSink(dsn)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def write(dsn: str, writes: Iterable[Sequence[Batch]]) -> None:
    """Write these by a sink that knows of nothing before."""
    async with opened(dsn) as sink:
        for batches in writes:
            await sink.write(batches)


async def rows(dsn: str, query: str, *values: Any) -> list[dict[str, Any]]:
    """What a query finds."""
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


async def tables(dsn: str) -> Mapping[str, tuple[int, str]]:
    """What stands in every table: the number of rows, and a hash of all that they say."""
    connection = await asyncpg.connect(dsn)
    found: dict[str, tuple[int, str]] = {}
    try:
        for name, listed in await connection.fetch(COLUMNS, CHANGING):
            whole = f"SELECT ({listed})::TEXT AS line FROM trading.{name}"  # noqa: S608 # our own names
            (row,) = await connection.fetch(HASH.format(whole))
            found[name] = row[0], row[1]
    finally:
        await connection.close()
    return found


@asynccontextmanager
async def held(dsn: str, table: str) -> AsyncIterator[None]:
    """A table that nobody else can write to: whoever does waits in the middle of it."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE trading.{table} IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def until_somebody_waits(dsn: str) -> None:
    """Until it has come to what is held."""
    async with asyncio.timeout(20):
        while not await rows(dsn, WAITING):
            await asyncio.sleep(0.01)
