"""How is the archive asked for bars, trades and fills: by day and instrument, in any tool?

    tables/<table>/<instrument>/<YYYY-MM-DD>.parquet
    positions/<channel>/<log>.json

They are derived from the archive, and could be derived again: a day that grows is written whole, and
the position behind it. What stands on a log twice is one row here, by its id. Amounts are exact.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, Final, NamedTuple, TypeAlias, get_type_hints

import msgspec
import polars as pl
from msgspec import Struct

from marea.errors import Broken
from marea.messages.envelope import Log, Message
from marea.messages.features import Bar, BarCorrection
from marea.messages.forms import form_of
from marea.messages.framing import framing
from marea.messages.market import Trade
from marea.messages.orders import OrderFilled
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.archive import file_safe, folder_of
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


class _Position(Struct, frozen=True, kw_only=True):
    channel: str
    partition: str
    end: int


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

    def row(self, kept: Kept) -> Row:
        """A record as a row."""
        message = kept.record.message
        return (
            message.id,
            message.ts_event,
            kept.record.ts_known,
            kept.log.partition,
            kept.raw.offset,
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
_BY_KIND: Final = {table.kind.__name__: table for table in ALL}


class _Grown(NamedTuple):
    """What is new in one file."""

    table: Table
    rows: list[Row]


class TableSink:
    """The tables, written."""

    name = "tables"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def open(self) -> None:
        """Nothing is held."""

    async def positions(self) -> Mapping[Log, int]:
        """How far each log is in the tables."""
        found = {}
        for name in await self._objects.names(POSITIONS):
            kept = await self._objects.get(name)
            try:
                position = msgspec.json.decode(kept.body if kept else b"", type=_Position)
            except msgspec.DecodeError as err:
                raise Broken(
                    f"{name} is no position ({err}): delete it, its log is then taken anew"
                ) from err
            found[Log(position.channel, position.partition)] = position.end
        return found

    async def write(self, batches: Sequence[Batch]) -> int:
        """Put the rows of these into their days, then the positions."""
        grown: dict[str, _Grown] = {}
        for batch in batches:
            for first in range(0, len(batch.kept), SORTED_AT_ONCE):
                _sort(batch.kept[first : first + SORTED_AT_ONCE], grown)
                await asyncio.sleep(0)  # other sinks have their turn
        for name, (table, rows) in grown.items():
            await self._grow(name, table, rows)
        for batch in batches:
            log = batch.log
            position = _Position(channel=log.channel, partition=log.partition, end=batch.end)
            name = f"{folder_of(POSITIONS, log)}.json"
            await self._objects.put(name, msgspec.json.encode(position))
        return sum(len(rows) for _, rows in grown.values())

    async def close(self) -> None:
        """Nothing is held."""

    async def _grow(self, name: str, table: Table, rows: list[Row]) -> None:
        found = await self._objects.get(name)
        body = await asyncio.to_thread(_merged, table, found.body if found else None, rows)
        if body is not None:
            await self._objects.put(name, body)


def _sort(several: Sequence[Kept], grown: dict[str, _Grown]) -> None:
    kind_of = framing().kind
    for kept in several:
        table = _BY_KIND.get(kind_of(kept.raw.value or b"") or "")
        if table is None or table.channel != kept.log.channel:
            continue
        message = kept.record.message
        if isinstance(message, table.kind):  # what says so and can't be read is none
            grown.setdefault(table.file_of(message), _Grown(table, [])).rows.append(table.row(kept))


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
