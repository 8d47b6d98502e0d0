"""Does everything hold that must hold of a run? One pass over its logs, in the order of time.

Logs are merged by when each record was known there, and where that is equal in the order of the
flow. They are judged as their readers take them: second copies and what an older life wrote do not
count. What is remembered grows with the ids, the orders and the fills of a run, and with nothing
else.
"""

from marea.bus.port import Bus
from marea.bus.reading import Placed, in_time
from marea.invariants.catalogue import NEEDS_READING, every_invariant
from marea.invariants.reading import Reading
from marea.invariants.trading import Trading
from marea.invariants.violation import Invariant, Violation
from marea.messages.envelope import Log, Message, Nanos

FLOW = ("market", "quality", "dead-letters", "features", "trading", "paper")
"""Channels in the order in which one follows from the other."""


class Checker:
    """Takes every record of a run, in order, and then says what did not hold."""

    def __init__(self) -> None:
        self._trading = Trading()
        self._reading = Reading()
        self._on_reading = [make(self._reading) for make in NEEDS_READING.values()]
        self._invariants = every_invariant(self._reading.known, self._trading)
        self._wanted: dict[type[Message], list[Invariant]] = {}

    def take(self, at: Placed) -> None:
        """Judge the next record; what its readers drop has only to be dropped by all."""
        for rule in self._on_reading:
            rule.take(at)
        taken = self._reading.take(at)
        if taken is None:
            return
        at = taken
        kind = type(at.message)
        if kind not in self._wanted:
            self._wanted[kind] = [
                invariant
                for invariant in self._invariants
                if not invariant.kinds or issubclass(kind, invariant.kinds)
            ]
        for invariant in self._wanted[kind]:
            invariant.take(at)
        if at.log.channel == "trading":
            self._trading.take(at)

    def finish(self) -> list[Violation]:
        """Everything that did not hold, by the number of the invariant."""
        for invariant in self._invariants:
            invariant.end()
        rules = [*self._on_reading, *self._invariants]
        found = [each for rule in rules for each in rule.violations]
        return sorted(found, key=lambda each: each.number)


async def check_bus(bus: Bus) -> list[Violation]:
    """What does not hold of the logs of this bus, by the number of the invariant?

    Raises `Unavailable` or `BadInput` where a log can't be read.
    """
    checker = Checker()
    async for at in in_time(bus, _turn):
        checker.take(at)
    return checker.finish()


def _turn(at: Placed) -> tuple[Nanos, int, Log]:
    channel = at.log.channel
    return at.ts, FLOW.index(channel) if channel in FLOW else len(FLOW), at.log
