"""What does a run's log hold, in the order of its time?"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from marea.bus.sqlite import SqliteBus
from marea.errors import BadInput
from marea.messages import codec
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.types import TYPES
from marea.messages.wire import to_wire
from services.standalone.runs import RunFolder

READ_RECORDS_MAX = 2_000
FOR_EVER: Nanos = 1 << 63
SHOWN_CHARACTERS_MAX = 60
"""Of one value on a person's screen; `--json` shows all of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for."""

    kinds: frozenset[str]
    """Types of messages; all, where there is none."""
    since: Nanos
    until: Nanos
    events_max: int


def wanted(kinds: Sequence[str], since: str | None, until: str | None, limit: int | None) -> Wanted:
    """What the options ask for. Raises `BadInput` for a type that there isn't or a bad time."""
    for kind in kinds:
        if kind not in TYPES:
            near = get_close_matches(kind, TYPES, 1, cutoff=0) or list(TYPES)[:1]
            raise BadInput(f"--type is '{kind}', and there is none such; did you mean '{near[0]}'?")
    return Wanted(
        kinds=frozenset(kinds),
        since=_nanos("--since", since) if since else 0,
        until=_nanos("--until", until) if until else FOR_EVER,
        events_max=limit or FOR_EVER,
    )


def print_events(folder: RunFolder, wish: Wanted, *, as_json: bool) -> None:
    """Write the events that are asked for to stdout: one object, or a line each."""
    asyncio.run(_print(folder, wish, as_json))


async def _print(folder: RunFolder, wish: Wanted, as_json: bool) -> None:
    write = sys.stdout.write
    bus = SqliteBus(folder.log_path, read_only=True)
    shown = 0
    try:
        if as_json:
            write(f'{{"run":"{folder.path.name}","events":[')
        async for ts, log, position, record in _in_time(bus):
            if ts >= wish.until or shown >= wish.events_max:
                break
            if ts < wish.since or (wish.kinds and _kind(record) not in wish.kinds):
                continue
            if as_json:
                write(("," if shown else "") + codec.encode_json(record).decode())
            else:
                write(_line(ts, log, position, record) + "\n")
            shown += 1
        if as_json:
            write("]}\n")
    finally:
        bus.close()


async def _in_time(bus: SqliteBus) -> AsyncIterator[tuple[Nanos, Log, int, Record]]:
    # Merged by when each record was known; on one log, in its order.
    readers = [_in_order(bus, log) for log in sorted(await bus.ends())]
    heads = [(await anext(reader), reader) for reader in readers]
    while heads:
        at = min(range(len(heads)), key=lambda place: heads[place][0][:3])
        head, reader = heads[at]
        yield head
        following = await anext(reader, None)
        if following is None:
            del heads[at]
        else:
            heads[at] = (following, reader)


async def _in_order(bus: SqliteBus, log: Log) -> AsyncIterator[tuple[Nanos, Log, int, Record]]:
    position = 0
    ts: Nanos = 0
    while records := await bus.read(log, position, READ_RECORDS_MAX):
        for record in records:
            ts = max(ts, record.ts_known)  # a start has none of its own
            yield ts, log, position, record
            position += 1


def _line(ts: Nanos, log: Log, position: int, record: Record) -> str:
    place = f"{log.channel}/{log.partition}#{position}"
    body = {name: value for name, value in to_wire(record).items() if name != "envelope"}
    values = " ".join(f"{name}={_shown(value)}" for name, value in body.items())
    return f"{_time(ts)}  {place}  {_kind(record)}  {values}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={part:.6g}" for name, part in value.items()) + "}"
    text = str(value)
    if len(text) > SHOWN_CHARACTERS_MAX:
        return text[:SHOWN_CHARACTERS_MAX] + "…"
    return text


def _kind(record: Record) -> str:
    return type(record.message).__name__


def _time(ts: Nanos) -> str:
    whole = datetime.fromtimestamp(ts // 1_000_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ts % 1_000_000_000 // 1_000_000:03d}Z"


def _nanos(option: str, text: str) -> Nanos:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{option} is '{text}', which is no time; write one such as 2026-01-05T00:01:30"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
