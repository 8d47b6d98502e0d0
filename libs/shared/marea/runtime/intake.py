"""Which records of a log are taken, and in which order?

Each producer numbers its records without holes within an epoch. A record at or below the last
number, or of an older epoch, is dropped; one that comes too early waits for those before it, until
so many wait or so much time has passed that they are called missing: then a `GapFound` comes in
their place. All of it follows from the log alone, so every reader of the log decides the same.

What a producer's name stands on need not be its own: bits turn, and strangers write. A life that was
not seen to begin, where it would have been, is nobody's. A life writes its records in order: one that
came too early is nobody's either when the one that was awaited comes after it, and it counts as told
of a gap only once its own successor has come, too.
"""

from bisect import insort
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct, field

from marea.messages.envelope import NOBODY, Log, Nanos, Record
from marea.messages.ids import derived_id
from marea.messages.system import Clock, GapFound, OwnerTold, Started

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
    """Records of an epoch that was over when they were written, or that nobody saw begin."""
    missing_count: int = 0
    """Records that never came."""
    void_count: int = 0
    """What nobody could read, or came before what its writer had still to write."""
    begin: int | None = None
    """Lives that began before this position are known by what they write; None: nothing was read."""


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

    def awaits(self, record: Record) -> bool:
        """Whether this record, if it is the next one that is read, is taken at once."""
        writer, place = record.writer, self.state.places.get(record.writer.producer)
        if writer == NOBODY:
            return False
        if type(record.message) is Started:
            return place is None or writer.epoch < 0 or writer.epoch > place.epoch
        if place is None or writer.epoch > place.epoch:
            return self._began_elsewhere(record)
        return writer.epoch == place.epoch and record.seq == place.next_seq

    def take(self, position: int, record: Record) -> Iterator[Taken]:
        """The records to take now that this one was read, in their order."""
        if self.state.begin is None:
            self.state.begin = position if type(record.message) is Started else position + 1
        if record.writer == NOBODY:
            self.state.void_count += 1
            return
        producer, epoch = record.writer.producer, record.writer.epoch
        place = self.state.places.get(producer)
        if type(record.message) is Started:
            yield from self._begin(position, record)
        elif (place is None or epoch > place.epoch) and self._began_elsewhere(record):
            yield from self._end(producer, record)
            self.state.places[producer] = Place(epoch=epoch, next_seq=record.seq + 1)
            self._hear(record)
            yield position, record
        elif place is None or epoch != place.epoch:
            self.state.outdated_count += 1
        elif record.seq < place.next_seq:
            self.state.duplicate_count += 1
        else:
            yield from self._await((position, record), place)
        yield from self._give_up()

    def miss(self, position: int) -> None:
        """What stood before this position is gone unread: lives may have begun there."""
        self.state.begin = position

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
        if producer in self._waiting and self._is_believed(producer):
            yield from self._skip(producer, self.state.places[producer], cause)
        self._forget(producer)

    def _hear(self, record: Record) -> None:
        if type(record.message) is Clock:
            self.state.clock = max(self.state.clock, record.message.ts_event)

    def _is_believed(self, producer: str) -> bool:
        # One alone may be anybody's; two in a row were written by who numbers.
        seqs = [record.seq for _, record in self._waiting[producer]]
        return any(after == seq + 1 for seq, after in pairwise(seqs))

    def _forget(self, producer: str) -> None:
        if producer in self._waiting:
            self.state.void_count += len(self._waiting.pop(producer))
            del self._waiting_since[producer]

    def _began_elsewhere(self, record: Record) -> bool:
        # Its life did not begin on this log, or where it did is no longer there.
        begin = self.state.begin
        return begin is None or record.writer.epoch < begin or isinstance(record.message, OwnerTold)

    def _await(self, taken: Taken, place: Place) -> Iterator[Taken]:
        record = taken[1]
        producer, is_awaited = record.writer.producer, record.seq == place.next_seq
        insort(self._waiting.setdefault(producer, []), taken, key=_by_seq)
        self._waiting_since.setdefault(producer, self.state.clock)
        yield from self._drain(producer, place)
        if is_awaited:
            self._forget(producer)
        elif self._is_believed(producer):
            self._hear(record)

    def _drain(self, producer: str, place: Place) -> Iterator[Taken]:
        waiting = self._waiting[producer]
        while waiting and waiting[0][1].seq <= place.next_seq:
            position, record = waiting.pop(0)
            if record.seq < place.next_seq:
                self.state.duplicate_count += 1
            else:
                place.next_seq += 1
                self._hear(record)
                yield position, record
        if not waiting:
            del self._waiting[producer], self._waiting_since[producer]

    def _give_up(self) -> Iterator[Taken]:
        for producer in sorted(self._waiting):
            waiting = self._waiting[producer]
            waited_ns = self.state.clock - self._waiting_since[producer]
            is_over = len(waiting) >= WAITING_RECORDS_MAX or waited_ns >= GAP_WAIT_NS
            if is_over and self._is_believed(producer):
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
