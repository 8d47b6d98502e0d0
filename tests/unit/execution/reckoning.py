"""What must be so of orders and approvals, reckoned from nothing but what stands on the log."""

from collections import Counter
from dataclasses import dataclass, field

from marea.domain.ledger import notional_of
from marea.messages.envelope import Message
from marea.messages.orders import (
    DUPLICATE_ID,
    ApprovalRefused,
    CancelIntended,
    CancelRejected,
    LookUpOrder,
    OrderCanceled,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    VenueReport,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandTaken,
    Mark,
    RiskDecision,
)
from marea.messages.system import Clock, CoreDiverged
from tests.unit.execution.trading import T0

ATTEMPTS_MAX = 3


@dataclass
class Reckoning:
    """It takes the log message by message, and objects to what execution may not say."""

    now: int = T0
    decisions: dict[str, RiskDecision] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    intents: dict[str, OrderIntended] = field(default_factory=dict)
    """The last attempt of each order."""
    absent: set[tuple[str, int]] = field(default_factory=set)
    """Attempts of which is known for sure that the venue has nothing."""
    reported: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    to_end: set[str] = field(default_factory=set)
    """Orders that a cancel was intended for."""
    filled: Counter[str] = field(default_factory=Counter)
    balances: Counter[str] = field(default_factory=lambda: Counter({"USDT": 10_000 * 10**8}))
    number: int = -1
    holds: set[str] = field(default_factory=set)
    """What lets nothing open."""

    def take(self, message: Message) -> None:
        match message:
            case Clock():
                self.now = max(self.now, message.ts_event)
            case RiskDecision():
                self.decisions[message.id] = message
            case OrderNotSent():
                self.absent.add((message.client_order_id, message.attempt))
            case OrderLookedUp(found=False):
                self.absent.add((message.client_order_id, message.attempt))
            case OrderIntended() | CancelIntended() | LookUpOrder():
                self._judge(message)
            case OrderCompleted() | ApprovalRefused():
                self._end(message)
            case VenueReport() if message.number > self.number:
                self.number = message.number
                self._report(message)
            case _:
                self._hold(message)

    def is_over(self, name: str) -> bool:
        """Does nothing of an order of ours work any more?"""
        if name in self.ended:
            return True
        return name not in self.reported and (name, self.intents[name].attempt) in self.absent

    def orders_of(self, decision_id: str) -> list[str]:
        """The entries, or the exits, that a decision was carried out with."""
        return [
            name
            for name, intent in self.intents.items()
            if intent.decision_id == decision_id and intent.leg != "stop"
        ]

    def filled_of(self, decision_id: str) -> int:
        return sum(self.filled[name] for name in self.orders_of(decision_id))

    # What the venue says

    def _report(self, report: Message) -> None:
        assert isinstance(report, VenueReport)
        name = report.client_order_id
        if isinstance(report, CancelRejected):
            return
        is_copy = isinstance(report, OrderRejected) and report.reason == DUPLICATE_ID
        assert not is_copy, "the venue was sent a second copy"
        self.reported.add(name)
        if isinstance(report, OrderFilled):
            self._fill(report)
        is_last = isinstance(report, OrderFilled) and not report.leaves_qty
        if is_last or isinstance(report, OrderRejected | OrderCanceled):
            self.ended.add(name)

    def _fill(self, fill: OrderFilled) -> None:
        sign = 1 if fill.side == "buy" else -1
        self.filled[fill.client_order_id] += fill.last_qty
        self.balances["BTC"] += sign * fill.last_qty * 10**3
        self.balances["USDT"] -= sign * notional_of(fill)
        self.balances[fill.commission_asset] -= fill.commission
        intent = self.intents.get(fill.client_order_id)
        if intent is not None:
            assert self.filled[fill.client_order_id] <= intent.qty
            if intent.leg != "stop":
                assert self.filled_of(intent.decision_id) <= self.decisions[intent.decision_id].qty

    # What execution says

    def _judge(self, said: OrderIntended | CancelIntended | LookUpOrder) -> None:
        name = said.client_order_id
        if not isinstance(said, OrderIntended):
            assert not self.is_over(name), "it asks about what is over"
            if isinstance(said, CancelIntended):
                self.to_end.add(name)
            return
        before = self.intents.get(name)
        if before is None:
            assert said.attempt == 1
        else:
            assert said.attempt == before.attempt + 1 <= ATTEMPTS_MAX
            assert (name, before.attempt) in self.absent, (
                "sent again, and nobody said it is not there"
            )
            assert name not in self.reported, "sent again although the venue has it"
            assert name not in self.to_end, "sent again although it was to end"
            assert (said.qty, said.price, said.side) == (before.qty, before.price, before.side)
        assert self.now < said.ts_expiry
        if said.leg != "stop":
            self._open(said)
        self.intents[name] = said

    def _open(self, intent: OrderIntended) -> None:
        others = [n for n, each in self.intents.items() if each.leg != "stop"]
        others = [n for n in others if n != intent.client_order_id]
        assert all(self.is_over(each) for each in others), "two orders of one instrument"
        assert not self.endings[intent.decision_id], "an order of what is over"
        left = self.decisions[intent.decision_id].qty - self.filled_of(intent.decision_id)
        assert 0 < intent.qty <= left
        assert intent.leg == "exit" or not self.holds, self.holds

    def _end(self, said: OrderCompleted | ApprovalRefused) -> None:
        if isinstance(said, OrderCompleted) and said.leg in ("stop", "target"):
            return
        self.endings[said.decision_id] += 1
        orders = self.orders_of(said.decision_id)
        assert self.endings[said.decision_id] == 1, "ended twice"
        assert all(self.is_over(each) for each in orders), "ended while an order works"
        if isinstance(said, OrderCompleted):
            assert said.filled_qty == self.filled_of(said.decision_id) <= said.qty
        else:
            assert not orders

    # What holds back

    def _hold(self, message: Message) -> None:
        match message:
            case CommandTaken(accepted=True, action="halt"):
                self.holds.add("halt")
            case CommandTaken(accepted=True, action="resume"):
                self.holds -= {"halt", "diverged"}
            case BreakerTripped():
                self.holds.add(f"level {message.level}")
            case BreakerEnded():
                self.holds.discard(f"level {message.level}")
            case CoreDiverged():
                self.holds.add("diverged")
            case Mark():
                self.holds.discard("book")
                if message.book_status != "LIVE":
                    self.holds.add("book")
            case _:
                pass
