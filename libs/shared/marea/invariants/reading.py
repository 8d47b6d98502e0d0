"""Which records of a log do its readers take? All others are judged by nothing but who acts on them.

It is written apart from the runtime's own reading on purpose: a mistake there shows as a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from marea.bus.reading import Placed
from marea.invariants.record import Known, shortened_hash
from marea.invariants.violation import Rule
from marea.messages.channels import load_channels
from marea.messages.envelope import Log
from marea.messages.system import OwnerTold, Started


def _doubled() -> frozenset[str]:
    return load_channels().doubled


@dataclass(slots=True)
class Life:
    """The latest life of a producer on one log, as far as it was read."""

    epoch: int = -1
    next_seq: int = 0
    missing: list[range] = field(default_factory=list)
    """Numbers that were passed over."""


@dataclass(slots=True)
class Reading:
    """What readers take of all logs, and which records they drop."""

    known: Known = field(default_factory=Known)
    lives: dict[tuple[Log, str], Life] = field(default_factory=dict)
    dropped: dict[Log, dict[int, str]] = field(default_factory=dict)
    """What an older life wrote, and second copies: ids by position."""
    counts: dict[Log, int] = field(default_factory=dict)
    """How many records of a log with a fast copy were taken."""
    doubled: frozenset[str] = field(default_factory=_doubled)
    """Channels with a fast copy: there positions count what is taken, and nothing else."""

    def life(self, at: Placed) -> Life:
        """The life of this record's producer, before the record."""
        return self.lives.setdefault((at.log, at.record.writer.producer), Life())

    def is_void(self, at: Placed) -> bool:
        """Whether a life wrote it that was over."""
        return type(at.message) is not Started and at.record.writer.epoch < self.life(at).epoch

    def is_copy(self, at: Placed) -> bool:
        """Whether its number was taken before in the same life."""
        life, seq = self.life(at), at.record.seq
        if type(at.message) is Started or at.record.writer.epoch != life.epoch:
            return False
        return seq < life.next_seq and not any(seq in gap for gap in life.missing)

    def take(self, at: Placed) -> Placed | None:
        """Go on to the next record: as its readers know it, or None where none takes it."""
        if self.is_void(at) or self.is_copy(at):
            self.dropped.setdefault(at.log, {})[at.position] = at.message.id
            return None
        life, epoch, seq = self.life(at), at.record.writer.epoch, at.record.seq
        if type(at.message) is Started:
            life.epoch, life.next_seq, life.missing = at.position, 0, []
        elif epoch > life.epoch:
            life.epoch, life.next_seq, life.missing = epoch, seq + 1, []
        elif seq >= life.next_seq:
            if seq > life.next_seq:
                life.missing.append(range(life.next_seq, seq))
            life.next_seq = seq + 1
        else:
            life.missing = [part for gap in life.missing for part in _without(gap, seq)]
        if at.log.channel not in self.doubled:
            return at
        count = self.counts.get(at.log, 0)
        self.counts[at.log] = count + 1
        return at if count == at.position else at._replace(position=count)


def _without(gap: range, seq: int) -> Iterator[range]:
    if seq not in gap:
        yield gap
    else:
        yield from (part for part in (range(gap.start, seq), range(seq + 1, gap.stop)) if part)


class ReadingRule(Rule):
    """What invariants share that judge every record, before its readers drop some."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading


class Contiguous(ReadingRule):
    """A producer numbers what it writes to a log from 0 without holes, and a number has one record."""

    number = 23
    code = "SEQ_CONTIGUOUS"

    def take(self, at: Placed) -> None:
        life, producer, seq = self.reading.life(at), at.record.writer.producer, at.record.seq
        if type(at.message) is Started or self.reading.is_void(at):
            return
        expected = life.next_seq if at.record.writer.epoch == life.epoch else 0
        if seq > expected:
            self.report(at, f"{producer} numbers its records without holes", expected, seq)
        elif self.reading.is_copy(at) and not self._is_known(at):
            what = f"{producer} gives number {seq} to one record"
            self.report(at, what, "a copy of that one", at.message.id)

    def _is_known(self, at: Placed) -> bool:
        known = self.reading.known
        place = known.places.get(at.message.id)
        return place is not None and known.hashes[place] == shortened_hash(at.message)


class OneLife(ReadingRule):
    """A life begins with its Started, and nobody acts on what an older one wrote, or on a copy."""

    number = 33
    code = "EPOCH_IS_LATEST"

    def take(self, at: Placed) -> None:
        life, writer = self.reading.life(at), at.record.writer
        is_begun = type(at.message) is Started or writer.epoch <= life.epoch
        if not is_begun and not isinstance(at.message, OwnerTold):  # its Started stands elsewhere
            what = f"{writer.producer} writes under the epoch of its last Started"
            self.report(at, what, life.epoch, writer.epoch)
        if writer.input_log is None or self.reading.is_void(at):
            return
        if writer.input_log.channel in self.reading.doubled:
            return  # by its position none can name what is dropped there
        dropped = self.reading.dropped.get(writer.input_log, {}).get(at.record.input_offset)
        if dropped in (at.message.id, *at.message.parents[:1]):  # a merged input has other places
            what = f"{writer.producer} acts on nothing that readers of {writer.input_log} drop"
            self.report(at, what, "a record that counts", f"position {at.record.input_offset}")
