"""What is held of one instrument, what did it cost, and what came of it? By average cost.

Long only. Quantities are of the base asset, money of the quote asset, both in units of
10^-`ASSET_SCALE`. At every moment
`realized_pnl = sold_notional - bought_notional - commissions in the quote asset + cost`.
"""

from dataclasses import dataclass

from marea.domain.ledger import ASSET_SCALE, Fill
from marea.domain.money import Rounding, average_price, notional, split

NOT_OPENED = -1


@dataclass(slots=True, kw_only=True)
class Position:
    """A position from its first fill until it is flat."""

    net_qty: int = 0
    """Held, after commissions."""
    cost: int = 0
    """Paid for what is held, commissions included."""
    realized_pnl: int = 0
    """Of what was sold, after all commissions."""
    fees: int = 0
    """All commissions, each at the price of its fill; rounded up."""
    ts_opened: int = NOT_OPENED
    """Of the first buy, ns UTC."""
    bought_qty: int = 0
    """Before commissions, as the next three."""
    bought_notional: int = 0
    sold_qty: int = 0
    sold_notional: int = 0


def apply_fill(position: Position, fill: Fill, ts: int) -> None:
    """Take a fill of time `ts` into the position.

    Raises `ValueError`, and leaves the position as it was, where it sells more than is held or
    its commission is in neither of the instrument's assets.
    """
    in_base = fill.commission if fill.commission_asset == fill.base else 0
    in_quote = fill.commission if fill.commission_asset == fill.quote else 0
    if fill.commission and fill.commission_asset not in (fill.base, fill.quote):
        raise ValueError(
            f"commission_asset is '{fill.commission_asset}': expected {fill.base} or {fill.quote}"
        )
    fees = in_quote + _value(in_base, fill)
    if fill.side == "buy":
        if position.ts_opened == NOT_OPENED:
            position.ts_opened = ts
        position.net_qty += fill.qty - in_base
        position.cost += fill.notional + in_quote
        position.bought_qty += fill.qty
        position.bought_notional += fill.notional
    else:
        _sell(position, fill, in_base, in_quote)
    position.fees += fees


def _sell(position: Position, fill: Fill, in_base: int, in_quote: int) -> None:
    leaving = fill.qty + in_base
    if leaving > position.net_qty:
        raise ValueError(f"qty is {leaving}: expected at most the {position.net_qty} that is held")
    cost, position.cost = split(position.cost, (leaving, position.net_qty - leaving))
    position.net_qty -= leaving
    position.realized_pnl += fill.notional - in_quote - cost
    position.sold_qty += fill.qty
    position.sold_notional += fill.notional


def _value(in_base: int, fill: Fill) -> int:
    if not in_base:
        return 0
    price = _average(fill.notional, fill.qty, ASSET_SCALE, Rounding.UP)
    return notional(price, in_base, ASSET_SCALE, ASSET_SCALE, ASSET_SCALE, Rounding.UP)


def is_flat(position: Position, increment: int) -> bool:
    """Is too little held to be sold? `increment` is the least quantity, at `ASSET_SCALE`."""
    return position.net_qty < increment


def successor(position: Position) -> Position:
    """What does the next position begin with? The dust of this one, at its cost."""
    return Position(net_qty=position.net_qty, cost=position.cost)


def entry_price(position: Position, price_scale: int) -> int:
    """At which price was it bought, on average, to the nearest unit? 0 where nothing was."""
    return _shown_average(position.bought_notional, position.bought_qty, price_scale)


def exit_price(position: Position, price_scale: int) -> int:
    """At which price was it sold, on average, to the nearest unit? 0 where nothing was."""
    return _shown_average(position.sold_notional, position.sold_qty, price_scale)


def _shown_average(total: int, qty: int, price_scale: int) -> int:
    return _average(total, qty, price_scale, Rounding.NEAREST_EVEN) if qty else 0


def _average(total: int, qty: int, price_scale: int, rounding: Rounding) -> int:
    return average_price(total, qty, ASSET_SCALE, ASSET_SCALE, price_scale, rounding)
