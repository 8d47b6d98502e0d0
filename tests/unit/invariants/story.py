"""A small valid history of one portfolio, by hand, and a way to plant what must not be in it."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from msgspec import structs

from marea.bus.memory import MemoryBus
from marea.invariants.checker import check_bus
from marea.invariants.violation import Violation
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.system import Started
from marea.testing.builders import void_record
from marea.testing.market_examples import BTC, MS, T0

MARKET = Log("market", BTC)
FEATURES = Log("features", "embedded")
TRADING = Log("trading", "main")
PAPER = Log("paper", "main")
INPUTS = {
    "ingestion/btc": None,
    "features/embedded": MARKET,
    "signals/embedded": FEATURES,
    "marks/btc": MARKET,
    "risk/main": TRADING,
    "execution/main": TRADING,
    "paper/main": PAPER,
}


@dataclass(slots=True, kw_only=True)
class Line:
    """One record to be."""

    name: str
    log: Log
    producer: str
    message: Message
    ts: int
    decided_on: str = ""
    """The line whose position on its log was decided on."""
    epoch: int | None = None
    seq: int | None = None
    """Where it is to be another one than is right."""
    copies: str = ""
    """The line whose record stands here once more."""
    is_void: bool = False
    """Whether something stands here that nobody can read."""


@dataclass(slots=True)
class Story:
    """Lines in the order in which they are written, each on its log."""

    lines: list[Line] = field(default_factory=list)

    def say(
        self, place: tuple[Log, str], name: str, ms: int, message: Message, decided_on: str = ""
    ) -> None:
        """Write a message at so many ms after T0."""
        log, producer = place
        line = Line(
            name=name,
            log=log,
            producer=producer,
            message=message,
            ts=T0 + ms * MS,
            decided_on=decided_on,
        )
        self.lines.append(line)

    def __getitem__(self, name: str) -> Line:
        return next(line for line in self.lines if line.name == name)

    def change(self, name: str, **values: object) -> "Story":
        """The line says something else."""
        self[name].message = structs.replace(self[name].message, **values)
        return self

    def drop(self, *names: str) -> "Story":
        """The lines were never written."""
        self.lines = [line for line in self.lines if line.name not in names]
        return self

    def again(self, name: str, after: str, **values: object) -> "Story":
        """The line is said once more, right after another, under an id of its own."""
        first = self[name]
        values.setdefault("id", f"{first.message.id} again")
        line = Line(
            name=f"{name} again",
            log=first.log,
            producer=first.producer,
            message=structs.replace(first.message, **values),
            ts=self[after].ts,
            decided_on=first.decided_on,
        )
        self.lines.insert(self.lines.index(self[after]) + 1, line)
        return self

    def copy(self, name: str, after: str) -> "Story":
        """The line's record stands once more right after another, as an append repeated it."""
        first = self[name]
        line = replace(first, name=f"{name} copied", ts=self[after].ts, copies=name)
        self.lines.insert(self.lines.index(self[after]) + 1, line)
        return self

    def spoil(self, after: str) -> "Story":
        """Something that nobody can read stands right after a line."""
        line = replace(self[after], name=f"void after {after}", is_void=True)
        self.lines.insert(self.lines.index(self[after]) + 1, line)
        return self

    def move(self, name: str, after: str) -> "Story":
        """The line is written right after another one, at its time."""
        line = self[name]
        self.lines.remove(line)
        line.ts = self[after].ts
        self.lines.insert(self.lines.index(self[after]) + 1, line)
        return self

    def violations(self) -> list[Violation]:
        """What the checker finds."""
        return asyncio.run(_check(self._records()))

    def _records(self) -> Iterable[tuple[Log, Record]]:
        positions: Counter[Log] = Counter()
        seqs: Counter[tuple[Log, str]] = Counter()
        epochs: dict[tuple[Log, str], int] = {}
        place_of: dict[str, int] = {}
        records: dict[str, Record] = {}
        for line in self.lines:
            if line.copies or line.is_void:
                yield line.log, void_record(line.log) if line.is_void else records[line.copies]
                place_of[line.name] = positions[line.log]
                positions[line.log] += 1
                continue
            producer = (line.log, line.producer)
            place_of[line.name] = positions[line.log]
            is_start = type(line.message) is Started
            if is_start:
                epochs[producer] = positions[line.log]
            epoch = -1 if is_start else epochs.get(producer, 0)
            writer = Writer(
                producer=line.producer,
                epoch=epoch if line.epoch is None else line.epoch,
                build="test",
                input_log=INPUTS[line.producer] if not line.message.outside else None,
            )
            seq = 0 if is_start else seqs[producer]
            records[line.name] = Record(
                message=line.message,
                writer=writer,
                seq=seq if line.seq is None else line.seq,
                input_offset=place_of.get(line.decided_on, -1),
                ts_known=0 if is_start else line.ts,
            )
            yield line.log, records[line.name]
            positions[line.log] += 1
            if line.epoch is None:  # another life has numbers of its own
                seqs[producer] = 0 if is_start else seq + 1


async def _check(records: Iterable[tuple[Log, Record]]) -> list[Violation]:
    bus = MemoryBus()
    for log, record in records:
        await bus.append(log, [record])
    return await check_bus(bus)
