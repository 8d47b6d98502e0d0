"""What the paper venue knows: its markets, its account, the orders in it and on their way to it."""

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal, TypeAlias

from marea.domain.book import Book
from marea.domain.book import Side as BookSide
from marea.domain.ledger import ASSET_SCALE
from marea.messages.envelope import Nanos
from marea.messages.market import BookDelta, BookSnapshot, InstrumentChanged, Side, Trade
from marea.messages.orders import Leg
from marea.messages.paper import AccountOpened, CancelOrder, ExecutionReport, PlaceOrder
from marea.messages.system import Clock, GapFound
from services.paper.config import PaperConfig

SERVICE = "paper"
STAMP_AHEAD_NS_MAX = 1_000_000_000
"""A stamp further ahead of the last `Clock` is no time."""
IDS_KEPT_MAX = 10_000
"""Client order ids that can't be used again, and as many that were refused; the oldest go first."""

PaperInput: TypeAlias = (
    InstrumentChanged
    | Trade
    | BookDelta
    | BookSnapshot
    | Clock
    | GapFound
    | AccountOpened
    | PlaceOrder
    | CancelOrder
)
PaperOutput: TypeAlias = ExecutionReport | GapFound
Moving: TypeAlias = Trade | BookDelta | BookSnapshot | Clock
"""Inputs that move the venue's time."""
Way: TypeAlias = Literal["place", "cancel", "report"]


@dataclass(slots=True, kw_only=True)
class Market:
    """One instrument as the venue trades it; amounts in its units."""

    instrument: str
    base: str
    quote: str
    price_scale: int
    qty_scale: int
    price_increment: int
    qty_increment: int
    notional_min: int
    is_traded: bool
    """Whether this venue takes orders for it: spot, and every amount is exact at `ASSET_SCALE`."""
    book: Book
    taken_bids: dict[int, int] = field(default_factory=dict)
    """By price: what our orders took of a level since the venue last told it."""
    taken_asks: dict[int, int] = field(default_factory=dict)
    working: list[str] = field(default_factory=list)
    """Client order ids, in the order of their acceptance."""


@dataclass(slots=True, kw_only=True)
class Order:
    """An order that works, or waits for its trigger."""

    client_order_id: str
    venue_order_id: str
    request_id: str
    """The message that asked for it."""
    instrument: str
    side: Side
    leg: Leg
    kind: Literal["limit", "stop", "market"]
    qty: int
    price: int
    """The limit of a limit order, the trigger of a stop."""
    cum_qty: int = 0
    ahead_qty: int = 0
    """What others have in the queue before it."""
    entry_id: str = ""
    """The order that it protects; empty: none."""

    @property
    def leaves_qty(self) -> int:
        """Still to fill."""
        return self.qty - self.cum_qty


@dataclass(slots=True, kw_only=True)
class Bracket:
    """The protective orders of an entry: they share what the account received of it."""

    instrument: str
    request_id: str
    stop_order_id: str
    stop_price: int
    target_order_id: str
    target_price: int
    pending: list[str]
    """Those that are not active yet."""
    received: int = 0
    """Of the base asset less commissions, at `ASSET_SCALE`."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request and when it gets here; one of the two is there."""

    ts_arrival: Nanos
    place: PlaceOrder | None = None
    cancel: CancelOrder | None = None


@dataclass(slots=True, kw_only=True)
class Held:
    """A market event that the reports of its own input come before; one of the three is there."""

    instrument: str
    trade: Trade | None = None
    delta: BookDelta | None = None
    snapshot: BookSnapshot | None = None


@dataclass(slots=True)
class PaperState:
    """All that the next report depends on."""

    config: PaperConfig
    clock: Nanos = 0
    """The last `Clock`."""
    ts: Nanos = 0
    """The venue's time: the latest stamp of its market."""
    markets: dict[str, Market] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    """By asset, at `ASSET_SCALE`; what orders lock is in it."""
    is_open: bool = False
    orders: dict[str, Order] = field(default_factory=dict)
    brackets: dict[str, Bracket] = field(default_factory=dict)
    """By the entry's client order id, as long as any of its orders can still do something."""
    entry_of: dict[str, str] = field(default_factory=dict)
    """The entry of each protective order that is pending or works."""
    on_way: list[Request] = field(default_factory=list)
    """By arrival, then as they were sent."""
    arrived: list[Request] = field(default_factory=list)
    """Those that the last market event was preceded by."""
    ordered: dict[str, Nanos] = field(default_factory=dict)
    """Ids that became orders, or may yet, and when their request was signed: used up for ever."""
    refused: dict[str, Nanos] = field(default_factory=dict)
    """Ids whose request was rejected, and when the latest was signed."""
    crossed: list[str] = field(default_factory=list)
    """Instruments whose book now shows what our orders would match with."""
    held: Held | None = None
    report_count: int = 0
    order_count: int = 0
    fill_count: int = 0
    ts_reported: Nanos = 0
    """When the last report arrives."""


def latency_ns(config: PaperConfig, client_order_id: str, way: Way) -> int:
    """How long a request or a report of this order is on its way: drawn from seed and order id."""
    spread_ns = config.latency_spread_ns
    drawn = blake2b(f"{config.seed}\x1f{client_order_id}\x1f{way}".encode(), digest_size=8)
    offset_ns = int.from_bytes(drawn.digest()) % (2 * spread_ns + 1) - spread_ns
    return config.latency_ns + offset_ns


def time_after(state: PaperState, event: Moving) -> Nanos:
    """The venue's time once this was heard; it never goes back.

    A stamp here is the matching engine's own, so between two clocks it orders a request against
    the market more finely than a clock does. One that is far ahead of the clock is no such stamp.
    """
    ts = event.ts_event
    if type(event) is not Clock and ts > state.clock + STAMP_AHEAD_NS_MAX:
        return state.ts
    return max(state.ts, ts)


def is_exact(facts: InstrumentChanged) -> bool:
    """Is every quantity and every notional of it a whole number at `ASSET_SCALE`?"""
    return facts.price_scale + facts.qty_scale <= ASSET_SCALE


def copy(state: PaperState) -> PaperState:
    """A state that can be changed without changing this one; books that stay as they are, shared."""
    held = state.held
    renewed = held.instrument if held is not None and held.trade is None else ""
    return replace(
        state,
        markets={
            name: replace(
                market,
                book=_copy_book(market.book) if name == renewed else market.book,
                taken_bids=dict(market.taken_bids),
                taken_asks=dict(market.taken_asks),
                working=list(market.working),
            )
            for name, market in state.markets.items()
        },
        balances=dict(state.balances),
        orders={name: replace(order) for name, order in state.orders.items()},
        brackets={
            name: replace(bracket, pending=list(bracket.pending))
            for name, bracket in state.brackets.items()
        },
        entry_of=dict(state.entry_of),
        on_way=list(state.on_way),
        arrived=list(state.arrived),
        ordered=dict(state.ordered),
        refused=dict(state.refused),
        crossed=list(state.crossed),
    )


def _copy_book(book: Book) -> Book:
    return replace(
        book,
        bids=BookSide(dict(book.bids.qtys), list(book.bids.keys)),
        asks=BookSide(dict(book.asks.qtys), list(book.asks.keys)),
        held=list(book.held),
    )
