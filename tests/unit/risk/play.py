"""Risk's core on a trading log of its own: it is told what happens, and its answers are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from marea.messages.envelope import Log
from marea.messages.ids import output_id
from marea.messages.market import Side
from marea.messages.orders import Leg, OrderCompleted, OrderFilled, OrderIntended
from marea.messages.portfolio import Command, CommandAction, RiskDecision
from marea.messages.signals import Signal
from marea.runtime.settings import find_config_dir, load_settings
from services.risk.config import RiskConfig
from services.risk.core import SERVICE, RiskInput, RiskOutput, RiskState, apply, begin, decide
from services.risk.main import risk_config
from tests.unit.execution.trading import ASK, BID, BTC, T0, Told, clock, instrument, mark, opened

TRADING = Log("trading", "main")


def config(**settings: str) -> RiskConfig:
    """Risk's configuration as Marea comes, with some settings as the environment sets them."""
    folder = find_config_dir(None, {})
    given = {f"MAREA__{name.upper()}": value for name, value in settings.items()}
    return risk_config(load_settings(folder, given))


@dataclass
class Desk:
    """A portfolio of 10,000 USDT with one instrument at 60,000, open at the begin of the day."""

    settings: Mapping[str, str] = field(default_factory=dict)
    state: RiskState = field(init=False)
    told: Told = field(default_factory=Told)
    bars: int = 0

    def __post_init__(self) -> None:
        self.state = begin(config(**self.settings))
        self.tell(opened(), instrument(), mark(), clock(0))

    def tell(self, *events: RiskInput) -> list[RiskOutput]:
        """What risk says to these, as its loop would name and apply it."""
        said: list[RiskOutput] = []
        for event in events:
            outputs = decide(self.state, event)
            apply(self.state, event)
            for output in outputs:
                named = replace(
                    output,
                    id=output_id(SERVICE, TRADING, output, event.id),
                    ts_event=self.state.now,
                    parents=(event.id, *output.parents),
                )
                apply(self.state, named)
                said.append(named)
        return said

    def signals(self, **scores: float) -> list[RiskOutput]:
        """What follows from a new bar at which these strategies, in this order, have these scores."""
        self.bars += 1
        return self.tell(*(self._signal(name, score) for name, score in scores.items()))

    def _signal(self, strategy: str, score: float) -> Signal:
        return Signal(
            id=f"signal-{strategy}-{self.bars}",
            ts_event=self.state.now,
            parents=(f"vector-{self.bars}",),
            instrument=BTC,
            strategy=strategy,
            interval_s=1,
            action="buy" if score > 0 else "sell" if score < 0 else "hold",
            score=score,
            confidence=abs(score),
            reasons=(),
            features={"atr_14": 50.0, "mid": 60_000.0},
            votes={},
            weights={},
            price_scale=2,
            price=BID,
            ts_expiry=self.state.now + 5_000_000_000,
        )

    def intend(self, decision: RiskDecision) -> OrderIntended:
        """The order that execution makes of a decision."""
        is_entry = decision.purpose == "entry"
        leg: Leg = "entry" if is_entry else "exit"
        intent = OrderIntended(
            id=f"intent-{decision.id}",
            ts_event=self.state.now,
            portfolio="main",
            account="main",
            instrument=BTC,
            strategy=decision.strategy,
            decision_id=decision.id,
            leg=leg,
            child=0,
            attempt=1,
            client_order_id=f"{leg}-{decision.id}",
            side=decision.side,
            post_only=False,
            reduce_only=not is_entry,
            price_scale=2,
            qty_scale=5,
            qty=decision.qty,
            price=decision.bid_price,
            decision_price=decision.bid_price,
            stop_order_id=f"stop-{decision.id}" if is_entry else "",
            stop_price=decision.stop_price,
            target_order_id=f"target-{decision.id}" if is_entry else "",
            target_price=decision.target_price,
            replaces=(),
            ts_expiry=decision.ts_expiry,
        )
        self.tell(intent)
        return intent

    def completed(self, decision: RiskDecision, leg: Leg, filled_qty: int) -> OrderCompleted:
        """That a leg of a decision is over."""
        return OrderCompleted(
            id=f"completed-{leg}-{decision.id}",
            ts_event=self.state.now,
            portfolio="main",
            instrument=BTC,
            decision_id=decision.id,
            leg=leg,
            side=decision.side,
            price_scale=2,
            qty_scale=5,
            qty=decision.qty,
            filled_qty=filled_qty,
            decision_price=BID,
            arrival_price=BID,
            avg_price=BID,
            slippage_bps=0.0,
        )

    def bought(self, decision: RiskDecision, qty: int | None = None) -> None:
        """An entry is carried out, all of it or a part."""
        intent = self.intend(decision)
        filled = decision.qty if qty is None else qty
        self.tell(self.told.filled(intent.client_order_id, filled))
        self.tell(self.completed(decision, "entry", filled))

    def sold(self, order: str, qty: int, leaves: int = 0, price: int = BID) -> list[RiskOutput]:
        """What follows from a match of an order that sells."""
        return self.tell(self.fill(order, qty, leaves, price))

    def fill(self, order: str, qty: int, leaves: int = 0, price: int = BID) -> OrderFilled:
        side: Side = "sell"
        return self.told.filled(order, qty, leaves, price, side)

    def command(
        self, action: CommandAction, role: str = "admin", reason: str = "news", key: str = ""
    ) -> list[RiskOutput]:
        """What becomes of a command."""
        number = len(self.state.command_keys)
        return self.tell(
            Command(
                id=f"command-{number}",
                ts_event=self.state.now,
                portfolio="main",
                action=action,
                actor="ana",
                role=role,
                reason=reason,
                key=key or f"key-{number}",
            )
        )


def held(desk: Desk) -> int:
    """All that the strategies hold, which is all that the wallet holds."""
    units = sum(each[BTC].net_qty for each in desk.state.positions.values() if BTC in each)
    assert units == desk.state.ledger.balances["wallet"].get("BTC", 0)
    return units


def approved(said: Sequence[RiskOutput]) -> RiskDecision:
    """The one approval among what was said."""
    [decision] = [each for each in said if isinstance(each, RiskDecision) and each.approved]
    return decision


__all__ = ["ASK", "BID", "BTC", "T0", "Desk", "approved", "clock", "held", "instrument", "mark"]
