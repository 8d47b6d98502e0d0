"""Short ways to say what stands on a trading log, and a core that is told it."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from marea.messages.envelope import Log, Message
from marea.messages.ids import market_id, output_id
from marea.messages.market import InstrumentChanged, Side
from marea.messages.orders import (
    AccountReported,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderNotSent,
    OrderRejected,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandAction,
    CommandTaken,
    Mark,
    Mode,
    PortfolioOpened,
    Purpose,
    RiskDecision,
)
from marea.messages.system import Clock, Started
from services.execution.config import ExecutionConfig
from services.execution.core import (
    SERVICE,
    ExecutionInput,
    ExecutionOutput,
    ExecutionState,
    apply,
    begin,
    decide,
)

MS = 1_000_000
SECOND = 1_000 * MS
T0 = 1_767_571_200 * SECOND
BTC = "BTC-USDT.SIM"
TRADING = Log("trading", "main")
CONFIG = ExecutionConfig(
    portfolio="main",
    passive_ns=2 * SECOND,
    late_ns_max=3 * SECOND,
    unknown_ns_max=60 * SECOND,
    reconcile_ns=30 * SECOND,
    collar_e8=2_000_000,
)
BID, ASK = 6_000_000, 6_000_001

M = TypeVar("M", bound=Message)


def ts(ms: float) -> int:
    """An instant, ms after the begin."""
    return T0 + round(ms * MS)


def clock(ms: float) -> Clock:
    return Clock(id=market_id("main", "clock", ts(ms)), ts_event=ts(ms), stream="main")


def started(service: str = SERVICE, name: str = "started") -> Started:
    return Started(id=name, ts_event=T0, service=service, build="test", config="{}", resumes_at=0)


def opened(mode: Mode = "paper") -> PortfolioOpened:
    return PortfolioOpened(
        id="opened",
        ts_event=T0,
        portfolio="main",
        owner="you",
        mode=mode,
        venue="SIM",
        account="main",
        base_asset="USDT",
        time_zone="UTC",
        asset_scale=8,
        balances={"USDT": 10_000 * 10**8},
    )


def instrument(notional_min: int = 500) -> InstrumentChanged:
    return InstrumentChanged(
        id=market_id(BTC, "instrument", 0),
        ts_event=T0,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        venue="SIM",
        venue_symbol="BTCUSDT",
        kind="spot",
        base="BTC",
        quote="USDT",
        price_increment=1,
        qty_increment=1,
        book_sequencing="contiguous",
        valid_from=T0,
        notional_min=notional_min,
    )


def mark(bid: int = BID, ask: int = ASK, status: str = "LIVE") -> Mark:
    return Mark(
        id=f"mark-{bid}-{ask}-{status}",
        ts_event=T0,
        instrument=BTC,
        price_scale=2,
        bid_price=bid,
        ask_price=ask,
        book_status=status,  # type: ignore[arg-type] # tests say it as a plain text
        ts_quote=T0,
    )


def decision(name: str = "d1", purpose: Purpose = "entry", qty: int = 800) -> RiskDecision:
    """An approval of 5 seconds from the begin; an exit sells down to the collar."""
    is_entry = purpose == "entry"
    return RiskDecision(
        id=name,
        ts_event=T0,
        portfolio="main",
        instrument=BTC,
        strategy="weighted",
        purpose=purpose,
        leg="signal",
        approved=True,
        reason="APPROVED",
        observed={},
        limits={},
        side="buy" if is_entry else "sell",
        price_scale=2,
        qty_scale=5,
        qty=qty,
        bid_price=BID,
        ask_price=ASK,
        collar_price=BID * 102 // 100 if is_entry else BID * 98 // 100,
        stop_price=5_990_000 if is_entry else 0,
        target_price=6_020_000 if is_entry else 0,
        ts_expiry=ts(5000),
    )


def command(action: CommandAction, accepted: bool = True) -> CommandTaken:
    return CommandTaken(
        id=f"command-{action}-{accepted}",
        ts_event=T0,
        portfolio="main",
        action=action,
        actor="you",
        accepted=accepted,
        reason="APPROVED" if accepted else "NO_EFFECT",
    )


def tripped(level: int = 1) -> BreakerTripped:
    return BreakerTripped(
        id=f"tripped-{level}",
        ts_event=T0,
        portfolio="main",
        level=level,
        drawdown_pct=5.1,
        drawdown_pct_max=5.0,
        asset="USDT",
        asset_scale=8,
        reference=10**12,
        equity=949 * 10**9,
        ts_until=ts(3_600_000),
    )


def ended(level: int = 1) -> BreakerEnded:
    return BreakerEnded(
        id=f"ended-{level}",
        ts_event=T0,
        portfolio="main",
        level=level,
        cause="elapsed",
        asset="USDT",
        asset_scale=8,
        reference=10**12,
    )


class Told:
    """What is told of one order, by whoever tells it; the venue's reports count up by themselves."""

    def __init__(self, first_number: int = 0) -> None:
        self.number = first_number - 1

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _named(self, order: str) -> dict[str, Any]:
        return {"portfolio": "main", "instrument": BTC, "client_order_id": order}

    def sent(self, intent: OrderIntended, bid: int = BID, ask: int = ASK) -> OrderSent:
        return OrderSent(
            id=f"sent-{intent.id}",
            **self._named(intent.client_order_id),
            attempt=intent.attempt,
            price_scale=2,
            bid_price=bid,
            ask_price=ask,
        )

    def not_sent(self, intent: OrderIntended, reason: str = "late") -> OrderNotSent:
        return OrderNotSent(
            id=f"not-sent-{intent.id}",
            **self._named(intent.client_order_id),
            attempt=intent.attempt,
            reason=reason,
        )

    def unknown(self, intent: OrderIntended) -> OrderUnknown:
        return OrderUnknown(
            id=f"unknown-{intent.id}",
            **self._named(intent.client_order_id),
            attempt=intent.attempt,
            reason="timeout",
        )

    def accepted(self, order: str, qty: int) -> OrderAccepted:
        number = self._next()
        return OrderAccepted(
            id=f"report-{number}",
            **self._named(order),
            number=number,
            venue_order_id="7",
            qty_scale=5,
            qty=qty,
        )

    def amended(self, order: str, qty: int) -> OrderAmended:
        number = self._next()
        return OrderAmended(
            id=f"report-{number}", **self._named(order), number=number, qty_scale=5, qty=qty
        )

    def rejected(self, order: str, reason: str) -> OrderRejected:
        number = self._next()
        return OrderRejected(
            id=f"report-{number}", **self._named(order), number=number, reason=reason
        )

    def triggered(self, order: str) -> OrderTriggered:
        number = self._next()
        return OrderTriggered(id=f"report-{number}", **self._named(order), number=number)

    def canceled(self, order: str, reason: str = "requested") -> OrderCanceled:
        number = self._next()
        return OrderCanceled(
            id=f"report-{number}", **self._named(order), number=number, reason=reason
        )

    def cancel_rejected(self, order: str, reason: str = "ENDED") -> CancelRejected:
        number = self._next()
        return CancelRejected(
            id=f"report-{number}", **self._named(order), number=number, reason=reason
        )

    def filled(
        self, order: str, qty: int, leaves: int = 0, price: int = BID, side: Side = "buy"
    ) -> OrderFilled:
        """A match; a buyer pays 0.1 % of the base asset, a seller of the quote asset."""
        number = self._next()
        received = qty * 10**3 if side == "buy" else qty * price * 10
        return OrderFilled(
            id=f"report-{number}",
            **self._named(order),
            number=number,
            venue="SIM",
            account="main",
            venue_order_id="7",
            trade_id=str(number),
            side=side,
            liquidity="maker",
            price_scale=2,
            qty_scale=5,
            last_qty=qty,
            last_price=price,
            cum_qty=qty,
            leaves_qty=leaves,
            asset_scale=8,
            commission=-(-received // 1000),
            commission_asset="BTC" if side == "buy" else "USDT",
        )


def ready(*events: ExecutionInput) -> ExecutionState:
    """A core that has an open portfolio equal to the venue's, an instrument, a mark, and the time."""
    state = begin(CONFIG)
    play(state, [opened(), instrument(), mark(), clock(0), account(), *events])
    return state


def account(
    offset: int = 0, balances: dict[str, int] | None = None, open_orders: tuple[str, ...] = ()
) -> AccountReported:
    """What the venue has; as at the begin, where nothing else is said."""
    return AccountReported(
        id=f"account-{offset}",
        portfolio="main",
        account="main",
        report_offset=offset,
        asset_scale=8,
        balances={"USDT": 10_000 * 10**8} if balances is None else balances,
        open_orders=open_orders,
    )


def play(state: ExecutionState, events: Iterable[ExecutionInput]) -> list[ExecutionOutput]:
    """What the core says to these events, named and applied as the loop does it."""
    said: list[ExecutionOutput] = []
    for event in events:
        outputs = decide(state, event)
        apply(state, event)
        for output in outputs:
            told = replace(
                output,
                id=output_id(SERVICE, TRADING, output, event.id),
                ts_event=state.now,
                parents=(event.id, *output.parents),
            )
            apply(state, told)
            said.append(told)
    return said


def of(kind: type[M], said: Sequence[Message]) -> list[M]:
    """Those of one type."""
    return [each for each in said if isinstance(each, kind)]


def only(kind: type[M], said: Sequence[Message]) -> M:
    """The one message that was said, which is of this type."""
    [found] = said
    assert isinstance(found, kind)
    return found
