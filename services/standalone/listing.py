"""What does a run's log hold, in the order of its time?"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from io import BufferedWriter

import msgspec

from marea.bus.port import Bus
from marea.bus.reading import Placed, in_time
from marea.errors import BadInput, Interrupted, MareaError
from marea.messages import codec
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.types import TYPES
from marea.messages.wire import to_wire
from marea.runtime.sources import nearest
from services.standalone import screen
from services.standalone.history import FOR_EVER, History
from services.standalone.moments import parse_time, time_text

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
            near = nearest(kind, list(TYPES))
            raise BadInput(f"--type is '{kind}', and there is none such; did you mean '{near}'?")
    return Wanted(
        kinds=frozenset(kinds),
        since=parse_time("--since", since) if since else 0,
        until=parse_time("--until", until) if until else FOR_EVER,
        events_max=limit or FOR_EVER,
    )


def print_lines(history: History, wish: Wanted) -> None:
    """The events that are asked for on stdout, a line each. Raises `BadInput`, `Unavailable`."""
    asyncio.run(_print_lines(history, wish))


def print_json(history: History, wish: Wanted) -> MareaError | None:
    """The events that are asked for on stdout, as one JSON object; and what ended it too early.

    That stands in the object too, as `error` and `exit`. Raises `BadInput` or `Unavailable` before
    the object has begun.
    """
    return asyncio.run(_print_json(history, wish))


async def _print_lines(history: History, wish: Wanted) -> None:
    async with history.opened() as bus:
        async for at in _selected(bus, wish):
            sys.stdout.write(_line(at) + "\n")


async def _print_json(history: History, wish: Wanted) -> MareaError | None:
    async with history.opened() as bus:
        with screen.json_out() as out:
            return await _write_json(bus, history.name, wish, out)


async def _write_json(bus: Bus, run: str, wish: Wanted, out: BufferedWriter) -> MareaError | None:
    # Begun in here, where Ctrl-C ends a task: a begun object is always ended.
    out.write(b'{"run":' + msgspec.json.encode(run) + b',"events":[')
    failure: MareaError | None = None
    separator = b""
    try:
        async for at in _selected(bus, wish):
            out.write(separator + codec.encode_json(at.record))
            separator = b","
    except asyncio.CancelledError:
        failure = Interrupted("stopped")
    except MareaError as err:
        failure = err
    ending = b"}"
    if failure is not None:
        ending = msgspec.json.encode({"error": str(failure), "exit": failure.exit_code})
        ending = b"," + ending[1:]
    out.write(b"]" + ending + b"\n")
    return failure


async def _selected(bus: Bus, wish: Wanted) -> AsyncIterator[Placed]:
    count = 0
    async for at in in_time(bus, _turn):
        if at.ts >= wish.until or count >= wish.events_max:
            return
        if at.ts >= wish.since and (not wish.kinds or _kind(at.record) in wish.kinds):
            count += 1
            yield at


def _turn(at: Placed) -> tuple[Nanos, Log]:
    return at.ts, at.log


def _line(at: Placed) -> str:
    ts, log, position, record = at.ts, at.log, at.position, at.record
    place = f"{log}#{position}"
    body = {name: value for name, value in to_wire(record).items() if name != "envelope"}
    values = " ".join(f"{name}={_shown(value)}" for name, value in body.items())
    return f"{_time(ts)}  {place}  {_kind(record)} {_shown_whole(record.message.id)}  {values}"


def _shown_whole(text: str) -> str:
    return text if text.isprintable() else ascii(text)  # what comes from outside may move a cursor


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={_figure(part)}" for name, part in value.items()) + "}"
    text = _shown_whole(str(value))
    if len(text) > SHOWN_CHARACTERS_MAX:
        return text[:SHOWN_CHARACTERS_MAX] + "…"
    return text


def _figure(part: object) -> str:
    return f"{part:.6g}" if isinstance(part, float) else str(part)


def _kind(record: Record) -> str:
    return type(record.message).__name__


def _time(ts: Nanos) -> str:
    return time_text(ts) if ts else "before the first message"  # as long as a time
