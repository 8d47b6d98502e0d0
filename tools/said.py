"""Do two runs say the same, apart from what starts and recoveries say themselves?

Logs of the market, of its quality and of features are held against each other record by record. On
a log that several write to, what two of them say in one window may stand in another order once one
of them began anew: there each type of message is compared by itself, for each instrument. What a
new life asks, is told, and sends once more is left out; as the venue numbers all it reports, and
ids follow from its numbers, a message is known there by its type and place, and so are its causes.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import asdict

from marea.bus.port import Bus
from marea.messages import codec
from marea.messages.envelope import Log, Message, Record
from marea.messages.orders import (
    AccountReported,
    CancelIntended,
    CancelRejected,
    LookUpOrder,
    OrderCompleted,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderSent,
    OrderUnknown,
    ReconciliationDone,
    ReportAccount,
)
from marea.messages.paper import CancelOrder, ExecutionReport
from marea.messages.system import CoreDiverged

SHARED = ("trading", "paper")
"""Channels that several producers write to."""
OF_RECOVERY = (
    LookUpOrder,
    OrderLookedUp,
    OrderSent,
    OrderNotSent,
    OrderUnknown,
    CancelRejected,
    ReportAccount,
    AccountReported,
    ReconciliationDone,
)
"""What a new life asks, and what it is told in place of what the one before would have been told:
that an order was sent, that a cancel sent twice came too late, that accounts agree."""
ONCE = (OrderIntended, CancelIntended, CancelOrder)
"""What a new life may say of an order once more: what was said first is compared."""
NUMBERED = ("id", "parents", "number")
"""Fields that follow from how much was said before; causes are compared by their names."""

Where: TypeAlias = tuple[str, ...]
"""Where something is said: the log, and on a shared one the type and the instrument."""


class Said(NamedTuple):
    """A message, and what is compared of it."""

    message: Message
    content: Mapping[str, Any]


class Run(NamedTuple):
    """All that a run says."""

    said: Mapping[Where, Sequence[Said]]
    diverged_count: int
    """Outputs that a later life decided otherwise, which no equal log can show."""


async def read(bus: Bus) -> Run:
    """What stands on the logs of a run."""
    logs = {log: await bus.read(log, 0, end) for log, end in (await bus.ends()).items()}
    found = [record.message for records in logs.values() for record in records]
    alone: dict[Where, list[Said]] = {
        (str(log),): list(_alone(logs, log)) for log in logs if log.channel not in SHARED
    }
    return Run(
        said=alone | _shared(logs),
        diverged_count=sum(isinstance(message, CoreDiverged) for message in found),
    )


def differences(ours: Run, theirs: Run) -> Iterator[str]:
    """In what a run differs from one that was not disturbed, a line each."""
    if ours.diverged_count:
        yield f"{ours.diverged_count} outputs of a life differ from those on the log"
    for where in sorted(ours.said.keys() | theirs.said.keys()):
        mine, its = ours.said.get(where, ()), theirs.said.get(where, ())
        pairs = zip(mine, its, strict=False)
        place = next((n for n, pair in enumerate(pairs) if any(_unlike(*pair))), None)
        if place is not None:
            told = ", ".join(_unlike(mine[place], its[place]))
            yield f"{' '.join(where)}, {place}: {told}"
        elif len(mine) != len(its):
            yield f"{' '.join(where)}: {len(mine)}, not {len(its)}"


def _unlike(mine: Said, its: Said) -> Iterator[str]:
    is_unknown = isinstance(mine.message, OrderCompleted) and not mine.message.arrival_price
    for name in mine.content:
        is_known = not (is_unknown and name == "arrival_price")  # nobody saw it being sent
        if is_known and mine.content[name] != its.content.get(name):
            yield f"{name} is {mine.content[name]!r}, not {its.content.get(name)!r}"


# A log with one writer


def _alone(logs: Mapping[Log, Sequence[Record]], log: Log) -> Iterator[Said]:
    places = {each: list(accumulate(map(_is_canonical, logs[each]), initial=0)) for each in logs}
    for record in filter(_is_canonical, logs[log]):
        # Starts take places on a log too: an input is told by its place among those that don't.
        source, place = record.writer.input_log, record.input_offset
        content = {
            "message": codec.encode(record.message),
            "producer": record.writer.producer,
            "place": places[source][place] if source in places else place,
            "ts_known": record.ts_known,
            "ts_origin": record.ts_origin,
            "trace": record.trace,
        }
        yield Said(record.message, content)


def _is_canonical(record: Record) -> bool:
    return record.message.canonical


# A log with several


def _shared(logs: Mapping[Log, Sequence[Record]]) -> dict[Where, list[Said]]:
    names: dict[str, str] = {}
    kept: dict[Where, list[Record]] = {}
    first: dict[tuple[str, str], str] = {}
    for log in logs:
        for record in filter(_is_compared, logs[log] if log.channel in SHARED else ()):
            message = record.message
            where = (str(log), type(message).__name__, getattr(message, "instrument", ""))
            known = kept.setdefault(where, [])
            name = names[message.id] = f"{where[1]} {where[2]} {len(known)}"
            if isinstance(message, ONCE):
                order = (where[1], message.client_order_id)
                names[message.id] = first.setdefault(order, name)
            if names[message.id] == name:
                known.append(record)
    return {where: [_named(record, names) for record in records] for where, records in kept.items()}


def _is_compared(record: Record) -> bool:
    message = record.message
    is_too_late = isinstance(message, ExecutionReport) and message.kind == "cancel_rejected"
    return message.canonical and not is_too_late and not isinstance(message, OF_RECOVERY)


def _named(record: Record, names: Mapping[str, str]) -> Said:
    message = record.message
    content = {name: value for name, value in asdict(message).items() if name not in NUMBERED}
    content["causes"] = [names.get(parent, parent) for parent in message.parents]
    content["ts_known"], content["ts_origin"] = record.ts_known, record.ts_origin
    return Said(message, content)
