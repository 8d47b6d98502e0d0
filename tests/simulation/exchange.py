"""The venue of a simulated world: the real paper venue, on a wire that can't be trusted.

The venue has a market and logs of its own, which nothing of ours can disturb. What reaches it, and
what comes back, goes over a `VenueLine`: late, never, silently, twice, as of a while ago.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as changed

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.ids import market_id
from marea.messages.orders import AccountReported, VenueReport
from marea.messages.paper import CancelOrder, ExecutionReport, PlaceOrder
from marea.messages.system import Clock, ClockOffset
from marea.runtime.core import Core
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from services.paper.config import PaperConfig
from services.paper.core import PaperState
from services.paper.core.admission import LATE_NS_MAX as SIGNED_NS_MAX
from services.paper.main import paper_loop
from services.paper.shell.merge import Merge
from services.paper.shell.venue import PaperVenue
from tests.simulation.cluster import Host
from tests.simulation.faults import SECOND, Faults
from tests.simulation.market import INSTRUMENTS
from tests.simulation.schedule import Schedule

LATE_NS_MAX: Nanos = 4 * SECOND
SLOW_NS_MAX: Nanos = 20 * SECOND
REPORT_NS_MAX = STALE_NS_MAX = 5 * SECOND
LIMITED_NS_MAX: Nanos = 10 * SECOND
AWAY_NS_MAX: Nanos = 20 * SECOND
REPEATED_MAX = 5


class Exchange:
    """The venue itself: its market, its engine, one account."""

    def __init__(self, config: PaperConfig, balances: dict[str, int], faults: Faults) -> None:
        self.bus = MemoryBus()
        self.sent: list[tuple[Nanos, PlaceOrder | CancelOrder]] = []
        """All that arrived, and when."""
        self.clocks: dict[str, list[Record]] = {each.id: [] for each in INSTRUMENTS}
        """What its engine told the time with, besides what we heard."""
        self._config = config
        self._balances = balances
        self._faults = faults
        self._writers = {
            each.id: Writer(producer=f"engine/{each.id}", epoch=0, build="") for each in INSTRUMENTS
        }
        self._clock_writers = {
            name: Writer(producer=f"engine/{name}", epoch=-1, build="") for name in self._writers
        }
        self._seqs = dict.fromkeys(self._writers, 0)
        self._begin()

    def _begin(self) -> None:
        # Nothing of the venue outlives a start but its logs.
        snapshots = MemorySnapshots()
        self._merge = Merge(self.bus, snapshots, self._config.account, list(self._writers))
        ports = Ports(source=self.bus, bus=self.bus, snapshots=snapshots)
        self._loop = paper_loop(self._config, self._merge, ports, "venue", 1 << 62)
        Loop.__init__(
            self._loop, self._own_core(self._loop.core), self._loop.wiring, self._loop.ports
        )
        self.venue = PaperVenue(self._loop, self._merge, self.bus, self._config.account)

    def _own_core(self, core: Core[PaperState]) -> Core[PaperState]:
        # A venue of this seed: one that refuses some orders, one that forgets the ids of others.
        faults = self._faults

        def apply(state: PaperState, event: Any) -> None:  # as the core's own
            core.apply(state, event)
            is_report = isinstance(event, ExecutionReport)
            if (
                is_report
                and event.client_order_id not in state.orders
                and faults.strikes("ids_forgotten", "venue", event.ts_event)
            ):
                state.ordered.pop(event.client_order_id, None)

        return replace(core, apply=apply)

    async def open(self) -> None:
        """Begin, with an account that holds the balances."""
        await self._loop.start()
        await self.venue.open_account(self._balances)

    async def hear_market(self, records: Sequence[Record]) -> None:
        """Take what the market did, and match what it makes possible."""
        for record in records:
            message = record.message
            name = message.stream if isinstance(message, Clock | ClockOffset) else _name(message)
            if name not in self._writers:
                continue
            await self._tell(name, message, record.ts_known)
        await self._catch_up()

    async def _tell(self, name: str, message: Message, ts: Nanos) -> Record:
        record = Record(
            message=message,
            writer=self._writers[name],
            seq=self._seqs[name],
            ts_known=ts,
            ts_origin=ts,
        )
        self._seqs[name] += 1
        await self.bus.append(Log("market", name), [record])
        return record

    async def _tell_time(self, now: Nanos) -> None:
        # The venue's own clock goes on between two frames.
        for name in self._writers:
            clock = Clock(id=market_id(name, "engine", now), ts_event=now, stream=name)
            told = await self._tell(name, clock, now)
            clocks = self.clocks[name]
            clocks.append(changed(told, writer=self._clock_writers[name], seq=len(clocks)))

    async def take(self, request: PlaceOrder | CancelOrder, now: Nanos) -> None:
        """A request arrives."""
        self.sent.append((now, request))
        await self._tell_time(now)
        await self.venue.send(request)
        await self._catch_up()

    async def pass_time(self, now: Nanos) -> None:
        """Let what is on its way arrive, though the market says nothing."""
        state = self._loop.state
        if state.on_way or state.arrived or state.orders:
            await self._tell_time(now)
            await self._catch_up()

    async def _catch_up(self) -> None:
        while await self._loop.step():
            pass

    @property
    def log(self) -> Log:
        """Where all stands that the account asked for and was told."""
        return self._merge.account_log


def _name(message: Message) -> str:
    return getattr(message, "instrument", "")


class VenueLine:
    """Execution's way to the venue; one for each of its lives."""

    def __init__(
        self,
        exchange: Exchange,
        host: Host,
        trouble: "VenueTrouble",
        on_send: Callable[[PlaceOrder | CancelOrder], None],
    ) -> None:
        """`on_send` sees each request as it leaves."""
        self._exchange = exchange
        self._on_send = on_send
        self._host = host
        self._trouble = trouble
        self._seen: list[tuple[Nanos, AccountReported]] = []

    @property
    def arrives_within_ns(self) -> Nanos:
        """How long after its signing a request may become an order that no look-up shows yet."""
        return SIGNED_NS_MAX + SECOND + STALE_NS_MAX

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        """Send, if nothing happens to it."""
        host = self._host
        host.works_on = type(request).__name__
        self._on_send(request)
        await self._begin()
        delay = 0
        if isinstance(request, PlaceOrder):
            if host.strikes("send_lost"):
                await host.sleep(10 * SECOND)
                raise Unavailable("no answer in time")
            if silent := host.strikes("send_silent"):
                self._post(request, int(host.faults.size(silent) * LATE_NS_MAX))
                await host.sleep(int(host.faults.size(silent, "wait") * 10 * SECOND))
                raise Unavailable("no answer in time")
            if late := host.strikes("venue_rejects"):
                delay = SIGNED_NS_MAX + SECOND + int(host.faults.size(late) * SLOW_NS_MAX)
        else:
            late = host.strikes("cancel_late")
            delay = int(host.faults.size(late) * LATE_NS_MAX) if late else 0
        if delay:
            self._post(request, delay)
        else:
            await self._exchange.take(request, host.schedule.now)
        if slow := host.strikes("send_slow"):
            await host.sleep(int(host.faults.size(slow) * SLOW_NS_MAX))
        host.after()

    async def look_up(self, client_order_id: str) -> bool:
        """What the venue had of it, perhaps a while ago."""
        host = self._host
        host.works_on = "LookUpOrder"
        await self._begin()
        asked = host.schedule.now
        if stale := host.strikes("query_stale"):
            asked -= int(host.faults.size(stale) * STALE_NS_MAX)
            sent = self._exchange.sent
            return any(at <= asked and _concerns(each, client_order_id) for at, each in sent)
        return await self._exchange.venue.look_up(client_order_id)

    async def reports(self, after: int, until: Nanos) -> Sequence[VenueReport]:  # noqa: ARG002 # the world knows the time
        """What has come by now, in order, and perhaps again."""
        host = self._host
        await self._begin()
        if host.strikes("report_twice"):
            after = max(-1, after - REPEATED_MAX)
        found = await self._exchange.venue.reports(after, host.schedule.now)
        return self._trouble.arrived(found, host)

    async def account(self) -> AccountReported:
        """What the account holds, perhaps a while ago, or nothing at all."""
        host = self._host
        host.works_on = "ReportAccount"
        await self._begin()
        answer = await self._exchange.venue.account()
        self._seen.append((host.schedule.now, answer))
        if stale := host.strikes("query_stale"):
            until = host.schedule.now - int(host.faults.size(stale) * STALE_NS_MAX)
            answer = next((each for at, each in reversed(self._seen) if at <= until), answer)
        if host.strikes("list_empty"):
            answer = changed(answer, balances={}, open_orders=())
        return answer

    async def _begin(self) -> None:
        await self._host.before()
        await self._trouble.answer(self._host)

    def _post(self, request: PlaceOrder | CancelOrder, after_ns: Nanos) -> None:
        schedule = self._host.schedule

        async def deliver() -> None:
            await self._exchange.take(request, schedule.now)

        schedule.spawn("post", deliver(), after_ns)


class VenueTrouble:
    """What is wrong with the venue and its wire just now, whoever asks."""

    def __init__(self, schedule: Schedule, faults: Faults) -> None:
        self._schedule = schedule
        self._faults = faults
        self._silent_until: Nanos = 0
        self._arrives: dict[int, Nanos] = {}
        """By a late report's number, when it arrives."""

    async def answer(self, host: Host) -> None:
        """Let a call through, unless the venue refuses to talk."""
        now = self._schedule.now
        for kind, longest in (("venue_limits", LIMITED_NS_MAX), ("venue_away", AWAY_NS_MAX)):
            if fault := host.strikes(kind):
                self._silent_until = now + int(self._faults.size(fault) * longest)
        if now < self._silent_until and not self._faults.is_over:
            raise Unavailable("the venue takes no requests now")

    def arrived(self, reports: Sequence[VenueReport], host: Host) -> list[VenueReport]:
        """Those that are there: each is on a way of its own, and comes when it comes."""
        found: list[VenueReport] = []
        for report in reports:
            if report.number not in self._arrives:
                late = host.strikes("report_late")
                delay = int(self._faults.size(late) * REPORT_NS_MAX) if late else 0
                self._arrives[report.number] = self._schedule.now + delay
            if self._arrives[report.number] <= self._schedule.now:
                found.append(report)
        return sorted(found, key=lambda each: (self._arrives[each.number], each.number))


def _concerns(request: PlaceOrder | CancelOrder, client_order_id: str) -> bool:
    return isinstance(request, PlaceOrder) and client_order_id in (
        request.client_order_id,
        request.stop_order_id,
        request.target_order_id,
    )
