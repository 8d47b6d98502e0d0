"""What do the trading logs say so far? The picture that the invariants of trading share.

It is written apart from the cores on purpose: a mistake in one of them shows as a difference.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from marea.bus.reading import Placed
from marea.invariants.reckoning import WALLET, Books, book, imbalance, lines_of
from marea.invariants.violation import Rule
from marea.messages.envelope import Message, Nanos
from marea.messages.market import InstrumentChanged
from marea.messages.orders import (
    DUPLICATE_ID,
    SIGNED_OFF,
    LookUpOrder,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderReport,
    OrderTriggered,
    OrderUnknown,
    ReconciliationDone,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    JournalPosted,
    PortfolioOpened,
    RiskDecision,
)
from marea.messages.system import Clock, CoreDiverged, GapFound

LIVE = ("intended", "working", "triggered")
"""Of an order: the venue has it, or may have it."""
REPORTED = ("working", "triggered")
"""Of an order: the venue has said that it has it, and nothing of an end."""
RESUMED = ("halt", "doubt", "differences")
"""Of what blocks openings: what an operator ends by resuming."""
ROUNDS_MAX = 3
"""So many comparisons in a row that found a difference block openings."""


@dataclass(slots=True, kw_only=True)
class Order:
    """One order as the log tells of it so far."""

    at: Placed
    """Of the intent that named it, in its last attempt."""
    intent: OrderIntended
    """Its own, or of the entry that it protects."""
    leg: str
    status: str
    """armed (a protective order to come), intended, lost (looked up and not found), not_sent,
    working, triggered, ended."""
    qty: int = 0
    """In force, in quantity units; 0 for a protective order that is not accepted."""
    filled_qty: int = 0
    prices: list[int] = field(default_factory=list)
    """The lowest and the highest of its fills."""
    unknown_at: Placed | None = None
    """Where it became unknown or was looked up, unless something is known of it since."""


@dataclass(slots=True)
class Portfolio:
    """One portfolio, which is one trading log."""

    opened: PortfolioOpened | None = None
    now: Nanos = 0
    instruments: dict[str, InstrumentChanged] = field(default_factory=dict)
    books: Books = field(default_factory=dict)
    """By the journal."""
    blocked_from: list[int] = field(default_factory=list)
    """Positions at which what blocks openings changed, rising, in parallel with the next."""
    blocks: list[frozenset[str]] = field(default_factory=list)
    """What blocks openings from there on: `halt`, `breaker 1`, `doubt`, …"""
    ts_halted: Nanos = 0
    rounds: int = 0
    """Comparisons with the venue in a row that found a difference."""
    end: int = 0
    """Whoever reads on reads from here, at the earliest."""

    def blocked_at(self, position: int) -> frozenset[str]:
        """What blocked openings for whoever had read the log up to and with this position?"""
        place = bisect_right(self.blocked_from, position)
        return self.blocks[place - 1] if place else frozenset()

    def change_blocks(self, position: int, blocks: frozenset[str]) -> None:
        """From this position on, these block openings."""
        if self.blocked_from:
            position = max(position, self.blocked_from[-1])  # what waited is taken behind it
        self.blocked_from.append(position)
        self.blocks.append(blocks)

    def blocked_for(self, at: Placed) -> frozenset[str]:
        """What blocked openings for risk as it decided on what it had read, and blocks still.

        What risk itself orders is in force for it before it stands on the log.
        """
        return self.blocked_now & self.blocked_at(at.record.input_offset)

    def balance(self, asset: str) -> int:
        """What the wallet holds of an asset, in units of 10^-8."""
        return self.books.get((WALLET, asset), 0)

    @property
    def blocked_now(self) -> frozenset[str]:
        """What blocks openings at the end of what was read."""
        return self.blocks[-1] if self.blocks else frozenset()


@dataclass(slots=True)
class Trading:
    """All portfolios and all orders; ids of decisions and orders are unique among all."""

    portfolios: dict[str, Portfolio] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    live: dict[str, Order] = field(default_factory=dict)
    """Those of the orders that the venue has or may have."""
    decisions: dict[str, RiskDecision] = field(default_factory=dict)
    """The approved ones."""
    orders_of: dict[str, list[Order]] = field(default_factory=dict)
    """The orders of each decision, protective ones too."""

    def portfolio(self, at: Placed) -> Portfolio:
        """The portfolio on whose log this record stands."""
        return self.portfolios.setdefault(at.log.partition, Portfolio())

    def instrument(self, at: Placed, name: str) -> InstrumentChanged | None:
        """An instrument as the log of this record last described it."""
        return self.portfolio(at).instruments.get(name)

    def of_decision(self, decision_id: str, leg: str) -> Iterator[Order]:
        """The orders that carry out this leg of a decision."""
        return (order for order in self.orders_of.get(decision_id, ()) if order.leg == leg)

    def take(self, at: Placed) -> None:
        """Take the next record of a trading log into the picture."""
        message = at.message
        match message:
            case OrderIntended():
                self._intend(at, message)
            case OrderReport():
                self._hear(at, message)
            case LookUpOrder():
                self._doubt(at, message)
            case RiskDecision(approved=True):
                self.decisions[message.id] = message
            case _:
                _take_portfolio(self.portfolio(at), at, message)
        portfolio = self.portfolio(at)
        portfolio.end = max(portfolio.end, at.position + 1)

    def _intend(self, at: Placed, intent: OrderIntended) -> None:
        order = self.orders.get(intent.client_order_id)
        if order is None:
            order = self._add(at, intent, intent.client_order_id, intent.leg)
            for name, leg in ((intent.stop_order_id, "stop"), (intent.target_order_id, "target")):
                if name:
                    self._add(at, intent, name, leg)
        order.at, order.intent, order.status = at, intent, "intended"
        order.qty = intent.qty
        order.unknown_at = None
        self.live[intent.client_order_id] = order

    def _add(self, at: Placed, intent: OrderIntended, name: str, leg: str) -> Order:
        order = Order(at=at, intent=intent, leg=leg, status="armed")
        self.orders[name] = order
        self.orders_of.setdefault(intent.decision_id, []).append(order)
        return order

    def _doubt(self, at: Placed, question: LookUpOrder) -> None:
        order = self.orders.get(question.client_order_id)
        if order is not None:
            order.unknown_at = order.unknown_at or at

    def _hear(self, at: Placed, report: OrderReport) -> None:
        order = self.orders.get(report.client_order_id)
        if order is None:
            return
        order.status = status_after(order, report)
        match report:
            case OrderUnknown():
                order.unknown_at = order.unknown_at or at
            case OrderAccepted() | OrderAmended():
                order.qty = report.qty
                order.unknown_at = None
            case OrderFilled():
                order.filled_qty += report.last_qty
                price = report.last_price
                order.prices = [min([price, *order.prices]), max([price, *order.prices])]
            case _:
                order.unknown_at = None
        if order.status in LIVE:
            self.live[report.client_order_id] = order
        else:
            self.live.pop(report.client_order_id, None)


class TradingRule(Rule):
    """What invariants share that need the picture of the trading side."""

    def __init__(self, trading: Trading) -> None:
        super().__init__()
        self.trading = trading


ALLOWED: dict[str, dict[str, str]] = {
    "armed": {"accepted": "working", "rejected": "ended", "canceled": "ended"},
    "intended": {
        "accepted": "working",
        "rejected": "ended",
        "not_sent": "not_sent",
        "missing": "lost",
    },
    "lost": {
        "intended": "intended",
        "rejected": "ended",
        "not_sent": "not_sent",
        "missing": "lost",
    },
    "not_sent": {"intended": "intended", "missing": "not_sent"},
    "working": {
        "amended": "working",
        "triggered": "triggered",
        "filled": "working",
        "filled_whole": "ended",
        "canceled": "ended",
    },
    "triggered": {
        "amended": "triggered",
        "filled": "triggered",
        "filled_whole": "ended",
        "canceled": "ended",
        "rejected": "ended",
    },
    "ended": {},
}
"""What may be told of an order in each status, and the status after it."""

_EVENTS: dict[type[Message], str] = {
    OrderAccepted: "accepted",
    OrderRejected: "rejected",
    OrderAmended: "amended",
    OrderTriggered: "triggered",
    OrderCanceled: "canceled",
    OrderNotSent: "not_sent",
}


def event_of(order: Order, report: Message) -> str:
    """What this report tells of an order, in the words of `ALLOWED`; empty: nothing of its status.

    That it was sent, is unknown, was found, or could not be canceled changes no status.
    """
    match report:
        case OrderFilled():
            return "filled" if report.leaves_qty else "filled_whole"
        case OrderNotSent() | OrderLookedUp() if report.attempt != order.intent.attempt:
            return ""  # another attempt has taken the place of that one
        case OrderLookedUp():
            is_doubted = order.status in ("intended", "lost", "not_sent")
            return "missing" if is_doubted and not report.found else ""
        case OrderRejected() if report.reason == DUPLICATE_ID and order.status in (
            *REPORTED,
            "ended",
        ):
            return ""  # a second copy was refused: the order itself lives
        case OrderRejected(reason=reason) if reason == SIGNED_OFF:
            return ""  # one request came too late: another may make the order
        case OrderIntended():
            return "intended"
    return _EVENTS.get(type(report), "")


def status_after(order: Order, report: Message) -> str:
    """The status that this report leaves; where it may not be, the one it finds."""
    event = event_of(order, report)
    return ALLOWED[order.status].get(event, order.status) if event else order.status


def live_entries(orders: Iterable[Order]) -> Iterator[Order]:
    """Those of these orders that would open something."""
    return (order for order in orders if order.leg == "entry")


def _take_portfolio(portfolio: Portfolio, at: Placed, message: Message) -> None:
    match message:
        case Clock():
            portfolio.now = max(portfolio.now, message.ts_event)
        case PortfolioOpened():
            portfolio.opened = message
        case InstrumentChanged():
            portfolio.instruments[message.instrument] = message
        case JournalPosted():
            lines = lines_of(message)
            if not imbalance(lines):  # that it sums to 0 is another invariant's matter
                book(portfolio.books, lines)
        case _:
            _take_blocks(portfolio, at, message)


def _take_blocks(portfolio: Portfolio, at: Placed, message: Message) -> None:
    match message:
        case BreakerTripped():
            _block(portfolio, at.position, f"breaker {message.level}")
        case BreakerEnded():
            _unblock(portfolio, at.position, f"breaker {message.level}")
        case CommandTaken(accepted=True):
            _take_command(portfolio, at, message)
        case CoreDiverged():
            _block(portfolio, at.position, "doubt")
        case GapFound():
            _block(portfolio, portfolio.end, "doubt")  # where it is met, not where the hole is
        case ReconciliationDone():
            _take_comparison(portfolio, at, message)


def _take_comparison(portfolio: Portfolio, at: Placed, done: ReconciliationDone) -> None:
    portfolio.rounds = portfolio.rounds + 1 if done.differences else 0
    if portfolio.rounds >= ROUNDS_MAX:
        _block(portfolio, at.position, "differences")
    else:
        _unblock(portfolio, at.position, "differences")


def _take_command(portfolio: Portfolio, at: Placed, taken: CommandTaken) -> None:
    if taken.action == "halt":
        portfolio.ts_halted = portfolio.now
        _block(portfolio, at.position, "halt")
    elif taken.action == "resume":
        _unblock(portfolio, at.position, *RESUMED)


def _block(portfolio: Portfolio, position: int, what: str) -> None:
    portfolio.change_blocks(position, portfolio.blocked_now | {what})


def _unblock(portfolio: Portfolio, position: int, *what: str) -> None:
    if portfolio.blocked_now.intersection(what):
        portfolio.change_blocks(position, portfolio.blocked_now.difference(what))
