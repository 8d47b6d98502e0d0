"""How many messages a second go from a tape to fills and log, and where does the time go?

The stages are cut off one after the other, so that each line is the cost of one of them. Beside
them stands a floor measured in the same run: the cheapest way in Python to decode the messages, to
keep one order book, and to write and hash as many rows as the log has. How long each core takes is
told by the run's own stopwatch. A run that is timed writes the log of a normal one: its hash is
printed.

python -m benchmarks.tape_to_fills [--json] [--rounds N] TAPE...
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.machine import machine
from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages.envelope import Log, Record
from marea.messages.market import BookDelta, BookSnapshot
from marea.runtime.settings import Settings, find_config_dir, list_instruments, load_settings
from marea.runtime.telemetry import NoTelemetry
from marea.runtime.wiring import Ports
from marea.venues.feed import windows_of
from marea.venues.tape import Tape
from services.ingestion.main import ingestion_config, ingestion_loop
from services.ingestion.shell.markets import TapeMarket
from services.standalone import demo
from services.standalone.embedded import Embedded
from services.standalone.runs import RunFolder
from services.standalone.stages import Ingesting, Stores
from tools.ending import end_with

TARGET_PER_S = 40_000
ROW = "INSERT INTO record VALUES (?,?,?)"


class Tapes:
    """The tapes of a benchmark and what it takes to run them."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.settings: Settings = load_settings(find_config_dir(None, {}), {})
        self.message_count = sum(1 for _ in Tape(files))

    def market(self) -> TapeMarket:
        """The market of the tapes, at its begin."""
        return TapeMarket(self.files, list_instruments(self.settings))

    def read(self) -> None:
        """Read the lines."""
        for _ in windows_of(Tape(self.files)):
            pass

    def parse(self) -> None:
        """Read the lines and what they say."""
        plan = self.market().plan
        for frame in Tape(self.files):
            plan.parser.parse(frame.payload, frame.ts_local, plan.venue_symbol_of_file[frame.file])

    def feed(self) -> None:
        """Make the inputs of ingestion of them."""
        asyncio.run(self._feed())

    async def _feed(self) -> None:
        market = self.market()
        while await market.feed.read(market.plan.log, market.feed.end, 10_000):
            pass

    def judge(self) -> None:
        """Let ingestion judge them; nothing is kept."""
        asyncio.run(self._judge())

    async def _judge(self) -> None:
        market = self.market()
        ports = Ports(source=market.feed, bus=Forgetful(), snapshots=MemorySnapshots())
        config = ingestion_config(self.settings)
        loop = ingestion_loop(config, market.plan, ports, "benchmark", 1 << 62)
        await loop.start()
        while await loop.step():
            pass

    def in_memory(self) -> None:
        """Trade them, with the logs in memory."""
        asyncio.run(self._in_memory())

    async def _in_memory(self) -> None:
        stores, silent = Stores(MemoryBus(), MemorySnapshots()), NoTelemetry()
        ingesting = Ingesting(self.settings, self.market(), stores, silent, "benchmark")
        embedded = Embedded(self.settings, ingesting, stores, silent, "benchmark")
        await embedded.start()
        while await embedded.advance():
            pass

    def run(self) -> str:
        """The whole run, with the log on disk; its hash."""
        return self._run()[0]

    def by_core(self) -> dict[str, float]:
        """Microseconds of the wall that each core's loops take a message, in one whole run."""
        return self._run()[1]

    def _run(self) -> tuple[str, dict[str, float]]:
        with tempfile.TemporaryDirectory() as name:
            folder = RunFolder(Path(name))
            wish = demo.Wish(tape=tuple(self.files), seed=0, minutes=1)
            run = demo.describe(wish, self.settings)
            playing = demo.play(folder, run, self.market(), self.settings, lambda *_: None)
            result = asyncio.run(playing)
            with closing(sqlite3.connect(folder.log_path)) as db:
                hops = db.execute("SELECT loop, total_ns FROM timing").fetchall()
        spent: dict[str, float] = {}
        for loop, total_ns in hops:
            core = "marks" if loop.startswith("risk/marks/") else loop.partition("/")[0]
            spent[core] = spent.get(core, 0.0) + total_ns / 1e3 / self.message_count
        return result.log_hash, {core: round(us, 2) for core, us in sorted(spent.items())}


class Forgetful(MemoryBus):
    """A bus that forgets at once."""

    async def append(self, log: Log, records: Sequence[Record]) -> int:  # noqa: ARG002 # it keeps none
        """Take them, and keep nothing."""
        return 0


def floors(tapes: Tapes) -> dict[str, Callable[[], object]]:
    """The cheapest ways that there are: decode, keep a book, write and hash rows."""
    market = tapes.market()
    whose = market.plan.venue_symbol_of_file
    frames = list(Tape(tapes.files))
    decoder = msgspec.json.Decoder(_Envelope)
    messages = [
        market.plan.parser.parse(frame.payload, frame.ts_local, whose[frame.file])
        for frame in frames
    ]
    books = [message for message in messages if isinstance(message, BookDelta | BookSnapshot)]
    encoder = msgspec.msgpack.Encoder()

    def decode() -> None:
        for frame in frames:
            decoder.decode(frame.payload)

    def keep_book() -> None:
        sides: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        for message in books:
            bids, asks = sides.setdefault(message.instrument, ({}, {}))
            bids.update(zip(message.bid_prices, message.bid_qtys, strict=True))
            asks.update(zip(message.ask_prices, message.ask_qtys, strict=True))

    def write() -> None:
        with tempfile.TemporaryDirectory() as folder:
            db = sqlite3.connect(Path(folder) / "floor.sqlite", isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, type TEXT, message BLOB)")
            head = b""
            for first in range(0, len(messages), 20_000):
                rows = []
                for place, message in enumerate(messages[first : first + 20_000], first):
                    data = encoder.encode(message)
                    head = blake2b(head + data, digest_size=20).digest()
                    rows.append((place, type(message).__name__, data))
                db.execute("BEGIN")
                db.executemany(ROW, rows)
                db.execute("COMMIT")
            db.close()

    return {"decode the JSON": decode, "keep one book": keep_book, "write and hash rows": write}


class _Event(msgspec.Struct, gc=False):
    """Whatever Binance says, in one flat type."""

    e: str = ""
    E: int = 0
    T: int = 0
    s: str = ""
    t: int = 0
    u: int = 0
    U: int = 0
    pu: int = 0
    p: str = ""
    q: str = ""
    m: bool = False
    b: str | list[tuple[str, str]] = ""
    a: str | list[tuple[str, str]] = ""
    B: str = ""
    A: str = ""


class _Envelope(msgspec.Struct, gc=False):
    stream: str = ""
    data: _Event | None = None


def cpu_us(work: Callable[[], object], rounds: int, messages: int) -> float:
    """Microseconds of one core that a message takes, in the best of some rounds."""
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent) / messages * 1e6


def measure(files: list[Path], rounds: int) -> dict[str, Any]:
    """Every stage, the floor and the whole."""
    tapes = Tapes(files)
    count = tapes.message_count
    up_to = {
        "read the tape": cpu_us(tapes.read, rounds, count),
        "parse": cpu_us(tapes.parse, rounds, count),
        "order and stamp": cpu_us(tapes.feed, rounds, count),
        "judge (ingestion)": cpu_us(tapes.judge, rounds, count),
        "features, signals, risk, execution, paper venue": cpu_us(tapes.in_memory, rounds, count),
        "log on disk": cpu_us(tapes.run, rounds, count),
    }
    stages = {}
    before = 0.0
    for name, total in up_to.items():
        stages[name] = round(total - before, 2)
        before = total
    floor = {name: round(cpu_us(work, rounds, count), 2) for name, work in floors(tapes).items()}
    return {
        "machine": machine(),
        "messages": count,
        "us_per_message": stages,
        "us_per_message_total": round(before, 2),
        "messages_per_s_of_one_core": round(1e6 / before),
        "target_per_s": TARGET_PER_S,
        "floor_us_per_message": floor,
        "times_the_floor": round(before / sum(floor.values()), 2),
        "us_per_message_by_core": tapes.by_core(),
        "log_hash": tapes.run(),
    }


def main() -> None:
    """Print what was measured, as a table or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = measure(given.tape, given.rounds)
    if given.json:
        print(json.dumps(result))
        return
    print(f"{result['messages']:,} messages; {result['machine']}")
    for name, us in result["us_per_message"].items():
        print(f"  {us:6.2f} us  {name}")
    print(f"  {result['us_per_message_total']:6.2f} us  in all")
    for name, us in result["us_per_message_by_core"].items():
        print(f"  {us:6.2f} us  of the wall in {name}")
    for name, us in result["floor_us_per_message"].items():
        print(f"  {us:6.2f} us  floor: {name}")
    print(
        f"{result['messages_per_s_of_one_core']:,} messages/s of one core (target "
        f"{TARGET_PER_S:,}), {result['times_the_floor']} times the floor; "
        f"log hash {result['log_hash']}"
    )


if __name__ == "__main__":
    end_with(main)
