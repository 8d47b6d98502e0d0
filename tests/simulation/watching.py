"""What only the world sees: what leaves before it is safe or too late, and what nobody is told.

The logs alone can't show it: they do not tell when a request left, when a record was safe, or what
a process knew and kept to itself.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from marea.messages.envelope import Log, Nanos, Record
from marea.messages.orders import OrderIntended
from marea.messages.paper import PlaceOrder
from marea.messages.system import CoreDiverged, Degraded, Started
from marea.runtime.double_bus import BEHIND_NS_MAX
from marea.runtime.loop import DIVERGENCES_TOLD_MAX, Loop
from tests.simulation.cluster import Cluster
from tests.simulation.schedule import Schedule

Life = tuple[Log, str, int]
"""A log, a producer that writes to it, and its epoch."""


class Watch:
    """Looks on, and notes what is wrong."""

    def __init__(self, schedule: Schedule, cluster: Cluster, trading: Log) -> None:
        self.seen: list[tuple[str, str, str]] = []
        """What was wrong: a code, what, and the id of the event that shows it."""
        self.calm_from: Nanos = 0
        """From when on nothing that failed before can show any more."""
        self._schedule = schedule
        self._cluster = cluster
        self._trading = trading
        self._diverged: dict[str, dict[int, int]] = {}
        """By producer and life, how often it has decided otherwise than is on record, and must
        have said so by now."""
        self._met: dict[tuple[str, int], int] = {}
        """How often it had, when it was last seen."""
        self._waiting: dict[Life, deque[tuple[int, Nanos]]] = {}
        """Numbers of what was appended and does not stand on the log, and since when."""
        self._degraded: set[Life] = set()
        """Who has told that it is."""

    def note_send(self, request: PlaceOrder, venue_now: Nanos, late_ns_max: Nanos) -> None:
        """An order leaves now, by its sender's clock of the venue's time."""
        name = request.client_order_id
        found = self._intent_of(request)
        if found is None:
            what = f"{name} leaves before its intent is on the log"
            self.seen.append(("WATCHED unsafe send", what, request.id))
            return
        position, record = found
        if position >= self._cluster.safe_end_of(self._trading):
            what = f"{name} leaves, and its intent would not outlive a kill"
            self.seen.append(("WATCHED unsafe send", what, record.message.id))
        late_ns = venue_now - record.ts_known
        if late_ns > late_ns_max:
            what = f"{name} leaves {late_ns} ns after it was signed"
            self.seen.append(("WATCHED late send", what, record.message.id))
        intent = record.message
        assert isinstance(intent, OrderIntended)
        if venue_now >= intent.ts_expiry:
            what = f"{name} leaves after its decision has expired"
            self.seen.append(("WATCHED expired send", what, intent.id))

    def _intent_of(self, request: PlaceOrder) -> tuple[int, Record] | None:
        records = self._cluster.records_of(self._trading)
        latest = None
        for position in range(len(records) - 1, -1, -1):
            record, message = records[position], records[position].message
            if not isinstance(message, OrderIntended):
                continue
            if message.client_order_id == request.client_order_id:
                if record.ts_known == request.ts_sign:
                    return position, record
                latest = latest or (position, record)
        return latest

    def note_turn(self, loop: Loop[Any], life: int) -> None:
        """An owner has done a turn; what it met in the turn before has been on its way since."""
        if loop.divergence_count and loop.wiring.input_log == self._trading:
            lives = self._diverged.setdefault(loop.wiring.name, {})
            lives[life] = self._met.get((loop.wiring.name, life), 0)
            self._met[loop.wiring.name, life] = min(loop.divergence_count, DIVERGENCES_TOLD_MAX)

    def untold(self) -> Iterator[tuple[str, str]]:
        """Who has decided otherwise than is on record, and has not said so."""
        for producer, lives in self._diverged.items():
            told = sum(
                isinstance(record.message, CoreDiverged) and record.writer.producer == producer
                for record in self._cluster.records_of(self._trading)
            )
            expected = sum(lives.values())
            if told < expected:
                yield producer, f"{producer} has told {told} of {expected} divergences"

    def note_queued(self, log: Log, records: Sequence[Record]) -> None:
        """A process appends these to a log that has a fast copy: on record they are later."""
        writer, now = records[0].writer, self._schedule.now
        life = (log, writer.producer, writer.epoch)
        for record in records:
            if isinstance(record.message, Degraded):
                (self._degraded.discard if record.message.is_over else self._degraded.add)(life)
        waiting = self._waiting.setdefault(life, deque())
        if waiting and now - waiting[0][1] > BEHIND_NS_MAX and life not in self._degraded:
            what = f"{writer.producer} is {now - waiting[0][1]} ns behind, and has not told"
            self.seen.append(("WATCHED degraded", what, records[0].message.id))
        waiting.extend((record.seq, now) for record in records)

    def note_recorded(self, log: Log, records: Sequence[Record]) -> None:
        """These stand on a log now."""
        for record in records:
            if type(record.message) is Started and self._schedule.now > self.calm_from:
                what = f"{record.message.producer} begins anew though nothing fails"
                self.seen.append(("WATCHED new life", what, record.message.id))
            waiting = self._waiting.get((log, record.writer.producer, record.writer.epoch))
            while waiting and waiting[0][0] <= record.seq:
                waiting.popleft()
