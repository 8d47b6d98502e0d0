"""Which gate says no? Each has a number and a limit, and they are passed in one order.

A gate is what must hold before anything opens; what closes a position passes only those that ask
whether its signal means it, and whether it can be carried out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from marea.domain import drawdown
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import E8
from marea.messages.market import Side
from marea.messages.signals import Signal
from services.risk.core import accounts, control, protection, reasons
from services.risk.core.state import MINUTE_NS, SECOND_NS, Market, RiskState

ORDERS_MAX: Mapping[Side, int] = MappingProxyType({"buy": 2, "sell": 1})
"""Of one decision: an entry rests, and then crosses the spread."""


class Asked(NamedTuple):
    """An opening or a closing that a strategy asks for."""

    signal: Signal
    market: Market
    """Whether or not it can be traded."""


class Seen(NamedTuple):
    """What a gate saw, and what it allows."""

    observed: float
    allowed: float
    is_open: bool


Gate: TypeAlias = Callable[[RiskState, Asked], Seen]


@dataclass(slots=True)
class Passage:
    """The gates up to the one that said no."""

    reason: str = reasons.APPROVED
    observed: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def note(self, code: str, seen: Seen) -> bool:
        """Take down what a gate saw; whether it lets through."""
        self.observed[code], self.limits[code] = seen.observed, seen.allowed
        if not seen.is_open:
            self.reason = code
        return seen.is_open


def pass_opening(state: RiskState, asked: Asked) -> Passage:
    """The passage of an opening, up to how large it may be."""
    return _passed(state, asked, OPENING)


def pass_closing(state: RiskState, asked: Asked) -> Passage:
    """The passage of a closing: few gates, for it makes what is at risk less."""
    return _passed(state, asked, CLOSING)


def _passed(state: RiskState, asked: Asked, gates: Mapping[str, Gate]) -> Passage:
    passage = Passage()
    for code, gate in gates.items():
        if not passage.note(code, gate(state, asked)):
            break
    return passage


def _switch(is_against: bool) -> Seen:
    return Seen(float(is_against), 0.0, not is_against)


def _portfolio(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _switch(not state.portfolio)


def _traded(state: RiskState, asked: Asked) -> Seen:
    known = asked.market.instrument
    is_ours = known.venue == state.venue and known.quote == state.base_asset
    is_exact = known.price_scale + known.qty_scale <= ASSET_SCALE
    return _switch(not (is_ours and is_exact and known.kind == "spot"))


def _halted(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _switch(state.is_halted)


def _diverged(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _switch(state.is_diverged)


def _breaker(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    # One that will trip at the next clock holds back already.
    level = drawdown.highest_open(state.drawdown)
    if state.is_changed:
        level = max(level, *(place + 1 for place in control.due(state)), 0)
    return Seen(float(level), 0.0, not level)


def _confidence(state: RiskState, asked: Asked) -> Seen:
    least = state.config.confidence_min
    return Seen(asked.signal.confidence, least, asked.signal.confidence >= least)


def _expiry(state: RiskState, asked: Asked) -> Seen:
    age_s = (state.now - asked.signal.ts_event) / SECOND_NS
    allowed_s = (asked.signal.ts_expiry - asked.signal.ts_event) / SECOND_NS
    return Seen(age_s, allowed_s, state.now < asked.signal.ts_expiry)


def _short(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _switch(asked.signal.action == "sell")


def _book(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    market = asked.market
    return _switch(market.book_status != "LIVE" or not market.is_whole)


def _unpriced(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _switch(not asked.market.is_whole)


def _stale(state: RiskState, asked: Asked) -> Seen:
    age_ns = state.now - asked.market.ts_quote
    allowed_ns = state.config.stale_ns_max
    return Seen(age_ns / SECOND_NS, allowed_ns / SECOND_NS, age_ns <= allowed_ns)


def _unknown(state: RiskState, asked: Asked) -> Seen:
    count = list(state.unknown.values()).count(asked.signal.instrument)
    return Seen(float(count), 0.0, not count)


def _frozen(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _switch(state.is_frozen)


def _working(state: RiskState, asked: Asked) -> Seen:
    return _switch(asked.signal.instrument in state.working)


def _positions(state: RiskState, asked: Asked) -> Seen:
    names = [
        name
        for name in state.markets
        if name in state.working
        or any(accounts.holds(state, strategy, name) for strategy in state.positions)
    ]
    count = len(names) + (asked.signal.instrument not in names)
    return Seen(
        float(count), float(state.config.positions_max), count <= state.config.positions_max
    )


def _rate(state: RiskState, window_ns: int, allowed: int) -> Seen:
    # What was approved and not intended yet counts too, and so do those of this one.
    count = sum(ts > state.now - window_ns for ts in state.order_times)
    for decision_id in state.working.values():
        approval = state.approvals[decision_id]
        count += max(0, ORDERS_MAX[approval.side] - approval.order_count)
    count += ORDERS_MAX["buy"]
    return Seen(float(count), float(allowed), count <= allowed)


def _per_second(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _rate(state, SECOND_NS, state.config.orders_per_s_max)


def _per_minute(state: RiskState, asked: Asked) -> Seen:  # noqa: ARG001 # gates are alike
    return _rate(state, MINUTE_NS, state.config.orders_per_min_max)


def _collar(state: RiskState, asked: Asked) -> Seen:
    market, signal = asked.market, asked.signal
    mid = market.mid_price
    is_alike = signal.price_scale == market.instrument.price_scale
    away = abs(signal.price - mid) * E8 if is_alike else (state.config.collar_e8 + 1) * mid
    return Seen(
        away / mid / 1e6 if mid else 100.0,
        state.config.collar_e8 / 1e6,
        mid > 0 and away <= state.config.collar_e8 * mid,
    )


def _stop(state: RiskState, asked: Asked) -> Seen:
    mid = asked.market.mid_price
    stop = protection.stop_price(state.config, asked.market, asked.signal)
    return Seen((mid - stop) / mid * 100.0 if mid else 100.0, 100.0, stop != protection.NO_STOP)


OPENING: dict[str, Gate] = {
    reasons.PORTFOLIO_NOT_OPEN: _portfolio,
    reasons.NOT_TRADED: _traded,
    reasons.HALTED: _halted,
    reasons.DIVERGED: _diverged,
    reasons.BREAKER_OPEN: _breaker,
    reasons.CONFIDENCE_TOO_LOW: _confidence,
    reasons.SIGNAL_EXPIRED: _expiry,
    reasons.SHORT_NOT_ALLOWED: _short,
    reasons.BOOK_NOT_LIVE: _book,
    reasons.PRICE_STALE: _stale,
    reasons.ORDER_UNKNOWN: _unknown,
    reasons.RECONCILIATION_FROZEN: _frozen,
    reasons.ORDER_WORKING: _working,
    reasons.POSITIONS_MAX: _positions,
    reasons.ORDERS_PER_S: _per_second,
    reasons.ORDERS_PER_MIN: _per_minute,
    reasons.COLLAR: _collar,
    reasons.STOP_IMPOSSIBLE: _stop,
}
CLOSING: dict[str, Gate] = {
    reasons.PORTFOLIO_NOT_OPEN: _portfolio,
    reasons.CONFIDENCE_TOO_LOW: _confidence,
    reasons.SIGNAL_EXPIRED: _expiry,
    reasons.BOOK_NOT_LIVE: _unpriced,
    reasons.ORDER_WORKING: _working,
}
"""A book that isn't LIVE may be sold on, down to the collar, but not one without a bid or an ask."""
