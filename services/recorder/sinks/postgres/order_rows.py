"""Which rows does a message about an order make: the orders, what was told of them, their fills?

An order's status is the last that any of its events leads to, of those with the highest rank: an
end stands over the venue's word, and that over ours, which it may have overtaken.
"""

from marea.domain.money import format_amount
from marea.domain.order_life import BEGIN, REPORTS
from marea.messages.orders import (
    DUPLICATE_ID,
    SIGNED_OFF,
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderReport,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
    VenueReport,
)
from services.recorder.sinks.postgres.tables import Row
from services.recorder.sinks.postgres.texts import boolean
from services.recorder.sinks.texts import utc

ARMED = "armed"
"""The status of a protective order until its venue says that it has it."""
OUR_WORD, VENUE_WORD, END = "0", "1", "2"

Told = tuple[str | None, str]
"""A status that is led to, or none, and its rank."""


def orders(intent: OrderIntended) -> list[Row]:
    """The order that is intended, and those that protect what it gets."""
    price_scale, qty_scale = intent.price_scale, intent.qty_scale
    protected_side = "sell" if intent.side == "buy" else "buy"
    found = [
        (intent.client_order_id, intent.leg, intent.side, intent.qty, intent.price),
        (intent.stop_order_id, "stop", protected_side, 0, intent.stop_price),
        (intent.target_order_id, "target", protected_side, 0, intent.target_price),
    ]
    rows: list[Row] = []
    for name, leg, side, qty, price in found:
        is_own = name == intent.client_order_id
        if name:
            rows.append(
                (
                    utc(intent.ts_event),
                    name,
                    intent.portfolio,
                    intent.account,
                    intent.instrument,
                    intent.strategy,
                    intent.decision_id,
                    leg,
                    side,
                    boolean(is_own and intent.post_only),
                    boolean(not is_own or intent.reduce_only),
                    format_amount(price, price_scale),
                    format_amount(intent.decision_price if is_own else price, price_scale),
                    format_amount(qty, qty_scale),
                    BEGIN if is_own else ARMED,
                )
            )
    return rows


def order_events(told: OrderIntended | CancelIntended | OrderReport) -> list[Row]:
    """What was intended or told of an order."""
    status, rank = _status(told)
    qty, cum_qty = _qtys(told)
    venue_order_id = told.venue_order_id if isinstance(told, OrderAccepted | OrderFilled) else None
    attempt = getattr(told, "attempt", None)
    return [
        (
            utc(told.ts_event),
            told.portfolio,
            told.client_order_id,
            type(told).__name__,
            status,
            rank,
            None if attempt is None else str(attempt),
            str(told.number) if isinstance(told, VenueReport) else None,
            venue_order_id,
            qty,
            cum_qty,
            getattr(told, "reason", None),
        )
    ]


def fills(fill: OrderFilled) -> list[Row]:
    """A match of ours."""
    return [
        (
            utc(fill.ts_event),
            fill.portfolio,
            fill.venue,
            fill.account,
            fill.instrument,
            fill.trade_id,
            fill.venue_order_id,
            fill.client_order_id,
            fill.side,
            fill.liquidity,
            format_amount(fill.last_qty, fill.qty_scale),
            format_amount(fill.last_price, fill.price_scale),
            format_amount(fill.cum_qty, fill.qty_scale),
            format_amount(fill.commission, fill.asset_scale),
            fill.commission_asset,
            _filled(fill),
        )
    ]


def _status(told: OrderIntended | CancelIntended | OrderReport) -> Told:
    match told:
        case OrderIntended():
            return BEGIN, OUR_WORD
        case OrderSent() | OrderLookedUp(found=True):
            return "sent", OUR_WORD
        case OrderNotSent() | OrderLookedUp():
            return "not_sent", OUR_WORD
        case OrderUnknown() | CancelRejected():  # whether it was ever there must be looked up
            return "unknown", OUR_WORD
        case CancelIntended():
            return "canceling", OUR_WORD
    return _status_by_venue(told)


def _status_by_venue(told: OrderReport) -> Told:
    match told:
        case OrderAccepted():
            return REPORTS["accepted"], VENUE_WORD
        case OrderAmended():
            return None, VENUE_WORD  # of a filled one it would say that it works
        case OrderTriggered():
            return REPORTS["triggered"], VENUE_WORD
        case OrderFilled():
            return _filled(told), VENUE_WORD if told.leaves_qty else END
        case OrderCanceled():
            return REPORTS["canceled"], END
        case OrderRejected(reason=reason) if reason == SIGNED_OFF:
            return None, OUR_WORD  # of one attempt: another may live
        case OrderRejected(reason=reason) if reason == DUPLICATE_ID:
            return REPORTS["rejected"], OUR_WORD  # of a copy, where the venue has said more
    return REPORTS["rejected"], END


def _filled(fill: OrderFilled) -> str:
    return REPORTS["filled_part" if fill.leaves_qty else "filled_all"]


def _qtys(told: OrderIntended | CancelIntended | OrderReport) -> tuple[str | None, str | None]:
    match told:
        case OrderAccepted() | OrderAmended():
            return format_amount(told.qty, told.qty_scale), None
        case OrderFilled():
            return None, format_amount(told.cum_qty, told.qty_scale)
    return None, None
