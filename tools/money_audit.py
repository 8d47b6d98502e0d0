"""Does the money of a run add up, reckoned anew from what its venue alone reported?

Nothing of the ledger is used: each match is price times quantity, in decimals, and what came in and
went out of the account is held against the ledger, the venue's own figures and every valuation.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import NamedTuple

from marea.bus.reading import in_order
from marea.bus.sqlite import SqliteBus
from marea.domain.ledger import ASSET_SCALE
from marea.messages.envelope import Log, Record
from marea.messages.market import InstrumentChanged
from marea.messages.orders import AccountReported, VenueReport
from marea.messages.paper import AccountOpened, ExecutionReport
from marea.messages.portfolio import JournalPosted, Mark, PortfolioValued
from marea.messages.system import Clock

UNIT = Decimal(1).scaleb(-ASSET_SCALE)

Amounts = dict[str, Decimal]
"""By asset; one that is not there is 0."""


class Worth(NamedTuple):
    """What an account holds at a time, and what of it is worth at the mids."""

    held: Amounts
    exposure: Decimal


@dataclass
class Audit:
    """What an account holds and has paid as its trading log goes on, and what is told otherwise."""

    reports: Mapping[int, ExecutionReport]
    """All that the venue reported, by their numbers."""
    held: Amounts
    fees: Amounts = field(default_factory=dict)
    booked: dict[str, Amounts] = field(default_factory=dict)
    """By the ledger's accounts."""
    traded: dict[str, InstrumentChanged] = field(default_factory=dict)
    mids: Amounts = field(default_factory=dict)
    """By instrument."""
    worths: dict[int, Worth] = field(default_factory=dict)
    """At each time since the last valuation, by its position on the log: risk values at one."""
    next_number: int = 0
    compared: int = 0
    """Valuations, and figures of the venue, that were held against this."""
    problems: dict[str, str] = field(default_factory=dict)
    """The first of each kind."""

    def take(self, position: int, record: Record) -> None:
        """Take what stands next on the trading log."""
        message = record.message
        match message:
            case Clock():
                self.worths[position] = self._worth()
            case InstrumentChanged():
                self.traded[message.instrument] = message
            case Mark() if 0 < message.bid_price < message.ask_price:
                doubled = _amount(message.bid_price + message.ask_price, message.price_scale)
                self.mids[message.instrument] = doubled / 2
            case VenueReport():
                self._take_report(self.reports[message.number])
            case JournalPosted():
                self._book(message)
            case AccountReported() if message.report_offset == self.next_number:
                theirs = _amounts(message.balances, message.asset_scale)
                self._compare("the venue's balances", theirs, self.held)
            case PortfolioValued():
                self._compare_worth(message, self.worths[record.input_offset])
                self.worths.clear()

    def end(self) -> None:
        """Hold the ledger against what was reported."""
        self._compare("the ledger's wallet", self.booked.get("wallet", {}), self.held)
        self._compare("the ledger's fees", self.booked.get("fees", {}), self.fees)

    def _take_report(self, report: ExecutionReport) -> None:
        self.next_number = report.number + 1
        if report.kind != "filled":
            return
        known = self.traded[report.instrument]
        qty = _amount(report.last_qty, report.qty_scale)
        sign = 1 if report.side == "buy" else -1
        commission = _amount(report.commission, report.asset_scale)
        _add(self.held, known.base, sign * qty)
        _add(self.held, known.quote, -sign * qty * _amount(report.last_price, report.price_scale))
        _add(self.held, report.commission_asset, -commission)
        _add(self.fees, report.commission_asset, commission)

    def _book(self, posted: JournalPosted) -> None:
        for account, asset, units in zip(
            posted.accounts, posted.assets, posted.amounts, strict=True
        ):
            _add(self.booked.setdefault(account, {}), asset, _amount(units, posted.asset_scale))

    def _worth(self) -> Worth:
        exposure = Decimal(0)
        for name, mid in self.mids.items():
            held = self.held.get(self.traded[name].base, Decimal(0))
            exposure += (held * mid).quantize(UNIT, ROUND_FLOOR)
        return Worth(dict(self.held), exposure)

    def _compare_worth(self, told: PortfolioValued, worth: Worth) -> None:
        cash = worth.held.get(told.asset, Decimal(0))
        ours = {"cash": cash, "exposure": worth.exposure, "equity": cash + worth.exposure}
        units = {"cash": told.cash, "exposure": told.exposure, "equity": told.equity}
        self._compare("a valuation", _amounts(units, told.asset_scale), ours)

    def _compare(self, what: str, theirs: Amounts, ours: Amounts) -> None:
        self.compared += 1
        for name in sorted({*theirs, *ours}):
            told, reckoned = theirs.get(name, Decimal(0)), ours.get(name, Decimal(0))
            if told != reckoned:
                text = f"{what}: {name} is {told}, and the venue's reports make {reckoned}"
                self.problems.setdefault(f"{what} {name}", text)


async def audit(log: Path, portfolio: str = "main") -> Audit:
    """Go over a run's log from its begin to its end. Raises `BadInput` where it can't be read."""
    with closing(SqliteBus(log, read_only=True)) as bus:
        paper = [each.message async for each in in_order(bus, Log("paper", portfolio))]
        reports = {each.number: each for each in paper if isinstance(each, ExecutionReport)}
        (opened,) = (each for each in paper if isinstance(each, AccountOpened))
        found = Audit(reports, _amounts(opened.balances, opened.asset_scale))
        async for at in in_order(bus, Log("trading", portfolio)):
            found.take(at.position, at.record)
    found.end()
    return found


def _amount(units: int, places: int) -> Decimal:
    return Decimal(units).scaleb(-places)


def _amounts(units: Mapping[str, int], places: int) -> Amounts:
    return {name: _amount(each, places) for name, each in units.items()}


def _add(amounts: Amounts, name: str, amount: Decimal) -> None:
    amounts[name] = amounts.get(name, Decimal(0)) + amount
