"""What did the earlier lives of a producer leave on one of its logs?"""

from collections import deque
from collections.abc import Iterable
from math import inf

from marea.bus.port import Bus
from marea.errors import Broken, Unavailable
from marea.messages.envelope import Log, Message, Record
from marea.messages.system import GapFound, Started
from marea.runtime.intake import Place
from marea.runtime.snapshot import OutputPlace

READ_RECORDS_MAX = 1_000
NONE_EARLY = -2


class Overtaken(Unavailable):
    """What a loop followed was taken again by another build, or under another configuration."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has followed a life to inputs that the next one took otherwise: it begins anew"
        )


class Recorded:
    """A producer's own valid outputs on a log, in order, up to the start of its present life."""

    def __init__(
        self, bus: Bus, log: Log, producer: str, resumes_at: int, kept: OutputPlace | None
    ) -> None:
        """Look for what followed from the inputs from `resumes_at` on.

        It begins at what was kept; on a log of which nothing was kept, at its begin.
        """
        self._bus = bus
        self._log = log
        self._producer = producer
        self._resumes_at = resumes_at
        self._position = kept.position if kept else 0
        self._place = Place(epoch=kept.epoch, next_seq=kept.next_seq) if kept else Place()
        self._early_seq = NONE_EARLY
        """The last one that stands behind a gap."""
        self.until = 0
        """The position of the present life's `Started`: nothing is looked at from there on."""
        self._found: deque[Record] = deque()
        self._lives: deque[tuple[int, Started]] = deque()
        """Those whose outputs come later, by their epochs."""
        self._config: str | None = None
        self.is_overtaken = False
        """Whether a life said, or may say, otherwise what follows from inputs that were taken here."""
        self._asked = -1
        """The last input that was taken here."""
        self._said = -1
        """The last one that a life said something of."""
        self._present: tuple[str, str] | None = None
        """Build and configuration of the life that is read of; None: it is not known."""

    @property
    def next_input(self) -> float:
        """The position of the input that the output found last followed from; infinity: of none."""
        return self._found[0].input_offset if self._found else inf

    @property
    def holds_more(self) -> bool:
        """Whether an output was found that is still to be taken."""
        return bool(self._found)

    def config_at(self, position: int) -> str | None:
        """The configuration of the life that took an input, as JSON, once `head` has looked ahead.

        That is the latest which had come as far, and before which nothing is left to be taken. None
        is that of the state which was kept. The inputs must be asked for in their order.
        """
        while self._lives:
            epoch, started = self._lives[0]
            is_later = bool(self._found) and self._found[0].writer.epoch < epoch
            if is_later or position < started.resumes_at:
                break
            self._config = started.config
            self._lives.popleft()
        return self._config

    def taken(self, position: int) -> None:
        """Remember that an input is taken as far as the record is known by now."""
        self._asked = max(self._asked, position)

    def check(self, end: int) -> None:
        """Raise `Broken` where the log ends before what was kept of it."""
        if end < self._position:
            raise Broken(
                f"{self._log} ends at position {end}, and a snapshot of {self._producer} rests on "
                f"it up to {self._position}; restore the log from its archive"
            )

    async def head(self) -> Record | None:
        """The next output; None when there is no more."""
        while not self._found and self._position < self.until:
            limit = min(READ_RECORDS_MAX, self.until - self._position)
            records = await self._bus.read(self._log, self._position, limit)
            if not records:
                raise Broken(
                    f"{self._log} has nothing at position {self._position}, and ends after it; "
                    "restore the log from its archive"
                )
            for record in records:
                if record.writer.producer == self._producer:
                    self._sift(record)
                self._position += 1
        return self._found[0] if self._found else None

    async def take(self, position: int, cause: Message) -> Record | None:
        """The next output if it followed from this input; None when there is no more for it."""
        head = await self.head()
        if head is None or head.input_offset != position:
            return None
        if type(cause) is GapFound and cause.id not in (head.message.id, *head.message.parents[:1]):
            return None  # of the record behind the gap, which has the same position
        return self._found.popleft()

    def _sift(self, record: Record) -> None:
        place, epoch = self._place, record.writer.epoch
        if type(record.message) is Started:
            self._place = Place(epoch=self._position, next_seq=0)
            self._begin(record.message)
            self._early_seq = NONE_EARLY
            return
        if epoch != place.epoch or record.seq < place.next_seq:
            return  # of a life that was over or never began, or the second copy of an append
        if record.seq > place.next_seq:
            if record.seq == self._early_seq + 1:
                raise Broken(
                    f"{self._log}: {self._producer} wrote seq {place.next_seq} to "
                    f"{self._early_seq - 1} of epoch {epoch}, and they are gone; restore the log "
                    "from its archive"
                )
            self._early_seq = record.seq  # anybody's, unless the next one follows it
            return
        place.next_seq += 1
        self._early_seq = NONE_EARLY
        self._said = max(self._said, record.input_offset)
        if record.input_offset >= self._resumes_at:
            self._found.append(record)

    def _begin(self, started: Started) -> None:
        self._lives.append((self._position, started))
        present, self._present = self._present, (started.build, started.config)
        if present != self._present and self._asked >= max(started.resumes_at, self._said + 1):
            self.is_overtaken = True


def refuse_overtaken(name: str, *logs: Recorded) -> None:
    """Raise `Overtaken` where one of a loop's logs is."""
    if any(each.is_overtaken for each in logs):
        raise Overtaken(name)


async def config_of(logs: Iterable[Recorded], position: int) -> str | None:
    """The configuration of the life whose output comes next on any of a loop's logs: `config_at`."""
    recorded = list(logs)
    for each in recorded:
        await each.head()
        each.taken(position)
    return min(recorded, key=lambda each: each.next_input).config_at(position)


def difference(recorded: Message | None, decided: Message | None) -> str:
    """In what do an output on record and the one that is decided now differ?"""
    if recorded is None:
        return f"decided {type(decided).__name__}, which is not on record"
    if decided is None:
        return f"{type(recorded).__name__} is on record, and was not decided"
    for name in recorded.__struct_fields__:
        was, now = getattr(recorded, name), getattr(decided, name, None)
        if was != now:
            return _told(name, was, now)
    return "the encoded forms differ"


def _told(name: str, was: object, now: object) -> str:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in [*was, *now]:
            if was.get(key) != now.get(key):
                return _told(f"{name}.{key}", was.get(key), now.get(key))
    return f"{name}: recorded {was!r}, decided {now!r}"
