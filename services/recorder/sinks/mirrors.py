"""Redis for whoever wants to watch: streams of signals, decisions and executions, and what holds now.

Nothing in Marea reads it. Where a log is shown up to, and what is known of it, stand in Redis as
well and change in one transaction with what is shown; where somebody else has changed them, or a
flush taken them, nothing is written, and all begins anew from what Redis then says. An empty one is
filled from the begin of the trading logs, which positions need, and from the end of the others, of
which only the last bars count.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from msgspec import Struct, field
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from marea.errors import Unavailable
from marea.messages.envelope import Log
from services.recorder.sink import Batch
from services.recorder.sinks.progress import Progress, Saved, unread
from services.recorder.sinks.watched import Known, Sight, take

FROM_BEGIN = ("trading",)
CHANNELS = (*FROM_BEGIN, "features")
"""Those that are mirrored."""
TIMEOUT_S = 5.0
ENTRIES_MAX = 10_000
"""Of each stream, about."""
LATEST_S = 15 * 60
"""So long the last of its kind is shown."""
LOOK_BACK_RECORDS = 20_000
"""Of a log whose begin is not needed: so many before its end, for bars that came last."""

Ends = Callable[[], Awaitable[Mapping[Log, int]]]
"""The position after the last record of each log."""

_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode


class _Place(Struct, frozen=True, kw_only=True):
    """Where a log is shown up to, and what is known there."""

    saved: Saved
    known: Known = field(default_factory=Known)


_decode = msgspec.msgpack.Decoder(_Place).decode


class _Mirror:
    """One log on its way into Redis."""

    def __init__(self, place: _Place, stored: bytes | None = None) -> None:
        self.stored = stored
        """The place as Redis holds it; None: it holds none."""
        self.sight = Sight()
        self.progress = Progress(place.saved)
        self.is_changed = False
        self._known = place.known

    def take(self, batch: Batch) -> None:
        for _, record in self.progress.take(batch.kept):
            take(self._known, record.message, self.sight)
        self.is_changed = True

    def place(self) -> _Place | None:
        saved = self.progress.saved()
        return None if saved is None else _Place(saved=saved, known=self._known)

    def wrote(self, place: bytes) -> int:
        shown = len(self.sight)
        self.stored, self.sight, self.is_changed = place, Sight(), False
        return shown


class Mirrors:
    """The sink that shows what the logs say in Redis."""

    name = "mirrors"

    def __init__(self, url: str, prefix: str, ends: Ends) -> None:
        """All keys begin with `prefix`; `ends` says where the logs end."""
        self._redis: Any = Redis.from_url(  # each of its verbs has the types of two clients
            url, socket_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._prefix = prefix
        self._places = f"{prefix}mirrors"
        self._ends = ends
        self._mirrors: dict[Log, _Mirror] = {}

    async def open(self) -> None:
        """Ask Redis whether it is there."""
        with _asking():
            await self._redis.ping()

    async def positions(self) -> Mapping[Log, int]:
        """How far each log is shown, or where to begin with it."""
        with _asking():
            held = await self._redis.hgetall(self._places)
        self._mirrors = dict(_mirrors(held))
        for log, end in (await self._ends()).items():
            if log.channel in CHANNELS and log not in self._mirrors:
                begin = 0 if log.channel in FROM_BEGIN else max(0, end - LOOK_BACK_RECORDS)
                place = _Place(saved=unread(log, begin))
                self._mirrors[log] = _Mirror(place, held.get(str(log).encode()))
        return {log: mirror.progress.end for log, mirror in self._mirrors.items()}

    async def write(self, batches: Sequence[Batch]) -> int:
        """Show these; what follows a record that is missing on its log waits for it, or its gap."""
        for batch in batches:
            if batch.log not in self._mirrors:
                self._mirrors[batch.log] = _Mirror(_Place(saved=unread(batch.log)))
            self._mirrors[batch.log].take(batch)
        changed = {str(log): each for log, each in self._mirrors.items() if each.is_changed}
        places = {
            log: _encode(place)
            for log, mirror in changed.items()
            if (place := mirror.place()) is not None
        }
        if not places:
            return 0
        ready = {log: changed[log] for log in places}
        with _asking():
            async with self._redis.pipeline(transaction=True) as pipe:
                await self._watch(pipe, ready)
                for mirror in ready.values():
                    self._show(pipe, mirror.sight)
                pipe.hset(self._places, mapping=places)
                await pipe.execute()
        return sum(mirror.wrote(places[log]) for log, mirror in ready.items())

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.aclose()

    async def _watch(self, pipe: Any, ready: Mapping[str, _Mirror]) -> None:  # noqa: ANN401 # as above
        # Whoever changes the places from here on, be it by a flush, voids the transaction.
        await pipe.watch(self._places)
        held = await pipe.hmget(self._places, list(ready))
        for log, place, mirror in zip(ready, held, ready.values(), strict=True):
            if place != mirror.stored:
                raise Unavailable(
                    f"the mirror of {log} in Redis was flushed or written to by another: begin anew"
                )
        pipe.multi()

    def _show(self, pipe: Any, sight: Sight) -> None:  # noqa: ANN401 # as above
        for stream, entry in sight.entries:
            pipe.xadd(f"{self._prefix}{stream}", entry, maxlen=ENTRIES_MAX, approximate=True)
        for key, latest in sight.latest.items():
            pipe.set(f"{self._prefix}{key}", _encode_json(latest), ex=LATEST_S)
        for (portfolio, instrument), held in sight.positions.items():
            key = f"{self._prefix}current_positions:{portfolio}"
            if held is None:
                pipe.hdel(key, instrument)
            else:
                pipe.hset(key, instrument, _encode_json(held))


def _mirrors(held: Mapping[bytes, bytes]) -> Iterator[tuple[Log, _Mirror]]:
    for name, place in held.items():
        channel, _, partition = name.decode().partition("/")
        log = Log(channel, partition)
        with suppress(msgspec.DecodeError):  # of another build: it is made anew from the log
            yield log, _Mirror(_decode(place), place)


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as err:
        raise Unavailable(
            f"Redis takes no mirrors: {str(err) or type(err).__name__}; try again"
        ) from err
