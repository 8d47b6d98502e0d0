"""One trial: an approved decision, carried out while all that may go wrong goes wrong.

The loop, the core and the shell are execution's own; logs, snapshots, hosts and the way to the
venue are those of a world that loses, delays, kills and pauses by seed. Then the faults end, and a
minute later the venue's book is held against what execution believes and has told.
"""

from collections.abc import Coroutine, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from marea.errors import MareaError
from marea.messages.envelope import Message, Nanos, Record, Writer
from marea.messages.market import Price
from marea.messages.orders import ApprovalRefused, OrderCompleted
from marea.runtime.intake import Intake
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from services.execution.config import ExecutionConfig
from services.execution.core import ExecutionState, carrying
from services.execution.core.life import UNSETTLED
from services.execution.main import execution_loop
from services.execution.shell.venue import Shell, arrivals_of, effects_of
from tests.simulation.cluster import Cluster, Crashed, Host, Line, Store
from tests.simulation.faults import MS, SECOND, Fault, Faults
from tests.simulation.protocol.ground import (
    ASK_PRICE,
    BEGIN,
    BID_PRICE,
    BUILD,
    QTY,
    decision,
    ground,
)
from tests.simulation.protocol.steps import EXECUTION, TRADING, Life, Variant, answered
from tests.simulation.protocol.venue import INSTRUMENT, Book, WayToVenue
from tests.simulation.schedule import Schedule, Task, outcome_of

SETTLING_NS: Nanos = 60 * SECOND
HEALING_NS: Nanos = 20 * SECOND
"""So long after the faults the last life of execution has begun: late appends end lives too."""
POLL_NS: Nanos = SECOND
"""While an order works, its reports are asked for so often."""
IDLE_NS: Nanos = 20 * SECOND
DRIFT_NS_MAX: Nanos = 200 * MS
RECORDS_MAX = 1_000
"""On a log that is longer something goes on for ever; a trial writes about a hundred."""
CONFIG = ExecutionConfig(
    portfolio="main",
    passive_ns=2 * SECOND,
    late_ns_max=3 * SECOND,
    unknown_ns_max=60 * SECOND,
    reconcile_ns=30 * SECOND,
    collar_e8=2_000_000,
)

SHARES = {
    "crash_before": 0.03,
    "crash_after": 0.03,
    "pause": 0.03,
    "zombie": 0.03,
    "partition": 0.01,
    "power_cut": 0.1,
    "clock_drift": 1.0,
    "old_snapshot": 0.3,
    "torn_snapshot": 0.2,
    "snapshot_lost": 0.2,
    "append_lost": 0.02,
    "append_unknown": 0.02,
    "append_late": 0.02,
    "append_twice": 0.05,
    "append_slow": 0.03,
    "read_slow": 0.02,
    "read_short": 0.1,
    "request_lost": 0.4,
    "request_late": 0.4,
    "answer_lost": 0.4,
    "answer_late": 0.3,
    "query_lost": 0.4,
    "query_late": 0.2,
    "query_stale": 0.5,
    "report_late": 0.4,
    "report_twice": 0.3,
}
"""Of its chances, how many a kind of fault strikes at most; a seed draws its share below that."""
ALONE_SHARE = 0.3
"""Of the trials, those in one process with its log on its own disk; the others' log is elsewhere."""
QUIET_SHARE = 0.3
"""Of the kinds, those that a seed leaves out."""


class HarshFaults(Faults):
    """The faults of one trial: fewer kinds than in the whole world, and far more of each."""

    def __init__(self, seed: int, only: Set[Fault] | None = None) -> None:
        super().__init__(seed, only)
        draw = Random(f"{seed}/harsh")
        self.shares = dict.fromkeys(self.shares, 0.0)
        for kind, share_max in SHARES.items():
            is_quiet, share = draw.random() < QUIET_SHARE, draw.random()
            self.shares[kind] = 0.0 if is_quiet else share * share_max


class EndingSchedule(Schedule):
    """A schedule that can be broken off: what has not happened by then never does."""

    def __init__(self, begin: Nanos) -> None:
        super().__init__(begin)
        self._tasks: list[Task] = []

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, None], after_ns: Nanos = 0) -> Task:
        """Begin a task, and remember it."""
        task = super().spawn(name, coroutine, after_ns)
        self._tasks.append(task)
        return task

    def end(self) -> None:
        """End every task."""
        for task in self._tasks:
            task.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a trial came out, by the venue's own book."""

    is_doubled: bool
    """An id has two orders at the venue, or more was filled than approved."""
    is_lost: bool
    """What execution holds or told is not what the venue did."""
    is_unsettled: bool
    """Long after the faults, execution still waits, or no longer runs."""
    is_ordered: bool
    """The venue took an order at all."""
    is_sent_again: bool
    """An order was intended more than once."""


class Trial:
    """One decision, and the world of one seed."""

    def __init__(self, seed: int, variant: Variant, only: Set[Fault] | None = None) -> None:
        draw = Random(f"{seed}/trial")
        self.schedule = EndingSchedule(BEGIN)
        self.faults = HarshFaults(seed, only)
        self.faults.ends_at = BEGIN + draw.randrange(20, 46) * SECOND
        self.cluster = Cluster(self.schedule)
        self.book = Book(
            self.schedule, self.faults, keeps_ids=variant.keeps_ids, window_ns=variant.window_ns
        )
        self.loop: Loop[ExecutionState] | None = None
        """The newest life's."""
        self.ends: list[tuple[Nanos, str]] = []
        """Of lives, when and why."""
        self._variant = variant
        self._is_alone = draw.random() < ALONE_SHARE
        self._timeout_ns = draw.choice((500 * MS, SECOND, 3 * SECOND, 10 * SECOND))
        self._restart_ns = draw.choice((100 * MS, 300 * MS, 2 * SECOND))
        self._snapshot_ns = draw.choice((SECOND, 5 * SECOND, SETTLING_NS))
        self._ts_decision = BEGIN + draw.randrange(200, 2_000) * MS
        self._ts_expiry = self._ts_decision + draw.choice((5, 20, 40, 60)) * SECOND
        self._host: Host | None = None
        self._lives = 0
        self._tasks: list[Task] = []

    def play(self) -> Outcome:
        """From the decision to what became of it."""
        with _attempts(self._variant.attempts_max):
            outcome_of(self._tell(BEGIN, *ground()))
            self._begin(0)
            self.schedule.spawn("risk", self._approve())
            if self._is_alone:
                self.schedule.spawn("power", self._cut_power())
            self.schedule.run(self.faults.ends_at)
            self.faults.is_over = True
            self.schedule.run(max(self.faults.ends_at, self._ts_expiry) + SETTLING_NS)
            self.schedule.end()
        return self._outcome()

    async def _approve(self) -> None:
        await self.schedule.sleep(self._ts_decision - self.schedule.now)
        await self._tell(self._ts_decision, decision(self._ts_decision, self._ts_expiry))

    async def _tell(self, ts: Nanos, *messages: Message) -> None:
        # What risk says; it is safe.
        first = -1 if self.cluster.end_of(TRADING) == 0 else len(ground()) - 1
        writer = Writer(producer="risk/main", epoch=0, build=BUILD, input_log=TRADING)
        records = [
            Record(
                message=message, writer=writer, seq=max(0, first + place), ts_known=ts, ts_origin=ts
            )
            for place, message in enumerate(messages)
        ]
        await self.cluster.append(TRADING, records)
        await self.cluster.flush()

    async def _cut_power(self) -> None:
        while not self.faults.is_over:
            await self.schedule.sleep(SECOND)
            if cut := self.faults.strikes("power_cut", "all", self.schedule.now):
                for task in self._tasks:
                    task.end()
                self.cluster.cut_power(self.faults.size(cut))
                self.ends.append((self.schedule.now, "power cut"))
                self._begin(self._restart_ns)

    # The lives of execution

    def _begin(self, after_ns: Nanos) -> None:
        self._lives += 1
        host = self._host = Host(EXECUTION, self.schedule, self.faults, is_alone=self._is_alone)
        host.on_zombie = lambda: self._replace(host)
        task = self.schedule.spawn(EXECUTION, self._live(host, self._lives), after_ns)
        self._tasks = [*(each for each in self._tasks if not each.is_over), task]

    def _replace(self, host: Host) -> None:
        if host is self._host:  # one that was replaced is not begun anew
            self._begin(self._restart_ns)

    async def _live(self, host: Host, number: int) -> None:
        try:
            loop = self._made(host)
            await loop.start(str(number))
            if host is self._host:
                self.loop = loop
            while self.cluster.end_of(TRADING) < RECORDS_MAX:
                if not await loop.step():
                    await self.schedule.news(TRADING, self._wait_ns(loop))
        except Crashed:
            self._ended(host, "crashed")
        except MareaError as err:
            self._ended(host, f"{type(err).__name__}: {err}")

    def _ended(self, host: Host, why: str) -> None:
        self.ends.append((self.schedule.now, why))
        self._replace(host)

    def _wait_ns(self, loop: Loop[ExecutionState]) -> Nanos:
        wait_ns = POLL_NS if loop.state.orders else IDLE_NS
        deadline = loop.core.next_deadline(loop.state) if loop.core.next_deadline else None
        if deadline is not None and deadline > loop.now:
            assert loop.ports.venue_time is not None
            wait_ns = min(wait_ns, deadline - loop.ports.venue_time())
        return max(wait_ns, MS)

    def _made(self, host: Host) -> Loop[ExecutionState]:
        line = Line(self.cluster, host)
        drift = self.faults.strikes("clock_drift", "execution", self.schedule.now)
        drift_ns = int((2 * self.faults.size(drift) - 1) * DRIFT_NS_MAX) if drift else 0
        life = Life(
            host=host,
            cluster=self.cluster,
            config=CONFIG,
            venue=WayToVenue(self.book, host, self._timeout_ns),
            venue_time=lambda: self.schedule.now + drift_ns,
            flush=line.flush,
        )
        for remove in self._variant.removed:
            remove(life)
        shell = Shell(
            config=life.config,
            venue=life.venue,
            flush=life.flush,
            venue_time=life.venue_time,
            top=_top,
        )
        ports = Ports(
            source=line,
            bus=line,
            snapshots=Store(self.cluster, host),
            effects=answered(life, effects_of(shell)),
            venue_time=life.venue_time,
            arrivals=arrivals_of(life.venue),
            may_act=_may,
        )
        loop = execution_loop(life.config, ports, BUILD, self._snapshot_ns)
        life.loop = loop if life.make is Loop else life.make(loop.core, loop.wiring, loop.ports)
        return life.loop

    # The outcome

    def _outcome(self) -> Outcome:
        names = [order.request.client_order_id for order in self.book.orders]
        filled = 0
        for order in self.book.orders:
            filled += order.filled_qty
        told, intents = self._told()
        is_told = all(each == filled for each in told)
        return Outcome(
            is_doubled=len(set(names)) < len(names) or filled > QTY,
            is_lost=not is_told or not self._knows(filled),
            is_unsettled=not told or not self._is_settled(),
            is_ordered=bool(names),
            is_sent_again=intents,
        )

    def _told(self) -> tuple[list[int], bool]:
        # What was told of the approval, by those records of the log that its readers take.
        told: list[int] = []
        is_sent_again = False
        intake = Intake(TRADING)
        for position, record in enumerate(self.cluster.records_of(TRADING)):
            for _, taken in (
                [(0, record)] if intake.expects(record) else intake.take(position, record)
            ):
                message = taken.message
                if isinstance(message, OrderCompleted):
                    told.append(message.filled_qty)
                elif isinstance(message, ApprovalRefused):
                    told.append(0)
                is_sent_again |= getattr(message, "attempt", 1) > 1
        return told, is_sent_again

    def _knows(self, filled: int) -> bool:
        if self.loop is None:
            return not self.book.orders
        state = self.loop.state
        position = state.positions.get(INSTRUMENT)
        held = position.net_qty if position else 0
        works = {each.request.client_order_id for each in self.book.orders if each.is_open}
        return held == filled * 10**3 and works <= set(state.orders)

    def _is_settled(self) -> bool:
        if self.loop is None or self.loop.is_recovering:
            return False
        if self.cluster.end_of(TRADING) >= RECORDS_MAX:
            return False
        if self.ends and self.ends[-1][0] > self.faults.ends_at + HEALING_NS:
            return False
        state = self.loop.state
        is_quiet = all(order.status not in UNSETTLED for order in state.orders.values())
        return is_quiet and state.report_number == len(self.book.reports) - 1


@contextmanager
def _attempts(count: int) -> Iterator[None]:
    constants = vars(carrying)
    kept = constants["ATTEMPTS_MAX"]
    constants["ATTEMPTS_MAX"] = count
    try:
        yield
    finally:
        constants["ATTEMPTS_MAX"] = kept


def _may() -> None:
    # No lease: the log and the venue's window are all that stands between two lives.
    pass


def _top(_: str) -> tuple[Price, Price]:
    return BID_PRICE, ASK_PRICE
