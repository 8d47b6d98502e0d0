"""From a message of the market to the moment its signed order leaves, as the log tells it.

Each record carries when the message at its root reached us (`ts_origin`), by a clock that all processes
share; `OrderSent` says when the order left. So every order that was sent is a sample, in full.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from marea.bus.port import Bus
from marea.messages.envelope import Log, Record
from marea.messages.orders import OrderIntended, OrderSent
from marea.messages.signals import Signal

READ_RECORDS_MAX = 2_000


@dataclass
class Latencies:
    """What was found, ms each."""

    market_to_order: list[float] = field(default_factory=list)
    hops: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sent_count: int = 0
    of_others: int = 0
    """Orders that followed from a report or a timer, not from the market."""
    lost: int = 0
    """Orders whose cause is not found on the log."""


async def read_latencies(bus: Bus, trading: Log) -> Latencies:
    """What the trading log tells of the orders that were sent."""
    records = await _read(bus, trading)
    by_id = {record.message.id: record for record in records}
    found = Latencies()
    for record in records:
        if isinstance(record.message, OrderSent):
            found.sent_count += 1
            _take(found, record.message, by_id)
    return found


def _take(found: Latencies, sent: OrderSent, by_id: Mapping[str, Record]) -> None:
    chain = _chain(sent.parents, by_id)
    if not chain or not isinstance(chain[0].message, OrderIntended):
        found.lost += 1
        return
    intent, root = chain[0], chain[-1]
    if not isinstance(root.message, Signal):
        found.of_others += 1
        return
    found.market_to_order.append((sent.ts_event - intent.ts_origin) / 1e6)
    decision = chain[1]
    for hop, spent_ns in (
        ("market_to_decision", decision.ts_known - intent.ts_origin),
        ("decision_to_intent", intent.ts_known - decision.ts_known),
        ("intent_to_send", sent.ts_event - intent.ts_known),
    ):
        found.hops[hop].append(spent_ns / 1e6)


def _chain(parents: Sequence[str], by_id: Mapping[str, Record]) -> list[Record]:
    chain: list[Record] = []
    while parents and parents[0] in by_id:
        chain.append(by_id[parents[0]])
        parents = chain[-1].message.parents
    return chain


async def _read(bus: Bus, log: Log) -> list[Record]:
    records: list[Record] = []
    end = (await bus.ends(log)).get(log, 0)
    while len(records) < end:
        records += await bus.read(log, len(records), READ_RECORDS_MAX)
    return records
