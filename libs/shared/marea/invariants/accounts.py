"""What must hold of money and positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from marea.bus.reading import Placed
from marea.domain.ledger import (
    ASSET_SCALE,
    VENUE,
    WALLET,
    Fill,
    balance,
    fill_of,
    imbalance,
    moved,
)
from marea.domain.money import Rounding, rescale
from marea.invariants.trading import Trading, TradingRule, entries_of
from marea.invariants.violation import Rule
from marea.messages.orders import OrderFilled
from marea.messages.portfolio import (
    JournalPosted,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
)


def fill_on(trading: Trading, at: Placed, report: OrderFilled) -> Fill | None:
    """What a fill moved; None for an instrument that its log does not describe."""
    instrument = trading.instrument(at, report.instrument)
    return fill_of(report, instrument.base, instrument.quote) if instrument else None


@dataclass(slots=True)
class _Due:
    """What is still to be booked because of one message."""

    at: Placed
    left: dict[str, int]


class _Booked(TradingRule):
    """The journal books what each fill moved, of the assets that the invariant is about."""

    is_base: ClassVar[bool]

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._due: dict[str, _Due] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, OrderFilled):
            fill = fill_on(self.trading, at, message)
            if fill is not None:
                left = {a: u for a, u in moved(fill).items() if (a == fill.base) == self.is_base}
                self._due[message.id] = _Due(at, left)
        elif isinstance(message, JournalPosted):
            for parent in message.parents[:1]:
                if parent in self._due:
                    self._book(at, message, self._due[parent])

    def owe(self, at: Placed, amounts: dict[str, int]) -> None:
        """Expect that the journal books this because of a message."""
        self._due[at.message.id] = _Due(at, dict(amounts))

    def _book(self, at: Placed, journal: JournalPosted, due: _Due) -> None:
        before = dict(due.left)
        for entry in entries_of(journal):
            if entry.account == WALLET and entry.asset in due.left:
                due.left[entry.asset] -= entry.units
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


SELLERS = (VENUE, "cross")
"""Accounts that a strategy buys from: the venue, and another strategy."""


class PositionIsFills(_Booked):
    """What is held of each instrument's base asset is the sum of its fills."""

    number = 1
    code = "POSITION_IS_FILLS"
    kinds = (OrderFilled, JournalPosted, PositionClosed)
    is_base = True

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._bought: dict[tuple[str, str, str], int] = {}

    def take(self, at: Placed) -> None:
        super().take(at)
        message = at.message
        if isinstance(message, JournalPosted):
            for entry in entries_of(message):
                if entry.account in SELLERS and entry.units < 0:
                    place = (message.portfolio, message.strategy, entry.asset)
                    self._bought[place] = self._bought.get(place, 0) - entry.units
        elif isinstance(message, PositionClosed):
            self._close(at, message)

    def _close(self, at: Placed, closed: PositionClosed) -> None:
        instrument = self.trading.instrument(at, closed.instrument)
        if instrument is None:
            return
        place = (closed.portfolio, closed.strategy, instrument.base)
        bought = self._bought.pop(place, 0)
        qty = rescale(closed.qty, closed.qty_scale, ASSET_SCALE, Rounding.DOWN)
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
            self.owe(at, message.balances)
        elif isinstance(message, PortfolioValued):
            booked = balance(self.trading.portfolio(at).ledger, message.asset)
            if message.cash != booked:
                self.report(at, "cash is what the journal says", booked, message.cash)


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
        missing = imbalance(entries_of(message))
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
    """An order that may only reduce a position never enlarges it or turns it round."""

    number = 14
    code = "REDUCE_ONLY_REDUCES"
    kinds = (PortfolioOpened, OrderFilled)

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._held: dict[tuple[str, str], int] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, PortfolioOpened):
            for asset, units in message.balances.items():
                self._held[at.log.partition, asset] = units
        elif isinstance(message, OrderFilled):
            for asset, before, after in self._change(at, message):
                order = self.trading.orders.get(message.client_order_id)
                grew = abs(after) > abs(before) or (after < 0) != (before < 0)
                if order is not None and order.reduces_only and after and grew:
                    what = f"{message.client_order_id} only reduces what is held of {asset}"
                    self.report(at, what, f"nearer 0 than {before}", after)

    def _change(self, at: Placed, report: OrderFilled) -> Iterator[tuple[str, int, int]]:
        fill = fill_on(self.trading, at, report)
        for asset, units in moved(fill).items() if fill else ():
            place = (at.log.partition, asset)
            before = self._held.get(place, 0)
            self._held[place] = before + units
            if fill and asset == fill.base:
                yield asset, before, before + units
