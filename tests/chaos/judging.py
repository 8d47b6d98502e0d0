"""How did a run end? Its logs by every invariant, what Kafka showed, what the venue did."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from marea.bus.kafka.bus import KafkaBus, open_kafka
from marea.bus.port import Bus
from marea.bus.raw import record_of
from marea.bus.reading import in_order
from marea.bus.sqlite import SqliteBus
from marea.invariants.checker import check_bus
from marea.messages.envelope import Log, Message
from marea.messages.market import Qty
from marea.messages.orders import OrderFilled
from marea.messages.paper import ExecutionReport
from marea.messages.system import Heartbeat
from marea.runtime.ownership import process_of
from tests.chaos.outages import Beat

READ_RECORDS_MAX = 5_000
FILE = "log.sqlite"


class Fill(NamedTuple):
    """One match of one of our orders."""

    instrument: str
    trade_id: str
    client_order_id: str
    qty: Qty


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with how a run ended."""

    code: str
    what: str


async def copy_logs(servers: str, file: Path) -> dict[Log, int]:
    """Every log of these brokers in one file, position for position; how many records each holds."""
    bus = await open_kafka(servers, "")
    copy = SqliteBus(file)
    try:
        ends = dict(await bus.ends())
        for log, end in sorted(ends.items()):
            await _copy(bus, copy, log, end)
        await copy.flush()
    finally:
        copy.close()
        await bus.close()
    return ends


async def _copy(bus: KafkaBus, copy: SqliteBus, log: Log, end: int) -> None:
    position = 0
    while position < end:
        records = await bus.read(log, position, min(READ_RECORDS_MAX, end - position))
        at = await copy.append(log, records)
        assert at == position, f"{log}: {at} in the copy is {position} on Kafka"
        position += len(records)


async def judge(bus: Bus) -> list[Finding]:
    """All that is wrong with these logs."""
    broken = [
        Finding(
            code=f"{each.number} {each.code}",
            what=f"{each.what}: expected {each.expected}, found {each.found} "
            f"({each.log} position {each.position}, {each.event})",
        )
        for each in await check_bus(bus)
    ]
    return [*broken, *await _unlike_venue(bus)]


async def _unlike_venue(bus: Bus) -> list[Finding]:
    accepted: Counter[str] = Counter()
    venue: Counter[Fill] = Counter()
    ours: Counter[Fill] = Counter()
    async for message in _told(bus, "paper"):
        if isinstance(message, ExecutionReport):
            accepted[message.client_order_id] += message.kind == "accepted"
            venue[_fill(message)] += message.kind == "filled"
    async for message in _told(bus, "trading"):
        if isinstance(message, OrderFilled):
            ours[_fill(message)] += 1
    doubled = [name for name, count in accepted.items() if count > 1]
    unlike = (venue - ours) + (ours - venue)
    return [
        *(
            Finding(code="ORDER doubled", what=f"{n} was accepted {accepted[n]} times")
            for n in doubled
        ),
        *(
            Finding(
                code="FILL unlike", what=f"{each}: the venue's {venue[each]}, ours {ours[each]}"
            )
            for each in unlike
        ),
    ]


async def _told(bus: Bus, channel: str) -> AsyncIterator[Message]:
    seen: set[str] = set()
    for log in await bus.ends():
        if log.channel == channel:
            async for at in in_order(bus, log):
                if at.message.id not in seen:  # a second copy, or of an older life
                    seen.add(at.message.id)
                    yield at.message


def _fill(message: ExecutionReport | OrderFilled) -> Fill:
    return Fill(message.instrument, message.trade_id, message.client_order_id, message.last_qty)


async def beats_of(servers: str) -> dict[str, list[Beat]]:
    """What the owners of each loop told, with Kafka's times."""
    found: dict[str, list[Beat]] = {}
    bus = await open_kafka(servers, "")
    try:
        for log, end in (await bus.ends()).items():
            if log.channel == "ownership":
                found[log.partition] = await _beats(bus, log, end)
    finally:
        await bus.close()
    return found


async def _beats(bus: KafkaBus, log: Log, end: int) -> list[Beat]:
    position, found = 0, []
    while position < end:
        for raw in await bus.read_raw(log, position, READ_RECORDS_MAX):
            position = raw.offset + 1
            message = record_of(log, raw).message
            if isinstance(message, Heartbeat):
                beat = Beat(
                    at_ms=raw.ts_ms,
                    instance=process_of(message.instance),
                    epoch=message.producer_epoch,
                    done=message.resumes_at,
                )
                found.append(beat)
    return found
