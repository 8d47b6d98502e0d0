"""How good was a strategy so far? Its own virtual record, long or flat, before all costs.

Signals hears only the features, so a strategy is judged by what it would have made alone: it buys
at the close where its score rises above 0 and sells at the close where it falls to 0 or below.
"""

from dataclasses import dataclass

PROFIT_FACTOR_MIN, PROFIT_FACTOR_MAX = 0.1, 10.0
"""No record counts for more than a hundred times another."""


@dataclass(slots=True)
class VirtualRecord:
    """What a strategy made in one instrument; returns are fractions of the price at entry."""

    entry_price: int = 0
    """In units of the instrument's price scale; 0: it holds nothing."""
    closed_trades: int = 0
    gains: float = 0.0
    """Sum of the returns above 0."""
    losses: float = 0.0
    """Sum of the returns below 0, without their sign."""


def take(record: VirtualRecord, score: float, price: int) -> None:
    """Open or close at this close, where the score crosses 0."""
    if score > 0.0:
        if not record.entry_price:
            record.entry_price = price
        return
    if not record.entry_price:
        return
    gross_return = price / record.entry_price - 1.0
    if gross_return > 0.0:
        record.gains += gross_return
    else:
        record.losses -= gross_return
    record.entry_price = 0
    record.closed_trades += 1


def profit_factor(record: VirtualRecord) -> float:
    """How much was won for each unit that was lost? Bounded to 0.1…10; 1 where neither happened.

    Gross gains over gross losses, as TradeStation's performance report has it, of returns instead
    of money because the record has no size.
    """
    gains, losses = record.gains, record.losses
    if gains >= PROFIT_FACTOR_MAX * losses:
        return PROFIT_FACTOR_MAX if gains > 0.0 else 1.0
    return max(gains / losses, PROFIT_FACTOR_MIN)
