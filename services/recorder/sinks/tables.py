"""How is the archive asked for bars, trades and fills: by day and instrument, in any tool?

    tables/<table>/<instrument>/<YYYY-MM-DD>.parquet
    positions/<channel>/<log>.json

They are derived from the archive, and could be derived again: a day that grows is written whole, and
the position behind it. What counts is what readers of the logs take. Amounts are exact.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, Final, NamedTuple, TypeAlias, get_type_hints

import msgspec
import polars as pl

from marea.errors import Broken
from marea.messages.envelope import Log, Message, Record
from marea.messages.features import Bar, BarCorrection
from marea.messages.forms import form_of
from marea.messages.market import Trade
from marea.messages.orders import OrderFilled
from services.recorder.sink import Batch
from services.recorder.sinks.archive import file_safe, folder_of
from services.recorder.sinks.progress import Progresses, decode
from services.recorder.sinks.store import Objects

SORTED_AT_ONCE = 500
TABLES, POSITIONS = "tables", "positions"
EXACT: Final = pl.Decimal(38, 18)
"""Takes every amount: 64 bits, at most 18 places."""
INSTANT: Final = pl.Datetime("ns", "UTC")
OF_RECORD: Final[Mapping[str, Any]] = {
    "id": pl.String(),
    "ts_event": INSTANT,
    "ts_known": INSTANT,
    "log": pl.String(),
    "offset": pl.Int64(),
}
"""The columns that every table begins with."""
DTYPES: Mapping[type, Any] = {
    int: pl.Int64(),
    float: pl.Float64(),
    bool: pl.Boolean(),
}

Row: TypeAlias = tuple[object, ...]


class Table:
    """One table: which messages are its rows, and what its columns are."""

    def __init__(self, name: str, channel: str, kind: type[Message], day_by: str) -> None:
        """`day_by` is the field whose UTC day says which file a row stands in."""
        self.name = name
        self.channel = channel
        self.kind = kind
        self.day_by = day_by
        hints = get_type_hints(kind)
        self._amounts = {
            field.name: field.scale for field in form_of(kind.__name__).fields if field.scale
        }
        self._fields = [
            name
            for name in kind.__struct_fields__[len(Message.__struct_fields__) :]
            if not name.endswith("_scale")
        ]
        self.schema = {
            **OF_RECORD,
            **{name: self._dtype(name, hints[name]) for name in self._fields},
        }

    def _dtype(self, name: str, hint: Any) -> Any:  # noqa: ANN401 # a type has no type
        if name in self._amounts:
            return EXACT
        return INSTANT if name.startswith("ts_") else DTYPES.get(hint, pl.String())

    def row(self, log: Log, offset: int, record: Record) -> Row:
        """A record of a log as a row."""
        message = record.message
        return (
            message.id,
            message.ts_event,
            record.ts_known,
            log.partition,
            offset,
            *(self._value(message, name) for name in self._fields),
        )

    def _value(self, message: Message, name: str) -> object:
        value = getattr(message, name)
        scale = self._amounts.get(name)
        return value if scale is None else Decimal(value).scaleb(-getattr(message, scale))

    def file_of(self, message: Message) -> str:
        """The file with the instrument's rows of that day."""
        ts = getattr(message, self.day_by)
        day = datetime.fromtimestamp(ts // 1_000_000_000, UTC).date()
        instrument = file_safe(getattr(message, "instrument", ""))
        return f"{TABLES}/{self.name}/{instrument}/{day.isoformat()}.parquet"


ALL: Final = (
    Table("trades", "market", Trade, "ts_event"),
    Table("bars", "features", Bar, "ts_open"),
    Table("bar_corrections", "features", BarCorrection, "ts_open"),
    Table("fills", "trading", OrderFilled, "ts_event"),
)
CHANNELS: Final = frozenset(table.channel for table in ALL)
_BY_KIND: Final[Mapping[type[Message], Table]] = {table.kind: table for table in ALL}


class _Grown(NamedTuple):
    """What is new in one file."""

    table: Table
    rows: list[Row]


class TableSink:
    """The tables, written."""

    name = "tables"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._progresses = Progresses()

    async def open(self) -> None:
        """Find out how far each log is."""
        names = await self._objects.names(POSITIONS)
        found = [await self._objects.get(name) for name in names]
        try:
            self._progresses = Progresses(decode(each.body) for each in found if each is not None)
        except msgspec.DecodeError as err:
            raise Broken(
                f"below {POSITIONS} a file is no position ({err}): delete all of them, the tables are"
                " then made anew"
            ) from err

    async def positions(self) -> Mapping[Log, int]:
        """How far each log is in the tables."""
        return self._progresses.ends()

    async def write(self, batches: Sequence[Batch]) -> int:
        """Put the rows of these into their days, then the positions."""
        grown: dict[str, _Grown] = {}
        for batch in batches:
            progress = self._progresses.of(batch.log)
            for first in range(0, len(batch.kept), SORTED_AT_ONCE):
                for taken in progress.take(batch.kept[first : first + SORTED_AT_ONCE]):
                    _sort(batch.log, *taken, grown)
                await asyncio.sleep(0)  # other sinks have their turn
        for name, (table, rows) in grown.items():
            await self._grow(name, table, rows)
        for log, body in self._progresses.news(batches).items():
            await self._objects.put(f"{folder_of(POSITIONS, log)}.json", body)
        return sum(len(rows) for _, rows in grown.values())

    async def close(self) -> None:
        """Nothing is held."""

    async def _grow(self, name: str, table: Table, rows: list[Row]) -> None:
        found = await self._objects.get(name)
        body = await asyncio.to_thread(_merged, table, found.body if found else None, rows)
        if body is not None:
            await self._objects.put(name, body)


def _sort(log: Log, offset: int, record: Record, grown: dict[str, _Grown]) -> None:
    table = _BY_KIND.get(type(record.message))
    if table is not None and table.channel == log.channel:
        name = table.file_of(record.message)
        grown.setdefault(name, _Grown(table, [])).rows.append(table.row(log, offset, record))


def _merged(table: Table, body: bytes | None, rows: list[Row]) -> bytes | None:
    # The file with these rows; None where it has them all.
    frame = pl.DataFrame(rows, schema=table.schema, orient="row")
    before = 0
    if body is not None:
        there = pl.read_parquet(BytesIO(body))
        # What was written before a message grew has no values in its new columns.
        before, frame = there.height, pl.concat([there, frame], how="diagonal")
    frame = frame.select(*table.schema).unique("id", keep="first", maintain_order=True)
    if frame.height == before:
        return None
    file = BytesIO()
    frame.sort(table.day_by, "log", "offset").write_parquet(file, compression="zstd")
    return file.getvalue()
