"""What must hold between our record and the paper venue's own."""

from dataclasses import dataclass, field

from marea.bus.reading import Placed
from marea.invariants.comparing import Comparisons
from marea.invariants.reckoning import Amounts, add, balances_of, moved
from marea.invariants.trading import REPORTED, Portfolio, Trading, TradingRule
from marea.messages.envelope import Log, Nanos
from marea.messages.orders import (
    DUPLICATE_ID,
    SIGNED_OFF,
    AccountReported,
    OrderFilled,
    ReconciliationDone,
    VenueReport,
)
from marea.messages.paper import AccountOpened, ExecutionReport
from marea.messages.portfolio import PortfolioOpened

ARRIVAL_NS_MAX: Nanos = 1_000_000_000
"""So long after its arrival a report may wait for the next window."""
FILL_FIELDS = (
    "side",
    "liquidity",
    "price_scale",
    "qty_scale",
    "last_qty",
    "last_price",
    "cum_qty",
    "asset_scale",
    "commission",
    "commission_asset",
    "venue_order_id",
)
"""What the venue's report of a fill and ours have in common."""


@dataclass(slots=True)
class _Account:
    opened: AccountOpened
    last: Placed
    """Where its log was last read."""
    reports: list[tuple[Placed, ExecutionReport]] = field(default_factory=list)
    """In the order of their numbers."""


class SameAsVenue(TradingRule):
    """What the venue did is what we believe, or is told as a difference: fills, balances, orders."""

    number = 15
    code = "SAME_AS_VENUE"
    kinds = (
        AccountOpened,
        ExecutionReport,
        PortfolioOpened,
        VenueReport,
        AccountReported,
        ReconciliationDone,
    )

    def __init__(self, trading: Trading) -> None:
        super().__init__(trading)
        self._accounts: dict[str, _Account] = {}
        self._fills: dict[tuple[str, str, str], tuple[Placed, OrderFilled]] = {}
        self._next: dict[Log, int] = {}
        """The number of the report that each portfolio waits for."""
        self._told: list[tuple[Placed, AccountReported]] = []
        self._comparisons = Comparisons(trading)

    def take(self, at: Placed) -> None:
        message = at.message
        match message:
            case AccountOpened():
                self._accounts[message.account] = _Account(message, at)
            case ExecutionReport() if message.account in self._accounts:
                account = self._accounts[message.account]
                account.reports.append((at, message))
                account.last = at
            case VenueReport():
                self._hear(at, message)
            case AccountReported():
                self._told.append((at, message))
        for problem in self._comparisons.take(at):
            self.report(*problem)

    def _hear(self, at: Placed, report: VenueReport) -> None:
        expected = self._next.get(at.log, 0)
        if report.number != expected:
            self.report(at, "the venue's reports come once, in order", expected, report.number)
        self._next[at.log] = report.number + 1
        if isinstance(report, OrderFilled):
            name = (report.account, report.client_order_id, report.trade_id)
            self._fills.setdefault(name, (at, report))

    def end(self) -> None:
        for name, portfolio in self.trading.portfolios.items():
            account = portfolio.opened and self._accounts.get(portfolio.opened.account)
            if account:
                self._judge_reports(Log("trading", name), portfolio, account)
                self._judge_fills(account)
                self._judge_orders(portfolio, account)
                self._judge_wallet(portfolio, account)
        for at, told in self._told:
            if told.account in self._accounts:
                self._judge_told(at, told, self._accounts[told.account])
        for problem in self._comparisons.end():
            self.report(*problem)

    def _judge_reports(self, log: Log, portfolio: Portfolio, account: _Account) -> None:
        for at, report in account.reports[self._next.get(log, 0) :]:
            if _has_arrived(portfolio, report):
                self.report(at, "a report of the venue comes to us", "a VenueReport", "none")

    def _judge_fills(self, account: _Account) -> None:
        name = account.opened.account
        left = {key: value for key, value in self._fills.items() if key[0] == name}
        for _, report in account.reports:
            ours = left.pop((name, report.client_order_id, report.trade_id), None)
            if ours is not None:
                self._compare(ours[0], ours[1], report)
        for at, _ in left.values():
            self.report(at, "every fill of ours is the venue's", "an ExecutionReport", "none")

    def _compare(self, at: Placed, ours: OrderFilled, theirs: ExecutionReport) -> None:
        for name in FILL_FIELDS:
            if getattr(ours, name) != getattr(theirs, name):
                what = f"{name} of a fill is the venue's"
                self.report(at, what, getattr(theirs, name), getattr(ours, name))

    def _judge_orders(self, portfolio: Portfolio, account: _Account) -> None:
        if not all(_has_arrived(portfolio, report) for _, report in account.reports):
            return
        working = _working_after(account, len(account.reports))
        for name in sorted({report.client_order_id for _, report in account.reports}):
            order = self.trading.orders.get(name)
            if order is not None and (order.status in REPORTED) != (name in working):
                found = f"{order.status}, at the venue {'working' if name in working else 'over'}"
                self.report(account.last, f"{name} works here as it does there", "equal", found)

    def _judge_wallet(self, portfolio: Portfolio, account: _Account) -> None:
        if not all(_has_arrived(portfolio, report) for _, report in account.reports):
            return
        balances = _balances_after(portfolio, account, len(account.reports))
        for asset in sorted(balances):
            ours = portfolio.balance(asset)
            if ours != balances[asset]:
                what = f"the wallet holds the venue's {asset}"
                self.report(account.last, what, balances[asset], ours)

    def _judge_told(self, at: Placed, told: AccountReported, account: _Account) -> None:
        portfolio = self.trading.portfolio(at)
        balances = _balances_after(portfolio, account, told.report_offset)
        if _held(balances_of(told)) != _held(balances):
            what = f"balances after {told.report_offset} reports are the venue's"
            self.report(at, what, _held(balances), _held(balances_of(told)))
        working = sorted(_working_after(account, told.report_offset))
        if working != list(told.open_orders):
            what = f"open orders after {told.report_offset} reports are the venue's"
            self.report(at, what, working, list(told.open_orders))


def _working_after(account: _Account, report_count: int) -> set[str]:
    working: set[str] = set()
    for _, report in account.reports[:report_count]:
        if report.kind == "accepted":
            working.add(report.client_order_id)
        elif _is_over(report):
            working.discard(report.client_order_id)
    return working


def _balances_after(portfolio: Portfolio, account: _Account, report_count: int) -> Amounts:
    balances = balances_of(account.opened)
    for _, report in account.reports[:report_count]:
        instrument = portfolio.instruments.get(report.instrument)
        if report.kind == "filled" and instrument is not None:
            add(balances, moved(report, instrument.base, instrument.quote))
    return balances


def _held(balances: Amounts) -> Amounts:
    return {asset: balances[asset] for asset in sorted(balances) if balances[asset]}


def _is_over(report: ExecutionReport) -> bool:
    is_filled = report.kind == "filled" and report.cum_qty == report.qty
    is_rejected = report.kind == "rejected" and report.reason not in (DUPLICATE_ID, SIGNED_OFF)
    return is_filled or is_rejected or report.kind == "canceled"


def _has_arrived(portfolio: Portfolio, report: ExecutionReport) -> bool:
    return report.ts_arrives + ARRIVAL_NS_MAX <= portfolio.now
