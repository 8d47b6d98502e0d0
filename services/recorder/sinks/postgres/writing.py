"""How do records come into the tables, all of them or, of what can't be told there, all others?"""

from collections.abc import Mapping, Sequence
from io import BytesIO

from asyncpg import Connection

from marea.errors import Broken
from marea.messages.orders import OrderFilled
from services.recorder.sinks.postgres.failures import REFUSED_ROWS
from services.recorder.sinks.postgres.partitions import Partitions
from services.recorder.sinks.postgres.positions import position_rows
from services.recorder.sinks.postgres.rows import Refusal, Taken, refusal_row, rows_of
from services.recorder.sinks.postgres.tables import (
    DATA_QUALITY,
    POSITIONS,
    TABLES,
    TRADES,
    Row,
    Table,
)
from services.recorder.sinks.postgres.texts import copied

REFUSED_MAX = 100
"""Records of one write; more of them are no bad records, but a bug."""


class Writing:
    """One transaction's way into the tables."""

    def __init__(self, connection: Connection, partitions: Partitions) -> None:
        self._connection = connection
        self._partitions = partitions
        self._refused: list[Refusal] = []

    async def keep(self, taken: Sequence[Taken]) -> int:
        """Write the rows of these records; give how many.

        What PostgreSQL refuses is told in `data_quality`. Raises `Broken` where that is too much,
        and what asyncpg raises.
        """
        count = await self._keep(taken)
        if self._refused:
            await self._bring({DATA_QUALITY: [refusal_row(each) for each in self._refused]})
            await self._connection.execute(DATA_QUALITY.merge_sql)
        return count + len(self._refused)

    async def _keep(self, taken: Sequence[Taken]) -> int:
        try:
            async with self._connection.transaction():
                return await self._insert(taken)
        except REFUSED_ROWS as err:
            if len(self._refused) >= REFUSED_MAX:
                raise Broken(
                    f"PostgreSQL refuses more than {REFUSED_MAX} records: {err}: these are no bad "
                    "records, but a bug; once it is mended, the next start goes on from there"
                ) from err
            reason = str(err)
        await self._partitions.load(self._connection)  # those that were made are not there now
        if len(taken) == 1:
            self._refused.append(Refusal(taken[0], reason))
            return 0
        middle = len(taken) // 2
        return await self._keep(taken[:middle]) + await self._keep(taken[middle:])

    async def _insert(self, taken: Sequence[Taken]) -> int:
        rows = rows_of(taken)
        if not rows:
            return 0
        await self._bring(rows)
        merges = [table.merge_sql for table in TABLES if table in rows]
        await self._connection.execute(";\n".join(merges))
        if TRADES in rows:
            await self._insert_trades(taken)
        return sum(map(len, rows.values()))

    async def _insert_trades(self, taken: Sequence[Taken]) -> None:
        found = await self._connection.fetch(TRADES.merge)
        unknown = {row["event_id"] for row in found}
        fills: list[Taken] = []
        for each in taken:
            if type(each.record.message) is OrderFilled and each.record.message.id in unknown:
                unknown.remove(each.record.message.id)
                fills.append(each)
        rows = await position_rows(self._connection, fills, self._refused) if fills else []
        if rows:
            await self._bring({POSITIONS: rows})
            await self._connection.execute(POSITIONS.merge)

    async def _bring(self, rows: Mapping[Table, Sequence[Row]]) -> None:
        # To the temporary tables.
        connection = self._connection
        await connection.execute("\n".join(table.stage_sql for table in rows))
        for table, found in rows.items():
            await self._partitions.make(connection, table, found)
            await connection.copy_to_table(
                table.staged, source=BytesIO(copied(found)), columns=table.row, format="text"
            )
