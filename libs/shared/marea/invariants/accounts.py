"""What must hold of money and positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from marea.bus.reading import Placed
from marea.invariants.reckoning import (
    CROSS,
    VENUE,
    WALLET,
    Amounts,
    balances_of,
    imbalance,
    lines_of,
    moved,
    units_of,
)
from marea.invariants.shares import Shares
from marea.invariants.trading import Trading, TradingRule
from marea.invariants.violation import Rule
from marea.messages.orders import OrderFilled, OrderIntended
from marea.messages.portfolio import (
    JournalPosted,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)


@dataclass(slots=True)
class _Due:
    """What is still to be booked because of one message."""

    at: Placed
    left: Amounts


class _Booked(TradingRule):
    """The journal books what each fill moved, of the assets that the invariant is about."""

    is_base: ClassVar[bool]

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._due: dict[str, _Due] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, OrderFilled):
            known = self.trading.instrument(at, message.instrument)
            if known is not None:
                whole = moved(message, known.base, known.quote)
                left = {a: units for a, units in whole.items() if (a == known.base) == self.is_base}
                self._due[message.id] = _Due(at, left)
        elif isinstance(message, JournalPosted):
            for parent in message.parents[:1]:
                if parent in self._due:
                    self._book(at, message, self._due[parent])

    def owe(self, at: Placed, amounts: Amounts) -> None:
        """Expect that the journal books this because of a message."""
        self._due[at.message.id] = _Due(at, dict(amounts))

    def _book(self, at: Placed, journal: JournalPosted, due: _Due) -> None:
        before = dict(due.left)
        for line in lines_of(journal):
            if line.account == WALLET and line.asset in due.left:
                due.left[line.asset] -= line.units
        for asset, units in due.left.items():
            if units and (units < 0) != (before[asset] < 0):
                what = f"the journal books of {due.at.message.id} in {asset} what it moved"
                self.report(at, what, before[asset], before[asset] - units)

    def end(self) -> None:
        for due in self._due.values():
            for asset, units in due.left.items():
                portfolio = self.trading.portfolio(due.at)
                is_settled = due.at.ts < portfolio.now
                if units and is_settled:
                    what = f"all that {due.at.message.id} moved in {asset} is booked"
                    self.report(due.at, what, "0 left", units)


SELLERS = (VENUE, CROSS)
"""Accounts that a strategy buys from: the venue, and another strategy."""


class PositionIsFills(_Booked):
    """What is held of each base asset is the sum of its fills, and each strategy has its part."""

    number = 1
    code = "POSITION_IS_FILLS"
    kinds = (RiskDecision, OrderFilled, JournalPosted, PositionClosed)
    is_base = True

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._shares = Shares(trading)
        self._bought: dict[tuple[str, str, str], int] = {}

    def take(self, at: Placed) -> None:
        super().take(at)
        for problem in self._shares.take(at):
            self.report(*problem)
        message = at.message
        if isinstance(message, JournalPosted):
            for line in lines_of(message):
                if line.account in SELLERS and line.units < 0:
                    place = (message.portfolio, message.strategy, line.asset)
                    self._bought[place] = self._bought.get(place, 0) - line.units
        elif isinstance(message, PositionClosed):
            self._close(at, message)

    def _close(self, at: Placed, closed: PositionClosed) -> None:
        instrument = self.trading.instrument(at, closed.instrument)
        if instrument is None:
            return
        place = (closed.portfolio, closed.strategy, instrument.base)
        bought = self._bought.pop(place, 0)
        qty = units_of(closed.qty, closed.qty_scale)
        if qty != bought:
            what = "a closed position was bought by its strategy's fills and crosses"
            self.report(at, what, bought, qty)


class CashIsFills(_Booked):
    """Cash is what it began with, and what the fills brought, to the last unit, fees included."""

    number = 2
    code = "CASH_IS_FILLS"
    kinds = (OrderFilled, JournalPosted, PortfolioOpened, PortfolioValued)
    is_base = False

    def take(self, at: Placed) -> None:
        super().take(at)
        message = at.message
        if isinstance(message, PortfolioOpened):
            self.owe(at, balances_of(message))
        elif isinstance(message, PortfolioValued):
            booked = self.trading.portfolio(at).balance(message.asset)
            told = units_of(message.cash, message.asset_scale)
            if told != booked:
                self.report(at, "cash is what the journal says", booked, told)


class DoubleEntry(Rule):
    """Every transaction sums to 0 for each asset."""

    number = 3
    code = "DOUBLE_ENTRY"
    kinds = (JournalPosted,)

    def take(self, at: Placed) -> None:
        message = at.message
        assert isinstance(message, JournalPosted)
        counts = {len(message.accounts), len(message.assets), len(message.amounts)}
        if len(counts) > 1:
            self.report(at, "each entry has account, asset and amount", "equal counts", counts)
        missing = imbalance(lines_of(message))
        if missing:
            self.report(at, "a transaction sums to 0 for each asset", "{}", missing)


class FillOnce(Rule):
    """A fill comes once, and is booked once for each strategy."""

    number = 5
    code = "FILL_ONCE"
    kinds = (OrderFilled, JournalPosted)

    def __init__(self) -> None:
        super().__init__()
        self._fills: dict[tuple[str, str, str, str, str], str] = {}
        self._booked: set[tuple[str, str, str]] = set()

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, OrderFilled):
            order = message.venue_order_id
            name = (message.venue, message.account, message.instrument, message.trade_id, order)
            if name in self._fills:
                self.report(at, "a fill is told once", self._fills[name], message.id)
            self._fills.setdefault(name, message.id)
        elif isinstance(message, JournalPosted) and message.parents:
            booking = (message.parents[0], message.cause, message.strategy)
            if booking in self._booked:
                what = "a fill is booked once for each strategy"
                self.report(at, what, "one transaction", f"another of {booking[0]}")
            self._booked.add(booking)


class ReduceOnlyReduces(TradingRule):
    """Whatever is no entry is marked reduce-only, and never enlarges a position or turns it round."""

    number = 14
    code = "REDUCE_ONLY_REDUCES"
    kinds = (PortfolioOpened, OrderFilled, OrderIntended)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._held: dict[tuple[str, str], int] = {}

    def take(self, at: Placed) -> None:
        match at.message:
            case PortfolioOpened() as opened:
                for asset, units in balances_of(opened).items():
                    self._held[at.log.partition, asset] = units
            case OrderFilled() as fill:
                self._judge(at, fill)
            case OrderIntended(leg="exit" | "stop" | "target", reduce_only=False) as intent:
                what = f"{intent.client_order_id} asks the venue to reduce only"
                self.report(at, what, "reduce_only", f"{intent.leg} without it")

    def _judge(self, at: Placed, fill: OrderFilled) -> None:
        order = self.trading.orders.get(fill.client_order_id)
        for asset, before, after in self._change(at, fill):
            grew = abs(after) > abs(before) or (after < 0) != (before < 0)
            if order is not None and order.leg != "entry" and after and grew:
                what = f"{fill.client_order_id} only reduces what is held of {asset}"
                self.report(at, what, f"nearer 0 than {before}", after)

    def _change(self, at: Placed, report: OrderFilled) -> Iterator[tuple[str, int, int]]:
        known = self.trading.instrument(at, report.instrument)
        for asset, units in moved(report, known.base, known.quote).items() if known else ():
            place = (at.log.partition, asset)
            before = self._held.get(place, 0)
            self._held[place] = before + units
            if known and asset == known.base:
                yield asset, before, before + units
