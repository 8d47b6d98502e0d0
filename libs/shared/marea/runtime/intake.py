"""Which records of a log are taken, and in which order?

Each producer numbers its records without holes within an epoch. A record at or below the last
number, or of an older epoch, is dropped; one that comes too early waits for those before it, until
so many wait or so much time has passed that they are called missing: then a `GapFound` comes in
their place. All of it follows from the log alone, so every reader of the log decides the same.
"""

from bisect import insort
from collections.abc import Iterator

from msgspec import Struct, field

from marea.messages.envelope import NOBODY, Log, Nanos, Record
from marea.messages.ids import derived_id
from marea.messages.system import Clock, GapFound, Started

WAITING_RECORDS_MAX = 10_000
GAP_WAIT_NS = 2_000_000_000

Taken = tuple[int, Record]
"""A record with its position on the log."""


class Place(Struct, kw_only=True):
    """How far a producer has been read."""

    epoch: int = -1
    next_seq: int = 0


class IntakeState(Struct, kw_only=True):
    """All that an intake remembers between records, apart from those that wait; plain data."""

    places: dict[str, Place] = field(default_factory=dict)
    clock: Nanos = 0
    """The latest `Clock` that was read, ns UTC."""
    duplicate_count: int = 0
    outdated_count: int = 0
    """Records of an epoch that was over when they were written."""
    missing_count: int = 0
    """Records that never came."""
    void_count: int = 0
    """What nobody could read."""


class Intake:
    """Puts the records of one log into the order in which its reader takes them."""

    def __init__(self, log: Log, state: IntakeState | None = None) -> None:
        self.state = state or IntakeState()
        self._log = log
        self._waiting: dict[str, list[Taken]] = {}
        self._waiting_since: dict[str, Nanos] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether any record waits for one before it."""
        return bool(self._waiting)

    def expects(self, record: Record) -> bool:
        """Whether this is simply the next record of its producer; if so it counts as taken."""
        writer, kind = record.writer, type(record.message)
        place = self.state.places.get(writer.producer)
        if (
            place is None
            or record.seq != place.next_seq
            or writer.epoch != place.epoch
            or kind is Started
            or self._waiting
        ):
            return False
        place.next_seq += 1
        if kind is Clock:
            self.state.clock = max(self.state.clock, record.message.ts_event)
        return True

    def take(self, position: int, record: Record) -> Iterator[Taken]:
        """The records to take now that this one was read, in their order."""
        if record.writer == NOBODY:
            self.state.void_count += 1
            return
        if type(record.message) is Clock:
            self.state.clock = max(self.state.clock, record.message.ts_event)
        producer, epoch = record.writer.producer, record.writer.epoch
        place = self.state.places.get(producer)
        if type(record.message) is Started:
            yield from self._begin(position, record)
        elif place is None or epoch > place.epoch:
            # Where this life began is no longer on the log: it is known from here on.
            yield from self._end(producer, record)
            self.state.places[producer] = Place(epoch=epoch, next_seq=record.seq + 1)
            yield position, record
        elif epoch < place.epoch:
            self.state.outdated_count += 1
        elif record.seq < place.next_seq:
            self.state.duplicate_count += 1
        else:
            insort(self._waiting.setdefault(producer, []), (position, record), key=_by_seq)
            self._waiting_since.setdefault(producer, self.state.clock)
            yield from self._drain(producer, place)
        yield from self._give_up()

    def _begin(self, position: int, record: Record) -> Iterator[Taken]:
        producer = record.writer.producer
        epoch = position if record.writer.epoch < 0 else record.writer.epoch
        place = self.state.places.get(producer)
        if place is not None and epoch <= place.epoch:
            self.state.duplicate_count += 1
            return
        yield from self._end(producer, record)
        self.state.places[producer] = Place(epoch=epoch, next_seq=0)
        yield position, record

    def _end(self, producer: str, cause: Record) -> Iterator[Taken]:
        # A life is over: what it wrote and still waits comes before what the next one writes.
        if producer in self._waiting:
            yield from self._skip(producer, self.state.places[producer], cause)

    def _drain(self, producer: str, place: Place) -> Iterator[Taken]:
        waiting = self._waiting[producer]
        while waiting and waiting[0][1].seq <= place.next_seq:
            position, record = waiting.pop(0)
            if record.seq < place.next_seq:
                self.state.duplicate_count += 1
            else:
                place.next_seq += 1
                yield position, record
        if not waiting:
            del self._waiting[producer], self._waiting_since[producer]

    def _give_up(self) -> Iterator[Taken]:
        for producer in sorted(self._waiting):
            waiting = self._waiting[producer]
            waited_ns = self.state.clock - self._waiting_since[producer]
            if len(waiting) >= WAITING_RECORDS_MAX or waited_ns >= GAP_WAIT_NS:
                yield from self._skip(producer, self.state.places[producer], waiting[-1][1])

    def _skip(self, producer: str, place: Place, cause: Record) -> Iterator[Taken]:
        # What is missing is called missing, and what waits is taken.
        while producer in self._waiting:
            position, after = self._waiting[producer][0]
            gap = self._gap(producer, place, after.seq, cause)
            self.state.missing_count += after.seq - place.next_seq
            place.next_seq = after.seq
            yield position, gap
            yield from self._drain(producer, place)

    def _gap(self, producer: str, place: Place, seq: int, cause: Record) -> Record:
        first = place.next_seq
        told = f"{producer}:{place.epoch}:{first}"
        message = GapFound(
            id=derived_id("runtime", self._log, "GapFound", cause.message.id, told),
            ts_event=self.state.clock,
            parents=(cause.message.id,),
            producer=producer,
            producer_epoch=place.epoch,
            first_missing=first,
            last_missing=seq - 1,
        )
        return Record(
            message=message,
            writer=cause.writer,
            seq=-1,
            ts_known=cause.ts_known,
            ts_origin=cause.ts_origin,
            trace=cause.trace,
        )


def _by_seq(taken: Taken) -> int:
    return taken[1].seq
