"""What happened in a world, in the order of its time: faults, lives, and what moved money."""

from collections.abc import Iterator
from typing import NamedTuple

from marea.messages.envelope import Message, Nanos
from marea.messages.market import InstrumentChanged
from marea.messages.paper import PlaceOrder
from marea.messages.portfolio import JournalPosted, Mark, PortfolioValued
from marea.messages.signals import Signal
from marea.messages.system import Clock
from tests.simulation.faults import KINDS
from tests.simulation.judging import TRADING
from tests.simulation.world import BEGIN, World

QUIET = (Clock, Mark, Signal, PortfolioValued, JournalPosted, InstrumentChanged)
"""What a story leaves out: it is said every second."""
HIDDEN = ("portfolio", "account", "price_scale", "qty_scale", "asset_scale", "parents", "id")


class Scene(NamedTuple):
    """One line of a story."""

    ts: Nanos
    who: str
    what: str

    def __str__(self) -> str:
        return f"{(self.ts - BEGIN) / 1e9:9.3f} s  {self.who:22} {self.what}"


def story(world: World) -> list[Scene]:
    """All that is worth telling, by its time."""
    scenes = [*_faults(world), *_lives(world), *_trading(world), *_venue(world)]
    return sorted(scenes, key=lambda scene: scene.ts)


def _faults(world: World) -> Iterator[Scene]:
    for ts, fault in world.faults.struck:
        yield Scene(ts, fault.place, f"! {fault}: {KINDS[fault.kind].what}")


def _lives(world: World) -> Iterator[Scene]:
    for process in world.processes.values():
        for ts, why in process.ends:
            yield Scene(ts, process.name, f"+ life over: {why}")


def _trading(world: World) -> Iterator[Scene]:
    ts = BEGIN
    for position, record in enumerate(world.cluster.records_of(TRADING)):
        ts = max(ts, record.ts_known)
        if not isinstance(record.message, QUIET):
            who = f"{record.writer.producer.partition('/')[0]} {record.writer.epoch}#{record.seq}"
            yield Scene(ts, who, f"{position:5} {told(record.message)}")


def _venue(world: World) -> Iterator[Scene]:
    for ts, request in world.exchange.sent:
        kind = "asked to place" if isinstance(request, PlaceOrder) else "asked to cancel"
        yield Scene(ts, "venue", f"> {kind} {request.client_order_id}")


def told(message: Message) -> str:
    """A message in a line: its type, and the fields that say something."""
    fields = []
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if name not in HIDDEN and value not in (0, "", (), {}, False):
            fields.append(f"{name}={_short(value)}")
    return f"{type(message).__name__} {' '.join(fields)}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
