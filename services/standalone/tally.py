"""What came of the trading so far, counted from the log alone?"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from marea.bus.port import Bus
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import format_amount
from marea.messages import codec
from marea.messages.envelope import Log, Message
from marea.messages.orders import (
    OrderCanceled,
    OrderFilled,
    OrderLookedUp,
    OrderRejected,
    OrderSent,
    OrderTriggered,
)
from marea.messages.portfolio import (
    BreakerTripped,
    CommandTaken,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal

READ_RECORDS_MAX = 5_000


class TradingResult(Struct, frozen=True, kw_only=True):
    """What was decided and done, and what it cost. Money is text, in the portfolio's asset."""

    signals: int
    decisions: int
    denied: int
    denials: dict[str, int]
    """By reason."""
    orders: int
    """Sent to the venue, protective ones not counted: they travel with their entry."""
    fills: int
    partial_fills: int
    """Fills that left something of their order open."""
    cancels: int
    rejects: int
    stops: int
    """Protective stops that triggered."""
    breakers: dict[str, int]
    """How often each level tripped."""
    commands: dict[str, int] = field(default_factory=dict)
    """Of people, by what became of them."""
    positions_closed: int
    positions_won: int
    asset: str
    equity_start: str
    equity_end: str
    realized_pnl: str
    unrealized_pnl: str
    fees: str
    drawdown_pct_max: float
    decisions_hash: str
    """Over every decision of risk, in order: 40 hex digits."""


class Tally:
    """Follows one trading log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._position = 0
        self._counts: Counter[str] = Counter()
        self._denials: Counter[str] = Counter()
        self._breakers: Counter[str] = Counter()
        self._orders: set[str] = set()
        self._commands: Counter[str] = Counter()
        self._hash = codec.CHAIN_START
        self._opened: PortfolioOpened | None = None
        self._valued: PortfolioValued | None = None
        self._drawdown_pct_max = 0.0
        self._takes: dict[type[Message], Callable[[Any], None]] = {
            Signal: lambda _: self._count("signals"),
            RiskDecision: self._decided,
            OrderSent: self._sent,
            OrderLookedUp: self._looked_up,
            OrderFilled: self._filled,
            OrderCanceled: lambda _: self._count("cancels"),
            OrderRejected: lambda _: self._count("rejects"),
            OrderTriggered: lambda _: self._count("stops"),
            PositionClosed: self._closed,
            BreakerTripped: self._tripped,
            CommandTaken: self._commanded,
            PortfolioOpened: self._take_opened,
            PortfolioValued: self._take_valued,
        }

    async def follow(self, bus: Bus) -> None:
        """Count what was appended since."""
        takes = self._takes
        while records := await bus.read(self._log, self._position, READ_RECORDS_MAX):
            for record in records:
                take = takes.get(type(record.message))
                if take is not None:
                    take(record.message)
            self._position += len(records)

    @property
    def equity(self) -> str:
        """The latest known, with its asset; empty before the portfolio has opened."""
        valued = self._valued
        return f"{_money(valued.equity, 2)} {valued.asset}" if valued else ""

    def result(self) -> TradingResult:
        """All of it."""
        counts, opened, valued = self._counts, self._opened, self._valued
        asset = opened.base_asset if opened else ""
        start = opened.balances.get(asset, 0) if opened else 0
        return TradingResult(
            signals=counts["signals"],
            decisions=counts["decisions"],
            denied=counts["denied"],
            denials=dict(sorted(self._denials.items())),
            orders=len(self._orders),
            fills=counts["fills"],
            partial_fills=counts["partial_fills"],
            cancels=counts["cancels"],
            rejects=counts["rejects"],
            stops=counts["stops"],
            breakers=dict(sorted(self._breakers.items())),
            commands=dict(sorted(self._commands.items())),
            positions_closed=counts["closed"],
            positions_won=counts["won"],
            asset=asset,
            equity_start=_money(start),
            equity_end=_money(valued.equity if valued else start),
            realized_pnl=_money(valued.realized_pnl if valued else 0),
            unrealized_pnl=_money(valued.unrealized_pnl if valued else 0),
            fees=_money(valued.fees if valued else 0),
            drawdown_pct_max=round(self._drawdown_pct_max, 4),
            decisions_hash=self._hash.hex(),
        )

    def _count(self, name: str) -> None:
        self._counts[name] += 1

    def _decided(self, decision: RiskDecision) -> None:
        self._count("decisions")
        self._hash = codec.chain(self._hash, RiskDecision.__name__, codec.encode(decision))
        if not decision.approved:
            self._count("denied")
            self._denials[decision.reason] += 1

    def _sent(self, sent: OrderSent) -> None:
        self._orders.add(sent.client_order_id)

    def _looked_up(self, told: OrderLookedUp) -> None:
        if told.found:  # it had been sent, and the one who sent it could not say so any more
            self._orders.add(told.client_order_id)

    def _filled(self, fill: OrderFilled) -> None:
        self._count("fills")
        if fill.leaves_qty:
            self._count("partial_fills")

    def _closed(self, closed: PositionClosed) -> None:
        self._count("closed")
        if closed.realized_pnl > 0:
            self._count("won")

    def _tripped(self, tripped: BreakerTripped) -> None:
        self._breakers[str(tripped.level)] += 1

    def _commanded(self, taken: CommandTaken) -> None:
        self._commands[taken.reason] += 1

    def _take_opened(self, opened: PortfolioOpened) -> None:
        self._opened = opened

    def _take_valued(self, valued: PortfolioValued) -> None:
        self._valued = valued
        self._drawdown_pct_max = max(self._drawdown_pct_max, valued.drawdown_pct)


def _money(units: int, places: int = ASSET_SCALE) -> str:
    text = format_amount(units, ASSET_SCALE)
    return text[: len(text) - ASSET_SCALE + places]
