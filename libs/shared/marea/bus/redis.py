"""The fast copy in Redis: a stream for each log.

An entry holds a record in its wire form as JSON, the name and version of its schema, and the key of
the record before it. Who writes sets the key `incarnation` where it is missing, so that a flush or
an empty restart gives another one.

A process waits on Redis once for all the logs that it reads, and decodes an entry once: a reader
that has caught up with a stream is served from memory, one that is behind by the store. Where Redis
does not answer, everybody is refused at once until it does.
"""

import asyncio
import logging
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any, TypeAlias

import msgspec
from redis.exceptions import ResponseError

from marea.bus.fast import FIRST, Copy, Key, Page, key_of
from marea.bus.line import Command, Line
from marea.errors import Unavailable
from marea.messages.channels import load_channels
from marea.messages.codec import decode_json, encode_json
from marea.messages.envelope import Log, Record
from marea.messages.errors import BadMessage

TIMEOUT_S = 0.5
"""Redis answers within a millisecond; a loop that appends waits for no more than this, once."""
RETRY_S = 0.25
BLOCK_MS = 100
"""So long one wait lasts: a log that is read for the first time is heard from the next one on."""
READ_ENTRIES_MAX = 500
"""Of each stream in one reply."""
COPIES_KEPT_MAX = 2_000
"""Of each log in memory."""
STREAM_BYTES_MAX = 64 * 2**20
ENTRY_BYTES = 64
"""What Redis needs for an entry beside its values, about."""
TRIM_EVERY_S = 1.0
TRIM_SHARE = 8
"""A stream is trimmed earlier where an eighth of its bytes was added."""

Place: TypeAlias = tuple[int, int]
"""An id of Redis: the server's time in ms, and a number."""

_logger = logging.getLogger(__name__)
_encode_key = msgspec.json.Encoder().encode
_decode_key = msgspec.json.Decoder(Key).decode


class RedisFastCopy:
    """The fast copy of one process: `open` it first, and `close` it."""

    def __init__(
        self, url: str, prefix: str = "", stream_bytes_max: int = STREAM_BYTES_MAX
    ) -> None:
        """All keys begin with `prefix`; raises `BadInput` where the address is none."""
        self._prefix = prefix
        self._stream_bytes_max = stream_bytes_max
        self._line = Line(url, TIMEOUT_S)
        self._waiting_line = Line(url, TIMEOUT_S + BLOCK_MS / 1_000)
        self._streams: dict[Log, _Stream] = {}
        self._incarnation = ""
        self._ahead_s = 0.0
        """The server's time less our monotonic one."""
        self._away = ""
        """Why Redis can't be asked; empty: it answers."""
        self._following: asyncio.Task[None] | None = None
        self.unreadable_count = 0
        """How often an entry was passed over because it could not be decoded."""

    async def open(self) -> None:
        """Connect, or go on trying to."""
        with suppress(Unavailable):
            self._reached(*await self._ask(self._line, ("TIME",), self._get_incarnation()))
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Let go of Redis."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        await self._line.close()
        await self._waiting_line.close()

    async def add(self, log: Log, after: Key, records: Sequence[Record]) -> None:
        """Add records in one call, and trim the stream when it is time to."""
        self._check()
        stream = self._stream(log)
        commands: list[Command] = [("SET", f"{self._prefix}incarnation", token_hex(8), "NX")]
        for record in records:
            commands.append(stream.entry(after, record))
            after = key_of(record)
        now_s = time.monotonic()
        commands += stream.trimming(now_s, int(1_000 * (now_s + self._ahead_s)))
        await self._ask(self._line, *commands)

    async def read(self, log: Log, after_id: str, limit: int) -> Page:
        """At most `limit` copies behind the one of this id, from memory where they are there."""
        self._check()
        stream = self._stream(log)
        if stream.tail is None or place_of(after_id) < stream.tail.begin:
            return await self._read_stored(stream, after_id, limit)
        return Page(self._incarnation, stream.tail.behind(after_id)[:limit])

    def wake(self, event: asyncio.Event, *logs: Log) -> None:
        """Set this event from now on whenever there may be more to read of one of these logs.

        Who clears it, then reads, and waits for it where nothing was read, misses nothing.
        """
        for log in logs:
            self._stream(log).events.append(event)

    # What stands in Redis

    async def _read_stored(self, stream: "_Stream", after_id: str, limit: int) -> Page:
        copies, last = list[Copy](), after_id
        while True:
            begin = f"({last}" if last else "-"
            entries, incarnation = await self._ask(
                self._line,
                ("XRANGE", stream.name, begin, "+", "COUNT", limit),
                self._get_incarnation(),
            )
            copies += self._readable(stream, entries)
            if entries:
                last = entries[-1][0].decode()
            if copies or len(entries) < limit:
                break
        self._turn_over(incarnation)
        if len(entries) < limit and stream.tail is None:
            begin = copies[-1].id if copies else after_id
            stream.tail = _Tail(begin, last, stream.retention_ms)
        return Page(self._incarnation, copies)

    def _readable(self, stream: "_Stream", entries: Iterable[Sequence[Any]]) -> Iterable[Copy]:
        bad: tuple[str, Exception] | None = None
        for entry_id, values in entries:
            try:
                yield _copy(entry_id.decode(), values)
            except (BadMessage, msgspec.DecodeError, UnicodeDecodeError, KeyError) as err:
                self.unreadable_count += 1
                bad = entry_id.decode(), err
        if bad is not None:
            _logger.warning(
                "%s: the entry %s is passed over, the log has it: %r", stream.name, *bad
            )

    def _get_incarnation(self) -> Command:
        return "GET", f"{self._prefix}incarnation"

    def _stream(self, log: Log) -> "_Stream":
        stream = self._streams.get(log)
        if stream is None:
            carried = load_channels().by_name[log.channel].redis
            assert carried is not None, f"{log.channel} has no fast copy in schemas/channels.yaml"
            name = f"{self._prefix}{log.channel}.{log.partition}"
            stream = _Stream(name, 1_000 * carried.retention_s, self._stream_bytes_max)
            self._streams[log] = stream
        return stream

    # Whether Redis is there

    def _check(self) -> None:
        assert self._following is not None, "open it first"
        if self._following.done():
            self._following.result()  # whatever ended it ends its process
        if self._away:
            raise Unavailable(self._away)

    async def _ask(self, line: Line, *commands: Command) -> list[Any]:
        try:
            replies = await line.ask(*commands)
        except Unavailable as err:
            self._away = str(err)
            raise
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise Unavailable(f"Redis refused: {reply}; mend it or make room, then try again")
        return replies

    def _reached(self, server_time: Sequence[bytes], incarnation: bytes | None) -> None:
        seconds, micros = map(int, server_time)
        self._ahead_s = seconds + micros / 1e6 - time.monotonic()
        if self._away:
            self._away = ""
            self._tell_all()
        self._turn_over(incarnation)

    def _turn_over(self, incarnation: bytes | None) -> None:
        found = (incarnation or b"").decode()
        if found != self._incarnation:
            self._incarnation = found
            for stream in self._streams.values():
                stream.tail = None
            self._tell_all()

    def _tell_all(self) -> None:
        for stream in self._streams.values():
            stream.tell()

    # What comes

    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
            except Unavailable:
                await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        followed = {
            stream.name.encode(): (stream, stream.tail)
            for stream in self._streams.values()
            if stream.tail is not None
        }
        reading: list[Command] = []
        if followed:
            ends = [tail.end for _, tail in followed.values()]
            options = ("BLOCK", BLOCK_MS, "COUNT", READ_ENTRIES_MAX)
            reading = [("XREAD", *options, "STREAMS", *followed, *ends)]
        else:
            await asyncio.sleep(BLOCK_MS / 1_000)
        *found, server_time, incarnation = await self._ask(
            self._waiting_line, *reading, ("TIME",), self._get_incarnation()
        )
        self._reached(server_time, incarnation)
        for name, entries in (found and found[0]) or ():
            stream, tail = followed[name]
            tail.extend(self._readable(stream, entries), entries[-1][0].decode())
            stream.tell()


class _Tail:
    """The end of a stream, decoded."""

    __slots__ = ("_copies", "_retention_ms", "begin", "end")

    def __init__(self, begin: str, end: str, retention_ms: int) -> None:
        self.begin = place_of(begin)
        """All behind this id that can be read is here."""
        self.end = end or "0-0"
        """The id of the last entry that was looked at."""
        self._copies: list[Copy] = []
        self._retention_ms = retention_ms

    def extend(self, copies: Iterable[Copy], end: str) -> None:
        self._copies += copies
        self.end = end
        # Also by age, or a slow stream would go on filling memory for hours.
        kept_from = place_of(end)[0] - self._retention_ms
        slack_ms = self._retention_ms // 4  # many go at a time
        is_old = self._copies and place_of(self._copies[0].id)[0] < kept_from - slack_ms
        if is_old or len(self._copies) > 2 * COPIES_KEPT_MAX:
            old = bisect_left(self._copies, (kept_from, 0), key=lambda copy: place_of(copy.id))
            gone = max(old, len(self._copies) - COPIES_KEPT_MAX)
            self.begin = place_of(self._copies[gone - 1].id)
            del self._copies[:gone]

    def behind(self, after_id: str) -> list[Copy]:
        copies = self._copies
        if not copies or copies[-1].id == after_id:
            return []
        return copies[
            bisect_right(copies, place_of(after_id), key=lambda copy: place_of(copy.id)) :
        ]


class _Stream:
    """What this process knows of a stream."""

    __slots__ = (
        "_added_bytes",
        "_added_count",
        "_bytes_max",
        "_due_bytes",
        "_due_s",
        "events",
        "name",
        "retention_ms",
        "tail",
    )

    def __init__(self, name: str, retention_ms: int, bytes_max: int) -> None:
        self.name = name
        self.events: list[asyncio.Event] = []
        """Whether there may be more than was read."""
        self.tail: _Tail | None = None
        """None: nobody here has caught up with it."""
        self.retention_ms = retention_ms
        self._bytes_max = bytes_max
        self._added_count = self._added_bytes = 0
        self._due_bytes, self._due_s = 0, 0.0

    def tell(self) -> None:
        """There may be more."""
        for event in self.events:
            event.set()

    def entry(self, after: Key, record: Record) -> Command:
        """The command that adds a record."""
        before, body = _encode_key(after), encode_json(record)
        self._added_count += 1
        self._added_bytes += len(before) + len(body) + ENTRY_BYTES
        kind = type(record.message)
        described = ("schema", kind.__name__, "version", kind.schema_version)
        return "XADD", self.name, "*", *described, "after", before, "record", body

    def trimming(self, now_s: float, server_ms: int) -> list[Command]:
        """The commands that drop what is too old or too much, if it is time to look."""
        if now_s < self._due_s and self._added_bytes < self._due_bytes:
            return []
        self._due_s = now_s + TRIM_EVERY_S
        self._due_bytes = self._added_bytes + self._bytes_max // TRIM_SHARE
        count_max = self._bytes_max * self._added_count // self._added_bytes
        return [  # LIMIT 0: all of it, else Redis stops at 10,000 entries
            ("XTRIM", self.name, "MINID", "~", server_ms - self.retention_ms, "LIMIT", 0),
            ("XTRIM", self.name, "MAXLEN", "~", count_max, "LIMIT", 0),
        ]


def place_of(entry_id: str) -> Place:
    """Where an id stands in the order of its stream."""
    if entry_id == FIRST:
        return 0, 0
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def _copy(entry_id: str, values: Sequence[bytes]) -> Copy:
    held = dict(zip(values[::2], values[1::2], strict=True))
    return Copy(entry_id, _decode_key(held[b"after"]), decode_json(held[b"record"]))
