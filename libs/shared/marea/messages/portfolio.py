"""What a portfolio holds, what it may do, and what risk decides about it.

Money is an integer of units of 10^-asset_scale of the asset that the field or the message names.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta

from marea.domain.book import BookStatus
from marea.messages.envelope import Message, Nanos
from marea.messages.market import Price, Qty, Side

Money: TypeAlias = Annotated[int, Meta(extra={"scale": "asset_scale"})]
Mode: TypeAlias = Literal["advisory", "sim", "paper", "live"]
Purpose: TypeAlias = Literal["entry", "exit"]
CommandAction: TypeAlias = Literal["halt", "resume", "reset"]


class PortfolioOpened(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A portfolio begins, with what its venue account holds."""

    outside: ClassVar[bool] = True

    portfolio: Annotated[str, Meta(description="its name, and its partition of trading")]
    owner: Annotated[str, Meta(description="whose it is, a name of ours")]
    mode: Annotated[Mode, Meta(description="whether orders are sent, and to what kind of venue")]
    venue: Annotated[str, Meta(description="where it trades")]
    account: Annotated[str, Meta(description="the venue account that it claims")]
    base_asset: Annotated[str, Meta(description="the asset that its equity is counted in")]
    time_zone: Annotated[str, Meta(description="whose midnight ends its day, an IANA name")]
    asset_scale: Annotated[int, Meta(description="places of every balance")]
    balances: Annotated[dict[str, Money], Meta(description="what the account holds, by asset")]


class Mark(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What an instrument is worth now, and whether its market can be trusted."""

    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    bid_price: Annotated[Price, Meta(description="best bid, in the quote asset; 0: none known")]
    ask_price: Annotated[Price, Meta(description="best ask, in the quote asset; 0: none known")]
    book_status: Annotated[BookStatus, Meta(description="no opening unless LIVE")]
    ts_quote: Annotated[Nanos, Meta(description="when that best bid and ask were told, ns UTC")]


class Command(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a person orders; its key makes it count once."""

    outside: ClassVar[bool] = True

    portfolio: Annotated[str, Meta(description="which portfolio")]
    action: Annotated[
        CommandAction,
        Meta(description="halt: open nothing; resume: end a halt; reset: end every breaker"),
    ]
    actor: Annotated[str, Meta(description="who orders it, an account name")]
    role: Annotated[str, Meta(description="the actor's role: admin, user, viewer")]
    reason: Annotated[str, Meta(description="why, in the actor's words")]
    key: Annotated[str, Meta(description="idempotency key: the same key counts once")]


class CommandTaken(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What became of a command."""

    portfolio: Annotated[str, Meta(description="which portfolio")]
    action: Annotated[CommandAction, Meta(description="what was ordered")]
    actor: Annotated[str, Meta(description="who ordered it")]
    accepted: Annotated[bool, Meta(description="whether it is in force from here on")]
    reason: Annotated[
        str,
        Meta(description="code: APPROVED, ROLE_NOT_ALLOWED, REASON_MISSING, DUPLICATE, NO_EFFECT"),
    ]


class RiskDecision(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """May this become an order, and how large? Each gate with its number against its limit."""

    discriminator: ClassVar[tuple[str, ...]] = (
        "portfolio",
        "instrument",
        "strategy",
        "purpose",
        "leg",
    )
    reckoning: ClassVar[tuple[str, ...]] = ("observed", "limits")

    portfolio: Annotated[str, Meta(description="which portfolio")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    strategy: Annotated[str, Meta(description="whose target changed; several, joined by +")]
    purpose: Annotated[Purpose, Meta(description="whether it opens or closes")]
    leg: Annotated[str, Meta(description="what set it off: signal, halt, …, a code")]
    approved: Annotated[bool, Meta(description="whether execution is to act on it")]
    reason: Annotated[str, Meta(description="code: APPROVED, or the gate that said no")]
    observed: Annotated[dict[str, float], Meta(description="what each gate saw, by its code")]
    limits: Annotated[dict[str, float], Meta(description="what each gate allows, by its code")]
    side: Annotated[Side, Meta(description="of the order")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="in the base asset; 0 on a denial")]
    bid_price: Annotated[Price, Meta(description="best bid then, in the quote asset")]
    ask_price: Annotated[Price, Meta(description="best ask then, in the quote asset")]
    collar_price: Annotated[Price, Meta(description="the worst price allowed")]
    stop_price: Annotated[Price, Meta(description="where a protective stop triggers; 0: none")]
    target_price: Annotated[Price, Meta(description="where profit is taken; 0: none")]
    ts_expiry: Annotated[Nanos, Meta(description="no order is to be sent from then on, ns UTC")]
    shares: Annotated[
        tuple[Qty, ...], Meta(description="of the quantity, what each of the strategies wants")
    ] = ()


class BreakerTripped(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The drawdown passed a limit: nothing opens for a while."""

    discriminator: ClassVar[tuple[str, ...]] = ("portfolio", "level")

    portfolio: Annotated[str, Meta(description="which portfolio")]
    level: Annotated[int, Meta(description="1, 2 or 3")]
    drawdown_pct: Annotated[float, Meta(description="fall from the level's reference, %")]
    drawdown_pct_max: Annotated[float, Meta(description="the level's limit, %")]
    asset: Annotated[str, Meta(description="the asset of the amounts")]
    asset_scale: Annotated[int, Meta(description="places of the amounts")]
    reference: Annotated[Money, Meta(description="equity that the fall is measured from")]
    equity: Annotated[Money, Meta(description="equity now")]
    ts_until: Annotated[Nanos, Meta(description="when it ends by itself, ns UTC")]


class BreakerEnded(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A breaker lets openings through again, and measures from the equity of this moment on."""

    discriminator: ClassVar[tuple[str, ...]] = ("portfolio", "level")

    portfolio: Annotated[str, Meta(description="which portfolio")]
    level: Annotated[int, Meta(description="1, 2 or 3")]
    cause: Annotated[str, Meta(description="code: elapsed, reset")]
    asset: Annotated[str, Meta(description="the asset of the reference")]
    asset_scale: Annotated[int, Meta(description="places of the reference")]
    reference: Annotated[Money, Meta(description="equity that its next fall is measured from")]


class JournalPosted(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """One transaction of the ledger: entries that sum to 0 for each asset."""

    discriminator: ClassVar[tuple[str, ...]] = ("portfolio", "cause", "strategy")

    portfolio: Annotated[str, Meta(description="whose ledger")]
    strategy: Annotated[str, Meta(description="whose sub-ledger; empty: the portfolio's own")]
    cause: Annotated[str, Meta(description="code: opening, fill, cross, adjustment")]
    asset_scale: Annotated[int, Meta(description="places of every amount")]
    accounts: Annotated[tuple[str, ...], Meta(description="of each entry: wallet, venue, fees, …")]
    assets: Annotated[tuple[str, ...], Meta(description="of each entry")]
    amounts: Annotated[tuple[Money, ...], Meta(description="of each entry; plus is what comes in")]


class PositionClosed(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A strategy's position in an instrument is over: what came of it, costs included."""

    discriminator: ClassVar[tuple[str, ...]] = ("portfolio", "strategy", "instrument")

    portfolio: Annotated[str, Meta(description="which portfolio")]
    strategy: Annotated[str, Meta(description="whose position")]
    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    side: Annotated[Side, Meta(description="of its entry")]
    price_scale: Annotated[int, Meta(description="places of a price")]
    qty_scale: Annotated[int, Meta(description="places of a quantity")]
    qty: Annotated[Qty, Meta(description="bought in all, in the base asset")]
    entry_price: Annotated[Price, Meta(description="average, in the quote asset")]
    exit_price: Annotated[Price, Meta(description="average, in the quote asset")]
    ts_opened: Annotated[Nanos, Meta(description="of its first fill, ns UTC")]
    exit_reason: Annotated[str, Meta(description="leg of the last fill: exit, stop, target")]
    asset: Annotated[str, Meta(description="the quote asset, of the amounts")]
    asset_scale: Annotated[int, Meta(description="places of the amounts")]
    realized_pnl: Annotated[Money, Meta(description="after all fees, at their value then")]
    fees: Annotated[Money, Meta(description="paid in all, at their value then")]


class PortfolioValued(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a portfolio is worth at an instant, by the marks."""

    discriminator: ClassVar[tuple[str, ...]] = ("portfolio",)

    portfolio: Annotated[str, Meta(description="which portfolio")]
    asset: Annotated[str, Meta(description="the asset of the amounts")]
    asset_scale: Annotated[int, Meta(description="places of the amounts")]
    equity: Annotated[Money, Meta(description="all balances at the marks")]
    cash: Annotated[Money, Meta(description="the balance of that asset")]
    exposure: Annotated[Money, Meta(description="what is held of instruments, at the marks")]
    realized_pnl: Annotated[Money, Meta(description="since the begin, after fees")]
    unrealized_pnl: Annotated[Money, Meta(description="of open positions, at the marks")]
    fees: Annotated[Money, Meta(description="paid since the begin, at their value then")]
    drawdown_pct: Annotated[float, Meta(description="fall from the equity peak, %, at least 0")]
