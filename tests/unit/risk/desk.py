"""A desk at which risk is played: what it is told in a few words, and what it says to that."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from marea.domain import ledger as books
from marea.domain.book import BookStatus
from marea.messages.envelope import Log, Message
from marea.messages.ids import market_id, output_id
from marea.messages.market import InstrumentChanged, Side
from marea.messages.orders import (
    ApprovalRefused,
    Leg,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    OrderUnknown,
)
from marea.messages.portfolio import (
    Command,
    CommandAction,
    CommandTaken,
    Mark,
    Mode,
    PortfolioOpened,
    RiskDecision,
)
from marea.messages.signals import Action, Signal
from marea.messages.system import Clock
from marea.testing.examples import example
from services.risk.config import Breaker, RiskConfig
from services.risk.core import SERVICE, RiskInput, apply, begin, decide
from tests.unit.execution import trading

MS = 1_000_000
SECOND = 1_000 * MS
HOUR = 3_600 * SECOND
T0 = 1_767_571_200 * SECOND
COIN = 10**8
BTC, ETH = "BTC-USDT.SIM", "ETH-USDT.SIM"
TRADING = Log("trading", "main")
PRICES = {BTC: 6_000_000, ETH: 250_000}
"""Best bids, in cents; the ask is a cent above."""
CONFIG = RiskConfig(
    portfolio="main",
    trades=("weighted",),
    confidence_min=0.5,
    position_e8_max=5_000_000,
    asset_e8_max=20_000_000,
    sector_e8_max=40_000_000,
    sectors={"BTC": "crypto", "ETH": "crypto"},
    positions_max=10,
    kelly_share=0.25,
    kelly_trades_min=30,
    collar_e8=2_000_000,
    orders_per_s_max=10,
    orders_per_min_max=60,
    stale_ns_max=5 * SECOND,
    stop_atr=2.0,
    target_atr=3.0,
    breakers=(
        Breaker(drawdown_e8_max=5_000_000, pause_ns=HOUR),
        Breaker(drawdown_e8_max=10_000_000, pause_ns=4 * HOUR),
        Breaker(drawdown_e8_max=15_000_000, pause_ns=24 * HOUR),
    ),
)

M = TypeVar("M", bound=Message)


def config(**changes: Any) -> RiskConfig:
    return replace(CONFIG, **changes)


def clock(ns: int) -> Clock:
    return Clock(id=market_id("main", "clock", T0 + ns), ts_event=T0 + ns, stream="main")


def opened(usdt: int = 10_000, mode: Mode = "paper", **more: int) -> PortfolioOpened:
    """A portfolio at the venue SIM, with whole units of each asset."""
    balances = {"USDT": usdt * COIN, **{asset: units * COIN for asset, units in more.items()}}
    return replace(trading.opened(mode), balances=balances)


def instrument(name: str = BTC, **changes: Any) -> InstrumentChanged:
    base, _, quote = name.partition(".")[0].partition("-")
    told = replace(
        trading.instrument(),
        id=market_id(name, "instrument", 0),
        instrument=name,
        venue_symbol=base + quote,
        base=base,
        quote=quote,
    )
    return replace(told, **changes)


def order_of(decision: RiskDecision, child: int = 0) -> str:
    """What execution calls an order of a decision here; `-stop` and `-target` protect it."""
    leg = "entry" if decision.purpose == "entry" else "exit"
    return f"{decision.id[:8]}-{leg}-{child}"


class Desk:
    """A core, the time, and the numbers that tell one message from the next."""

    def __init__(self, given: RiskConfig = CONFIG) -> None:
        self.state = begin(given)
        self.now = 0
        self.told: list[RiskInput] = []
        self.said: list[Message] = []
        self.log: list[Message] = []
        """Both, in their order."""
        self.count = 0
        self.report_number = -1

    @classmethod
    def ready(
        cls, given: RiskConfig = CONFIG, names: Sequence[str] = (BTC,), **more: Any
    ) -> "Desk":
        """A desk whose portfolio is open, with a LIVE market of each instrument."""
        desk = cls(given)
        desk.tell(clock(0), *map(instrument, names), opened(**more))
        for name in names:
            desk.mark(name)
        desk.wait(0)
        return desk

    # What it is told

    def tell(self, *events: RiskInput) -> list[Message]:
        """Take events as the loop does; what is said to them."""
        said: list[Message] = []
        for event in events:
            self.told.append(event)
            self.log.append(event)
            decided = decide(self.state, event)
            apply(self.state, event)
            for output in decided:
                named = replace(
                    output,
                    id=output_id(SERVICE, TRADING, output, event.id),
                    ts_event=T0 + self.now,
                    parents=(event.id, *output.parents),
                )
                apply(self.state, named)
                said.append(named)
                self.log.append(named)
        self.said += said
        return said

    def wait(self, ns: int) -> list[Message]:
        """Let time go on; the market's last marks are told anew with it."""
        self.now += ns
        return self.tell(clock(self.now))

    def mark(
        self, name: str = BTC, bid: int = -1, ask: int = -1, status: BookStatus = "LIVE"
    ) -> list[Message]:
        bid = PRICES[name] if bid < 0 else bid
        mark = Mark(
            id=self.name("mark"),
            ts_event=T0 + self.now,
            instrument=name,
            price_scale=2,
            bid_price=bid,
            ask_price=bid + 1 if ask < 0 else ask,
            book_status=status,
            ts_quote=T0 + self.now,
        )
        return self.tell(mark)

    def signal(
        self,
        action: Action = "buy",
        name: str = BTC,
        strategy: str = "weighted",
        bar: str = "",
        **changes: Any,
    ) -> list[Message]:
        """An opinion of full confidence at the mid, with an ATR of 20.00, that holds for 5 s."""
        market = self.state.markets.get(name)
        said = Signal(
            id=self.name("signal"),
            ts_event=T0 + self.now,
            parents=(bar or self.name("vector"),),
            instrument=name,
            strategy=strategy,
            interval_s=1,
            action=action,
            score={"buy": 1.0, "sell": -1.0, "hold": 0.0}[action],
            confidence=1.0,
            reasons=("TEST",),
            features={"atr_14": 20.0},
            votes={},
            weights={},
            price_scale=2,
            price=market.mid_price if market else PRICES[name],
            ts_expiry=T0 + self.now + 5 * SECOND,
        )
        return self.tell(replace(said, **changes))

    def bar(self, **actions: Action) -> list[Message]:
        """What is said once these strategies, in this order, have spoken of one bar."""
        bar = self.name("bar")
        said: list[Message] = []
        for strategy, action in actions.items():
            said += self.signal(action, strategy=strategy, bar=bar)
        return said

    def command(
        self, action: CommandAction, role: str = "admin", reason: str = "test", key: str = ""
    ) -> CommandTaken:
        told = Command(
            id=self.name("command"),
            ts_event=T0 + self.now,
            portfolio="main",
            action=action,
            actor="you",
            role=role,
            reason=reason,
            key=key or self.name("key"),
        )
        taken = self.tell(told)[0]
        assert isinstance(taken, CommandTaken)
        return taken

    # Orders

    def intend(self, decision: RiskDecision, child: int = 0, attempt: int = 1) -> OrderIntended:
        """Execution intends an order of a decision, protected as that says."""
        leg: Leg = "entry" if decision.purpose == "entry" else "exit"
        name = order_of(decision, child)
        intent = replace(
            example(OrderIntended),
            id=self.name("intent"),
            ts_event=T0 + self.now,
            parents=(decision.id,),
            instrument=decision.instrument,
            strategy=decision.strategy,
            decision_id=decision.id,
            leg=leg,
            child=child,
            attempt=attempt,
            client_order_id=name,
            side=decision.side,
            qty=decision.qty,
            price=decision.collar_price,
            stop_order_id=f"{name}-stop" if decision.stop_price else "",
            target_order_id=f"{name}-target" if decision.target_price else "",
        )
        self.tell(intent)
        return intent

    def fill(
        self, order: str, qty: int, price: int = -1, *, leaves: int = 0, **changes: Any
    ) -> list[Message]:
        """A match of an order at a price in cents, with 0.1 % of commission in what is received."""
        name = changes.pop("name", BTC)
        side: Side = "sell" if order.endswith(("-stop", "-target")) or "-exit-" in order else "buy"
        price = PRICES[name] if price < 0 else price
        received = qty * 1000 if side == "buy" else qty * price * 10
        self.report_number = changes.pop("number", self.report_number + 1)
        told = replace(
            example(OrderFilled),
            id=f"fill-{self.report_number}",
            ts_event=T0 + self.now,
            instrument=name,
            client_order_id=order,
            number=self.report_number,
            trade_id=f"{self.report_number}",
            side=side,
            last_qty=qty,
            last_price=price,
            leaves_qty=leaves,
            commission=-(-received // 1000),
            commission_asset=name.split("-")[0] if side == "buy" else "USDT",
        )
        return self.tell(replace(told, **changes))

    def complete(
        self, decision: RiskDecision, filled: int, leg: Leg | None = None
    ) -> list[Message]:
        """Execution has nothing more of a decision's leg at work."""
        told = leg or ("entry" if decision.purpose == "entry" else "exit")
        done = replace(
            example(OrderCompleted),
            id=self.name("completed"),
            ts_event=T0 + self.now,
            instrument=decision.instrument,
            decision_id=decision.id,
            leg=told,
            side="buy" if told == "entry" else "sell",
            qty=decision.qty,
            filled_qty=filled,
        )
        return self.tell(done)

    def refuse(self, decision: RiskDecision) -> list[Message]:
        """Execution makes no order of a decision."""
        told = ApprovalRefused(
            id=self.name("refused"),
            portfolio="main",
            instrument=decision.instrument,
            decision_id=decision.id,
            reason="EXPIRED",
        )
        return self.tell(told)

    def try_in_vain(self) -> None:
        """An order that is intended, and ends without a fill."""
        decision = approved(self.signal("buy"))
        self.intend(decision)
        self.complete(decision, 0)

    def unknown(self, order: str) -> list[Message]:
        told = OrderUnknown(
            id=self.name("unknown"),
            portfolio="main",
            instrument=BTC,
            client_order_id=order,
            attempt=1,
            reason="timeout",
        )
        return self.tell(told)

    def end(self, order: str, reason: str = "requested") -> list[Message]:
        """The venue ends an order: cancels it, or rejects it for a reason that is a code."""
        self.report_number += 1
        told = {
            "id": f"end-{self.report_number}",
            "portfolio": "main",
            "instrument": BTC,
            "client_order_id": order,
            "number": self.report_number,
            "reason": reason,
        }
        return self.tell((OrderRejected if reason.isupper() else OrderCanceled)(**told))  # type: ignore[arg-type] # fields of both

    def carry_out(self, decision: RiskDecision, qty: int = -1, price: int = -1) -> list[Message]:
        """An order of a decision that fills at once, whole or so much of it."""
        qty = decision.qty if qty < 0 else qty
        order = self.intend(decision).client_order_id
        said = self.fill(order, qty, price, name=decision.instrument)
        return [*said, *self.complete(decision, qty)]

    def enter(self, name: str = BTC, price: int = -1, **changes: Any) -> RiskDecision:
        """An approved entry that fills at once, whole."""
        decision = approved(self.signal("buy", name, **changes))
        self.carry_out(decision, price=price)
        return decision

    def leave(self, name: str = BTC, price: int = -1, **changes: Any) -> list[Message]:
        """An approved exit that fills at once, whole."""
        decision = approved(self.signal("sell", name, **changes))
        return self.carry_out(decision, price=price)

    # What can be asked

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"

    def held(self, strategy: str = "weighted", name: str = BTC) -> int:
        """What a strategy holds, at 8 places."""
        return self.state.positions[strategy][name].net_qty

    def wallet(self, asset: str) -> int:
        return books.balance(self.state.ledger, asset)


def of(kind: type[M], said: Iterable[Message]) -> list[M]:
    return [each for each in said if isinstance(each, kind)]


def only(kind: type[M], said: Iterable[Message]) -> M:
    found = of(kind, said)
    assert len(found) == 1, found
    return found[0]


def approved(said: Iterable[Message]) -> RiskDecision:
    decision = only(RiskDecision, said)
    assert decision.approved, decision
    return decision


def denied(said: Iterable[Message]) -> RiskDecision:
    decision = only(RiskDecision, said)
    assert not decision.approved, decision
    return decision
