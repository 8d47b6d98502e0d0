"""The paper venue as others know it: the order port over its log."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from marea.bus.port import Bus
from marea.domain.instrument import assets_of, venue_of
from marea.domain.ledger import ASSET_SCALE, fill_of, settle
from marea.messages.envelope import Log, Message, Nanos
from marea.messages.ids import derived_id
from marea.messages.orders import SIGNED_OFF, AccountReported, VenueReport
from marea.messages.paper import AccountOpened, CancelOrder, ExecutionReport, PlaceOrder
from marea.runtime.intake import Intake
from marea.runtime.loop import Loop
from services.paper.core import SERVICE, PaperState
from services.paper.core.state import IDS_KEPT_MAX
from services.paper.shell.merge import Merge
from services.paper.shell.reports import as_venue_report

READ_RECORDS_MAX = 1_000
REQUESTS_KEPT_MAX = 2 * IDS_KEPT_MAX
"""The venue itself remembers no more of them; of orders before that nobody asks any more."""


class PaperVenue:
    """One virtual account, seen by a portfolio.

    It keeps nothing that does not stand on the log: what it remembers of that, it could read again.
    """

    def __init__(
        self,
        loop: Loop[PaperState],
        merge: Merge,
        bus: Bus,
        portfolio: str,
        venue_time: Callable[[], Nanos] = lambda: 0,
    ) -> None:
        """`venue_time` goes on where the market stands still; without it its time is the market's."""
        self._loop = loop
        self._merge = merge
        self._log = merge.account_log
        self._portfolio = portfolio
        self._bus = bus
        self._venue_time = venue_time
        self._requests, self._sent = _Requests(), _Taken(bus, self._log)
        self._account, self._settled = _Account(), _Taken(bus, self._log)
        self._next, self._reported = 0, _Taken(bus, self._log)
        """A report's number, and the messages of which it is one."""

    @property
    def arrives_within_ns(self) -> Nanos:
        """0: what was sent stands on the log, and a look-up reads it there."""
        return 0

    async def now(self) -> Nanos:
        """The time by which answers have arrived, ns UTC."""
        return max(await self._merge.watermark(), self._venue_time())

    async def open_account(self, balances: Mapping[str, int]) -> None:
        """Begin the account with these balances at `ASSET_SCALE`, unless it has begun."""
        await self._read_requests()
        if self._requests.is_open:
            return
        opened = AccountOpened(
            id=derived_id(SERVICE, self._log, "AccountOpened", "", self._log.partition),
            ts_event=await self._merge.watermark(),
            account=self._log.partition,
            asset_scale=ASSET_SCALE,
            balances=dict(balances),
        )
        await self._loop.bring([opened])

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        """Put the request on its way; a copy of one that was sent already says nothing.

        It leaves at the venue time of this moment, and keeps the one it was signed with.
        """
        kind = type(request).__name__
        told = f"{request.client_order_id}:{request.ts_sign}"
        name = derived_id(SERVICE, self._log, kind, "", told)
        await self._read_requests()
        if name in self._requests.sent:
            return
        ts = await self._merge.watermark()
        await self._loop.bring([replace(request, id=name, ts_event=ts)])

    async def look_up(self, client_order_id: str) -> bool:
        """Whether the venue has the order, or had it, or a request of it is on its way.

        One that it rejected was there too: who asks may not have been told so yet. A request that
        came too long after its signing was never an order.
        """
        await self._read_requests()
        return client_order_id in self._requests.standing

    async def reports(self, after: int, until: Nanos) -> Sequence[VenueReport]:
        """The reports with a number above `after` that have arrived by `until`, by number."""
        if self._next != after + 1:
            self._next, self._reported = 0, _Taken(self._bus, self._log)
        found: list[VenueReport] = []
        while (report := await self._reported.head()) is not None:
            if isinstance(report, ExecutionReport) and report.number == self._next:
                if report.ts_arrives > until:
                    break
                self._next += 1
                if report.number > after:
                    found.append(self._told(report))
            self._reported.pop()
        return found

    async def account(self) -> AccountReported:
        """What has been reported until now: an answer that left when the last report did."""
        now = await self.now()
        while (message := await self._settled.head()) is not None:
            if isinstance(message, ExecutionReport) and message.ts_arrives > now:
                break
            self._account.take(message)
            self._settled.pop()
        return self._account_at(now)

    def _account_at(self, now: Nanos) -> AccountReported:
        account = self._account
        told = f"{self._log.partition}:{account.report_count}:{now}"
        trading = Log("trading", self._portfolio)
        return AccountReported(
            id=derived_id("venue", trading, "AccountReported", "", told),
            ts_event=now,
            portfolio=self._portfolio,
            account=self._log.partition,
            report_offset=account.report_count,
            asset_scale=ASSET_SCALE,
            balances=dict(sorted(account.balances.items())),
            open_orders=tuple(sorted(account.open_orders)),
        )

    def _told(self, report: ExecutionReport) -> VenueReport:
        return as_venue_report(report, self._portfolio, venue_of(report.instrument))

    async def _read_requests(self) -> None:
        while (message := await self._sent.head()) is not None:
            self._requests.take(message)
            self._sent.pop()


class _Taken:
    """What counts on a log, from its begin on, a message at a time."""

    def __init__(self, bus: Bus, log: Log) -> None:
        self._bus = bus
        self._log = log
        self._intake = Intake(log)
        self._position = 0
        self._ahead: deque[Message] = deque()

    async def head(self) -> Message | None:
        """The next one, as long as it isn't popped; None at the end of the log."""
        while not self._ahead:
            records = await self._bus.read(self._log, self._position, READ_RECORDS_MAX)
            if not records:
                return None
            for position, record in enumerate(records, self._position):
                self._ahead += [taken.message for _, taken in self._intake.take(position, record)]
            self._position += len(records)
        return self._ahead[0]

    def pop(self) -> None:
        """Go on to the one after the head."""
        self._ahead.popleft()


class _Requests:
    """What was sent."""

    def __init__(self) -> None:
        self.is_open = False
        self.sent: dict[str, tuple[str, ...]] = {}
        """By a request's id the orders that it asks for, the protective ones with it."""
        self.standing: dict[str, list[str]] = {}
        """By an order's id the requests that it came of, or may yet, or was rejected with."""

    def take(self, message: Message) -> None:
        """Take a message of the account's log."""
        if isinstance(message, AccountOpened):
            self.is_open = True
        elif isinstance(message, CancelOrder):
            self.sent[message.id] = ()
        elif isinstance(message, PlaceOrder):
            protective = filter(None, (message.stop_order_id, message.target_order_id))
            names = self.sent[message.id] = (message.client_order_id, *protective)
            for name in names:
                self.standing.setdefault(name, []).append(message.id)
        elif isinstance(message, ExecutionReport) and message.reason == SIGNED_OFF:
            for oldest in self.standing.get(message.client_order_id, ())[:1]:
                self._forget(oldest)
        if len(self.sent) > REQUESTS_KEPT_MAX:
            oldest = next(iter(self.sent))
            self._forget(oldest)
            del self.sent[oldest]

    def _forget(self, request: str) -> None:
        # Of a request that was refused for its time, or so long ago, nothing stands.
        for name in self.sent[request]:
            left = [each for each in self.standing.get(name, ()) if each != request]
            if left:
                self.standing[name] = left
            else:
                self.standing.pop(name, None)


class _Account:
    """What has been reported of the account."""

    def __init__(self) -> None:
        self.report_count = 0
        self.balances: dict[str, int] = {}
        self.open_orders: set[str] = set()

    def take(self, message: Message) -> None:
        """Take a message of the account's log, a report no second time."""
        if isinstance(message, AccountOpened):
            self.balances = self.balances or dict(message.balances)
        elif isinstance(message, ExecutionReport) and message.number == self.report_count:
            self.report_count += 1
            name = message.client_order_id
            if message.kind == "accepted":
                self.open_orders.add(name)
            elif message.kind == "filled":
                settle(self.balances, fill_of(message, *assets_of(message.instrument)))
            if message.kind == "canceled" or (
                message.kind == "filled" and message.cum_qty == message.qty
            ):
                self.open_orders.discard(name)
