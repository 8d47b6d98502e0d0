"""The one input of the paper venue: the logs of several instruments and its own, in one order.

Records are ordered by the time at which they were known, which never falls along a log; at equal
times requests come before the market, and logs in the order they are named. All of it follows from
the logs alone: a merge that begins anew gives the same records at the same positions.

It gives what was known before its watermark, the least of the last `Clock`s of the market logs:
nothing that comes later can belong before that. A log without a `Clock` has not begun, and holds
nothing up; unless the logs come from another process, a while after each other: then nothing is given
before all have begun. A request must be stamped no earlier than the watermark is when it is appended.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from marea.bus.port import Bus, Snapshots
from marea.errors import Broken
from marea.messages.envelope import Log, Nanos, Record, Writer
from marea.messages.market import BookDelta, BookSnapshot, InstrumentChanged, Trade
from marea.messages.paper import AccountOpened, CancelOrder, PlaceOrder
from marea.messages.system import Clock, GapFound
from marea.runtime.cursors import Cursors
from marea.runtime.intake import Intake, IntakeState

AHEAD_RECORDS_MAX = 5_000
"""Of a log, read and not given yet."""

REQUESTS = frozenset({AccountOpened, PlaceOrder, CancelOrder})
STAMPED = REQUESTS | {Clock}
"""They were known at their own time."""
GIVEN = REQUESTS | {InstrumentChanged, Trade, BookDelta, BookSnapshot, Clock, GapFound}
"""What the core hears; the rest, its own reports too, is left out and has no position."""


class Place(Struct, kw_only=True):
    """How far one log has been given."""

    position: int = 0
    known: Nanos = 0
    """The greatest time so far at which a record was known."""
    clock: Nanos = 0
    """The last `Clock` that was seen; 0: the log has not begun."""
    intake: IntakeState = msgspec.field(default_factory=IntakeState)


def _intake(log: Log, place: Place) -> Intake:
    return Intake(log, msgspec.convert(msgspec.to_builtins(place.intake), IntakeState))


class _Tail:
    """One log: how far it was given, and what was read ahead."""

    def __init__(self, log: Log, place: Place) -> None:
        self.log = log
        self.position = place.position
        self.known = place.known
        """When the next record was known, or else the last one."""
        self.clock = place.clock
        self.intake = _intake(log, place)
        self.ahead: deque[Record] = deque()
        self.is_awaited = False
        """Whether the next record will be taken: else it tells no time, whoever wrote it."""
        self.seen = place.position
        """The position up to which clocks were looked for."""
        self._ahead_intake = _intake(log, place)
        """Of what was looked at."""

    async def look(self, bus: Bus) -> None:
        """Read to the end of the log: keep what there is room for, and the last clock."""
        while records := await bus.read(self.log, self.seen, AHEAD_RECORDS_MAX):
            room = AHEAD_RECORDS_MAX - len(self.ahead)
            if self.position + len(self.ahead) == self.seen:
                self._add(records[:room])
            intake = self._ahead_intake
            for position, record in enumerate(records, self.seen):
                if not intake.expects(record):
                    deque(intake.take(position, record), maxlen=0)
            self.clock = max(self.clock, intake.state.clock)
            self.seen += len(records)

    async def refill(self, bus: Bus) -> bool:
        """Have the next record at hand; False at the end of what was seen."""
        if not self.ahead and self.position < self.seen:
            limit = min(AHEAD_RECORDS_MAX, self.seen - self.position)
            self._add(await bus.read(self.log, self.position, limit))
        return bool(self.ahead)

    def pop(self) -> Iterable[Record]:
        """The next record, with those that waited for it; none where it is no new one."""
        record = self.ahead.popleft()
        position, self.position = self.position, self.position + 1
        taken = [record]
        if not self.intake.expects(record):
            taken = [each for _, each in self.intake.take(position, record)]
        if self.ahead:
            self._know(self.ahead[0])
        return taken

    def place(self) -> Place:
        """How far it was given."""
        return Place(
            position=self.position, known=self.known, clock=self.clock, intake=self.intake.state
        )

    def _add(self, records: Sequence[Record]) -> None:
        if records and not self.ahead:
            self._know(records[0])
        self.ahead.extend(records)

    def _know(self, record: Record) -> None:
        self.is_awaited = self.intake.awaits(record)
        if not self.is_awaited:
            return
        is_stamped = type(record.message) in STAMPED
        ts = record.message.ts_event if is_stamped else record.ts_known
        self.known = max(self.known, ts)


class Merge:
    """The source of the paper venue's loop, and the keeper of its snapshots.

    A snapshot of the loop and the places on the logs that it rests on are kept as one.
    """

    def __init__(
        self,
        bus: Bus,
        snapshots: Snapshots,
        account: str,
        instruments: Sequence[str],
        *,
        waits_for_all: bool = False,
    ) -> None:
        """`waits_for_all` says that nothing is given before all of these have begun."""
        self.account_log = Log("paper", account)
        self._bus = bus
        self._waits_for_all = waits_for_all
        self._writer = Writer(producer=f"merge/{account}", epoch=0, build="")
        self._logs = [self.account_log, *(Log("market", each) for each in instruments)]
        self._snapshots = Cursors(snapshots, list[Place], self._fits)
        self._begin(0, self._first())

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:  # noqa: ARG002 # it is one input
        """At most `limit` records from a position on; none while the market tells no later time.

        It goes on where it stopped, or from a snapshot that was loaded, or else from the begin.
        """
        if position != self._position:
            await self._go_to(position)
        return await self._next(limit)

    async def watermark(self) -> Nanos:
        """The time before which all is known, ns UTC; a request that is sent now is stamped with it."""
        for tail in self._tails[1:]:
            await tail.look(self._bus)
        return self._watermark()

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a snapshot of the loop; not while records wait for others, then an older one serves."""
        if position != self._position or self._left:
            return
        if any(tail.intake.is_waiting for tail in self._tails):
            return
        places = [tail.place() for tail in self._tails]
        await self._snapshots.save(name, position, body, (position, places))

    async def load(self, name: str) -> Sequence[bytes]:
        """The snapshots that are kept, the latest first; it goes on from there, not from the begin."""
        found = await self._snapshots.load(name)
        if self._snapshots.latest is not None:
            self._begin(*self._snapshots.latest)
        return found

    # Where it stands

    def _first(self) -> list[Place]:
        return [Place() for _ in self._logs]

    def _fits(self, places: list[Place]) -> bool:
        return len(places) == len(self._logs)

    def _begin(self, position: int, places: list[Place]) -> None:
        self._position = position
        self._tails = [_Tail(log, place) for log, place in zip(self._logs, places, strict=True)]
        self._left: deque[Record] = deque()
        """Taken from their logs, and not given yet."""
        self._given: Nanos = 0
        """When the last record that was given was known."""

    async def _go_to(self, position: int) -> None:
        self._begin(*(self._snapshots.before(position) or (0, self._first())))
        while self._position < position:
            limit = min(AHEAD_RECORDS_MAX, position - self._position)
            if not await self._next(limit):
                raise Broken(
                    f"{self.account_log}: position {position} is asked for, and the logs end at "
                    f"{self._position}; restore them from their archive"
                )

    def _watermark(self) -> Nanos:
        clocks = [tail.clock for tail in self._tails[1:]]
        if self._waits_for_all and not all(clocks):
            return 0
        return min(filter(None, clocks), default=0)

    # What comes next

    async def _next(self, limit: int) -> list[Record]:
        for tail in self._tails:
            await tail.look(self._bus)
        watermark = self._watermark()
        found: list[Record] = []
        while self._left and len(found) < limit:
            found.append(self._numbered(self._left.popleft()))
        while len(found) < limit:
            first, until = await self._first_tail(watermark)
            if first is None or first.known >= until:
                break
            self._take(first, until, found, limit)
        return found

    async def _first_tail(self, watermark: Nanos) -> tuple[_Tail | None, Nanos]:
        # The log that is next, of equal ones the first, and the time from which on it is not.
        first, until = None, watermark
        for tail in self._tails:
            if not tail.ahead and not await tail.refill(self._bus):
                continue
            if first is None:
                first = tail
            elif tail.known < first.known:
                first, until = tail, min(until, first.known)
            else:
                until = min(until, tail.known + 1)
        return first, until

    def _take(self, tail: _Tail, until: Nanos, found: list[Record], limit: int) -> None:
        is_request = tail.is_awaited and type(tail.ahead[0].message) in REQUESTS
        if is_request and tail.known < self._given:
            raise Broken(
                f"{self.account_log} position {tail.position} is stamped {tail.known}, and what "
                f"was known at {self._given} is given already: stamp a request with the watermark"
            )
        while tail.ahead and tail.known < until and len(found) < limit:
            self._given = tail.known
            for record in tail.pop():
                if type(record.message) not in GIVEN:
                    continue
                if len(found) < limit:
                    found.append(self._numbered(record))
                else:
                    self._left.append(record)

    def _numbered(self, record: Record) -> Record:
        position, self._position = self._position, self._position + 1
        return Record(
            message=record.message,
            writer=self._writer,
            seq=position,
            ts_known=record.ts_known,
            ts_origin=record.ts_origin,
            trace=record.trace,
        )
