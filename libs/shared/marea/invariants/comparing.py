"""Is what execution tells of a comparison with its venue what there was to tell?"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from marea.bus.reading import Placed
from marea.invariants.reckoning import Amounts, add, balances_of, moved
from marea.invariants.trading import REPORTED, Trading
from marea.invariants.violation import Problem
from marea.messages.envelope import Log, Nanos
from marea.messages.orders import AccountReported, OrderFilled, ReconciliationDone, VenueReport
from marea.messages.portfolio import PortfolioOpened

ANSWER_NS_MAX: Nanos = 60_000_000_000
"""So long after the venue's figures the log must tell how they compare."""
BALANCE = "BALANCE"
ORDER = "ORDER"
NO_ANSWER = "NO_ANSWER"


@dataclass(slots=True)
class _Ours:
    """What one trading log told of its account so far."""

    account: str = ""
    balances: Amounts = field(default_factory=dict)
    report_count: int = 0
    """Of the venue's reports."""


@dataclass(slots=True)
class Comparisons:
    """Every comparison of the trading logs, held against one that is made here."""

    trading: Trading
    _ours: dict[Log, _Ours] = field(default_factory=dict)
    _due: dict[str, tuple[Placed, set[str] | None]] = field(default_factory=dict)
    """By the id of an `AccountReported`, the differences to tell; None: it can't be compared."""

    def take(self, at: Placed) -> Iterator[Problem]:
        """What the next record shows."""
        message = at.message
        ours = self._ours.setdefault(at.log, _Ours())
        match message:
            case PortfolioOpened():
                ours.account = message.account
                ours.balances = balances_of(message)
            case VenueReport():
                ours.report_count = max(ours.report_count, message.number + 1)
                if isinstance(message, OrderFilled):
                    self._take_fill(at, ours, message)
            case AccountReported():
                self._due[message.id] = (at, self._differences(at, ours, message))
            case ReconciliationDone():
                yield from self._judge(at, message)

    def end(self) -> Iterator[Problem]:
        """What was never told."""
        for at, expected in self._due.values():
            if expected is not None and self.trading.portfolio(at).now > at.ts + ANSWER_NS_MAX:
                yield Problem(at, "the venue's figures are compared", "ReconciliationDone", "none")

    def _take_fill(self, at: Placed, ours: _Ours, fill: OrderFilled) -> None:
        known = self.trading.instrument(at, fill.instrument)
        if known is not None:
            add(ours.balances, moved(fill, known.base, known.quote))

    def _differences(self, at: Placed, ours: _Ours, told: AccountReported) -> set[str] | None:
        if told.account != ours.account or told.report_offset != ours.report_count:
            return None
        theirs = balances_of(told)
        found = {
            f"{BALANCE}|{asset}|{ours.balances.get(asset, 0)}|{theirs.get(asset, 0)}"
            for asset in {*theirs, *ours.balances}
            if ours.balances.get(asset, 0) != theirs.get(asset, 0)
        }
        working = {
            name
            for name, order in self.trading.live.items()
            if order.at.log == at.log and order.status in REPORTED
        }
        for name in working.symmetric_difference(told.open_orders):
            found.add(f"{ORDER}|{name}|{'' if name in working else 'working'}")
        return found

    def _judge(self, at: Placed, done: ReconciliationDone) -> Iterator[Problem]:
        rounds = self.trading.portfolio(at).rounds + 1 if done.differences else 0
        if done.rounds != rounds:
            yield Problem(at, "rounds count comparisons that differed", rounds, done.rounds)
        told = _comparable(done)
        place, expected = self._due.pop(done.parents[0], (at, {NO_ANSWER}))
        if expected is None:
            what = f"what is compared rests on the reports that were taken at {place.position}"
            yield Problem(at, what, "no comparison", sorted(told))
        elif told != expected:
            what = "a comparison tells the differences from the venue, and no others"
            yield Problem(at, what, sorted(expected), sorted(told))


def _comparable(done: ReconciliationDone) -> set[str]:
    # What execution alone knows, as that a position has lost its stop, is not judged here; of an
    # order it names the status by a word of its own.
    found: set[str] = set()
    for difference in done.differences:
        code, thing, ours, theirs = difference.split("|")
        if code == BALANCE:
            found.add(f"{code}|{thing}|{ours}|{theirs}")
        elif code == ORDER:
            found.add(f"{code}|{thing}|{theirs}")
        elif code == NO_ANSWER:
            found.add(code)
    return found
