"""How did things stand with an instrument at an instant, by what was on the log then?"""

from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from marea.bus.port import Bus
from marea.domain.money import Rounding, rescale
from marea.errors import BadInput
from marea.messages.envelope import Message, Nanos
from marea.messages.orders import (
    SIGNED_OFF,
    ApprovalRefused,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderNotSent,
    OrderRejected,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    Mark,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Started
from services.risk.core import SERVICE as RISK
from services.standalone.history import forward
from services.standalone.moments import time_text

ASSET_SCALE = 8


class Rules(Struct, frozen=True, kw_only=True):
    """What has to hold for a signal to be acted on: a part of what risk was told at its start."""

    trades: tuple[str, ...] = ()
    confidence_min: float = 0.0
    stale_ns_max: Nanos = 0


@dataclass(slots=True)
class Situation:
    """What a portfolio knew of one instrument."""

    instrument: str
    ts: Nanos
    signals: dict[str, Signal] = field(default_factory=dict)
    """The last of each strategy and ensemble, in the order in which they began to speak."""
    mark: Mark | None = None
    decision: RiskDecision | None = None
    denial: RiskDecision | None = None
    refusal: ApprovalRefused | None = None
    working: dict[str, str] = field(default_factory=dict)
    """The leg of each order that was intended and is not over, by client order id."""
    protective: set[str] = field(default_factory=set)
    """Client order ids of the stops and targets that wait at the venue."""
    net_qty: int = 0
    """Of the base asset, in units of 10^-8, since the last position closed."""
    halt: CommandTaken | None = None
    rules: Rules = field(default_factory=Rules)
    """Those that risk was told at its last start."""
    breakers: dict[int, BreakerTripped] = field(default_factory=dict)
    """Those in force, by level."""

    def take(self, message: Message) -> None:
        """Add the next message of the log."""
        match message:
            case CommandTaken():
                self._take_command(message)
            case BreakerTripped():
                self.breakers[message.level] = message
            case BreakerEnded():
                self.breakers.pop(message.level, None)
            case _:
                if getattr(message, "instrument", None) == self.instrument:
                    self._take_of_instrument(message)

    def _take_command(self, command: CommandTaken) -> None:
        if command.accepted and command.action == "halt":
            self.halt = command
        elif command.accepted and command.action == "resume":
            self.halt = None

    def _take_of_instrument(self, message: Message) -> None:
        match message:
            case Signal():
                self.signals[message.strategy] = message
            case Mark():
                self.mark = message
            case RiskDecision():
                self._take_decision(message)
            case ApprovalRefused():
                self.refusal = message
            case PositionClosed():
                self.net_qty = 0  # what a sale can't sell is no position
            case _:
                self._take_of_order(message)

    def _take_decision(self, decision: RiskDecision) -> None:
        self.decision = decision
        if not decision.approved:
            self.denial = decision

    def _take_of_order(self, message: Message) -> None:
        match message:
            case OrderIntended():
                self.working[message.client_order_id] = message.leg
            case OrderAccepted() if message.client_order_id not in self.working:
                self.protective.add(message.client_order_id)
            case OrderRejected(reason=reason) if reason == SIGNED_OFF:
                pass  # one request came too late: the order may live
            case OrderNotSent() | OrderRejected() | OrderCanceled():
                self._end(message.client_order_id)
            case OrderFilled():
                self.net_qty += _received(message)
                if not message.leaves_qty:
                    self._end(message.client_order_id)
            case _:
                pass

    def _end(self, client_order_id: str) -> None:
        self.working.pop(client_order_id, None)
        self.protective.discard(client_order_id)


async def situation_at(bus: Bus, instrument: str, ts: Nanos) -> Situation:
    """How things stood with an instrument at `ts`.

    Raises `BadInput` where the run has no such instrument, or nothing of that time.
    """
    ends = await bus.ends()
    instruments = sorted(log.partition for log in ends if log.channel == "market")
    if instrument not in instruments:
        raise BadInput(
            f"--instrument is '{instrument}', and the run has none such; take one of "
            f"{', '.join(instruments) or 'none: it has no market yet'}"
        )
    logs = [log for log in sorted(ends) if log.channel == "trading"]
    situation = Situation(instrument, ts)
    first: Nanos = 0
    last: Nanos = 0
    for log in logs:
        async for placed in forward(bus, log):
            message = placed.record.message
            known = placed.record.ts_known or last  # a start has no time of its own
            first, last = first or known, max(last, known)
            if known > ts:
                continue
            if isinstance(message, Started) and message.producer == f"{RISK}/{log.partition}":
                situation.rules = _rules(message)
            situation.take(message)
    if not first <= ts <= last or not logs:
        raise BadInput(_outside(ts, first, last))
    return situation


def _rules(started: Started) -> Rules:
    try:
        return msgspec.json.decode(started.config, type=Rules)
    except msgspec.DecodeError as err:
        raise BadInput(
            f"{started.producer} began with a configuration that this build can't read ({err}): use "
            f"the build that it ran as, {started.build}"
        ) from err


def _outside(ts: Nanos, first: Nanos, last: Nanos) -> str:
    if not last:
        return "the run has no decisions on its log: go on with it, or name another run"
    return (
        f"--at is {time_text(ts)}, and the run decides from {time_text(first)} to "
        f"{time_text(last)}: name a time between them"
    )


def _received(fill: OrderFilled) -> int:
    qty = rescale(fill.last_qty, fill.qty_scale, ASSET_SCALE, Rounding.DOWN)
    if fill.side == "sell":
        return -qty
    base = fill.instrument.partition("-")[0]
    return qty - fill.commission if fill.commission_asset == base else qty
