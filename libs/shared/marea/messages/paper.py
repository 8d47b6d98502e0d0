"""What the paper venue is asked, and what it reports: a venue's own protocol, spoken over its log."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from marea.messages.envelope import Message, Nanos
from marea.messages.market import Price, Qty, Side
from marea.messages.orders import Leg, Liquidity
from marea.messages.portfolio import Money

ReportKind: TypeAlias = Literal[
    "accepted", "rejected", "amended", "triggered", "filled", "canceled", "cancel_rejected"
]


class AccountOpened(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A virtual account begins with these balances."""

    outside: ClassVar[bool] = True

    account: Annotated[str, Meta(description="its name")]
    asset_scale: Annotated[int, Meta(description="places of every balance")]
    balances: Annotated[dict[str, Money], Meta(description="what it begins with, by asset")]


class PlaceOrder(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A request as it left us; it reaches the venue's matching after its latency."""

    outside: ClassVar[bool] = True

    account: Annotated[str, Meta(description="whose order")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    client_order_id: Annotated[str, Meta(description="the sender's")]
    ts_sign: Annotated[Nanos, Meta(description="the venue time it was signed with, ns UTC")]
    leg: Annotated[Leg, Meta(description="what the order is for; the venue tells it back")]
    side: Annotated[Side, Meta(description="buy or sell")]
    post_only: Annotated[bool, Meta(description="to be refused rather than take")]
    reduce_only: Annotated[bool, Meta(description="may not sell more than the account holds")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="in the base asset")]
    price: Annotated[Price, Meta(description="the limit, in the quote asset")]
    stop_order_id: Annotated[str, Meta(description="of the protective stop; empty: none")]
    stop_price: Annotated[Price, Meta(description="where it triggers; 0: none")]
    target_order_id: Annotated[str, Meta(description="of the order that takes profit; or empty")]
    target_price: Annotated[Price, Meta(description="its limit; 0: none")]
    replaces: Annotated[
        tuple[str, ...], Meta(description="orders to end as this one is taken, all or none")
    ]


class CancelOrder(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A request to end an order with what is filled of it."""

    outside: ClassVar[bool] = True

    account: Annotated[str, Meta(description="whose order")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    client_order_id: Annotated[str, Meta(description="which order")]
    ts_sign: Annotated[Nanos, Meta(description="the venue time it was signed with, ns UTC")]


class ExecutionReport(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What happened to an order at the venue; `ts_event` is when, by the venue's clock."""

    discriminator: ClassVar[tuple[str, ...]] = ("client_order_id", "number")

    account: Annotated[str, Meta(description="whose order")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    client_order_id: Annotated[str, Meta(description="the sender's")]
    venue_order_id: Annotated[str, Meta(description="the venue's; empty where it was rejected")]
    number: Annotated[int, Meta(description="of the account's reports: 0, 1, …")]
    kind: Annotated[ReportKind, Meta(description="what happened")]
    reason: Annotated[str, Meta(description="code: why it was rejected or canceled; or empty")]
    ts_arrives: Annotated[Nanos, Meta(description="when the report reaches the sender, ns UTC")]
    side: Annotated[Side, Meta(description="buy or sell")]
    liquidity: Annotated[Liquidity, Meta(description="of a fill: whether it rested or took")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="of the order, as it is in force")]
    last_qty: Annotated[Qty, Meta(description="of this match; 0: no fill")]
    last_price: Annotated[Price, Meta(description="of this match; 0: no fill")]
    cum_qty: Annotated[Qty, Meta(description="filled so far")]
    trade_id: Annotated[str, Meta(description="of this match; empty: no fill")]
    asset_scale: Annotated[int, Meta(description="places of the commission")]
    commission: Annotated[Money, Meta(description="of this match")]
    commission_asset: Annotated[str, Meta(description="what it is paid in; empty: no fill")]
