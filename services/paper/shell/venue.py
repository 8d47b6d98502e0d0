"""The paper venue as others know it: the order port over its log."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from marea.bus.port import Bus
from marea.domain.instrument import assets_of, venue_of
from marea.domain.ledger import ASSET_SCALE, fill_of, settle
from marea.messages.envelope import Log, Message, Nanos
from marea.messages.ids import derived_id
from marea.messages.orders import SIGNED_OFF, AccountReported, VenueReport
from marea.messages.paper import AccountOpened, CancelOrder, ExecutionReport, PlaceOrder
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
    ) -> None:
        self._loop = loop
        self._merge = merge
        self._log = merge.account_log
        self._portfolio = portfolio
        self._bus = bus
        self._requests = _Requests()
        self._account = _Account()
        self._next = (0, 0)
        """A report's number, and a position on the log that it stands at or after."""

    @property
    def arrives_within_ns(self) -> Nanos:
        """0: what was sent stands on the log, and a look-up reads it there."""
        return 0

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
        number, position = self._next if self._next[0] == after + 1 else (0, 0)
        found: list[VenueReport] = []
        while records := await self._bus.read(self._log, position, READ_RECORDS_MAX):
            for record in records:
                report = record.message
                if isinstance(report, ExecutionReport) and report.number == number:
                    if report.ts_arrives > until:
                        self._next = (number, position)
                        return found
                    number += 1
                    if report.number > after:
                        found.append(self._told(report))
                position += 1
        self._next = (number, position)
        return found

    async def account(self) -> AccountReported:
        """What has been reported until now: an answer that left when the last report did."""
        now = await self._merge.watermark()
        account = self._account
        while records := await self._bus.read(self._log, account.position, READ_RECORDS_MAX):
            for record in records:
                message = record.message
                if isinstance(message, ExecutionReport) and message.ts_arrives > now:
                    return self._account_at(now)
                account.take(message)
                account.position += 1
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
        requests = self._requests
        while records := await self._bus.read(self._log, requests.position, READ_RECORDS_MAX):
            for record in records:
                requests.take(record.message)
            requests.position += len(records)


class _Requests:
    """What was sent."""

    def __init__(self) -> None:
        self.position = 0
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
        self.position = 0
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
