"""Is what is held covered by stops at the venue, and what is sold where it isn't?"""

from collections.abc import Iterator

from marea.messages.envelope import Nanos
from marea.messages.market import Qty
from marea.messages.orders import OrderIntended
from marea.messages.portfolio import Mark
from services.execution.core.intents import lowest_price, stop_order
from services.execution.core.life import leaves
from services.execution.core.money import is_worth_an_order, sellable_qty
from services.execution.core.state import PROTECTION_NS, ExecutionState


def at_mark(state: ExecutionState, mark: Mark) -> Iterator[OrderIntended]:
    """Sells what is uncovered once the price is where the lost stop stood.

    It is a stop of our own, and only a stop: whether to close for another reason is risk's.
    """
    position = state.positions.get(mark.instrument)
    if position is None or position.entry is None:
        return
    is_reached = 0 < mark.bid_price <= position.entry.stop_price
    if is_reached and uncovered(state, mark.instrument, state.now):
        qty = uncovered_qty(state, mark.instrument)
        stop = stop_order(state, position.entry, mark, qty)
        if is_worth_an_order(state.instruments[mark.instrument], qty, stop.price):
            yield stop


def uncovered(state: ExecutionState, instrument: str, now: Nanos) -> bool:
    """Is it longer without its stops than the venue's reports can take?"""
    since = state.positions[instrument].ts_uncovered
    return bool(since) and now >= since + PROTECTION_NS


def uncovered_qty(state: ExecutionState, instrument: str) -> Qty:
    """How much of what is held no stop or exit would sell; less than an order is worth counts 0."""
    position = state.positions[instrument]
    if position.entry is None or not position.entry.stop_price:
        return 0
    qty = sellable_qty(state, instrument)
    for order in state.orders.values():
        if order.instrument == instrument and order.leg in ("stop", "exit"):
            qty -= leaves(order)
    lowest = lowest_price(state, instrument, position.entry.stop_price)
    return qty if is_worth_an_order(state.instruments[instrument], qty, lowest) else 0
