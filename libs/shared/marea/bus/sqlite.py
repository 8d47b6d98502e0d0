"""Logs on disk in one SQLite file: the record of an embedded run.

Records wait in memory and are written in groups, each in one transaction: a kill takes whole groups
from the end, never a part of one. A row holds a segment of one log, because a row for each record
costs more than twice as much (measured: 3.5 µs a record against 1.4).
"""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import msgspec
from msgspec import Struct

from marea.errors import BadInput, MareaError, Refused, Unavailable
from marea.messages import codec
from marea.messages.envelope import Log, Record, Writer

FORMAT = 2
TAIL_RECORDS_MAX = 10_000
SNAPSHOTS_KEPT_MAX = 3
SEGMENT_RECORDS_MAX = 256
TABLES = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, partition TEXT NOT NULL,
    chain BLOB NOT NULL, UNIQUE (channel, partition));
CREATE TABLE writer (
    id INTEGER PRIMARY KEY, producer TEXT NOT NULL, epoch INTEGER NOT NULL, build TEXT NOT NULL,
    input_channel TEXT, input_partition TEXT);
CREATE TABLE segment (
    log INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    checksum INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (log, first)) WITHOUT ROWID;
CREATE TABLE snapshot (
    name TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (name, position));
"""
SEGMENTS_FROM = """
SELECT first, checksum, body FROM segment WHERE log = :log AND first >= (
    SELECT max(first) FROM segment WHERE log = :log AND first <= :position)
ORDER BY first
"""
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


class _Row(Struct, array_like=True, gc=False):
    """A record as it stands in a segment; of its writer the key."""

    kind: str
    message: bytes
    writer: int
    seq: int
    input_offset: int
    ts_known: int
    ts_origin: int
    trace: str


_encode_segment = msgspec.msgpack.Encoder().encode
_decode_segment = msgspec.msgpack.Decoder(list[_Row]).decode


class _LogOnDisk:
    """One log: its key and chain hash on disk, and the end of it in memory."""

    __slots__ = ("chain", "first", "key", "tail", "waiting")

    def __init__(self, key: int, chain: bytes, end: int) -> None:
        self.key = key
        self.chain = chain
        self.first = end
        """The position of the first record in memory."""
        self.tail: list[Record] = []
        self.waiting: list[Record] = []
        """The end of the tail that is not on disk yet."""

    @property
    def end(self) -> int:
        return self.first + len(self.tail)

    def written(self, chain: bytes) -> None:
        self.chain = chain
        self.waiting.clear()
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
        if found == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise self._damaged("it holds tables of others")
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
        ends = dict(self._db.execute("SELECT log, max(first + count) FROM segment GROUP BY log"))
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
        kept.waiting.extend(records)
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
        return self._read_disk(kept, position, min(limit, kept.end - position))

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The position after the last record of each log."""
        found = [(log, self._logs[log].end) for log in logs or self._logs if log in self._logs]
        return {log: end for log, end in found if end}

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
        if isinstance(err, sqlite3.IntegrityError):
            return Refused(
                f"{self._path}: another process wrote to it as well: let one of them go on"
            )
        if isinstance(err, sqlite3.OperationalError):
            return Unavailable(f"{self._path}: {err}: make room or free the file, then go on")
        return self._damaged(err)

    def _damaged(self, what: object) -> BadInput:
        return BadInput(f"{self._path} is no log of Marea, or a damaged one: {what}: restore it")

    def _new_log(self, log: Log) -> _LogOnDisk:
        [(key,)] = self._query(
            "INSERT INTO log (channel, partition, chain) VALUES (?,?,?) RETURNING id",
            (log.channel, log.partition, codec.CHAIN_START),
        )
        kept = self._logs[log] = _LogOnDisk(key, codec.CHAIN_START, 0)
        return kept

    def _read_disk(self, kept: _LogOnDisk, position: int, limit: int) -> list[Record]:
        found: list[Record] = []
        try:
            segments = self._db.execute(SEGMENTS_FROM, {"log": kept.key, "position": position})
            for first, checksum, body in segments:
                if crc32(body) != checksum:
                    raise self._damaged(f"the segment at {first} has another checksum")
                skipped = position + len(found) - first
                if skipped < 0:
                    break
                rows = _decode_segment(body)[skipped:]
                found += map(self._record, rows[: limit - len(found)])
                if len(found) == limit:
                    break
        except sqlite3.Error as err:
            raise self._refusal(err) from err
        if len(found) < limit:
            raise self._damaged(f"the records from {position + len(found)} on are gone")
        return found

    def _commit(self) -> None:
        if not self._waiting_count and not self._waiting_snapshots:
            return
        waiting = [kept for kept in self._logs.values() if kept.waiting]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            chains = [self._write(kept) for kept in waiting]
            self._db.executemany(
                "INSERT OR REPLACE INTO snapshot VALUES (?,?,?)", self._waiting_snapshots
            )
            self._db.execute(OLD_SNAPSHOTS, (SNAPSHOTS_KEPT_MAX,))
            self._db.execute("COMMIT")
        except BaseException as err:  # Ctrl-C, too, leaves no transaction open
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._writer_keys.clear()  # their rows may be gone with it
            if isinstance(err, sqlite3.Error):
                raise self._refusal(err) from err
            raise
        for kept, chain in zip(waiting, chains, strict=True):
            kept.written(chain)
        self._waiting_snapshots.clear()
        self._waiting_count = 0

    def _write(self, kept: _LogOnDisk) -> bytes:
        encode, chain_on, chain = codec.encode, codec.chain, kept.chain
        records, end = kept.waiting, kept.end
        first = end - len(records)
        writer, writer_key = records[0].writer, self._writer_key(records[0].writer)
        for start in range(0, len(records), SEGMENT_RECORDS_MAX):
            rows = []
            for record in records[start : start + SEGMENT_RECORDS_MAX]:
                kind = type(record.message).__name__
                data = encode(record.message)
                chain = chain_on(chain, kind, data)
                if record.writer is not writer:
                    writer, writer_key = record.writer, self._writer_key(record.writer)
                rows.append(
                    (
                        kind,
                        data,
                        writer_key,
                        record.seq,
                        record.input_offset,
                        record.ts_known,
                        record.ts_origin,
                        record.trace,
                    )
                )
            body = _encode_segment(rows)
            self._db.execute(
                "INSERT INTO segment VALUES (?,?,?,?,?)",
                (kept.key, first + start, len(rows), crc32(body), body),
            )
        self._db.execute("UPDATE log SET chain=? WHERE id=?", (chain, kept.key))
        return chain

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

    def _record(self, row: _Row) -> Record:
        return Record(
            message=codec.decode(row.kind, row.message),
            writer=self._writers[row.writer],
            seq=row.seq,
            input_offset=row.input_offset,
            ts_known=row.ts_known,
            ts_origin=row.ts_origin,
            trace=row.trace,
        )
