"""What must hold of the logs themselves: ids, causes, times."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from marea.bus.reading import Placed
from marea.invariants.violation import Rule
from marea.messages import codec
from marea.messages.envelope import Log, Message, Nanos
from marea.messages.system import Clock, CoreDiverged, Started


@dataclass(slots=True)
class Known:
    """Every id of the run, with its payload's hash and when it was first known: 230 bytes each."""

    places: dict[str, int] = field(default_factory=dict)
    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    times: "array[int]" = field(default_factory=lambda: array("q"))


def shortened_hash(message: Message) -> int:
    """The first 64 bits of a payload's hash."""
    return int(codec.message_hash(message)[:16], 16)


class KnownRule(Rule):
    """What invariants share that need to know every id."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self.known = known


class OnePayload(KnownRule):
    """An id says the same thing wherever it stands."""

    number = 24
    code = "ID_HAS_ONE_PAYLOAD"

    def take(self, at: Placed) -> None:
        known = self.known
        shortened = shortened_hash(at.message)
        place = known.places.setdefault(at.message.id, len(known.hashes))
        if place == len(known.hashes):
            known.hashes.append(shortened)
            known.times.append(at.ts)
        elif known.hashes[place] != shortened:
            what = "an id says the same thing wherever it stands"
            self.report(at, what, f"hash {known.hashes[place]:016x}", f"hash {shortened:016x}")


class Caused(KnownRule):
    """Everything follows, without a circle, from something that came from outside."""

    number = 25
    code = "CAUSED_FROM_OUTSIDE"

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self._waiting: dict[str, tuple[Placed, set[str]]] = {}
        """Messages of which a parent, or a parent's parent, was not read yet."""
        self._awaited: dict[str, list[str]] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if not message.outside and not message.parents:
            self.report(at, "what was decided names what it followed from", "a parent", "none")
        # A parent that is not read yet has no place, whichever of the two is asked first.
        missing = {
            parent
            for parent in message.parents
            if parent in self._waiting or parent not in self.known.places or parent == message.id
        }
        if missing and message.id not in self._waiting:
            self._waiting[message.id] = (at, missing)
            for parent in missing:
                self._awaited.setdefault(parent, []).append(message.id)
        elif not missing:
            self._settle(message.id)

    def _settle(self, name: str) -> None:
        settled = [name]
        while settled:
            parent = settled.pop()
            for child in self._awaited.pop(parent, ()):
                missing = self._waiting[child][1]
                missing.discard(parent)
                if not missing:
                    del self._waiting[child]
                    settled.append(child)

    def end(self) -> None:
        for at, missing in self._waiting.values():
            for parent in sorted(missing):
                if parent not in self.known.places:
                    self.report(at, "a parent stands on a log", parent, "on none")
        for at in self._circles():
            self.report(at, "causes form no circle", "an end outside", f"back at {at.message.id}")

    def _circles(self) -> Iterator[Placed]:
        followed: set[str] = set()
        for start in self._waiting:
            name, path = start, set[str]()
            while name in self._waiting and name not in followed:
                followed.add(name)
                path.add(name)
                name = min(self._waiting[name][1])
            if name in path:
                yield self._waiting[name][0]


class NoForesight(KnownRule):
    """A decision rests on nothing that was known only after it."""

    number = 28
    code = "NO_FORESIGHT"

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self._awaited: dict[str, list[Placed]] = {}
        """Decisions of which a parent was not read yet, by that parent."""

    def take(self, at: Placed) -> None:
        message = at.message
        for child in self._awaited.pop(message.id, ()):
            self._judge(child)
        if not message.outside and len(message.parents) > 1:
            self._judge(at)

    def _judge(self, at: Placed) -> None:
        places = self.known.places
        for parent in at.message.parents:
            if parent not in places:
                self._awaited.setdefault(parent, []).append(at)
                return
        # The first parent is the input itself: the decision is as late as that.
        times = [self.known.times[places[parent]] for parent in at.message.parents]
        decided = max(at.ts, times[0])
        for parent, ts in zip(at.message.parents, times, strict=True):
            if ts > decided:
                what = f"{parent} was known when {at.message.id} was decided"
                self.report(at, what, f"at most {decided}", ts)


class TimeGoesOn(Rule):
    """A clock never goes back, and neither does what a producer decides by it in one life."""

    # Where several tell a log the time, each goes on, and a reader's time is the latest. Who reads a
    # log without a clock decides by the times of its writers, which may fall behind each other: it
    # goes on in each of its instruments. A new life may run on a host of another clock.

    number = 29
    code = "TIME_GOES_ON"

    def __init__(self) -> None:
        super().__init__()
        self._clocks: dict[tuple[Log, str], Nanos] = {}
        self._told: set[Log] = set()
        """Logs that hold a clock."""
        self._decided: dict[tuple[Log, str, str], Nanos] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if type(message) is Clock:
            clock = (at.log, at.record.writer.producer)
            before = self._clocks.get(clock, 0)
            if message.ts_event < before:
                self.report(at, "a clock never goes back", f"≥ {before}", message.ts_event)
            self._clocks[clock] = message.ts_event
            self._told.add(at.log)
        elif not message.outside and not isinstance(message, CoreDiverged):  # a start tells those
            writer = at.record.writer
            whose = "" if writer.input_log in self._told else getattr(message, "instrument", "")
            producer = (at.log, f"{writer.producer} {writer.epoch}", whose)
            before = self._decided.get(producer, 0)
            if at.record.ts_known < before:
                what = f"{writer.producer} decides in the order of its time"
                self.report(at, what, f"≥ {before}", at.record.ts_known)
            self._decided[producer] = at.record.ts_known


class Reproduced(Rule):
    """Whoever took the log again with the same build and configuration decided the same."""

    number = 35
    code = "DECIDED_AGAIN_ALIKE"
    kinds = (CoreDiverged, Started)

    def __init__(self) -> None:
        super().__init__()
        self._ran: dict[tuple[Log, str], tuple[str, str]] = {}
        """What a producer's last life ran, and was configured with."""
        self._changed: set[tuple[Log, str]] = set()
        """Producers whose present life runs something else than an earlier one."""

    def take(self, at: Placed) -> None:
        message, producer = at.message, (at.log, at.record.writer.producer)
        if isinstance(message, Started):
            runs = (message.build, message.config)
            if self._ran.setdefault(producer, runs) != runs:
                self._changed.add(producer)
            self._ran[producer] = runs
        elif isinstance(message, CoreDiverged) and producer not in self._changed:
            what = f"{message.service} decides again what is recorded: {message.detail}"
            self.report(at, what, message.recorded or "nothing", message.decided or "nothing")
