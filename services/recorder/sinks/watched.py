"""What do people who only watch get to see of a log, and what has to be known for it?

Whatever is shown follows from the log alone, in its order. Where the log no longer has its begin, an
order whose intent is gone is shown without it, and a position from when it is next bought.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from marea.domain.instrument import assets_of
from marea.domain.ledger import ASSET_SCALE, fill_of
from marea.domain.money import Rounding, average_price, format_amount
from marea.domain.position import Position, apply_fill
from marea.messages.envelope import Message
from marea.messages.features import Bar
from marea.messages.orders import OrderCanceled, OrderFilled, OrderIntended
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Mark,
    PortfolioOpened,
    RiskDecision,
)
from marea.messages.signals import Signal
from services.recorder.sinks.texts import interval, utc

ORDERS_KNOWN_MAX = 1_000
"""Of a log; those that ended are forgotten at once."""
CONFIDENCE_GATE = "CONFIDENCE_TOO_LOW"
"""It looks at the confidence of the signal."""

Shown: TypeAlias = dict[str, str]
"""What is shown of one thing, by the name of the field."""

_encode = msgspec.json.Encoder().encode


class Order(Struct, kw_only=True):
    """What an intent says of an order, and the fill does not."""

    decision_id: str
    strategy: str
    leg: str
    reference_price: int
    """What its fills are held against: mid at the decision, or where it was to trigger."""


class Known(Struct, kw_only=True):
    """What the log has said that later messages rest on."""

    modes: dict[str, str] = field(default_factory=dict)
    """By portfolio, as the next three."""
    report_numbers: dict[str, int] = field(default_factory=dict)
    """The last report of the venue that was a fill."""
    breakers: dict[str, list[int]] = field(default_factory=dict)
    """The levels that hold openings back."""
    positions: dict[str, dict[str, Position]] = field(default_factory=dict)
    """By instrument, those that are not flat."""
    orders: dict[str, Order] = field(default_factory=dict)
    """By client order id, the oldest first."""


class Sight:
    """What is to be shown anew."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Shown]] = []
        """What is added to which stream."""
        self.latest: dict[str, Shown] = {}
        """The last of its kind, by key."""
        self.positions: dict[tuple[str, str], Shown | None] = {}
        """By portfolio and instrument; None: it is flat."""

    def __len__(self) -> int:
        return len(self.entries) + len(self.latest) + len(self.positions)


def take(known: Known, message: Message, sight: Sight) -> None:
    """Take the next message of the log into what is known and what is shown."""
    taking = _TAKEN.get(type(message))
    if taking is not None:
        taking(known, message, sight)


def _signal(_: Known, signal: Signal, sight: Sight) -> None:
    members = {
        name: {"score": score, "weight": signal.weights.get(name)}
        for name, score in signal.votes.items()
    }
    shown = {
        "id": signal.id,
        "symbol": signal.instrument,
        "timestamp": utc(signal.ts_event),
        "direction": signal.action,
        "strength": repr(100 * abs(signal.score)),
        "confidence": repr(signal.confidence),
        "strategy": signal.strategy,
        "timeframe": interval(signal.interval_s),
        "price": format_amount(signal.price, signal.price_scale),
        "expiry": utc(signal.ts_expiry),
        "reasons": _json(signal.reasons),
        "contributing_signals": _json(members),
    }
    sight.entries.append(("trading_signals", shown))


def _decision(known: Known, decision: RiskDecision, sight: Sight) -> None:
    checked = {
        gate: {"observed": observed, "limit": decision.limits.get(gate)}
        for gate, observed in decision.observed.items()
    }
    confidence = decision.observed.get(CONFIDENCE_GATE)
    by_signal = decision.leg == "signal" and decision.parents
    shown = {
        "id": decision.id,
        "portfolio": decision.portfolio,
        "symbol": decision.instrument,
        "timestamp": utc(decision.ts_event),
        "strategy": decision.strategy,
        "action": decision.side,
        "purpose": decision.purpose,
        "approved": _json(decision.approved),
        "position_size": format_amount(decision.qty, decision.qty_scale),
        "confidence": "" if confidence is None else repr(confidence),
        "reason": decision.reason,
        "limits_checked": _json(checked),
        "stop": format_amount(decision.stop_price, decision.price_scale),
        "target": format_amount(decision.target_price, decision.price_scale),
        "breaker_level": str(max(known.breakers.get(decision.portfolio, ()), default=0)),
        "signal_id": decision.parents[0] if by_signal else "",
    }
    sight.entries.append(("risk_decisions", shown))


def _intent(known: Known, intent: OrderIntended, _: Sight) -> None:
    orders = (
        (intent.client_order_id, intent.leg, intent.decision_price),
        (intent.stop_order_id, "stop", intent.stop_price),
        (intent.target_order_id, "target", intent.target_price),
    )
    for name, leg, reference_price in orders:
        if name:
            known.orders[name] = Order(
                decision_id=intent.decision_id,
                strategy=intent.strategy,
                leg=leg,
                reference_price=reference_price,
            )
    while len(known.orders) > ORDERS_KNOWN_MAX:
        del known.orders[next(iter(known.orders))]


def _fill(known: Known, fill: OrderFilled, sight: Sight) -> None:
    if fill.number <= known.report_numbers.get(fill.portfolio, -1):
        return  # the venue's reports are numbered: it was told before
    known.report_numbers[fill.portfolio] = fill.number
    order = known.orders.get(fill.client_order_id)
    if not fill.leaves_qty:
        known.orders.pop(fill.client_order_id, None)
    shown = {
        "id": fill.id,
        "portfolio": fill.portfolio,
        "symbol": fill.instrument,
        "timestamp": utc(fill.ts_event),
        "order_id": fill.venue_order_id,
        "client_order_id": fill.client_order_id,
        "trade_id": fill.trade_id,
        "side": fill.side,
        "qty": format_amount(fill.last_qty, fill.qty_scale),
        "price": format_amount(fill.last_price, fill.price_scale),
        "fee": format_amount(fill.commission, fill.asset_scale),
        "fee_asset": fill.commission_asset,
        "slippage_bps": _slippage_bps(fill, order),
        "status": "partially_filled" if fill.leaves_qty else "filled",
        "mode": known.modes.get(fill.portfolio, ""),
        "strategy": order.strategy if order else "",
        "leg": order.leg if order else "",
        "risk_decision_id": order.decision_id if order else "",
    }
    sight.entries.append(("trade_executions", shown))
    _position(known, fill, sight)


def _slippage_bps(fill: OrderFilled, order: Order | None) -> str:
    if order is None or not order.reference_price:
        return ""
    sign = 1 if fill.side == "buy" else -1
    apart = sign * (fill.last_price - order.reference_price)
    return f"{10_000 * apart / order.reference_price:.4f}"


def _position(known: Known, fill: OrderFilled, sight: Sight) -> None:
    held = known.positions.setdefault(fill.portfolio, {})
    position = held.pop(fill.instrument, None) or Position()
    quote = assets_of(fill.instrument)[1]
    shown = None
    try:
        apply_fill(position, fill_of(fill, *assets_of(fill.instrument)), fill.ts_event)
    except ValueError:
        position = Position()  # it was bought where the log does not begin any more
    if position.net_qty:
        held[fill.instrument] = position
        shown = {
            "symbol": fill.instrument,
            "timestamp": utc(fill.ts_event),
            "qty": _money(position.net_qty),
            "avg_price": _money(_average(position)),
            "cost": _money(position.cost),
            "realized_pnl": _money(position.realized_pnl),
            "fees": _money(position.fees),
            "asset": quote,
        }
    sight.positions[fill.portfolio, fill.instrument] = shown


def _average(position: Position) -> int:
    scales = (ASSET_SCALE, ASSET_SCALE, ASSET_SCALE)
    return average_price(position.cost, position.net_qty, *scales, Rounding.NEAREST_EVEN)


def _canceled(known: Known, canceled: OrderCanceled, _: Sight) -> None:
    known.orders.pop(canceled.client_order_id, None)


def _opened(known: Known, opened: PortfolioOpened, _: Sight) -> None:
    known.modes[opened.portfolio] = opened.mode


def _tripped(known: Known, tripped: BreakerTripped, _: Sight) -> None:
    levels = known.breakers.setdefault(tripped.portfolio, [])
    if tripped.level not in levels:
        levels.append(tripped.level)


def _ended(known: Known, ended: BreakerEnded, _: Sight) -> None:
    levels = known.breakers.get(ended.portfolio, [])
    if ended.level in levels:
        levels.remove(ended.level)


def _mark(_: Known, mark: Mark, sight: Sight) -> None:
    sight.latest[f"market_state:{mark.instrument}"] = {
        "symbol": mark.instrument,
        "timestamp": utc(mark.ts_event),
        "bid_price": format_amount(mark.bid_price, mark.price_scale),
        "ask_price": format_amount(mark.ask_price, mark.price_scale),
        "book_status": mark.book_status,
        "quote_timestamp": utc(mark.ts_quote),
    }


def _bar(_: Known, bar: Bar, sight: Sight) -> None:
    length = interval(bar.interval_s)
    prices = {
        name: format_amount(getattr(bar, name), bar.price_scale)
        for name in ("open", "high", "low", "close")
    }
    sight.latest[f"market_data:{bar.instrument}:{length}:latest"] = {
        "symbol": bar.instrument,
        "timeframe": length,
        "timestamp_utc": utc(bar.ts_open),
        **prices,
        "volume": format_amount(bar.volume, bar.qty_scale),
        "trade_count": str(bar.trade_count),
        "status": bar.status,
    }


def _money(units: int) -> str:
    return format_amount(units, ASSET_SCALE)


def _json(content: object) -> str:
    return _encode(content).decode()


_TAKEN: Mapping[type[Message], Callable[[Known, Any, Sight], None]] = {
    Signal: _signal,
    RiskDecision: _decision,
    OrderIntended: _intent,
    OrderFilled: _fill,
    OrderCanceled: _canceled,
    PortfolioOpened: _opened,
    BreakerTripped: _tripped,
    BreakerEnded: _ended,
    Mark: _mark,
    Bar: _bar,
}
