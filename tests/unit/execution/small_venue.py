"""A venue in a hundred lines: at once, or away, slow, lossy; and it moves when a test says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from marea.errors import Unavailable
from marea.messages.orders import AccountReported, VenueReport
from marea.messages.paper import CancelOrder, PlaceOrder
from tests.unit.execution.trading import BID, Told

Fate = Literal["taken", "taken_in_silence", "lost", "lost_in_silence"]
"""Whether a request arrives, and whether its sender is told that it left."""


@dataclass
class Placed:
    """An order as the venue has it."""

    request: PlaceOrder
    qty: int
    filled: int = 0
    is_open: bool = True


@dataclass
class SmallVenue:
    """It takes what arrives, reports it, and fills or cancels when it is told to."""

    told: Told = field(default_factory=Told)
    orders: dict[str, Placed] = field(default_factory=dict)
    requests: list[PlaceOrder | CancelOrder] = field(default_factory=list)
    queue: list[tuple[int, VenueReport]] = field(default_factory=list)
    """Reports, and when each arrives."""
    fate: Fate = "taken"
    is_slow: bool = False
    """Whether requests stay on their way until they are let in."""
    on_way: list[PlaceOrder | CancelOrder] = field(default_factory=list)
    is_away: bool = False
    arrives_at: int = 0
    """When the reports that are made now arrive, ns UTC."""
    refuses_to_rest: bool = False
    arrives_within_ns: int = 0
    """So long after its signing a request may still arrive."""
    protects: bool = False
    """Whether it activates the protective orders of what it fills."""

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        self.requests.append(request)
        if self.fate in ("taken", "taken_in_silence"):
            self.on_way.append(request)
            if not self.is_slow:
                self.let_in(len(self.on_way) - 1)
        if self.fate in ("taken_in_silence", "lost"):
            raise Unavailable("no answer in time")

    async def look_up(self, client_order_id: str) -> bool:
        self._answer()
        coming = [each.client_order_id for each in self.on_way if isinstance(each, PlaceOrder)]
        return client_order_id in (*self.orders, *coming)

    async def reports(self, after: int, until: int) -> Sequence[VenueReport]:  # noqa: ARG002 # a wire brings all
        self._answer()
        return [each for at, each in self.queue if at <= until]

    async def account(self) -> AccountReported:
        self._answer()
        works = [name for name, placed in self.orders.items() if placed.is_open]
        return AccountReported(
            portfolio="main",
            account="main",
            report_offset=self.told.number + 1,
            asset_scale=8,
            balances={"USDT": 10_000 * 10**8},
            open_orders=tuple(sorted(works)),
        )

    def let_in(self, place: int) -> None:
        """A request that is on its way arrives, be it before one that left earlier."""
        self._take(self.on_way.pop(place))

    def fill(self, name: str, qty: int) -> None:
        """A match of an order that works, of at most what is left of it."""
        placed = self.orders[name]
        left = placed.qty - placed.filled
        matched = min(qty, left)
        placed.filled += matched
        placed.is_open = matched < left
        self.report(self.told.filled(name, matched, left - matched, BID, placed.request.side))
        if self.protects:
            self._protect(placed)

    def _protect(self, entry: Placed) -> None:
        received = entry.filled * 999 // 1000
        for name in (entry.request.stop_order_id, entry.request.target_order_id):
            if name and received and name not in self.orders:
                self.orders[name] = Placed(replace(entry.request, side="sell"), received)
                self.report(self.told.accepted(name, received))
            elif name and received and self.orders[name].is_open:
                self.orders[name].qty = received
                self.report(self.told.amended(name, received))

    def end(self, name: str, reason: str = "expired") -> None:
        """The venue ends an order by itself."""
        self.orders[name].is_open = False
        self.report(self.told.canceled(name, reason))

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("away")

    def _take(self, request: PlaceOrder | CancelOrder) -> None:
        if isinstance(request, CancelOrder):
            self._cancel(request.client_order_id)
        else:
            self._place(request)

    def _place(self, request: PlaceOrder) -> None:
        name = request.client_order_id
        if name in self.orders:
            self.report(self.told.rejected(name, "DUPLICATE_ID"))
            return
        if not all(self._works(each) for each in request.replaces):
            self.orders[name] = Placed(request, request.qty, is_open=False)
            self.report(self.told.rejected(name, "UNKNOWN_ORDER"))
            return
        for each in request.replaces:
            self.end(each, "replaced")
        placed = self.orders[name] = Placed(request, request.qty)
        if request.post_only and self.refuses_to_rest:
            placed.is_open = False
            self.report(self.told.rejected(name, "POST_ONLY"))
            return
        self.report(self.told.accepted(name, request.qty))

    def _works(self, name: str) -> bool:
        return name in self.orders and self.orders[name].is_open

    def _cancel(self, name: str) -> None:
        if self._works(name):
            self.end(name, "requested")
        else:
            reason = "ENDED" if name in self.orders else "UNKNOWN_ORDER"
            self.report(self.told.cancel_rejected(name, reason))

    def report(self, report: VenueReport) -> None:
        """A report that arrives when it is due, and not before an earlier one."""
        self.queue.append((self.arrives_at, report))
