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
from typing import Any

import msgspec

from marea.bus.sqlite import SqliteBus
from marea.messages import orders, portfolio
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.features import Bar, FeatureVector
from marea.messages.signals import Signal
from services.standalone.runs import Run, RunFolder

SECOND = 1_000_000_000
T0 = 1_767_571_200 * SECOND
"""2026-01-05 00:00 UTC."""
COIN = 10**8
PRICES = {"BTC-USDT.SIM": 6_180_000, "ETH-USDT.SIM": 260_000}
REASONS = ("ASSET_PCT", "COOLING_DOWN", "MIN_NOTIONAL", "ORDERS_PER_MIN", "POSITION_OPEN", "STALE")
SETTINGS = {"signals": {"trades": ["weighted"], "confidence_min": 0.5}}
ALIKE = {
    "portfolio": "main",
    "account": "main",
    "strategy": "weighted",
    "asset": "USDT",
    "base_asset": "USDT",
    "price_scale": 2,
    "qty_scale": 5,
    "asset_scale": 8,
    "interval_s": 1,
    "side": "sell",
    "attempt": 1,
}
"""What every message of the day says that has such a field."""
EMPTY: dict[type, Any] = {
    msgspec.inspect.IntType: 0,
    msgspec.inspect.FloatType: 0.0,
    msgspec.inspect.StrType: "",
    msgspec.inspect.BoolType: False,
    msgspec.inspect.DictType: {},
    msgspec.inspect.VarTupleType: (),
}


def message(kind: type[Message], **told: Any) -> Any:
    """A message of which only what matters is told; the rest of it is empty."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    fields = {each.name: _empty(each.type) for each in info.fields}
    alike = {name: said for name, said in ALIKE.items() if name in fields}
    return kind(**fields | alike | told)


def _empty(of: msgspec.inspect.Type) -> Any:
    while isinstance(of, msgspec.inspect.Metadata):
        of = of.type
    return of.values[0] if isinstance(of, msgspec.inspect.LiteralType) else EMPTY[type(of)]


@dataclass
class Held:
    """What the trader holds of one instrument."""

    instrument: str
    number: int
    decision: str
    qty: int
    entry: int
    ts: int
    fees: int = 0

    def order(self, leg: str) -> str:
        return f"{leg}-{self.instrument}-{self.number}"

    @property
    def stop(self) -> int:
        return self.entry * 998 // 1000

    @property
    def target(self) -> int:
        return self.entry * 1003 // 1000


@dataclass
class TradingDay:
    """The messages of a day, by log, and what they add up to."""

    seconds: int
    seed: int = 1
    trading: list[Message] = field(default_factory=list)
    features: list[Message] = field(default_factory=list)
    cash: int = 10_000 * COIN
    fees: int = 0
    slipped: float = 0.0
    peak: int = 10_000 * COIN
    held: dict[str, Held] = field(default_factory=dict)
    prices: dict[str, int] = field(default_factory=lambda: dict(PRICES))
    paused: bool = False
    entries: int = 0
    ts: int = T0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def make(self) -> "TradingDay":
        self.say(portfolio.PortfolioOpened, balances={"USDT": self.cash})
        for second in range(self.seconds):
            self.ts = T0 + second * SECOND
            self.pause(second * 100 // self.seconds, (second - 1) * 100 // self.seconds)
            for instrument in PRICES:
                self.see(instrument)
            self.value()
        return self

    def say(self, kind: type[Message], **told: Any) -> None:
        self.trading.append(message(kind, **{"ts_event": self.ts} | told))

    def count(self, kind: type[Message], **told: Any) -> int:
        """How many messages of the day are of this kind, and say this."""
        return sum(
            type(each) is kind and all(getattr(each, key) == said for key, said in told.items())
            for each in self.trading
        )

    def pause(self, share_pct: int, before_pct: int) -> None:
        if before_pct < 30 <= share_pct:
            self.paused = True
            self.say(portfolio.BreakerTripped, level=1, drawdown_pct=5.1, reference=self.peak)
        if before_pct < 42 <= share_pct:
            self.paused = False
            self.say(portfolio.BreakerEnded, level=1, cause="elapsed", reference=self.peak)
        for at_pct, action in ((70, "halt"), (76, "resume")):
            if before_pct < at_pct <= share_pct:
                self.paused = action == "halt"
                self.say(portfolio.CommandTaken, action=action, accepted=True)

    def see(self, name: str) -> None:
        before = self.prices[name]
        price = self.prices[name] = before + round(self.chance.gauss(0, before * 0.00025))
        imbalance = max(-1.0, min(1.0, self.chance.gauss(0, 0.35)))
        self.features += [
            message(Bar, ts_event=self.ts, instrument=name, open=before, close=price),
            message(
                FeatureVector,
                ts_event=self.ts,
                instrument=name,
                values={"mid": price / 100, "book_imbalance_10": imbalance},
            ),
        ]
        self.say(portfolio.Mark, instrument=name, bid_price=price - 1, ask_price=price + 2)
        self.think(name, max(-1.0, min(1.0, imbalance * 1.4)))

    def think(self, name: str, score: float) -> None:
        told = {
            "instrument": name,
            "action": "buy" if score > 0 else "sell",
            "score": score,
            "confidence": min(1.0, abs(score) * 1.2),
        }
        self.say(Signal, **told)
        self.say(Signal, **told | {"strategy": "rsi"})
        held = self.held.get(name)
        if held is not None:
            self.guard(held, wants_out=score < -0.7 and self.chance.random() < 0.1)
        elif score > 0.6:
            self.want(name)

    def want(self, name: str) -> None:
        if self.paused or self.chance.random() < 0.7:
            self.decide(name, "HALTED" if self.paused else self.chance.choice(REASONS))
        elif self.chance.random() < 0.1:
            decision = self.decide(name, "APPROVED")
            self.say(orders.ApprovalRefused, decision_id=decision, reason="EXPIRED")
        else:
            self.enter(name)

    def decide(self, name: str, reason: str) -> str:
        decision = f"decision-{len(self.trading)}"
        told = {"instrument": name, "approved": reason == "APPROVED", "reason": reason}
        self.say(portfolio.RiskDecision, id=decision, **told)
        return decision

    def enter(self, name: str) -> None:
        price = self.prices[name]
        self.entries += 1
        decision = self.decide(name, "APPROVED")
        held = Held(name, self.entries, decision, 500 * COIN // price // 10, price, self.ts)
        order = held.order("entry")
        self.say(
            orders.OrderIntended,
            instrument=name,
            decision_id=decision,
            leg="entry",
            client_order_id=order,
            side="buy",
            price=price,
            stop_order_id=held.order("stop"),
            stop_price=held.stop,
            target_order_id=held.order("target"),
            target_price=held.target,
        )
        if self.entries % 9 == 0:
            self.say(orders.OrderRejected, client_order_id=order, reason="POST_ONLY")
            return
        self.say(orders.OrderAccepted, client_order_id=order)
        self.fill(held, "entry", (held.qty // 3, held.qty - held.qty // 3))
        self.held[name] = held
        self.complete(held, "entry", decision, price)
        for leg in ("stop", "target"):
            self.say(orders.OrderAccepted, client_order_id=held.order(leg))

    def fill(self, held: Held, leg: str, parts: Sequence[int]) -> None:
        price = self.prices[held.instrument]
        towards = -1 if leg == "entry" else 1
        leaves_qty = sum(parts)
        for part in parts:
            notional = part * price * 10
            commission = notional // 1000
            leaves_qty -= part
            self.cash += towards * notional - commission
            self.fees += commission
            held.fees += commission
            self.say(
                orders.OrderFilled,
                instrument=held.instrument,
                client_order_id=held.order(leg),
                side="buy" if leg == "entry" else "sell",
                last_qty=part,
                last_price=price,
                leaves_qty=leaves_qty,
            )

    def complete(self, held: Held, leg: str, decision: str, decided: int) -> None:
        price = self.prices[held.instrument]
        towards = 1 if leg == "entry" else -1
        self.slipped += (price - decided) * towards * held.qty / 10**7
        self.say(
            orders.OrderCompleted,
            instrument=held.instrument,
            decision_id=decision,
            leg=leg,
            side="buy" if leg == "entry" else "sell",
            qty=held.qty,
            filled_qty=held.qty,
            decision_price=decided,
            avg_price=price,
        )

    def guard(self, held: Held, *, wants_out: bool) -> None:
        price = self.prices[held.instrument]
        if price <= held.stop:
            self.say(orders.OrderTriggered, client_order_id=held.order("stop"))
            self.leave(held, "stop", held.decision, held.stop)
        elif price >= held.target:
            self.leave(held, "target", held.decision, held.target)
        elif wants_out:
            decision = self.decide(held.instrument, "APPROVED")
            self.say(
                orders.OrderIntended,
                instrument=held.instrument,
                decision_id=decision,
                leg="exit",
                client_order_id=held.order("exit"),
                price=price * 98 // 100,
            )
            self.say(orders.OrderAccepted, client_order_id=held.order("exit"))
            self.leave(held, "exit", decision, price)

    def leave(self, held: Held, leg: str, decision: str, decided: int) -> None:
        price = self.prices[held.instrument]
        self.fill(held, leg, (held.qty,))
        for sibling in {"stop": ("target",), "target": ("stop",)}.get(leg, ("stop", "target")):
            self.say(orders.OrderCanceled, client_order_id=held.order(sibling))
        self.say(
            portfolio.PositionClosed,
            instrument=held.instrument,
            side="buy",
            qty=held.qty,
            entry_price=held.entry,
            exit_price=price,
            ts_opened=held.ts,
            exit_reason=leg,
            realized_pnl=(price - held.entry) * held.qty * 10 - held.fees,
            fees=held.fees,
        )
        del self.held[held.instrument]
        self.complete(held, leg, decision, decided)

    def equity(self) -> int:
        return self.cash + self.exposure()

    def exposure(self) -> int:
        return sum(held.qty * self.prices[name] * 10 for name, held in self.held.items())

    def value(self) -> None:
        self.peak = max(self.peak, self.equity())
        self.say(
            portfolio.PortfolioValued,
            equity=self.equity(),
            cash=self.cash,
            exposure=self.exposure(),
            fees=self.fees,
            drawdown_pct=(self.peak - self.equity()) / self.peak * 100,
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
    records = [
        Record(message=each, writer=writer, seq=place, ts_known=each.ts_event)
        for place, each in enumerate(messages)
    ]
    if records:
        await bus.append(log, records)
