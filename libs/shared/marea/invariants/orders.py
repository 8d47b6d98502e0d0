"""What must hold of orders between the intent and their end."""

from collections.abc import Iterator

from marea.bus.reading import Placed
from marea.invariants.reckoning import whole
from marea.invariants.trading import (
    ALLOWED,
    LIVE,
    REPORTED,
    Order,
    Trading,
    TradingRule,
    event_of,
    live_entries,
)
from marea.messages.envelope import Nanos
from marea.messages.market import InstrumentChanged
from marea.messages.orders import (
    OrderAccepted,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderReport,
    OrderSent,
)
from marea.messages.paper import ExecutionReport, PlaceOrder
from marea.messages.portfolio import RiskDecision
from marea.messages.system import Clock

ANSWER_NS_MAX: Nanos = 60_000_000_000
"""An order that has no answer for longer is in doubt, and the log must say so."""


class FilledAtMostOrdered(TradingRule):
    """No more is filled than ordered, the counts agree, and the average lies among the fills."""

    number = 4
    code = "FILLED_AT_MOST_ORDERED"
    kinds = (OrderFilled, OrderCompleted)

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, OrderFilled):
            self._judge_fill(at, message, self.trading.orders.get(message.client_order_id))
        elif isinstance(message, OrderCompleted) and message.leg in ("entry", "exit"):
            self._judge_end(at, message)

    def _judge_fill(self, at: Placed, fill: OrderFilled, order: Order | None) -> None:
        if order is None:
            return
        filled = order.filled_qty + fill.last_qty
        if fill.last_qty <= 0 or fill.cum_qty != filled:
            self.report(at, "an order's fills add up", filled, fill.cum_qty)
        if filled > order.qty:
            self.report(at, "no more is filled than ordered", f"≤ {order.qty}", filled)
        if fill.leaves_qty != order.qty - filled:
            what = "what is left to fill is the rest of the order"
            self.report(at, what, order.qty - filled, fill.leaves_qty)

    def _judge_end(self, at: Placed, completed: OrderCompleted) -> None:
        orders = list(self.trading.of_decision(completed.decision_id, completed.leg))
        filled = sum(order.filled_qty for order in orders)
        if completed.filled_qty != filled:
            what = "a leg got what its orders' fills add up to"
            self.report(at, what, filled, completed.filled_qty)
        prices = [price for order in orders for price in order.prices]
        if prices and not min(prices) <= completed.avg_price <= max(prices):
            what = "an average price lies among its fills"
            self.report(at, what, f"{min(prices)} to {max(prices)}", completed.avg_price)


class OneLiveOrder(TradingRule):
    """A leg has one live order at a time, and the venue takes each order once."""

    number = 6
    code = "ONE_LIVE_ORDER"
    kinds = (OrderIntended, OrderAccepted, ExecutionReport)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._accepted: dict[tuple[str, str], str] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        match message:
            case OrderIntended(leg="entry" | "exit"):
                for order in self.trading.of_decision(message.decision_id, message.leg):
                    other = order.intent.client_order_id
                    if order.status in LIVE and other != message.client_order_id:
                        what = f"{other} is over before the leg's next order"
                        self.report(at, what, "an end", order.status)
            case OrderAccepted():
                self._accept(at, "ours", message.client_order_id, message.venue_order_id)
            case ExecutionReport(kind="accepted"):
                self._accept(at, "venue", message.client_order_id, message.venue_order_id)

    def _accept(self, at: Placed, whose: str, name: str, venue_order_id: str) -> None:
        if (whose, name) in self._accepted:
            found = f"{self._accepted[whose, name]} and {venue_order_id}"
            self.report(at, f"the venue takes {name} once", "one order", found)
        self._accepted[whose, name] = venue_order_id


class IntendedBeforeSent(TradingRule):
    """Whatever is sent, or known to the venue, was intended before, and is what was intended."""

    number = 7
    code = "INTENDED_BEFORE_SENT"
    kinds = (OrderReport, OrderIntended, PlaceOrder)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._intents: dict[str, list[Placed]] = {}
        """By client order id, one for each attempt."""
        self._requests: list[Placed] = []

    def take(self, at: Placed) -> None:
        message = at.message
        match message:
            case OrderIntended():
                self._intents.setdefault(message.client_order_id, []).append(at)
            case PlaceOrder():
                self._requests.append(at)
            case OrderReport():
                self._judge(at, message)

    def _judge(self, at: Placed, report: OrderReport) -> None:
        order = self.trading.orders.get(report.client_order_id)
        if order is None:
            what = f"{report.client_order_id} was intended before"
            self.report(at, what, "an OrderIntended", type(report).__name__)
        elif isinstance(report, OrderSent) and report.attempt != order.intent.attempt:
            what = "what is sent is the latest attempt"
            self.report(at, what, order.intent.attempt, report.attempt)

    def end(self) -> None:
        # The venue's clock is not ours, and a request may be long on its way: what shows that it
        # was intended before is that it is signed with the time at which an intent was appended.
        for at in self._requests:
            request = at.message
            assert isinstance(request, PlaceOrder)
            intents = self._intents.get(request.client_order_id, [])
            if intents:
                signed = [each for each in intents if each.record.ts_known == request.ts_sign]
                self._compare(at, (signed or intents)[-1], request)
            else:
                what = f"{request.client_order_id} was intended before"
                self.report(at, what, "an OrderIntended", type(request).__name__)

    def _compare(self, at: Placed, intended: Placed, request: PlaceOrder) -> None:
        intent = intended.message
        assert isinstance(intent, OrderIntended)
        wanted = dict(_common(intent), ts_sign=intended.record.ts_known)
        sent = dict(_common(request), ts_sign=request.ts_sign)
        for name, value in wanted.items():
            if sent[name] != value:
                what = f"{name} is sent as it was intended"
                self.report(at, what, value, sent[name])


_COMMON = tuple(
    name
    for name in PlaceOrder.__struct_fields__
    if name in OrderIntended.__struct_fields__ and name not in ("id", "ts_event", "parents")
)


def _common(message: OrderIntended | PlaceOrder) -> dict[str, object]:
    return {name: getattr(message, name) for name in _COMMON}


class LifeIsAllowed(TradingRule):
    """An order goes from one status to the next as it may, and an end is final."""

    number = 10
    code = "ORDER_LIFE_ALLOWED"
    kinds = (OrderReport, OrderIntended)

    def take(self, at: Placed) -> None:
        message = at.message
        assert isinstance(message, OrderReport | OrderIntended)
        order = self.trading.orders.get(message.client_order_id)
        if order is None:
            return
        event = event_of(order, message)
        if event and event not in ALLOWED[order.status]:
            allowed = ", ".join(ALLOWED[order.status]) or "nothing"
            what = f"{message.client_order_id} was {order.status}"
            self.report(at, what, allowed, event)
        if isinstance(message, OrderIntended) and message.attempt != order.intent.attempt + 1:
            what = "attempts are numbered"
            self.report(at, what, order.intent.attempt + 1, message.attempt)


class UnknownFreezes(TradingRule):
    """While nobody knows of an order, nothing opens in its instrument; and silence is not ignored."""

    number = 11
    code = "UNKNOWN_FREEZES"
    kinds = (OrderIntended, Clock)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._told: set[str] = set()

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, OrderIntended):
            if message.leg == "entry":
                self._judge(at, message)
        elif isinstance(message, Clock) and at.log.channel == "trading":
            for name, order in self.trading.live.items():
                waited = message.ts_event - order.at.ts
                is_silent = order.status == "intended" and order.unknown_at is None
                if is_silent and waited > ANSWER_NS_MAX and name not in self._told:
                    self._told.add(name)
                    what = f"{name} is unknown, or looked up, once it has no answer for 60 s"
                    self.report(order.at, what, "either", f"{waited} ns of silence")

    def _judge(self, at: Placed, intent: OrderIntended) -> None:
        for name, order in self.trading.live.items():
            doubt = order.unknown_at
            if (
                doubt is not None
                and name != intent.client_order_id
                and order.intent.instrument == intent.instrument
                and doubt.log == at.log
                and doubt.position <= at.record.input_offset
            ):
                what = f"nothing opens in {intent.instrument} while {name} is unknown"
                self.report(at, what, "no entry", intent.client_order_id)


class OnIncrements(TradingRule):
    """Prices and quantities are ones that the venue takes, and the price lies in the collar."""

    number = 13
    code = "ON_INCREMENTS"
    kinds = (OrderIntended,)

    def take(self, at: Placed) -> None:
        intent = at.message
        assert isinstance(intent, OrderIntended)
        instrument = self.trading.instrument(at, intent.instrument)
        if instrument is None:
            what = f"{intent.instrument} is described before it is traded"
            self.report(at, what, "an InstrumentChanged", "none")
            return
        for what, expected, found in _off_increments(intent, instrument):
            self.report(at, what, expected, found)
        decision = self.trading.decisions.get(intent.decision_id)
        if decision is not None and intent.leg in ("entry", "exit"):
            collar, sign = decision.collar_price, 1 if intent.side == "buy" else -1
            if sign * intent.price > sign * collar:
                expected = f"{'≤' if sign > 0 else '≥'} {collar}"
                self.report(at, "the price lies in the decision's collar", expected, intent.price)


def _off_increments(
    intent: OrderIntended, instrument: InstrumentChanged
) -> Iterator[tuple[str, object, object]]:
    scales = (instrument.price_scale, instrument.qty_scale)
    if (intent.price_scale, intent.qty_scale) != scales:
        yield "an order has its instrument's scales", scales, (intent.price_scale, intent.qty_scale)
        return
    for name in ("price", "stop_price", "target_price"):
        if getattr(intent, name) % instrument.price_increment:
            expected = f"a multiple of {instrument.price_increment}"
            yield f"{name} is on its increment", expected, getattr(intent, name)
    if intent.qty <= 0 or intent.qty % instrument.qty_increment:
        yield "qty is on its increment", f"a multiple of {instrument.qty_increment}", intent.qty
    worth = intent.price * intent.qty // whole(instrument.qty_scale)
    if worth < instrument.notional_min:
        yield "an order is worth its least notional", f"≥ {instrument.notional_min}", worth


class HaltEnds(TradingRule):
    """A halt ends every entry that the venue has within 5 s, and nothing opens while it lasts."""

    number = 17
    code = "HALT_ENDS_ENTRIES"
    kinds = (OrderIntended, RiskDecision, Clock)
    after_ns: Nanos = 5_000_000_000

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._told: set[str] = set()

    def take(self, at: Placed) -> None:
        if at.log.channel != "trading":
            return
        portfolio, message = self.trading.portfolio(at), at.message
        match message:
            case OrderIntended(leg="entry"):
                if "halt" in portfolio.blocked_at(at.record.input_offset):
                    name = message.client_order_id
                    self.report(at, "nothing opens during a halt", "no entry", name)
            case RiskDecision(approved=True, purpose="entry"):
                if "halt" in portfolio.blocked_for(at):
                    what = "nothing is approved to open during a halt"
                    self.report(at, what, "a denial", message.id)
            case Clock() if "halt" in portfolio.blocked_now:
                self._judge_entries(at, at.ts - portfolio.ts_halted)

    def _judge_entries(self, at: Placed, waited: Nanos) -> None:
        for order in live_entries(self.trading.live.values()):
            name = order.intent.client_order_id
            is_late = waited > self.after_ns and order.status in REPORTED
            if is_late and order.at.log == at.log and name not in self._told:
                self._told.add(name)
                what = f"{name} has ended within 5 s of the halt"
                self.report(at, what, "an end", f"{order.status} after {waited} ns")
