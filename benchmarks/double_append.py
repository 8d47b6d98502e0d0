"""What does a record cost that is appended twice, and one that is read from the fast copy and the log?

python -m benchmarks.double_append [--json]

Both stores are in memory: it is the cost of our own code, to which theirs adds. Beside it stands one
log alone.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence

from benchmarks.machine import machine
from marea.bus.memory import MemoryBus, MemoryFastCopy, MemorySnapshots
from marea.bus.port import Bus
from marea.messages.envelope import Log, Record, Writer
from marea.messages.market import Quote
from marea.messages.system import Started
from marea.runtime.double_bus import DoubleBus
from marea.runtime.wiring import Source
from tools.ending import end_with

RECORDS = 100_000
BATCH = 20
"""Records of an append: what a step of ingestion brings at 2,000 a second and 100 steps."""
ROUNDS = 3
MARKET = Log("market", "BTC-USDT.SIM")
WRITER = Writer(producer="ingestion/BTC-USDT.SIM", epoch=0, build="bench")


def quotes() -> list[Record]:
    """The records that are written."""
    return [
        Record(message=quote, writer=WRITER, seq=seq, ts_known=seq, ts_origin=seq)
        for seq, quote in enumerate(map(_quote, range(RECORDS)))
    ]


def _quote(number: int) -> Quote:
    return Quote(
        id=f"BTC-USDT.SIM:quote:{number}",
        ts_event=number,
        instrument="BTC-USDT.SIM",
        price_scale=2,
        qty_scale=5,
        bid_price=6_183_763 + number % 7,
        bid_qty=378_826,
        ask_price=6_183_764 + number % 7,
        ask_qty=154_698,
        update_id=number,
    )


def started() -> Record:
    """The begin of the writer's life."""
    message = Started(id="started", service="ingestion", build="bench", config="{}", resumes_at=0)
    return Record(
        message=message, writer=Writer(producer=WRITER.producer, epoch=-1, build=""), seq=0
    )


async def measure(records: Sequence[Record], *, is_double: bool) -> tuple[float, float]:
    """Microseconds a record to write it, and to read it."""
    log = MemoryBus()
    double = DoubleBus(log, MemoryFastCopy(), MemorySnapshots(), time.monotonic_ns)
    bus: Bus = double if is_double else log
    source: Source = double.follow(MARKET) if is_double else log
    await bus.append(MARKET, [started()])
    written_ns = read_ns = position = 0
    for first in range(0, len(records), BATCH):
        begun_ns = time.perf_counter_ns()
        await bus.append(MARKET, records[first : first + BATCH])
        appended_ns = time.perf_counter_ns()
        position += len(await source.read(MARKET, position, 2 * BATCH))
        taken_ns = time.perf_counter_ns()
        if is_double:
            await double.pump()
        written_ns += appended_ns - begun_ns + time.perf_counter_ns() - taken_ns
        read_ns += taken_ns - appended_ns
    assert position == len(records) + 1, "every record was read, and the start"
    return written_ns / len(records) / 1000, read_ns / len(records) / 1000


def figures() -> dict[str, float]:
    """Microseconds a record, the best of some rounds."""
    records = quotes()
    found: dict[str, float] = {}
    for name, is_double in (("log", False), ("double", True)):
        rounds = [asyncio.run(measure(records, is_double=is_double)) for _ in range(ROUNDS)]
        found[f"{name}_write_us"] = min(write for write, _ in rounds)
        found[f"{name}_read_us"] = min(read for _, read in rounds)
    return found


def main() -> int:
    """Print the figures, or one JSON object of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    found = figures()
    if given.json:
        print(json.dumps({**found, "machine": machine()}))
        return 0
    print(f"{'µs a record':12}{'write':>8}{'read':>8}")
    for name in ("log", "double"):
        print(f"{name:12}{found[f'{name}_write_us']:8.2f}{found[f'{name}_read_us']:8.2f}")
    return 0


if __name__ == "__main__":
    end_with(main)
