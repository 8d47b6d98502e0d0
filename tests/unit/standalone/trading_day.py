"""A trading day made up for the report: consistent, quick to make, and rich in what can happen.

Prices walk at random; a toy trader enters on strong signals, and leaves by stop, target or exit.
Cash, fees and quantities add up, so that what a report says of them can be checked.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from marea.bus.sqlite import SqliteBus
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.features import Bar, FeatureVector
from marea.messages.market import Side
from marea.messages.orders import (
    ApprovalRefused,
    Leg,
    OrderAccepted,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderTriggered,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    Mark,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from services.standalone.runs import Run, RunFolder

SECOND = 1_000_000_000
T0 = 1_767_571_200 * SECOND
"""2026-01-05 00:00 UTC."""
COIN = 10**8
PRICES = {"BTC-USDT.SIM": 6_180_000, "ETH-USDT.SIM": 260_000}
REASONS = (
    "COOLING_DOWN",
    "MIN_NOTIONAL",
    "ORDERS_PER_MIN",
    "POSITION_OPEN",
    "STALE_BOOK",
    "ASSET_PCT",
)
SETTINGS = {"signals": {"trades": ["weighted"], "confidence_min": 0.5}}


@dataclass
class Held:
    """What the trader holds of one instrument."""

    number: int
    qty: int
    entry: int
    stop: int
    target: int
    ts: int
    fees: int


@dataclass
class TradingDay:
    """The messages of a day, by log, and what they add up to."""

    seconds: int
    seed: int = 1
    trading: list[Message] = field(default_factory=list)
    features: list[Message] = field(default_factory=list)
    cash: int = 10_000 * COIN
    fees: int = 0
    peak: int = 10_000 * COIN
    held: dict[str, Held] = field(default_factory=dict)
    prices: dict[str, int] = field(default_factory=lambda: dict(PRICES))
    halted: bool = False
    entries: int = 0
    slipped: float = 0.0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.ts = T0

    def make(self) -> "TradingDay":
        """Live the day."""
        self.say(
            PortfolioOpened(
                ts_event=T0,
                portfolio="main",
                owner="you",
                mode="paper",
                venue="SIM",
                account="main",
                base_asset="USDT",
                time_zone="UTC",
                asset_scale=8,
                balances={"USDT": self.cash},
            )
        )
        for second in range(self.seconds):
            self.ts = T0 + second * SECOND
            self.pauses(second / self.seconds)
            for instrument in PRICES:
                self.see(instrument)
            self.value()
        return self

    def say(self, message: Message) -> None:
        self.trading.append(message)

    def pauses(self, share: float) -> None:
        begun = share - 1 / self.seconds
        if begun < 0.3 <= share:
            self.breaker()
        if begun < 0.42 <= share:
            self.halted = False
            self.say(
                BreakerEnded(
                    ts_event=self.ts,
                    portfolio="main",
                    level=1,
                    cause="elapsed",
                    asset="USDT",
                    asset_scale=8,
                    reference=self.equity(),
                )
            )
        for at, action in ((0.7, "halt"), (0.76, "resume")):
            if begun < at <= share:
                self.halted = action == "halt"
                self.say(
                    CommandTaken(
                        ts_event=self.ts,
                        portfolio="main",
                        action="halt" if self.halted else "resume",
                        actor="ana",
                        accepted=True,
                        reason="APPROVED",
                    )
                )

    def breaker(self) -> None:
        self.halted = True
        self.say(
            BreakerTripped(
                ts_event=self.ts,
                portfolio="main",
                level=1,
                drawdown_pct=5.1,
                drawdown_pct_max=5.0,
                asset="USDT",
                asset_scale=8,
                reference=self.peak,
                equity=self.equity(),
                ts_until=self.ts + 3600 * SECOND,
            )
        )

    def see(self, instrument: str) -> None:
        before = self.prices[instrument]
        price = self.prices[instrument] = before + round(self.chance.gauss(0, before * 0.00025))
        bar = Bar(
            ts_event=self.ts,
            instrument=instrument,
            price_scale=2,
            qty_scale=5,
            interval_s=1,
            ts_open=self.ts - SECOND,
            open=before,
            high=max(before, price),
            low=min(before, price),
            close=price,
            volume=1000,
            trade_count=3,
            first_trade_id=1,
            last_trade_id=3,
            status="complete",
        )
        imbalance = max(-1.0, min(1.0, self.chance.gauss(0, 0.35)))
        values = {"mid": price / 100, "book_imbalance_10": imbalance}
        vector = FeatureVector(
            ts_event=self.ts,
            instrument=instrument,
            interval_s=1,
            set_version="v",
            bar_id="bar",
            book_status="LIVE",
            values=values,
        )
        self.features += [bar, vector]
        self.say(
            Mark(
                ts_event=self.ts,
                instrument=instrument,
                price_scale=2,
                bid_price=price - 1,
                ask_price=price + 2,
                book_status="LIVE",
                ts_quote=self.ts,
            )
        )
        self.think(instrument, max(-1.0, min(1.0, imbalance * 1.4)))

    def think(self, instrument: str, score: float) -> None:
        confidence = min(1.0, abs(score) * 1.2)
        for strategy in ("rsi", "weighted"):
            self.say(
                Signal(
                    ts_event=self.ts,
                    instrument=instrument,
                    strategy=strategy,
                    interval_s=1,
                    action="buy" if score > 0 else "sell",
                    score=score,
                    confidence=confidence,
                    reasons=("X",),
                    features={},
                    votes={},
                    weights={},
                    price_scale=2,
                    price=self.prices[instrument],
                    ts_expiry=self.ts + 5 * SECOND,
                )
            )
        held = self.held.get(instrument)
        if held is not None:
            self.guard(instrument, held, wants_out=score < -0.7 and self.chance.random() < 0.1)
        elif score > 0.6:
            self.want(instrument)

    def want(self, instrument: str) -> None:
        reason = "HALTED" if self.halted else self.chance.choice(REASONS)
        if self.halted or self.chance.random() < 0.7:
            self.decide(instrument, reason, "buy")
        elif self.chance.random() < 0.1:
            decision = self.decide(instrument, "APPROVED", "buy")
            self.say(
                ApprovalRefused(
                    ts_event=self.ts,
                    portfolio="main",
                    instrument=instrument,
                    decision_id=decision,
                    reason="EXPIRED",
                )
            )
        else:
            self.enter(instrument)

    def decide(self, instrument: str, reason: str, side: Side) -> str:
        price = self.prices[instrument]
        decision = f"decision-{len(self.trading)}"
        self.say(
            RiskDecision(
                id=decision,
                ts_event=self.ts,
                portfolio="main",
                instrument=instrument,
                strategy="weighted",
                purpose="entry" if side == "buy" else "exit",
                leg="signal",
                approved=reason == "APPROVED",
                reason=reason,
                observed={},
                limits={},
                side=side,
                price_scale=2,
                qty_scale=5,
                qty=0,
                bid_price=price - 1,
                ask_price=price + 2,
                collar_price=price,
                stop_price=0,
                target_price=0,
                ts_expiry=self.ts + 5 * SECOND,
            )
        )
        return decision

    def intend(self, instrument: str, decision: str, leg: Leg, held: Held) -> str:
        price = self.prices[instrument]
        order = f"{leg}-{instrument}-{held.number}"
        protected = leg == "entry"
        self.say(
            OrderIntended(
                ts_event=self.ts,
                portfolio="main",
                account="main",
                instrument=instrument,
                strategy="weighted",
                decision_id=decision,
                leg=leg,
                child=0,
                attempt=1,
                client_order_id=order,
                side="buy" if protected else "sell",
                post_only=protected,
                reduce_only=not protected,
                price_scale=2,
                qty_scale=5,
                qty=held.qty,
                price=price if protected else price * 98 // 100,
                decision_price=price,
                stop_order_id=f"stop-{instrument}-{held.number}" if protected else "",
                stop_price=held.stop if protected else 0,
                target_order_id=f"target-{instrument}-{held.number}" if protected else "",
                target_price=held.target if protected else 0,
                replaces=(),
                ts_expiry=self.ts + 5 * SECOND,
            )
        )
        return order

    def enter(self, instrument: str) -> None:
        price = self.prices[instrument]
        self.entries += 1
        qty = 500 * COIN // price // 10  # about 500 USDT, at scale 5
        held = Held(self.entries, qty, price, price * 998 // 1000, price * 1003 // 1000, self.ts, 0)
        decision = self.decide(instrument, "APPROVED", "buy")
        order = self.intend(instrument, decision, "entry", held)
        if self.entries % 9 == 0:
            self.say(
                OrderRejected(
                    ts_event=self.ts,
                    portfolio="main",
                    instrument=instrument,
                    client_order_id=order,
                    number=0,
                    reason="POST_ONLY",
                )
            )
            return
        self.accept(instrument, order, qty)
        self.fill(instrument, order, "buy", (qty // 3, qty - qty // 3), held)
        self.held[instrument] = held
        self.complete(instrument, decision, "entry", price, held)
        self.accept(instrument, f"stop-{instrument}-{held.number}", qty)
        self.accept(instrument, f"target-{instrument}-{held.number}", qty)

    def accept(self, instrument: str, order: str, qty: int) -> None:
        self.say(
            OrderAccepted(
                ts_event=self.ts,
                portfolio="main",
                instrument=instrument,
                client_order_id=order,
                number=0,
                venue_order_id=order,
                qty_scale=5,
                qty=qty,
            )
        )

    def fill(
        self, instrument: str, order: str, side: Side, parts: Sequence[int], held: Held
    ) -> None:
        price = self.prices[instrument]
        filled = 0
        for part in parts:
            notional = part * price * 10
            commission = notional // 1000
            filled += part
            self.cash += (-notional if side == "buy" else notional) - commission
            self.fees += commission
            held.fees += commission
            self.say(
                OrderFilled(
                    ts_event=self.ts + filled,
                    portfolio="main",
                    instrument=instrument,
                    client_order_id=order,
                    number=0,
                    venue="SIM",
                    account="main",
                    venue_order_id=order,
                    trade_id=f"{order}-{filled}",
                    side=side,
                    liquidity="maker" if side == "buy" else "taker",
                    price_scale=2,
                    qty_scale=5,
                    last_qty=part,
                    last_price=price,
                    cum_qty=filled,
                    leaves_qty=sum(parts) - filled,
                    asset_scale=8,
                    commission=commission,
                    commission_asset="USDT",
                )
            )

    def complete(self, instrument: str, decision: str, leg: Leg, decided: int, held: Held) -> None:
        price = self.prices[instrument]
        beyond = (price - decided) * (1 if leg == "entry" else -1)
        self.slipped += beyond * held.qty / 10**7
        self.say(
            OrderCompleted(
                ts_event=self.ts,
                portfolio="main",
                instrument=instrument,
                decision_id=decision,
                leg=leg,
                side="buy" if leg == "entry" else "sell",
                price_scale=2,
                qty_scale=5,
                qty=held.qty,
                filled_qty=held.qty,
                decision_price=decided,
                arrival_price=decided,
                avg_price=price,
                slippage_bps=beyond / decided * 10_000,
            )
        )

    def guard(self, instrument: str, held: Held, *, wants_out: bool) -> None:
        price = self.prices[instrument]
        legs: dict[Leg, bool] = {
            "stop": price <= held.stop,
            "target": price >= held.target,
            "exit": wants_out,
        }
        leg = next((leg for leg, due in legs.items() if due), None)
        if leg is None:
            return
        order, decided = f"{leg}-{instrument}-{held.number}", price
        decision = f"decision-of-{order}"
        if leg == "stop":
            decided = held.stop
            self.say(
                OrderTriggered(
                    ts_event=self.ts,
                    portfolio="main",
                    instrument=instrument,
                    client_order_id=order,
                    number=0,
                )
            )
        elif leg == "target":
            decided = held.target
        else:
            decision = self.decide(instrument, "APPROVED", "sell")
            self.intend(instrument, decision, "exit", held)
            self.accept(instrument, order, held.qty)
        entered = next(
            m.decision_id
            for m in reversed(self.trading)
            if isinstance(m, OrderIntended) and m.leg == "entry" and m.instrument == instrument
        )
        self.leave(instrument, order, held)
        self.say(self.closed(instrument, held, leg))
        self.complete(instrument, decision if leg == "exit" else entered, leg, decided, held)

    def leave(self, instrument: str, order: str, held: Held) -> None:
        self.fill(instrument, order, "sell", (held.qty,), held)
        del self.held[instrument]
        for sibling in ("stop", "target"):
            other = f"{sibling}-{instrument}-{held.number}"
            if other != order:
                self.say(
                    OrderCanceled(
                        ts_event=self.ts,
                        portfolio="main",
                        instrument=instrument,
                        client_order_id=other,
                        number=0,
                        reason="sibling_filled",
                    )
                )

    def closed(self, instrument: str, held: Held, leg: Leg) -> PositionClosed:
        price = self.prices[instrument]
        return PositionClosed(
            ts_event=self.ts,
            portfolio="main",
            strategy="weighted",
            instrument=instrument,
            side="buy",
            price_scale=2,
            qty_scale=5,
            qty=held.qty,
            entry_price=held.entry,
            exit_price=price,
            ts_opened=held.ts,
            exit_reason=leg,
            asset="USDT",
            asset_scale=8,
            realized_pnl=(price - held.entry) * held.qty * 10 - held.fees,
            fees=held.fees,
        )

    def exposure(self) -> int:
        return sum(held.qty * self.prices[name] * 10 for name, held in self.held.items())

    def equity(self) -> int:
        return self.cash + self.exposure()

    def value(self) -> None:
        self.peak = max(self.peak, self.equity())
        self.say(
            PortfolioValued(
                ts_event=self.ts,
                portfolio="main",
                asset="USDT",
                asset_scale=8,
                equity=self.equity(),
                cash=self.cash,
                exposure=self.exposure(),
                realized_pnl=0,
                unrealized_pnl=0,
                fees=self.fees,
                drawdown_pct=(self.peak - self.equity()) / self.peak * 100,
            )
        )


def write_run(folder: Path, day: TradingDay) -> RunFolder:
    """A run's folder with the logs of a day, as a demo leaves it."""
    folder.mkdir(parents=True)
    run = Run(
        id=folder.name,
        created="2026-01-05T00:00:00Z",
        status="done",
        build="test",
        settings_hash="",
        settings=SETTINGS,
        seed=day.seed,
        minutes=day.seconds // 60,
        platform={},
    )
    kept = RunFolder(folder)
    kept.write(run)
    with closing(SqliteBus(kept.log_path)) as bus:
        asyncio.run(_append(bus, Log("trading", "main"), day.trading))
        asyncio.run(_append(bus, Log("features", "embedded"), day.features))
    return kept


async def _append(bus: SqliteBus, log: Log, messages: Sequence[Message]) -> None:
    writer = Writer(producer="test", epoch=0, build="test")
    await bus.append(
        log,
        [
            Record(message=message, writer=writer, seq=place, ts_known=message.ts_event)
            for place, message in enumerate(messages)
        ],
    )
