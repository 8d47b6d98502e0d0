"""What on the logs can be read by nobody? Told once on a log of its own, with its bytes and the reason.

Its own positions stand with the loops' snapshots. They may be old: then the logs are read again from
there, and what is told already is found behind the place where its own log ended then.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import NOBODY, Log, Message, Record, Writer
from marea.messages.ids import derived_id
from marea.messages.system import DeadLetter, Started
from services.recorder.sink import Batch

SERVICE = "recorder"
LOG = Log("dead-letters", SERVICE)
READ_RECORDS_MAX = 1_000
PAYLOAD_BYTES_MAX = 15 * 1024 * 1024
"""A log takes no larger record than 16 MB; what others compressed may be larger than that."""
SAVE_S = 10.0
"""What is read again after a kill."""


class _Place(Struct, frozen=True, array_like=True):
    channel: str
    partition: str
    end: int


class _Kept(Struct, frozen=True, kw_only=True):
    """How far all has been told."""

    places: tuple[_Place, ...]
    told_end: int
    """Where the log of the dead letters ended then."""


class DeadLetterSink:
    """Tells of every void record, once."""

    name = "dead-letters"

    def __init__(self, bus: Bus, snapshots: Snapshots, build: str, instance: str) -> None:
        """`instance` is no other process's."""
        self._bus = bus
        self._snapshots = snapshots
        self._build = build
        self._instance = instance
        self._positions: dict[Log, int] = {}
        self._told: set[str] = set()
        """The ids of what was told behind the saved positions."""
        self._writer: Writer | None = None
        """Its life on the log, which begins with the first that it tells."""
        self._seq = 0
        self._save_at = 0.0

    async def open(self) -> None:
        """Find how far it was, and what it has told since."""
        kept = _latest(await self._snapshots.load(f"{SERVICE}/{self.name}"))
        self._positions = {Log(channel, name): end for channel, name, end in _places(kept)}
        self._writer, self._told = None, set()
        position = kept.told_end if kept else 0
        while records := await self._bus.read(LOG, position, READ_RECORDS_MAX):
            self._told |= {record.message.id for record in records}
            position += len(records)

    async def positions(self) -> Mapping[Log, int]:
        """How far each log has been looked through."""
        return self._positions

    async def write(self, batches: Sequence[Batch]) -> int:
        """Tell of the void records among these, if it hasn't yet."""
        letters = [letter for letter in _letters(batches) if letter.id not in self._told]
        if letters:
            await self._tell(letters)
        self._positions = {**self._positions, **{batch.log: batch.end for batch in batches}}
        if letters or asyncio.get_running_loop().time() >= self._save_at:
            await self._save()
        return len(letters)

    async def close(self) -> None:
        """Keep how far it is."""
        await self._save()

    async def _tell(self, letters: Sequence[Message]) -> None:
        writer = self._writer or await self._begin()
        records = [
            Record(message=letter, writer=writer, seq=seq)
            for seq, letter in enumerate(letters, self._seq)
        ]
        await self._bus.append(LOG, records)
        await self._bus.flush()
        self._writer, self._seq = writer, self._seq + len(records)
        self._told |= {letter.id for letter in letters}

    async def _begin(self) -> Writer:
        end = (await self._bus.ends(LOG)).get(LOG, 0)
        told = f"{end}:{self._instance}"
        started = Started(
            id=derived_id(SERVICE, LOG, "Started", SERVICE, told),
            service=SERVICE,
            build=self._build,
            config="{}",
            resumes_at=-1,
            producer=SERVICE,
        )
        writer = Writer(producer=SERVICE, epoch=-1, build=self._build)
        epoch = await self._bus.append(LOG, [Record(message=started, writer=writer, seq=0)])
        self._seq = 0
        return replace(writer, epoch=epoch)

    async def _save(self) -> None:
        told_end = (await self._bus.ends(LOG)).get(LOG, 0)
        places = tuple(_Place(*log, end) for log, end in sorted(self._positions.items()))
        body = msgspec.json.encode(_Kept(places=places, told_end=told_end))
        count = sum(self._positions.values())
        await self._snapshots.save(f"{SERVICE}/{self.name}", count, body)
        self._told = set()
        self._save_at = asyncio.get_running_loop().time() + SAVE_S


def _letters(batches: Sequence[Batch]) -> Iterable[Message]:
    for batch in batches:
        for kept in batch.kept:
            if kept.record.writer is NOBODY and isinstance(kept.record.message, DeadLetter):
                ts_event = max(0, kept.raw.ts_ms * 1_000_000)
                yield _cut(replace(kept.record.message, ts_event=ts_event))


def _cut(letter: DeadLetter) -> DeadLetter:
    size = len(letter.payload)
    if size <= PAYLOAD_BYTES_MAX:
        return letter
    detail = f"{letter.detail} (the first {PAYLOAD_BYTES_MAX} of {size} bytes)"
    return replace(letter, payload=letter.payload[:PAYLOAD_BYTES_MAX], detail=detail)


def _latest(bodies: Sequence[bytes]) -> _Kept | None:
    for body in bodies:
        try:
            return msgspec.json.decode(body, type=_Kept)
        except msgspec.DecodeError:
            continue  # another build's: an older one, or none, only means looking again
    return None


def _places(kept: _Kept | None) -> Iterable[tuple[str, str, int]]:
    return ((each.channel, each.partition, each.end) for each in (kept.places if kept else ()))
