"""What happened in a run, gathered from its logs in one reading and in bounded memory?"""

from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from marea.messages.envelope import Message, Nanos
from marea.messages.features import Bar, FeatureVector
from marea.messages.orders import (
    SIGNED_OFF,
    ApprovalRefused,
    OrderAccepted,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderNotSent,
    OrderRejected,
    OrderTriggered,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    Mark,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from services.standalone.report.series import Series, Thinned

M = TypeVar("M", bound=Message)

IMBALANCE = "book_imbalance_10"
ROWS_MAX = 200
"""Closed positions that are kept for the table: the last ones."""
OPEN_ORDERS_MAX = 10_000
"""Orders that are remembered as not over; a log that never ends them can't fill the memory."""


@dataclass(slots=True)
class OrderLine:
    """One order: where it stood, from when to when."""

    leg: str
    side: str
    price: float
    decision_id: str
    instrument: str
    ts_begin: Nanos = 0
    ts_end: Nanos = 0
    """0: it worked to the end of the run."""


@dataclass(frozen=True, slots=True)
class FillPoint:
    """One fill, where and when it was."""

    ts: Nanos
    side: str
    leg: str
    price: float
    qty: float
    qty_scale: int


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of time in which nothing opened, and why."""

    kind: str
    """`halt`, or `breaker` with its level."""
    ts_begin: Nanos
    ts_end: Nanos


@dataclass(slots=True)
class Row:
    """A closed position with what its legs slipped."""

    closed: PositionClosed
    legs: dict[tuple[str, str], OrderCompleted | None]
    """By decision and leg, in the order of their fills; None until its end is told."""


@dataclass(slots=True)
class LegCost:
    """What the orders of one leg were to cost, and what their fills came to."""

    completed: int = 0
    unfilled: int = 0
    decided: float = 0.0
    """Notional filled, at the prices decided on, in the quote asset."""
    slipped: float = 0.0
    """What the fills cost beyond that, in the quote asset."""

    def add(self, completed: OrderCompleted) -> None:
        """Add what one leg of a decision got."""
        self.completed += 1
        self.unfilled += not completed.filled_qty
        unit = 10 ** (completed.price_scale + completed.qty_scale)
        towards = 1 if completed.side == "buy" else -1
        if completed.filled_qty:  # else there is no average
            beyond = (completed.avg_price - completed.decision_price) * towards
            self.decided += completed.decision_price * completed.filled_qty / unit
            self.slipped += beyond * completed.filled_qty / unit

    @property
    def slippage_bps(self) -> float | None:
        """What the fills cost beyond the prices decided on; None where there is none."""
        return self.slipped / self.decided * 10_000 if self.decided else None


@dataclass(slots=True)
class InstrumentStory:
    """One instrument: what it cost and what was done in it."""

    mid: Series = field(default_factory=Series)
    close: Series = field(default_factory=Series)
    imbalance: Series = field(default_factory=Series)
    scores: dict[str, Series] = field(default_factory=dict)
    """Of the ensembles that trade."""
    acts: Series = field(default_factory=Series)
    """Scores of theirs that were sure enough to be acted on."""
    orders: Thinned[OrderLine] = field(default_factory=Thinned)
    fills: Thinned[FillPoint] = field(default_factory=Thinned)
    price_scale: int = 0
    open_legs: dict[tuple[str, str], OrderCompleted | None] = field(default_factory=dict)
    """Of the position that is open: by decision and leg, as in `Row`."""


@dataclass(slots=True)
class Story:
    """A run as its report tells it."""

    trades: Collection[str]
    """The ensembles whose signals are acted on, from this confidence on."""
    confidence_min: float
    instruments: dict[str, InstrumentStory] = field(default_factory=dict)
    ts_begin: Nanos = 0
    ts_end: Nanos = 0
    counts: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    """By risk's reason."""
    refused: Counter[str] = field(default_factory=Counter)
    """Approved, and not carried out: by execution's reason."""
    rejected: Counter[str] = field(default_factory=Counter)
    """By the venue's reason."""
    opened: PortfolioOpened | None = None
    first: PortfolioValued | None = None
    last: PortfolioValued | None = None
    drawdown_pct_max: float = 0.0
    equity: Series = field(default_factory=Series)
    drawdown: Series = field(default_factory=Series)
    exposure: Series = field(default_factory=Series)
    shades: Thinned[Shade] = field(default_factory=Thinned)
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=ROWS_MAX))
    costs: dict[tuple[str, str], LegCost] = field(default_factory=dict)
    """By leg and quote asset."""
    working: dict[str, OrderLine] = field(default_factory=dict)
    """Orders that are not over, by client order id."""
    shading: dict[str, Nanos] = field(default_factory=dict)
    """Halts and breakers that are not over, by kind."""

    def take(self, message: Message) -> None:
        """Add the next message of a log; those that a report does not tell of change nothing."""
        take = _TAKES.get(type(message))
        if take is None:
            return
        self.ts_begin = min(self.ts_begin or message.ts_event, message.ts_event)
        self.ts_end = max(self.ts_end, message.ts_event)
        self.counts[type(message).__name__] += 1
        take(self, message)

    def finish(self) -> None:
        """No more messages: what still works or is still closed to openings lasts to the end."""
        for line in self.working.values():
            self.keep(line)
        for kind, ts in self.shading.items():
            self.shades.add(Shade(kind, ts, self.ts_end))

    def keep(self, line: OrderLine) -> None:
        """An order that is over, for its picture, if it ever stood in the market."""
        if line.ts_begin and line.leg != "exit":  # whose limit is far away; its fill says where
            self.of(line.instrument).orders.add(line)

    def of(self, instrument: str) -> InstrumentStory:
        """The story of one instrument."""
        return self.instruments.setdefault(instrument, InstrumentStory())


def _bar(story: Story, bar: Bar) -> None:
    told = story.of(bar.instrument)
    told.price_scale = bar.price_scale
    told.close.add(bar.ts_event, bar.close / 10**bar.price_scale)


def _vector(story: Story, vector: FeatureVector) -> None:
    if IMBALANCE in vector.values:
        story.of(vector.instrument).imbalance.add(vector.ts_event, vector.values[IMBALANCE])


def _mark(story: Story, mark: Mark) -> None:
    told = story.of(mark.instrument)
    told.price_scale = mark.price_scale
    if mark.bid_price and mark.ask_price:
        told.mid.add(mark.ts_event, (mark.bid_price + mark.ask_price) / 2 / 10**mark.price_scale)


def _signal(story: Story, signal: Signal) -> None:
    if signal.strategy not in story.trades:
        return
    story.counts["traded signals"] += 1
    told = story.of(signal.instrument)
    told.scores.setdefault(signal.strategy, Series()).add(signal.ts_event, signal.score)
    if signal.action != "hold" and signal.confidence >= story.confidence_min:
        told.acts.add(signal.ts_event, signal.score)
        story.counts["acts"] += 1


def _decision(story: Story, decision: RiskDecision) -> None:
    if decision.approved:
        story.counts["approved"] += 1
    else:
        story.denied[decision.reason] += 1


def _refusal(story: Story, refusal: ApprovalRefused) -> None:
    story.refused[refusal.reason] += 1


def _intent(story: Story, intent: OrderIntended) -> None:
    if intent.attempt > 1:
        return
    story.counts["orders"] += 1
    unit = 10**intent.price_scale
    opposite = "sell" if intent.side == "buy" else "buy"
    orders = (
        (intent.client_order_id, intent.leg, intent.side, intent.price),
        (intent.stop_order_id, "stop", opposite, intent.stop_price),
        (intent.target_order_id, "target", opposite, intent.target_price),
    )
    for client_order_id, leg, side, price in orders:
        if client_order_id and client_order_id not in story.working:
            line = OrderLine(leg, side, price / unit, intent.decision_id, intent.instrument)
            story.working[client_order_id] = line
    while len(story.working) > OPEN_ORDERS_MAX:
        del story.working[next(iter(story.working))]


def _accepted(story: Story, report: OrderAccepted) -> None:
    line = story.working.get(report.client_order_id)
    if line is not None and not line.ts_begin:
        line.ts_begin = report.ts_event


def _ended(story: Story, report: OrderCanceled | OrderRejected | OrderNotSent) -> None:
    if isinstance(report, OrderRejected):
        story.rejected[report.reason] += 1
        if report.reason == SIGNED_OFF:
            return  # one request came too late: the order may live
    _close_line(story, report.client_order_id, report.ts_event)


def _close_line(story: Story, client_order_id: str, ts: Nanos) -> None:
    line = story.working.pop(client_order_id, None)
    if line is not None:
        line.ts_end = ts
        story.keep(line)


def _fill(story: Story, fill: OrderFilled) -> None:
    told = story.of(fill.instrument)
    line = story.working.get(fill.client_order_id)
    leg = line.leg if line else ""
    story.counts["taken" if fill.liquidity == "taker" else "rested"] += 1
    story.counts["partial"] += fill.leaves_qty > 0
    price, qty = fill.last_price / 10**fill.price_scale, fill.last_qty / 10**fill.qty_scale
    told.fills.add(FillPoint(fill.ts_event, fill.side, leg, price, qty, fill.qty_scale))
    if line is not None:
        told.open_legs.setdefault((line.decision_id, leg), None)
        line.ts_begin = line.ts_begin or fill.ts_event
    if not fill.leaves_qty:
        _close_line(story, fill.client_order_id, fill.ts_event)


def _counted(story: Story, message: Message) -> None:
    pass  # by its type, as all are


def _completed(story: Story, completed: OrderCompleted) -> None:
    quote = completed.instrument.partition(".")[0].split("-")[1]  # BASE-QUOTE.VENUE
    story.costs.setdefault((completed.leg, quote), LegCost()).add(completed)
    key = (completed.decision_id, completed.leg)
    for legs in (story.of(completed.instrument).open_legs, *(row.legs for row in story.rows)):
        if key in legs:
            legs[key] = completed


def _closed(story: Story, closed: PositionClosed) -> None:
    told = story.of(closed.instrument)
    story.counts["won" if closed.realized_pnl > 0 else "lost"] += 1
    story.rows.append(Row(closed, told.open_legs))
    told.open_legs = {}


def _opened(story: Story, opened: PortfolioOpened) -> None:
    story.opened = opened


def _valued(story: Story, valued: PortfolioValued) -> None:
    story.first = story.first or valued
    story.last = valued
    unit = 10**valued.asset_scale
    story.drawdown_pct_max = max(story.drawdown_pct_max, valued.drawdown_pct)
    story.equity.add(valued.ts_event, valued.equity / unit)
    story.drawdown.add(valued.ts_event, valued.drawdown_pct)
    story.exposure.add(valued.ts_event, valued.exposure / unit)


def _tripped(story: Story, tripped: BreakerTripped) -> None:
    story.shading.setdefault(f"breaker {tripped.level}", tripped.ts_event)


def _breaker_ended(story: Story, ended: BreakerEnded) -> None:
    _end_shade(story, f"breaker {ended.level}", ended.ts_event)


def _command(story: Story, taken: CommandTaken) -> None:
    if taken.accepted and taken.action == "halt":
        story.counts["halts"] += 1
        story.shading.setdefault("halt", taken.ts_event)
    elif taken.accepted and taken.action == "resume":
        _end_shade(story, "halt", taken.ts_event)


def _end_shade(story: Story, kind: str, ts: Nanos) -> None:
    begin = story.shading.pop(kind, None)
    if begin is not None:
        story.shades.add(Shade(kind, begin, ts))


def _on(
    kind: type[M], take: Callable[[Story, M], None]
) -> tuple[type, Callable[[Story, Any], None]]:
    return kind, cast("Callable[[Story, Any], None]", take)


_TAKES: dict[type, Callable[[Story, Any], None]] = dict(
    [
        _on(Bar, _bar),
        _on(FeatureVector, _vector),
        _on(Mark, _mark),
        _on(Signal, _signal),
        _on(RiskDecision, _decision),
        _on(ApprovalRefused, _refusal),
        _on(OrderIntended, _intent),
        _on(OrderAccepted, _accepted),
        _on(OrderRejected, _ended),
        _on(OrderCanceled, _ended),
        _on(OrderNotSent, _ended),
        _on(OrderFilled, _fill),
        _on(OrderTriggered, _counted),
        _on(OrderCompleted, _completed),
        _on(PositionClosed, _closed),
        _on(PortfolioOpened, _opened),
        _on(PortfolioValued, _valued),
        _on(BreakerTripped, _tripped),
        _on(BreakerEnded, _breaker_ended),
        _on(CommandTaken, _command),
    ]
)
