"""What did the earlier lives of a producer leave on one of its logs?"""

from collections import deque

from marea.bus.port import Bus
from marea.errors import Broken
from marea.messages.envelope import Log, Record
from marea.messages.system import Started
from marea.runtime.intake import Place
from marea.runtime.snapshot import OutputPlace

READ_RECORDS_MAX = 1_000


class Recorded:
    """A producer's own valid outputs on a log, in order, up to the start of its present life."""

    def __init__(self, bus: Bus, log: Log, producer: str, kept: OutputPlace | None) -> None:
        """Look from what was kept on; a log of which nothing was kept, from its begin."""
        self._bus = bus
        self._log = log
        self._producer = producer
        self._position = kept.position if kept else 0
        self._place = Place(epoch=kept.epoch, next_seq=kept.next_seq) if kept else Place()
        self.until = 0
        """The position of the present life's `Started`: nothing is looked at from there on."""
        self._found: deque[Record] = deque()

    async def head(self) -> Record | None:
        """The next output; None when there is no more."""
        while not self._found and self._position < self.until:
            limit = min(READ_RECORDS_MAX, self.until - self._position)
            for record in await self._bus.read(self._log, self._position, limit):
                if record.writer.producer == self._producer:
                    self._sift(record)
                self._position += 1
        return self._found[0] if self._found else None

    def pop(self) -> Record:
        """Take the output that `head` gave."""
        return self._found.popleft()

    def _sift(self, record: Record) -> None:
        place, epoch = self._place, record.writer.epoch
        if type(record.message) is Started:
            self._place = Place(epoch=self._position, next_seq=0)
            return
        if epoch > place.epoch:  # the life began before `first`
            self._place = place = Place(epoch=epoch, next_seq=record.seq)
        if epoch < place.epoch or record.seq < place.next_seq:
            return  # of a life that was over, or the second copy of an append
        if record.seq > place.next_seq:
            raise Broken(
                f"{self._log.channel}/{self._log.partition}: {self._producer} wrote seq "
                f"{place.next_seq} to {record.seq - 1} of epoch {epoch}, and they are gone; restore "
                "the log from its archive"
            )
        place.next_seq += 1
        if record.input_offset >= 0:
            self._found.append(record)
