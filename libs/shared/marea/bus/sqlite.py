"""Logs on disk in one SQLite file: the record of an embedded run, readable with any SQLite tool.

Records wait in memory and are written in groups, each in one transaction and in the order of their
appends: a kill takes whole groups from the end, never a part of one.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from marea.errors import BadInput, MareaError, Unavailable
from marea.messages import codec
from marea.messages.envelope import Log, Record, Writer

FORMAT = 1
TAIL_RECORDS_MAX = 10_000
SNAPSHOTS_KEPT_MAX = 3
TABLES = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, partition TEXT NOT NULL,
    chain BLOB NOT NULL, UNIQUE (channel, partition));
CREATE TABLE writer (
    id INTEGER PRIMARY KEY, producer TEXT NOT NULL, epoch INTEGER NOT NULL, build TEXT NOT NULL,
    input_channel TEXT, input_partition TEXT);
CREATE TABLE record (
    log INTEGER NOT NULL, position INTEGER NOT NULL, type TEXT NOT NULL, message BLOB NOT NULL,
    writer INTEGER NOT NULL, seq INTEGER NOT NULL, input_offset INTEGER NOT NULL,
    ts_known INTEGER NOT NULL, ts_origin INTEGER NOT NULL, trace TEXT NOT NULL,
    PRIMARY KEY (log, position)) WITHOUT ROWID;
CREATE TABLE snapshot (
    name TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (name, position));
"""
ROW = "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?)"
OLD_SNAPSHOTS = """
DELETE FROM snapshot WHERE (name, position) IN (
    SELECT name, position FROM (
        SELECT name, position,
            row_number() OVER (PARTITION BY name ORDER BY position DESC) AS age FROM snapshot)
    WHERE age > ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitLimits:
    """How much may wait in memory before it is written."""

    records_max: int = 20_000
    wait_ms_max: float = 250.0
    synchronous: Literal["NORMAL", "FULL"] = "FULL"
    """FULL outlives a loss of power as well as a kill."""


class _LogOnDisk:
    """One log: the end of it in memory, and its key and chain hash on disk."""

    __slots__ = ("chain", "first", "key", "tail")

    def __init__(self, key: int, chain: bytes, end: int) -> None:
        self.key = key
        self.chain = chain
        self.first = end
        self.tail: list[Record] = []

    @property
    def end(self) -> int:
        return self.first + len(self.tail)

    def trim(self) -> None:
        if len(self.tail) > 2 * TAIL_RECORDS_MAX:
            gone = len(self.tail) - TAIL_RECORDS_MAX
            del self.tail[:gone]
            self.first += gone


class SqliteBus:
    """A bus and snapshots in one file; one process writes, any number read."""

    def __init__(
        self, path: Path, limits: CommitLimits | None = None, *, read_only: bool = False
    ) -> None:
        """Open the file, or make it.

        Raises `BadInput` when it is no log of this format, or a damaged one, `Unavailable` when it
        can't be opened.
        """
        self._limits = limits or CommitLimits()
        self._path = path
        self._logs: dict[Log, _LogOnDisk] = {}
        self._writers: dict[int, Writer] = {}
        self._writer_keys: dict[int, tuple[int, Writer]] = {}
        self._waiting: list[tuple[_LogOnDisk, int, Sequence[Record]]] = []
        self._waiting_count = 0
        self._waiting_snapshots: list[tuple[str, int, bytes]] = []
        self._due_s = 0.0
        mode = "ro" if read_only else "rwc"
        try:
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None
            )
        except sqlite3.Error as err:
            raise self._refusal(err) from err
        try:
            self._prepare(read_only)
            self._load()
        except sqlite3.Error as err:
            self._db.close()
            raise self._refusal(err) from err
        except BadInput:
            self._db.close()
            raise

    def _prepare(self, read_only: bool) -> None:
        db = self._db
        found = db.execute("PRAGMA user_version").fetchone()[0]
        if not read_only:
            db.execute("PRAGMA page_size=16384")  # of a new file: a tenth less time than 4096
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA synchronous={self._limits.synchronous}")
            db.execute("PRAGMA wal_autocheckpoint=2000")
            if found == 0:
                db.executescript(f"BEGIN; {TABLES} PRAGMA user_version={FORMAT}; COMMIT;")
                found = FORMAT
        if not found:
            raise BadInput(f"{self._path} holds nothing yet: go on with its run")
        if found != FORMAT:
            raise BadInput(
                f"{self._path} has log format {found}; this build reads {FORMAT}: "
                "use the build that wrote it"
            )

    def _load(self) -> None:
        ends = dict(self._db.execute("SELECT log, max(position) + 1 FROM record GROUP BY log"))
        for key, channel, partition, chain in self._db.execute("SELECT * FROM log"):
            self._logs[Log(channel, partition)] = _LogOnDisk(key, chain, ends.get(key, 0))
        for key, producer, epoch, build, channel, partition in self._db.execute(
            "SELECT * FROM writer"
        ):
            input_log = None if channel is None else Log(channel, partition)
            self._writers[key] = Writer(
                producer=producer, epoch=epoch, build=build, input_log=input_log
            )

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Put records at the end of a log; write the group when enough of it waits."""
        kept = self._logs.get(log) or self._new_log(log)
        position = kept.end
        kept.tail.extend(records)
        if not self._waiting_count:
            self._due_s = time.monotonic() + self._limits.wait_ms_max / 1000
        self._waiting.append((kept, position, records))
        self._waiting_count += len(records)
        if self._waiting_count >= self._limits.records_max or time.monotonic() >= self._due_s:
            self._commit()
        return position

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on: from memory, else from disk."""
        kept = self._logs.get(log)
        if kept is None:
            return ()
        start = position - kept.first
        if start >= 0:
            return kept.tail[start : start + limit]
        self._commit()
        rows = self._query(
            "SELECT * FROM record WHERE log=? AND position>=? ORDER BY position LIMIT ?",
            (kept.key, position, limit),
        )
        return [self._record(row) for row in rows]

    async def ends(self) -> Mapping[Log, int]:
        """The position after the last record of each log."""
        return {log: kept.end for log, kept in self._logs.items() if kept.end}

    async def flush(self) -> None:
        """Write what waits, and return when the disk has it."""
        self._commit()

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a state; it is written with the records that were appended before it."""
        self._waiting_snapshots.append((name, position, body))

    async def load(self, name: str) -> Sequence[bytes]:
        """The states that are kept, the latest first."""
        self._commit()
        rows = self._query("SELECT body FROM snapshot WHERE name=? ORDER BY position DESC", (name,))
        return [body for (body,) in rows]

    def chains(self) -> Mapping[Log, bytes]:
        """The hash of each log: of its canonical messages in their order, and nothing else."""
        self._commit()
        return {log: kept.chain for log, kept in self._logs.items()}

    def close(self) -> None:
        """Write what waits and close the file."""
        try:
            self._commit()
        finally:
            self._db.close()

    def _query(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as err:
            raise self._refusal(err) from err

    def _refusal(self, err: sqlite3.Error) -> MareaError:
        if isinstance(err, sqlite3.OperationalError):
            return Unavailable(f"{self._path}: {err}: make room or free the file, then go on")
        return BadInput(f"{self._path} is no log of Marea, or a damaged one: {err}: restore it")

    def _new_log(self, log: Log) -> _LogOnDisk:
        [(key,)] = self._query(
            "INSERT INTO log (channel, partition, chain) VALUES (?,?,?) RETURNING id",
            (log.channel, log.partition, codec.CHAIN_START),
        )
        kept = self._logs[log] = _LogOnDisk(key, codec.CHAIN_START, 0)
        return kept

    def _commit(self) -> None:
        if not self._waiting and not self._waiting_snapshots:
            return
        chains: dict[int, bytes] = {}
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(ROW, self._rows(chains))
            self._db.executemany(
                "UPDATE log SET chain=? WHERE id=?", [(chain, key) for key, chain in chains.items()]
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO snapshot VALUES (?,?,?)", self._waiting_snapshots
            )
            self._db.execute(OLD_SNAPSHOTS, (SNAPSHOTS_KEPT_MAX,))
            self._db.execute("COMMIT")
        except sqlite3.Error as err:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._writer_keys.clear()  # their rows may be gone with it
            raise self._refusal(err) from err
        for kept, _, _ in self._waiting:
            kept.chain = chains.get(kept.key, kept.chain)
            kept.trim()
        self._waiting.clear()
        self._waiting_snapshots.clear()
        self._waiting_count = 0

    def _rows(self, chains: dict[int, bytes]) -> Iterator[tuple[object, ...]]:
        encode, chain_on = codec.encode, codec.chain
        writer: Writer | None = None
        writer_key = 0
        for kept, first, records in self._waiting:
            key = kept.key
            chain = chains.get(key, kept.chain)
            for position, record in enumerate(records, first):
                message = record.message
                name = type(message).__name__
                data = encode(message)
                chain = chain_on(chain, name, data)
                if record.writer is not writer:
                    writer = record.writer
                    writer_key = self._writer_key(writer)
                yield (
                    key,
                    position,
                    name,
                    data,
                    writer_key,
                    record.seq,
                    record.input_offset,
                    record.ts_known,
                    record.ts_origin,
                    record.trace,
                )
            chains[key] = chain

    def _writer_key(self, writer: Writer) -> int:
        known = self._writer_keys.get(id(writer))
        if known is not None:
            return known[0]
        source = writer.input_log or (None, None)
        row = self._db.execute(
            "INSERT INTO writer (producer, epoch, build, input_channel, input_partition)"
            " VALUES (?,?,?,?,?) RETURNING id",
            (writer.producer, writer.epoch, writer.build, *source),
        ).fetchone()
        self._writer_keys[id(writer)] = (row[0], writer)
        self._writers[row[0]] = writer
        return int(row[0])

    def _record(self, row: tuple[Any, ...]) -> Record:
        _, _, name, data, writer, seq, input_offset, ts_known, ts_origin, trace = row
        return Record(
            message=codec.decode(name, data),
            writer=self._writers[writer],
            seq=seq,
            input_offset=input_offset,
            ts_known=ts_known,
            ts_origin=ts_origin,
            trace=trace,
        )
