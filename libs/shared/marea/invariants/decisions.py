"""What must hold between risk's decisions, commands and breakers, and the orders."""

import json
from bisect import bisect_right
from collections import deque
from operator import itemgetter

from marea.bus.reading import Placed
from marea.invariants.reckoning import worth
from marea.invariants.trading import Order, Trading, TradingRule, live_entries
from marea.messages.envelope import Message, Nanos
from marea.messages.market import InstrumentChanged
from marea.messages.orders import ApprovalRefused, OrderCompleted, OrderIntended, OrderSent
from marea.messages.paper import PlaceOrder
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    RiskDecision,
)
from marea.messages.system import Started

SECOND_NS: Nanos = 1_000_000_000
END_NS_MAX: Nanos = 60 * SECOND_NS
"""After its expiry a decision's orders have been canceled, and the venue has said so."""


class Approved(TradingRule):
    """Every order carries out a decision that approves it, in size, and is sent in time or never."""

    number = 8
    code = "ORDER_IS_APPROVED"
    kinds = (Started, OrderIntended, OrderSent)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._late_ns_max: dict[str, Nanos] = {}
        """Of each log, what execution was started with."""

    def take(self, at: Placed) -> None:
        match at.message:
            case Started(service="execution") as started if at.log.channel == "trading":
                late_ns_max = json.loads(started.config).get("late_ns_max")
                if late_ns_max is not None:
                    self._late_ns_max[at.log.partition] = late_ns_max
            case OrderSent() as sent:
                self._judge_sent(at, sent)
            case OrderIntended() as intent:
                self._judge_intent(at, intent)

    def _judge_sent(self, at: Placed, sent: OrderSent) -> None:
        order = self.trading.orders.get(sent.client_order_id)
        if order is None or sent.attempt != order.intent.attempt:
            return
        waited, intent = sent.ts_event - order.at.record.ts_known, order.intent
        late_ns_max = self._late_ns_max.get(at.log.partition, waited)
        if waited > late_ns_max:
            self.report(at, "an order is sent soon after its intent", f"≤ {late_ns_max}", waited)
        if sent.ts_event >= intent.ts_expiry:
            what = "an order is sent before it expires"
            self.report(at, what, f"< {intent.ts_expiry}", sent.ts_event)

    def _judge_intent(self, at: Placed, intent: OrderIntended) -> None:
        decision = self.trading.decisions.get(intent.decision_id)
        if decision is None:
            self.report(at, "an order has an approving decision", intent.decision_id, "none")
            return
        if decision.instrument != intent.instrument:
            what = "an order is in its decision's instrument"
            self.report(at, what, decision.instrument, intent.instrument)
        if intent.leg in ("entry", "exit"):
            self._judge(at, intent, decision)

    def _judge(self, at: Placed, intent: OrderIntended, decision: RiskDecision) -> None:
        approved, intended = (decision.purpose, decision.side), (intent.leg, intent.side)
        if approved != intended:
            self.report(at, "an order does what was approved", approved, intended)
        if intent.ts_event >= decision.ts_expiry:
            what = "an order is intended before its decision expires"
            self.report(at, what, f"< {decision.ts_expiry}", intent.ts_event)
        left = decision.qty
        for order in self.trading.of_decision(decision.id, intent.leg):
            left -= order.filled_qty
        if intent.qty > left:
            what = "an order is at most what is left of the approved quantity"
            self.report(at, what, f"≤ {left}", intent.qty)


class EndsOnce(TradingRule):
    """Every approved decision ends once: completed, or refused with a reason."""

    number = 9
    code = "APPROVAL_ENDS_ONCE"
    kinds = (RiskDecision, OrderCompleted, ApprovalRefused)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._open: dict[str, Placed] = {}
        self._ended: dict[str, str] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        match message:
            case RiskDecision(approved=True):
                self._open[message.id] = at
            case OrderCompleted(leg="entry" | "exit") | ApprovalRefused():
                self._end(at, message.decision_id, type(message).__name__)

    def _end(self, at: Placed, decision_id: str, how: str) -> None:
        if decision_id in self._ended:
            found = f"{self._ended[decision_id]}, then {how}"
            self.report(at, f"{decision_id} ends once", "one end", found)
        elif decision_id not in self._open:
            self.report(at, "what ends was approved", decision_id, "no approval")
        self._ended[decision_id] = how
        self._open.pop(decision_id, None)

    def end(self) -> None:
        for at in self._open.values():
            decision, now = at.message, self.trading.portfolio(at).now
            assert isinstance(decision, RiskDecision)
            if now > decision.ts_expiry + END_NS_MAX:
                what = "an approval that expired has ended"
                self.report(at, what, "OrderCompleted or ApprovalRefused", "neither")


class WithinCash(TradingRule):
    """All open entries together could be paid from the wallet at their limits."""

    number = 12
    code = "EXPOSURE_WITHIN_CASH"
    kinds = (OrderIntended,)

    def take(self, at: Placed) -> None:
        intent = at.message
        assert isinstance(intent, OrderIntended)
        instrument = self.trading.instrument(at, intent.instrument)
        if intent.leg != "entry" or intent.side != "buy" or instrument is None:
            return
        asked = _worth(instrument, intent.price, intent.qty)
        for order in live_entries(self.trading.live.values()):
            asked += self._reserved(at, order, intent, instrument.quote)
        wallet = self.trading.portfolio(at).balance(instrument.quote)
        if asked > wallet:
            what = f"open entries can be paid from the wallet's {instrument.quote}"
            self.report(at, what, f"≤ {wallet}", asked)

    def _reserved(self, at: Placed, order: Order, intent: OrderIntended, quote: str) -> int:
        other = order.intent
        instrument = self.trading.instrument(at, other.instrument)
        is_same = other.client_order_id == intent.client_order_id
        if is_same or order.at.log != at.log or instrument is None or instrument.quote != quote:
            return 0
        return _worth(instrument, other.price, order.qty - order.filled_qty)


def _worth(instrument: InstrumentChanged, price: int, qty: int) -> int:
    return -worth(-price, qty, instrument.price_scale + instrument.qty_scale)  # rounded up


class BreakerHolds(TradingRule):
    """Nothing opens while a breaker is open or the log is in doubt; nor does risk approve it.

    A hole, a core that diverged, and three comparisons in a row that found a difference are a doubt.
    """

    number = 16
    code = "BREAKER_HOLDS"
    kinds = (OrderIntended, RiskDecision)

    def take(self, at: Placed) -> None:
        portfolio, message = self.trading.portfolio(at), at.message
        match message:
            case OrderIntended(leg="entry"):
                # Of differences risk alone makes a doubt: an order follows what it approves.
                self._judge(at, portfolio.blocked_at(at.record.input_offset) - {"differences"})
            case RiskDecision(approved=True, purpose="entry"):
                breakers = (each for each in portfolio.blocked_now if each.startswith("breaker"))
                self._judge(at, portfolio.blocked_for(at).union(breakers))

    def _judge(self, at: Placed, blocks: frozenset[str]) -> None:
        held_by = sorted(blocks - {"halt"})
        if held_by:
            what = f"nothing opens while held back by {', '.join(held_by)}"
            self.report(at, what, "no entry", f"{type(at.message).__name__} in {held_by}")


class LevelEndsByEvent(TradingRule):
    """A drawdown level trips when its limit is passed, and ends by its time or a person only."""

    number = 18
    code = "LEVEL_ENDS_BY_EVENT"
    kinds = (Command, BreakerTripped, BreakerEnded)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._open: dict[tuple[str, int], Nanos] = {}
        self._resets: set[str] = set()

    def take(self, at: Placed) -> None:
        message = at.message
        match message:
            case Command(action="reset"):
                self._resets.add(message.id)
            case BreakerTripped():
                level = (message.portfolio, message.level)
                self._judge_trip(at, message, level in self._open)
                self._open[level] = message.ts_until
            case BreakerEnded():
                self._judge_end(at, message)

    def _judge_end(self, at: Placed, ended: BreakerEnded) -> None:
        until = self._open.pop((ended.portfolio, ended.level), None)
        if until is None:
            self.report(at, "a level that ends was open", "a BreakerTripped", "none")
        elif ended.cause == "elapsed" and ended.ts_event < until:
            self.report(at, "a level lasts its time", f"≥ {until}", ended.ts_event)
        elif ended.cause == "reset" and not self._resets.intersection(ended.parents):
            self.report(at, "a person resets a level", "a Command", ended.parents)

    def _judge_trip(self, at: Placed, tripped: BreakerTripped, is_open: bool) -> None:
        if is_open:
            self.report(at, "a level ends before it trips again", "a BreakerEnded", "none")
        fall = tripped.reference - tripped.equity
        least = tripped.drawdown_pct_max * tripped.reference / 100
        if fall < least * (1 - 1e-9):  # the limit is a float, the amounts are not
            self.report(at, "a level trips past its limit", f"a fall ≥ {least}", fall)


class CommandOnce(TradingRule):
    """A command counts once, and only from someone who may give it, with a reason."""

    number = 19
    code = "COMMAND_ONCE"
    kinds = (Command, CommandTaken)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._commands: dict[str, Command] = {}
        self._keys: set[tuple[str, str]] = set()

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, Command):
            self._commands[message.id] = message
        elif isinstance(message, CommandTaken) and message.accepted:
            command = self._commands.get(message.parents[0]) if message.parents else None
            if command is None:
                self.report(at, "what is accepted was ordered", "a Command", message.parents)
                return
            key = (command.portfolio, command.key)
            if key in self._keys:
                self.report(at, "a key counts once", "DUPLICATE", command.key)
            self._keys.add(key)
            if command.role == "viewer" or not command.reason or command.action != message.action:
                found = f"{command.action} by {command.role}: '{command.reason}'"
                self.report(at, "a command has right and reason", message.action, found)


class OneBuild(TradingRule):
    """All who began on a trading log since the last resume run one build when an entry is intended."""

    number = 20
    code = "ONE_BUILD"
    kinds = (Started, OrderIntended, CommandTaken)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._builds: dict[str, list[tuple[int, dict[str, str]]]] = {}
        """Of each log: who ran what from which position on."""

    def take(self, at: Placed) -> None:
        if at.log.channel != "trading":
            return
        history = self._builds.setdefault(at.log.partition, [(-1, {})])
        match at.message:
            case Started(build=build):
                builds = {**history[-1][1], at.record.writer.producer: build}
                history.append((at.position, builds))
            case CommandTaken(accepted=True, action="resume"):
                history.append((at.position, {}))
            case OrderIntended(leg="entry"):
                place = bisect_right(history, at.record.input_offset, key=itemgetter(0))
                builds = history[place - 1][1]
                if len(set(builds.values())) > 1:
                    self.report(at, "all run one build while orders are made", "one", builds)


class WithinRates(TradingRule):
    """No more entries are sent in any second and any minute than risk was started with."""

    number = 21
    code = "WITHIN_RATES"
    kinds = (Started, OrderSent)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._caps: dict[str, dict[Nanos, int]] = {}
        self._sent: dict[str, deque[Nanos]] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, Started):
            if message.service == "risk" and at.log.channel == "trading":
                self._caps[at.log.partition] = _caps(message.config)
            return
        assert isinstance(message, OrderSent)
        order = self.trading.orders.get(message.client_order_id)
        if order is None or order.leg != "entry":
            return  # what makes a risk less is never held up
        # Risk counts when it decides; one that stood still may send two at once.
        decision = self.trading.decisions.get(order.intent.decision_id)
        is_first = decision is not None and not order.intent.child
        ts = decision.ts_event if decision is not None and is_first else message.ts_event
        sent = self._sent.setdefault(at.log.partition, deque())
        sent.append(ts)
        while sent[0] <= ts - 60 * SECOND_NS:
            sent.popleft()
        for window_ns, cap in self._caps.get(at.log.partition, {}).items():
            count = sum(1 for each in sent if ts - window_ns < each <= ts)
            if count > cap:
                what = f"entries sent within {window_ns // SECOND_NS} s"
                self.report(at, what, f"≤ {cap}", count)


def _caps(config: str) -> dict[Nanos, int]:
    said = json.loads(config)
    windows = {"orders_per_s_max": SECOND_NS, "orders_per_min_max": 60 * SECOND_NS}
    return {window: said[name] for name, window in windows.items() if name in said}


class AdvisoryIsSilent(TradingRule):
    """A portfolio that only advises asks its venue for nothing."""

    number = 22
    code = "ADVISORY_IS_SILENT"
    kinds = (OrderIntended, OrderSent, PlaceOrder)

    def take(self, at: Placed) -> None:
        for name in self._advisory(at, at.message):
            what = f"{name} only advises"
            self.report(at, what, "no order", type(at.message).__name__)

    def _advisory(self, at: Placed, message: Message) -> list[str]:
        return [
            name
            for name, portfolio in self.trading.portfolios.items()
            if portfolio.opened is not None
            and portfolio.opened.mode == "advisory"
            and (
                message.account == portfolio.opened.account
                if isinstance(message, PlaceOrder)
                else name == at.log.partition
            )
        ]
