"""How large may an opening be? The least of every cap, on the venue's increments."""

from collections.abc import Callable
from dataclasses import dataclass

from marea.domain import ledger as books
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import (
    E8,
    Rounding,
    notional,
    qty_for_notional,
    rescale,
    round_to_increment,
)
from services.risk.core import accounts, reasons
from services.risk.core.state import Approval, Market, Record, RiskState


@dataclass(slots=True)
class Size:
    """What a strategy may buy, and what bounds it. Money is at `ASSET_SCALE` of the quote asset."""

    least: int
    """What an order is worth at least."""
    caps: dict[str, int]
    """What each cap leaves."""
    reason: str = reasons.APPROVED
    """The cap that leaves less than that, or `BELOW_MINIMUM` where it is the increments that do."""
    qty: int = 0
    """In the instrument's units; 0: nothing."""
    worth: int = 0
    """What the caps leave is worth at the ask, on the increments."""


def size(state: RiskState, market: Market, strategy: str, taken: int) -> Size:
    """What a strategy may buy at the ask, others of the same bar having taken so much already."""
    known = market.instrument
    caps = _caps(state, market, strategy, taken)
    reason = min(caps, key=lambda name: caps[name])
    bound = max(0, caps[reason])
    scales = (ASSET_SCALE, known.price_scale, known.qty_scale)
    qty = qty_for_notional(bound, market.ask_price, *scales, Rounding.DOWN)
    qty = round_to_increment(qty, known.qty_increment, Rounding.DOWN)
    worth, least = worth_of(market, qty), least_of(market)
    if worth >= least:
        return Size(least, caps, qty=qty, worth=worth)
    is_kelly_small = reason == reasons.KELLY_NOT_POSITIVE and bound > 0
    if bound >= least or is_kelly_small:
        reason = reasons.BELOW_MINIMUM
    return Size(least, caps, reason, worth=worth)


def least_of(market: Market) -> int:
    """What the smallest order is worth at the ask: the venue's minimum, and one increment."""
    known = market.instrument
    minimum = rescale(known.notional_min, known.price_scale, ASSET_SCALE, Rounding.UP)
    return max(minimum, worth_of(market, known.qty_increment))


def worth_of(market: Market, qty: int) -> int:
    """What a quantity is worth at the ask, rounded up."""
    known = market.instrument
    scales = (known.price_scale, known.qty_scale, ASSET_SCALE)
    return notional(market.ask_price, qty, *scales, Rounding.UP)


def kelly(record: Record) -> float:
    """Which share of equity does a record recommend? f* = (p·b - q) / b, at least 0.

    p is the share of closed positions that won, q = 1 - p, b the average gain of one that won over
    the average loss of one that did not. Source: J. L. Kelly, "A New Interpretation of Information
    Rate", 1956, in the form for two outcomes.
    """
    if not record.won or not record.gained:
        return 0.0
    p = record.won / (record.won + record.lost)
    if not record.lost or not record.paid:
        return p
    b = (record.gained / record.won) / (record.paid / record.lost)
    return max(0.0, (p * b - (1.0 - p)) / b)


def _caps(state: RiskState, market: Market, strategy: str, taken: int) -> dict[str, int]:
    config, known = state.config, market.instrument
    equity = accounts.equity(state)
    sector = config.sectors.get(known.base, known.base)
    caps: dict[str, int] = {}
    record = state.records.get(strategy, Record())
    if record.won + record.lost >= config.kelly_trades_min:
        share_e8 = int(kelly(record) * config.kelly_share * E8)
        caps[reasons.KELLY_NOT_POSITIVE] = equity * share_e8 // E8
    caps[reasons.PROFILE_CAP] = equity * config.position_e8_max // E8
    held = _held(state, lambda base: base == known.base)
    caps[reasons.ASSET_CAP] = equity * config.asset_e8_max // E8 - held - taken
    of_sector = _held(state, lambda base: config.sectors.get(base, base) == sector)
    caps[reasons.SECTOR_CAP] = equity * config.sector_e8_max // E8 - of_sector - taken
    caps[reasons.BALANCE] = _free(state, market) - taken
    return caps


def _held(state: RiskState, is_meant: Callable[[str], bool]) -> int:
    # At worst: what is held, and what is still to be bought.
    worth = sum(units for base, units in accounts.worths(state).items() if is_meant(base))
    for name, decision_id in state.working.items():
        if is_meant(state.markets[name].instrument.base):
            worth += _reserved(state.approvals[decision_id])
    return worth


def _reserved(approval: Approval) -> int:
    return approval.notional if approval.side == "buy" else 0


def _free(state: RiskState, market: Market) -> int:
    # Less what works already, and so that the worst price allowed and its costs can be paid.
    working = sum(_reserved(state.approvals[each]) for each in state.working.values())
    free = books.balance(state.ledger, market.instrument.quote) - working
    return free * E8 // (E8 + state.config.collar_e8)
