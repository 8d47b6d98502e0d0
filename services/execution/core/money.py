"""What do fills make of balances, and what did an order cost against what was expected?"""

from collections.abc import Sequence

from marea.domain.ledger import ASSET_SCALE, fill_of, moved, settle
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
from services.execution.core.state import ExecutionState, Order, Position


def book_fill(state: ExecutionState, report: OrderFilled) -> None:
    """Take a fill into the balances and the position, its commission in its own asset.

    Raises `ValueError` for an instrument that was never told, `BadAmountError` for one whose fills
    can't be booked exactly.
    """
    instrument = state.instruments.get(report.instrument)
    if instrument is None:
        told = report.instrument
        raise ValueError(f"instrument is '{told}': expected an InstrumentChanged before")
    fill = fill_of(report, instrument.base, instrument.quote)
    settle(state.balances, fill)
    position = state.positions.setdefault(report.instrument, Position())
    position.net_qty = add(position.net_qty, moved(fill)[fill.base])


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
