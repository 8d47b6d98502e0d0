"""What do fills make of balances, and what did an order cost against what was expected?"""

from collections.abc import Sequence

from marea.domain.money import (
    Rounding,
    add,
    average_price,
    notional,
    rescale,
    round_to_increment,
)
from marea.messages.market import InstrumentChanged, Qty
from marea.messages.orders import OrderCompleted, OrderFilled
from services.execution.core.state import ASSET_SCALE, ExecutionState, Order, Position


def fill_notional(fill: OrderFilled) -> int:
    """Price times quantity of a fill, at `ASSET_SCALE` of the quote asset, exactly."""
    return notional(
        fill.last_price,
        fill.last_qty,
        fill.price_scale,
        fill.qty_scale,
        ASSET_SCALE,
        Rounding.DOWN,  # nothing is lost: the scales make at most `ASSET_SCALE` places
    )


def book_fill(state: ExecutionState, fill: OrderFilled) -> None:
    """Take a fill into the balances and the position, its commission in its own asset.

    Raises `ValueError` for an instrument that was never told.
    """
    instrument = state.instruments.get(fill.instrument)
    if instrument is None:
        raise ValueError(f"instrument is '{fill.instrument}': expected an InstrumentChanged before")
    sign = 1 if fill.side == "buy" else -1
    bought = sign * rescale(fill.last_qty, fill.qty_scale, ASSET_SCALE, Rounding.DOWN)
    commission = rescale(fill.commission, fill.asset_scale, ASSET_SCALE, Rounding.UP)
    _change(state, instrument.base, bought)
    _change(state, instrument.quote, -sign * fill_notional(fill))
    _change(state, fill.commission_asset, -commission)
    position = state.positions.setdefault(fill.instrument, Position())
    paid_in_base = commission if fill.commission_asset == instrument.base else 0
    position.net_qty = add(position.net_qty, bought - paid_in_base)


def _change(state: ExecutionState, asset: str, units: int) -> None:
    state.balances[asset] = add(state.balances.get(asset, 0), units)


def sellable_qty(state: ExecutionState, instrument: str) -> Qty:
    """How much of what was bought can be sold: what is left below the increment is dust."""
    position = state.positions.get(instrument)
    if position is None:
        return 0
    told = state.instruments[instrument]
    units = rescale(position.net_qty, ASSET_SCALE, told.qty_scale, Rounding.DOWN)
    return round_to_increment(units, told.qty_increment, Rounding.DOWN)


def is_worth_an_order(instrument: InstrumentChanged, qty: int, price: int) -> bool:
    """Is there a price, and is this quantity at it as much as the venue takes?"""
    scales = (instrument.price_scale, instrument.qty_scale, instrument.price_scale)
    worth = notional(price, qty, *scales, Rounding.DOWN)
    return qty > 0 and price > 0 and worth >= instrument.notional_min


def completion(
    portfolio: str, qty: int, orders: Sequence[Order], arrival_price: int = 0
) -> OrderCompleted:
    """What was asked for in all, and what the orders of one leg got; the last is the latest.

    Slippage is counted from what the last order is held against; where nothing is filled it is 0.
    """
    last = orders[-1]
    filled = filled_notional = 0
    for order in orders:
        filled += order.filled_qty
        filled_notional += order.filled_notional
    average = 0
    if filled:
        scales = (ASSET_SCALE, last.qty_scale, last.price_scale)
        average = average_price(filled_notional, filled, *scales, Rounding.NEAREST_EVEN)
    return OrderCompleted(
        portfolio=portfolio,
        instrument=last.instrument,
        decision_id=last.decision_id,
        leg=last.leg,
        side=last.side,
        price_scale=last.price_scale,
        qty_scale=last.qty_scale,
        qty=qty,
        filled_qty=filled,
        decision_price=last.reference_price,
        arrival_price=arrival_price,
        avg_price=average,
        slippage_bps=_slippage_bps(last, average),
    )


def _slippage_bps(order: Order, average: int) -> float:
    if not average or not order.reference_price:
        return 0.0
    paid_more = average - order.reference_price
    return (paid_more if order.side == "buy" else -paid_more) * 10_000 / order.reference_price
