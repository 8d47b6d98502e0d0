"""A venue as lenient as real ones are: a time window, and ids that may be used again.

It refuses on arrival what was signed too long ago, and a client order id only while the former
order of that id is open, as Binance does; so a request that comes twice may become two orders. Its
`Book` is what really happened; a `WayToVenue` is how one life of a process gets there and back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from marea.errors import Unavailable
from marea.messages.envelope import Log, Nanos
from marea.messages.ids import market_id
from marea.messages.orders import (
    DUPLICATE_ID,
    POST_ONLY,
    SIGNED_OFF,
    AccountReported,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    VenueReport,
)
from marea.messages.paper import CancelOrder, PlaceOrder
from tests.simulation.cluster import Host
from tests.simulation.faults import MS, SECOND, Faults
from tests.simulation.schedule import Schedule

WINDOW_NS: Nanos = 5 * SECOND
AHEAD_NS: Nanos = SECOND
LATENCY_NS: Nanos = 20 * MS
LATE_NS_MAX: Nanos = 20 * SECOND
STALE_NS_MAX: Nanos = 5 * SECOND
REPEATED_MAX = 5
ACCOUNT = "main"
INSTRUMENT = "BTC-USDT.SIM"
BALANCE = 10_000 * 10**8
"""Of the quote asset, at the begin."""
ASSET_SCALE = 8
UNITS_OF_NOTIONAL = 10
"""A price has 2 places and a quantity 5: one less than a balance."""
Fills = Sequence[tuple[Nanos, float]]
"""Of an order: how long after its arrival, or the fill before, which share of what is left."""


@dataclass(slots=True)
class Booked:
    """An order that the venue took."""

    request: PlaceOrder
    ts: Nanos
    number: int
    filled_qty: int = 0
    is_open: bool = True


class Book:
    """What arrived at the venue, and what became of it."""

    def __init__(
        self, schedule: Schedule, faults: Faults, *, keeps_ids: bool, window_ns: Nanos
    ) -> None:
        self.orders: list[Booked] = []
        """All that it took."""
        self.arrived: list[tuple[Nanos, PlaceOrder | CancelOrder]] = []
        self.known: list[tuple[Nanos, str]] = []
        """What a look-up finds, and from when on: orders, and those refused but for their time."""
        self.reports: list[tuple[Nanos, VenueReport]] = []
        """By their numbers, each with the time at which it reaches us."""
        self.accounts: list[tuple[Nanos, AccountReported]] = []
        self._schedule = schedule
        self._faults = faults
        self._keeps_ids = keeps_ids
        self._window_ns = window_ns
        self._quote = BALANCE
        self._draw = Random(f"{faults.seed}/book")
        self._note_account()

    def take(self, request: PlaceOrder | CancelOrder) -> None:
        """A request arrives."""
        now = self._schedule.now
        self.arrived.append((now, request))
        if isinstance(request, CancelOrder):
            self._cancel(request)
            return
        fills = self._fills(request)
        reason = self._refusal(request, now, is_taking=fills is None)
        if reason != SIGNED_OFF:
            self.known.append((now, request.client_order_id))
        if reason:
            self._report(OrderRejected, request, reason=reason)
            return
        assert fills is not None
        order = Booked(request, now, len(self.orders))
        self.orders.append(order)
        self._report(OrderAccepted, request, venue_order_id=str(order.number), **_in_force(order))
        self._schedule.spawn("fills", self._fill(order, fills))
        if not fills[0][0]:
            self._match(order, fills[0][1])

    def _refusal(self, request: PlaceOrder, now: Nanos, *, is_taking: bool) -> str:
        if not now - self._window_ns <= request.ts_sign <= now + AHEAD_NS:
            return SIGNED_OFF
        for order in self.orders:
            is_same = order.request.client_order_id == request.client_order_id
            if is_same and (order.is_open or self._keeps_ids):
                return DUPLICATE_ID
        return POST_ONLY if is_taking else ""

    def _fills(self, request: PlaceOrder) -> Fills | None:
        # None: it would take although it was only to rest.
        kind, wait = self._draw.random(), int(self._draw.random() * 3 * SECOND)
        if request.post_only and kind < 0.1:
            return None
        if kind < (0.4 if request.post_only else 0.7):
            return [(0, 1.0)]
        if kind < 0.8:
            return [(wait + 1, 1.0)]
        if kind < 0.9:
            return [(0, 0.4), (wait, 1.0)]
        return [(wait + 1, 0.3)]

    async def _fill(self, order: Booked, fills: Fills) -> None:
        for after_ns, share in fills:
            if after_ns:
                await self._schedule.sleep(after_ns)
                self._match(order, share)

    def _match(self, order: Booked, share: float) -> None:
        if not order.is_open:
            return
        request = order.request
        left = request.qty - order.filled_qty
        qty = max(1, int(left * share))
        order.filled_qty += qty
        order.is_open = qty < left
        self._quote -= qty * request.price * UNITS_OF_NOTIONAL
        self._report(
            OrderFilled,
            request,
            venue="SIM",
            account=ACCOUNT,
            venue_order_id=str(order.number),
            trade_id=str(len(self.reports)),
            side=request.side,
            liquidity="maker" if request.post_only else "taker",
            price_scale=request.price_scale,
            qty_scale=request.qty_scale,
            last_qty=qty,
            last_price=request.price,
            cum_qty=order.filled_qty,
            leaves_qty=left - qty,
            asset_scale=ASSET_SCALE,
            commission=0,
            commission_asset="USDT",
        )

    def _cancel(self, request: CancelOrder) -> None:
        named = [each for each in self.orders if _name(each.request) == _name(request)]
        for order in named:
            if order.is_open:
                order.is_open = False
                self._report(OrderCanceled, request, reason="requested")
                return
        self._report(CancelRejected, request, reason="ENDED" if named else "UNKNOWN_ORDER")

    def _report(
        self, kind: type[VenueReport], request: PlaceOrder | CancelOrder, **told: Any
    ) -> None:
        number, now = len(self.reports), self._schedule.now
        late = self._faults.strikes("report_late", "venue", now)
        way_ns = int(self._faults.size(late) * LATE_NS_MAX) if late else LATENCY_NS
        report = kind(
            id=market_id(INSTRUMENT, "report", number),
            ts_event=now,
            portfolio="main",
            instrument=request.instrument,
            client_order_id=request.client_order_id,
            number=number,
            **told,
        )
        self.reports.append((now + way_ns, report))
        self._schedule.spawn("report", self._announce(), way_ns)
        self._note_account()

    async def _announce(self) -> None:
        self._schedule.tell(Log("trading", "main"), 0)

    def _note_account(self) -> None:
        filled = 0
        for order in self.orders:
            filled += order.filled_qty
        balances = {"BTC": filled * 10**3, "USDT": self._quote} if filled else {"USDT": BALANCE}
        works = (_name(order.request) for order in self.orders if order.is_open)
        reported = AccountReported(
            portfolio="main",
            account=ACCOUNT,
            report_offset=len(self.reports),
            asset_scale=ASSET_SCALE,
            balances=balances,
            open_orders=tuple(sorted(works)),
        )
        self.accounts.append((self._schedule.now, reported))


def _name(request: PlaceOrder | CancelOrder) -> str:
    return request.client_order_id


def _in_force(order: Booked) -> dict[str, Any]:
    return {"qty_scale": order.request.qty_scale, "qty": order.request.qty}


class WayToVenue:
    """A life's way to the venue, on which requests and answers are lost, late and stale."""

    def __init__(self, book: Book, host: Host, timeout_ns: Nanos) -> None:
        self._book = book
        self._host = host
        self._timeout_ns = timeout_ns
        """How long an answer is waited for."""

    @property
    def arrives_within_ns(self) -> Nanos:
        """How long after its signing a request may become an order that no look-up shows yet."""
        return WINDOW_NS + AHEAD_NS + STALE_NS_MAX

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        """Send, if nothing happens to it; the answer says that it arrived, and no more."""
        host, schedule = self._host, self._host.schedule
        host.works_on = type(request).__name__
        await host.before()
        way_ns = self._way("request_late")
        is_lost = host.strikes("request_lost")
        if not is_lost:
            schedule.spawn("request", self._deliver(request), way_ns)
        await self._answer(way_ns, is_lost=is_lost is not None)

    async def look_up(self, client_order_id: str) -> bool:
        """Whether it arrived, as of a while ago."""
        until = await self._asked("LookUpOrder")
        return any(at <= until and name == client_order_id for at, name in self._book.known)

    async def reports(self, after: int, until: Nanos) -> Sequence[VenueReport]:  # noqa: ARG002 # the schedule knows the time
        """Those that have come, in the order in which they came, some of them again."""
        await self._host.before()
        if self._host.strikes("query_lost"):
            raise Unavailable("no answer in time")
        if self._host.strikes("report_twice"):
            after -= REPEATED_MAX
        return [report for _, report in sorted(self._come(after), key=lambda each: each[0])]

    def _come(self, after: int) -> Iterator[tuple[Nanos, VenueReport]]:
        for at, report in self._book.reports[max(0, after + 1) :]:
            if at <= self._host.schedule.now:
                yield at, report

    async def account(self) -> AccountReported:
        """What the account held a while ago."""
        until = await self._asked("ReportAccount")
        accounts = self._book.accounts
        return next(
            told for at, told in reversed(accounts) if at <= until or told is accounts[0][1]
        )

    async def _asked(self, what: str) -> Nanos:
        # The time as of which a question is answered.
        host = self._host
        host.works_on = what
        await host.before()
        way_ns = self._way("query_late")
        stale = host.strikes("query_stale")
        old_ns = int(host.faults.size(stale) * STALE_NS_MAX) if stale else 0
        until = host.schedule.now + way_ns - old_ns
        await self._answer(way_ns, is_lost=host.strikes("query_lost") is not None)
        return until

    async def _answer(self, way_ns: Nanos, *, is_lost: bool) -> None:
        host = self._host
        took_ns = way_ns + self._way("answer_late")
        if is_lost or host.strikes("answer_lost") or took_ns > self._timeout_ns:
            await host.schedule.sleep(self._timeout_ns)
            raise Unavailable("no answer in time")
        await host.schedule.sleep(took_ns)
        host.after()

    def _way(self, kind: str) -> Nanos:
        late = self._host.strikes(kind)
        return int(self._host.faults.size(late) * LATE_NS_MAX) if late else LATENCY_NS

    async def _deliver(self, request: PlaceOrder | CancelOrder) -> None:
        self._book.take(request)
