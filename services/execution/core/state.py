"""What execution knows of one portfolio's orders, and what it can be told."""

from dataclasses import dataclass, field
from typing import TypeAlias, get_args

from marea.messages.envelope import Nanos
from marea.messages.market import InstrumentChanged, Side
from marea.messages.orders import (
    AccountReported,
    ApprovalRefused,
    CancelIntended,
    CancelRejected,
    Leg,
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
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Clock, CoreDiverged, GapFound, Started
from services.execution.config import ExecutionConfig

SERVICE = "execution"
ASK_AGAIN_NS = 5_000_000_000
"""A question or a cancel that nobody has answered is put again after this time."""
ATTEMPTS_MAX = 3
"""Sendings of one order."""
PROTECTION_NS = 1_000_000_000
"""A position may be without its stop so long, while the venue's reports of it are on their way."""

ShellReport: TypeAlias = OrderSent | OrderNotSent | OrderUnknown | OrderLookedUp
Report: TypeAlias = (
    OrderAccepted
    | OrderRejected
    | OrderAmended
    | OrderTriggered
    | OrderFilled
    | OrderCanceled
    | CancelRejected
)
ExecutionOutput: TypeAlias = (
    OrderIntended
    | CancelIntended
    | LookUpOrder
    | ReportAccount
    | ApprovalRefused
    | OrderCompleted
    | ReconciliationDone
)
Turn: TypeAlias = (
    PortfolioOpened
    | CommandTaken
    | BreakerTripped
    | BreakerEnded
    | CoreDiverged
    | GapFound
    | Started
)
"""What lets orders out or holds them back."""
Unheard: TypeAlias = Signal | Command | JournalPosted | PositionClosed | PortfolioValued
"""What stands on the log and is nothing to execution."""
HEARS = frozenset(
    {
        InstrumentChanged,
        Mark,
        RiskDecision,
        AccountReported,
        Clock,
        *get_args(ShellReport),
        *get_args(Report),
        *get_args(Turn),
        *get_args(ExecutionOutput),
    }
)
"""What execution must be given; its own outputs too, for they are acted on when read back."""
ExecutionInput: TypeAlias = (
    InstrumentChanged
    | Mark
    | RiskDecision
    | ShellReport
    | Report
    | AccountReported
    | Clock
    | Turn
    | ExecutionOutput
    | Unheard
)


@dataclass(slots=True)
class Order:
    """One order, as far as the log tells. Money is at `ASSET_SCALE`."""

    client_order_id: str
    instrument: str
    decision_id: str
    strategy: str
    """Whose it is; several are joined by `+`."""
    leg: Leg
    side: Side
    price_scale: int
    qty_scale: int
    qty: int
    """In force; 0 for a protective order that the venue has not reported yet."""
    reference_price: int
    """What its slippage is counted from: the mid when risk decided, or its trigger, or its limit."""
    status: str
    ts_intended: Nanos
    """When its last attempt was intended."""
    ts_asked: Nanos
    """When the venue was last asked to take, show or cancel it."""
    ts_doubt: Nanos
    """Since when its answer is due; 0: nothing is open."""
    intent: OrderIntended | None = None
    """The last attempt; none: an entry's intent carried it, and the venue activates it."""
    entry_order_id: str = ""
    """Of a protective order: whose fills it protects."""
    is_vouched: bool = False
    """Whether it was sent for sure."""
    is_reported: bool = False
    """Whether the venue has reported anything of it."""
    cancel_reason: str = ""
    """Why it is to end; empty: it isn't."""
    rejection: str = ""
    filled_qty: int = 0
    filled_notional: int = 0


@dataclass(slots=True)
class Approval:
    """An approved decision that is being carried out."""

    decision: RiskDecision
    order_ids: list[str] = field(default_factory=list)
    """Its own orders, in the order they were intended; none: it waits for an entry to end."""
    arrival_price: int = 0
    """Mid when its first order was sent; 0: not known."""


@dataclass(slots=True)
class Position:
    """What was bought of an instrument, and what stands between it and a fall."""

    net_qty: int = 0
    """At `ASSET_SCALE`."""
    entry: OrderIntended | None = None
    """The last entry that was filled."""
    stop_count: int = 0
    """Stops that execution had to put in place of the venue's for that entry."""
    ts_uncovered: Nanos = 0
    """Since when its stops cover less than it; 0: they cover it."""


@dataclass(slots=True)
class Reconciliation:
    """How ours is held against the venue's."""

    ts_due: Nanos = 0
    ts_unanswered: Nanos = 0
    """Since when no comparison came about; 0: none is asked for."""
    rounds: int = 0
    """Comparisons in a row that found a difference."""
    misfits: list[str] = field(default_factory=list)
    """What the venue reported of orders and can't be so, since the last comparison."""


@dataclass(slots=True)
class ExecutionState:
    """All that the next order depends on."""

    config: ExecutionConfig
    now: Nanos = 0
    account: str = ""
    """The venue account; empty: no portfolio was opened."""
    sends: bool = False
    """Whether the portfolio's mode lets orders go out."""
    is_halted: bool = False
    is_frozen: bool = False
    """Whether the log showed a gap or a divergence that no operator has accepted."""
    builds: dict[str, str] = field(default_factory=dict)
    """What everybody on the log runs, by producer, as far as they have begun since the last resume."""
    open_levels: list[int] = field(default_factory=list)
    """Drawdown breakers that are tripped."""
    instruments: dict[str, InstrumentChanged] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    """By the decision's id."""
    orders: dict[str, Order] = field(default_factory=dict)
    """By client order id; those that ended leave with their approval."""
    positions: dict[str, Position] = field(default_factory=dict)
    """By instrument."""
    balances: dict[str, int] = field(default_factory=dict)
    """By asset, at `ASSET_SCALE`."""
    report_number: int = -1
    """Of the last report of the venue that was taken."""
    reconciliation: Reconciliation = field(default_factory=Reconciliation)


def begin(config: ExecutionConfig) -> ExecutionState:
    """The state before the first message."""
    return ExecutionState(config=config)
