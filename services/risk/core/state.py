"""What risk knows of one portfolio, and what it can be told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, get_args

from marea.domain.book import BookStatus
from marea.domain.drawdown import NEVER, Drawdown, Level, highest_open, is_open
from marea.domain.ledger import Ledger
from marea.domain.position import Position
from marea.messages.envelope import Message, Nanos
from marea.messages.market import InstrumentChanged, Side
from marea.messages.orders import (
    AccountReported,
    ApprovalRefused,
    CancelIntended,
    CancelRejected,
    LookUpOrder,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
    ReconciliationDone,
    ReportAccount,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    JournalPosted,
    Mark,
    Mode,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Clock, CoreDiverged, GapFound, Started
from services.risk.config import Breaker, RiskConfig

SERVICE = "risk"
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS

RiskOutput: TypeAlias = (
    RiskDecision
    | BreakerTripped
    | BreakerEnded
    | CommandTaken
    | JournalPosted
    | PositionClosed
    | PortfolioValued
)
Unheard: TypeAlias = (
    CancelIntended
    | LookUpOrder
    | ReportAccount
    | OrderSent
    | OrderAccepted
    | OrderAmended
    | OrderTriggered
    | CancelRejected
    | AccountReported
    | Started
)
"""What stands on the log and is nothing to risk."""
Heard: TypeAlias = (
    Signal
    | Mark
    | InstrumentChanged
    | PortfolioOpened
    | Command
    | Clock
    | OrderIntended
    | OrderFilled
    | OrderCompleted
    | OrderCanceled
    | ApprovalRefused
    | OrderUnknown
    | OrderLookedUp
    | OrderNotSent
    | OrderRejected
    | ReconciliationDone
    | CoreDiverged
    | GapFound
)
"""What changes what risk knows."""
RiskInput: TypeAlias = Heard | Unheard
HEARS: frozenset[type[Message]] = frozenset(
    {*get_args(Heard), Started}  # the loop stops at its successor's
)


@dataclass(slots=True)
class Market:
    """An instrument as its venue describes it, and its last mark."""

    instrument: InstrumentChanged
    bid_price: int = 0
    ask_price: int = 0
    book_status: BookStatus = "SYNCING"
    ts_quote: Nanos = 0

    valued_doubled: int = 0
    """Bid and ask of the last whole mark, summed: what is held is valued at half of it."""

    @property
    def mid_price(self) -> int:
        """Rounded down; 0: not known."""
        return (self.bid_price + self.ask_price) // 2

    @property
    def is_whole(self) -> bool:
        """Is there a best bid, and a best ask above it?"""
        return 0 < self.bid_price < self.ask_price


@dataclass(slots=True)
class Record:
    """A strategy's closed positions."""

    won: int = 0
    lost: int = 0
    gained: int = 0
    """By those that won, at `ASSET_SCALE`."""
    paid: int = 0
    """By the others, at least 0."""


@dataclass(slots=True)
class Opinion:
    """What a strategy said last of an instrument."""

    signal: Signal
    bar: str
    """The vector that it was said of."""


@dataclass(slots=True)
class Approval:
    """A decision that execution carries out."""

    decision_id: str
    instrument: str
    side: Side
    wanted: dict[str, int]
    """What each strategy has not got of it yet, in the instrument's units."""
    notional: int
    """At worst, at `ASSET_SCALE` of the quote asset."""
    order_count: int = 0
    """How many orders of it were intended."""


@dataclass(slots=True)
class Order:
    """Whose an order is: known from its intent."""

    decision_id: str
    strategy: str
    """Those that it is for, joined by +: it may outlive what is kept of the approval."""
    leg: str
    entry_id: str = ""
    """The order that it protects; empty on one that was sent by itself."""
    is_filled: bool = False
    """Whether anything of it was."""


@dataclass(slots=True)
class Denial:
    """The last no to a strategy, so that it is not said at every bar."""

    side: Side
    reason: str
    ts: Nanos


@dataclass(slots=True)
class RiskState:
    """Portfolio, limits in force, and the breaker's levels: all that a decision depends on."""

    config: RiskConfig
    drawdown: Drawdown
    portfolio: str = ""
    """Empty until it is opened."""
    base_asset: str = ""
    venue: str = ""
    mode: Mode = "advisory"
    now: Nanos = 0
    ledger: Ledger = field(default_factory=Ledger)
    markets: dict[str, Market] = field(default_factory=dict)
    positions: dict[str, dict[str, Position]] = field(default_factory=dict)
    """By strategy and instrument."""
    records: dict[str, Record] = field(default_factory=dict)
    opinions: dict[str, dict[str, Opinion]] = field(default_factory=dict)
    """By instrument and strategy."""
    approvals: dict[str, Approval] = field(default_factory=dict)
    """By decision: those that execution carries out, or whose orders may still fill."""
    working: dict[str, str] = field(default_factory=dict)
    """Decision by instrument: what execution has not ended yet."""
    orders: dict[str, Order] = field(default_factory=dict)
    """By client order id: those that may still fill."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Instrument by client order id: orders that nobody can vouch for."""
    denials: dict[str, dict[str, Denial]] = field(default_factory=dict)
    """By instrument and strategy."""
    order_times: list[Nanos] = field(default_factory=list)
    """Of the last minute."""
    command_keys: dict[str, int] = field(default_factory=dict)
    """How many commands came with each key; the first counts."""
    report_number: int = -1
    """The venue's last report of a fill that was booked."""
    is_halted: bool = False
    is_diverged: bool = False
    is_frozen: bool = False
    is_changed: bool = False
    """Whether equity may be another than when it was last looked at."""
    ts_valued: Nanos = 0
    realized_pnl: int = 0
    """Of closed positions."""
    fees: int = 0
    """Of closed positions."""


def begin(config: RiskConfig) -> RiskState:
    """The state before the first message."""
    return RiskState(
        config=config, drawdown=Drawdown(levels=[Level(**_asked(each)) for each in config.breakers])
    )


def configure(state: RiskState, config: RiskConfig) -> None:
    """Go on under a configuration. A breaker that is open stays so, whatever its limit is now.

    What only a person ends stays so, too: another level above it is no reset.
    """
    if config.breakers != state.config.breakers:
        for level in state.drawdown.levels[len(state.config.breakers) - 1 :]:
            if state.mode == "live" and is_open(level):
                level.ts_until = NEVER
        state.drawdown.levels = _levels(state.drawdown, config.breakers)
    state.config = config


def _levels(drawdown: Drawdown, breakers: Sequence[Breaker]) -> list[Level]:
    known = drawdown.levels
    references = {each.drawdown_e8_max: each.reference for each in known}
    levels = []
    for place, breaker in enumerate(breakers):
        level = (
            known[place]
            if place < len(known)
            else Level(reference=drawdown.peak, **_asked(breaker))
        )
        # A limit that was at another place keeps what its fall is measured from.
        reference = references.get(breaker.drawdown_e8_max, level.reference)
        levels.append(replace(level, reference=reference, **_asked(breaker)))
    return levels + known[len(levels) : highest_open(drawdown)]


def let_go(state: RiskState) -> None:
    """Forget levels that the configuration has no more, once none of them is open."""
    kept = max(len(state.config.breakers), highest_open(state.drawdown))
    del state.drawdown.levels[kept:]


def _asked(breaker: Breaker) -> dict[str, int]:
    return {"drawdown_e8_max": breaker.drawdown_e8_max, "pause_ns": breaker.pause_ns}
