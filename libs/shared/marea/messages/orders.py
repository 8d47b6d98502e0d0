"""The life of an order: what execution intends, what was sent, what the venue reports.

What is asked of the venue at a start, and at times that a start shifts, is not canonical: whether
orders and balances are equal is no part of what was decided.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from marea.messages.envelope import Message, Nanos
from marea.messages.market import Price, Qty, Side
from marea.messages.portfolio import Money

Leg: TypeAlias = Literal["entry", "exit", "stop", "target"]
Liquidity: TypeAlias = Literal["maker", "taker"]
DUPLICATE_ID = "DUPLICATE_ID"
"""Rejected: a second copy of an order, so the first may live."""
SIGNED_OFF = "TIMESTAMP"
"""Rejected: one request, which came too long after its signing; another of the order may live."""
POST_ONLY = "POST_ONLY"
"""Rejected: it was only to rest, and would have taken."""


class OrderIntended(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """An order as it will be sent, whole, with its protective orders.

    Its `sign_ts`, the venue time that the request is signed with, is the record's `ts_known`: the
    loop stamps it as it appends.
    """

    discriminator: ClassVar[tuple[str, ...]] = ("client_order_id", "attempt")

    portfolio: Annotated[str, Meta(description="which portfolio")]
    account: Annotated[str, Meta(description="the venue account")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    strategy: Annotated[str, Meta(description="of the decision")]
    decision_id: Annotated[str, Meta(description="the RiskDecision that it carries out")]
    leg: Annotated[Leg, Meta(description="entry or exit")]
    child: Annotated[int, Meta(description="which order of its leg: 0, 1, …")]
    attempt: Annotated[int, Meta(description="which sending of the same order: 1, 2, …")]
    client_order_id: Annotated[str, Meta(description="ours; equal for every attempt")]
    side: Annotated[Side, Meta(description="buy or sell")]
    post_only: Annotated[bool, Meta(description="to be refused rather than take")]
    reduce_only: Annotated[bool, Meta(description="may not enlarge a position")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="in the base asset")]
    price: Annotated[Price, Meta(description="the limit, in the quote asset")]
    decision_price: Annotated[Price, Meta(description="mid when risk decided, rounded down")]
    stop_order_id: Annotated[str, Meta(description="of the protective stop; empty: none")]
    stop_price: Annotated[Price, Meta(description="where it triggers, a market order; 0: none")]
    target_order_id: Annotated[str, Meta(description="of the order that takes profit; or empty")]
    target_price: Annotated[Price, Meta(description="its limit; 0: none")]
    replaces: Annotated[
        tuple[str, ...],
        Meta(description="client order ids that end as this one is taken, all or none"),
    ]
    ts_expiry: Annotated[Nanos, Meta(description="not to be sent from then on, ns UTC")]


class CancelIntended(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """An order is to end with what is filled of it."""

    discriminator: ClassVar[tuple[str, ...]] = ("client_order_id",)

    portfolio: Annotated[str, Meta(description="which portfolio")]
    account: Annotated[str, Meta(description="the venue account")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    client_order_id: Annotated[str, Meta(description="which order")]
    reason: Annotated[str, Meta(description="code: passive_over, expired, halted, breaker, exit")]


class LookUpOrder(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Asks the shell what the venue knows of an order; the answer is an `OrderLookedUp`."""

    canonical: ClassVar[bool] = False
    discriminator: ClassVar[tuple[str, ...]] = ("client_order_id",)

    portfolio: Annotated[str, Meta(description="which portfolio")]
    account: Annotated[str, Meta(description="the venue account")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    client_order_id: Annotated[str, Meta(description="which order")]
    attempt: Annotated[int, Meta(description="of the intent")]


class ReportAccount(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Asks the shell what the venue account holds; the answer is an `AccountReported`."""

    canonical: ClassVar[bool] = False

    portfolio: Annotated[str, Meta(description="which portfolio")]
    account: Annotated[str, Meta(description="the venue account")]


class ApprovalRefused(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Execution makes no order of an approved decision."""

    discriminator: ClassVar[tuple[str, ...]] = ("decision_id",)

    portfolio: Annotated[str, Meta(description="which portfolio")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    decision_id: Annotated[str, Meta(description="the approved decision")]
    reason: Annotated[
        str,
        Meta(
            description="code: EXPIRED, HALTED, BREAKER_OPEN, ORDER_WORKING, NOT_LIVE, "
            "ADVISORY, FROZEN, BUILDS_DIFFER"
        ),
    ]


class OrderCompleted(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """No order of a decision's leg works any more: what it asked for and what it got."""

    discriminator: ClassVar[tuple[str, ...]] = ("decision_id",)

    portfolio: Annotated[str, Meta(description="which portfolio")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    decision_id: Annotated[str, Meta(description="the decision it carried out")]
    leg: Annotated[Leg, Meta(description="entry, exit, stop or target")]
    side: Annotated[Side, Meta(description="buy or sell")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="asked for")]
    filled_qty: Annotated[Qty, Meta(description="got")]
    decision_price: Annotated[Price, Meta(description="mid when risk decided")]
    arrival_price: Annotated[
        Price, Meta(description="mid when its first order was sent; 0: not known")
    ]
    avg_price: Annotated[Price, Meta(description="average of the fills; 0: none")]
    slippage_bps: Annotated[
        float, Meta(description="fill against decision price, plus is what it cost; 0 unfilled")
    ]


class ReconciliationDone(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Ours held against the venue's: equal, or each difference with its evidence."""

    canonical: ClassVar[bool] = False
    discriminator: ClassVar[tuple[str, ...]] = ("portfolio",)

    portfolio: Annotated[str, Meta(description="which portfolio")]
    account: Annotated[str, Meta(description="the venue account")]
    differences: Annotated[
        tuple[str, ...], Meta(description="code, thing, ours, venue's, joined by |; none if equal")
    ]
    rounds: Annotated[int, Meta(description="how many in a row found one; 3 freeze openings")]


class OrderReport(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Anything that is told of one order from outside."""

    outside: ClassVar[bool] = True

    portfolio: Annotated[str, Meta(description="which portfolio")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    client_order_id: Annotated[str, Meta(description="which order")]


class VenueReport(OrderReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """Anything that the venue reports of one order."""

    number: Annotated[
        int, Meta(description="of the venue account's reports: 0, 1, …, in the order they arrive")
    ]


class OrderSent(OrderReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """The request has left us, at `ts_event`; what the venue makes of it is not known yet."""

    attempt: Annotated[int, Meta(description="of the intent")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    bid_price: Annotated[Price, Meta(description="best bid at that moment; 0: none known")]
    ask_price: Annotated[Price, Meta(description="best ask at that moment; 0: none known")]


class OrderNotSent(OrderReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """The request has not left us and will not."""

    attempt: Annotated[int, Meta(description="of the intent")]
    reason: Annotated[str, Meta(description="code: late, expired")]


class OrderUnknown(OrderReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """Nobody can say whether the venue has the order: it must be looked up."""

    attempt: Annotated[int, Meta(description="of the intent")]
    reason: Annotated[str, Meta(description="code: timeout, reset, unparsable, venue")]


class OrderLookedUp(OrderReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """What the venue knows of an order that was looked up."""

    canonical: ClassVar[bool] = False

    attempt: Annotated[int, Meta(description="of the intent when it was asked")]
    found: Annotated[bool, Meta(description="whether it has it, or had it, or it is on its way")]


class OrderAccepted(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """The venue has it, and it works or waits for its trigger."""

    venue_order_id: Annotated[str, Meta(description="the venue's")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="in force, in the base asset")]


class OrderRejected(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """The venue will not have it: definitely."""

    reason: Annotated[
        str,
        Meta(
            description="code: PRICE_TICK, LOT_SIZE, MIN_NOTIONAL, BALANCE, POST_ONLY, "
            "REDUCE_ONLY, DUPLICATE_ID, UNKNOWN_INSTRUMENT, TIMESTAMP, MARKET_CLOSED"
        ),
    ]


class OrderAmended(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """The quantity of a working order is another one now, as when a stop follows its position."""

    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="in force with what is filled, in the base asset")]


class OrderTriggered(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """A stop's price was reached; it is a market order from here on."""


class OrderFilled(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """One match of an order: unique by venue, account, instrument, trade id and order id."""

    venue: Annotated[str, Meta(description="where")]
    account: Annotated[str, Meta(description="the venue account")]
    venue_order_id: Annotated[str, Meta(description="the venue's")]
    trade_id: Annotated[str, Meta(description="the venue's")]
    side: Annotated[Side, Meta(description="buy or sell")]
    liquidity: Annotated[Liquidity, Meta(description="whether it rested or took")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    last_qty: Annotated[Qty, Meta(description="of this match, in the base asset")]
    last_price: Annotated[Price, Meta(description="of this match, in the quote asset")]
    cum_qty: Annotated[Qty, Meta(description="filled so far, this match included")]
    leaves_qty: Annotated[Qty, Meta(description="still to fill")]
    asset_scale: Annotated[int, Meta(description="places of the commission")]
    commission: Annotated[Money, Meta(description="of this match; below 0 a rebate")]
    commission_asset: Annotated[str, Meta(description="what it is paid in")]


class OrderCanceled(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """It ended with what is filled of it."""

    reason: Annotated[
        str, Meta(description="code: requested, replaced, sibling_filled, entry_ended, expired")
    ]


class CancelRejected(VenueReport, frozen=True, kw_only=True, array_like=True, gc=False):
    """The venue could not cancel it: it had ended, or was never there."""

    reason: Annotated[str, Meta(description="code: ENDED, UNKNOWN_ORDER")]


class AccountReported(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a venue account holds, and which orders work there."""

    canonical: ClassVar[bool] = False
    outside: ClassVar[bool] = True

    portfolio: Annotated[str, Meta(description="which portfolio")]
    account: Annotated[str, Meta(description="the venue account")]
    report_offset: Annotated[
        int, Meta(description="of the venue's reports, those below it are in these figures")
    ]
    asset_scale: Annotated[int, Meta(description="places of every balance")]
    balances: Annotated[dict[str, Money], Meta(description="free and locked, by asset")]
    open_orders: Annotated[tuple[str, ...], Meta(description="client order ids, sorted")]
