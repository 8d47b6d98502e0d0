"""The record in PostgreSQL: every row once, with the position that it comes from.

A write is one transaction: rows to temporary tables, from there to where they belong, and how far
each log is. No statement is kept prepared on the server, so PgBouncer may stand in between.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec
from asyncpg import Connection

from marea.errors import Unavailable
from marea.messages.envelope import Log, Nanos
from marea.runtime.intake import IntakeState
from services.recorder.sink import Batch
from services.recorder.sinks.postgres import merges
from services.recorder.sinks.postgres.failures import FAILURES, translated
from services.recorder.sinks.postgres.migrations import migrate
from services.recorder.sinks.postgres.partitions import Partitions
from services.recorder.sinks.postgres.rows import Taken
from services.recorder.sinks.postgres.writing import Writing
from services.recorder.sinks.progress import Progresses, Saved

CONNECT_S_MAX = 10.0
COMMAND_S_MAX = 50.0
"""Less than the recorder waits for a write."""
DROP_EVERY_S = 3_600.0
LOCK = "SELECT pg_advisory_xact_lock(hashtext('marea recorder'))"
"""Held for a write: two recorders, as in an upgrade, write one after the other."""
POSITIONS = "SELECT channel, partition, position, intake FROM trading.sink_position WHERE sink = $1"


class PostgresSink:
    """The tables of `schemas/sql`, in one database."""

    name = "postgres"

    def __init__(
        self, dsn: str, password: str = "", now: Callable[[], Nanos] = time.time_ns
    ) -> None:
        """`now` says which partitions are over."""
        self._dsn = dsn
        self._password = password
        self._now = now
        self._connection: Connection | None = None
        self._is_migrated = False
        self._partitions = Partitions()
        self._progresses = Progresses()
        self._ends: dict[Log, int] = {}
        """How far each log is in the database: behind what was read while a record waits there."""
        self._drop_due = 0.0

    async def open(self) -> None:
        """Connect, bring the tables up to date, and find out how far they are.

        Raises `Unavailable` where the database is away, and `BadInput` where it does not let us.
        """
        self._terminate()
        try:
            self._connection = await asyncpg.connect(
                self._dsn,
                password=self._password or None,
                timeout=CONNECT_S_MAX,
                command_timeout=COMMAND_S_MAX,
                statement_cache_size=0,
                server_settings={"application_name": "marea-recorder"},
            )
        except FAILURES as err:
            raise translated(err) from err
        if not self._is_migrated:
            await asyncio.to_thread(migrate, self._dsn, self._password)
            self._is_migrated = True
        async with self._using() as connection:
            await self._partitions.load(connection)
            self._progresses = Progresses(
                Saved(
                    channel=row["channel"],
                    partition=row["partition"],
                    end=row["position"],
                    intake=msgspec.json.decode(row["intake"], type=IntakeState),
                )
                for row in await connection.fetch(POSITIONS, self.name)
            )
        self._ends = dict(self._progresses.ends())

    async def positions(self) -> Mapping[Log, int]:
        """How far each log is in the tables."""
        return dict(self._ends)

    async def write(self, batches: Sequence[Batch]) -> int:
        """Bring what is new of these into the tables; give the rows.

        Raises `Unavailable` where that may have failed: nothing or all of it is there.
        """
        async with self._using() as connection:
            async with connection.transaction():
                await connection.execute(LOCK)
                taken = [
                    Taken(batch.log, position, record)
                    for batch in batches
                    for position, record in self._progresses.of(batch.log).take(batch.kept)
                ]
                rows = await Writing(connection, self._partitions).keep(taken)
                ends = await self._save(connection, [batch.log for batch in batches])
            self._ends |= ends
            if time.monotonic() >= self._drop_due:
                self._drop_due = time.monotonic() + DROP_EVERY_S
                await self._partitions.drop_expired(connection, self._now())
        return rows

    async def close(self) -> None:
        """Leave the database."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=CONNECT_S_MAX)
            except FAILURES:
                connection.terminate()

    def _terminate(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[Connection]:
        # After any failure nobody knows what the server has: the next `open` begins anew.
        if self._connection is None:
            raise Unavailable("PostgreSQL: the sink is not open; open it")
        is_well = False
        try:
            yield self._connection
            is_well = True
        except FAILURES as err:
            raise translated(err) from err
        finally:
            if not is_well:
                self._terminate()

    async def _save(self, connection: Connection, logs: Sequence[Log]) -> Mapping[Log, int]:
        # A log on which a record waits is read from before it after a crash: its rows are there.
        found = [self._progresses.of(log).saved() for log in logs]
        news = [saved for saved in found if saved is not None]
        await connection.execute(
            merges.SINK_POSITION,
            self.name,
            [saved.channel for saved in news],
            [saved.partition for saved in news],
            [saved.end for saved in news],
            [msgspec.json.encode(saved.intake).decode() for saved in news],
        )
        return {Log(saved.channel, saved.partition): saved.end for saved in news}
