"""Whose is each fill? Shared anew among the strategies that its order was made for.

`services.risk` has no part in it, nor has the journal but for the crosses, which it alone tells.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from marea.bus.reading import Placed
from marea.invariants.reckoning import CROSS, WALLET, Amounts, add, lines_of, moved, units_of
from marea.invariants.trading import Trading
from marea.invariants.violation import Problem
from marea.messages.envelope import Log
from marea.messages.market import InstrumentChanged
from marea.messages.orders import OrderFilled
from marea.messages.portfolio import JournalPosted, RiskDecision


@dataclass(slots=True)
class _Desk:
    """The strategies of one portfolio."""

    wanted: dict[str, dict[str, int]] = field(default_factory=dict)
    """By decision, what each strategy still wants of it, in the instrument's quantity units."""
    held: dict[str, dict[str, int]] = field(default_factory=dict)
    """By strategy in the order of their first fills, and by instrument, in units of 10^-8."""
    number: int = -1
    """Of the last report that moved something."""
    fills: deque[tuple[Placed, str]] = field(default_factory=deque)
    """Those that risk has not booked yet, with the decisions that they are for."""

    def take(self, strategy: str, instrument: str, units: int) -> None:
        """A strategy holds so much more of an instrument."""
        held = self.held.setdefault(strategy, {})
        held[instrument] = held.get(instrument, 0) + units


@dataclass(slots=True)
class Shares:
    """Every booking of a fill, held against what its strategy's part of it is."""

    trading: Trading
    _desks: dict[Log, _Desk] = field(default_factory=dict)
    _due: dict[str, dict[str, Amounts]] = field(default_factory=dict)
    """By fill and strategy, what it moves in the wallet."""

    def take(self, at: Placed) -> Iterator[Problem]:
        """What the next record shows."""
        desk, message = self._desks.setdefault(at.log, _Desk()), at.message
        match message:
            case RiskDecision(approved=True):
                names = message.strategy.split("+")
                desk.wanted[message.id] = dict(zip(names, message.shares, strict=False))
            case OrderFilled() if message.number > desk.number:
                desk.number = message.number
                order = self.trading.orders.get(message.client_order_id)
                if order is not None:
                    desk.fills.append((at, order.intent.decision_id))
            case JournalPosted(cause="fill" | "cross") if message.parents:
                # A cross may stand behind a fill that risk had not read as it decided on it.
                self._share_until(at.record.input_offset, desk)
                if message.cause == CROSS:
                    self._take_cross(at, desk, message)
                else:
                    yield from self._judge(at, message)

    def _share_until(self, position: int, desk: _Desk) -> None:
        while desk.fills and desk.fills[0][0].position <= position:
            at, decision_id = desk.fills.popleft()
            fill = at.message
            assert isinstance(fill, OrderFilled)
            known = self.trading.instrument(at, fill.instrument)
            if known is not None:
                self._due[fill.id] = _shared(desk, decision_id, fill, known)

    def _judge(self, at: Placed, posted: JournalPosted) -> Iterator[Problem]:
        due = self._due.get(posted.parents[0])
        if due is None:
            return
        booked: Amounts = {}
        for line in lines_of(posted):
            if line.account == WALLET:
                add(booked, {line.asset: line.units})
        expected = due.pop(posted.strategy, {})
        if not due:
            del self._due[posted.parents[0]]
        if booked != expected:
            what = f"{posted.strategy} is booked its part of {posted.parents[0]}"
            yield Problem(at, what, expected, booked)

    def _take_cross(self, at: Placed, desk: _Desk, posted: JournalPosted) -> None:
        bases = {known.base: name for name, known in self.trading.portfolio(at).instruments.items()}
        for line in lines_of(posted):
            if line.account == CROSS and line.asset in bases:
                desk.take(posted.strategy, bases[line.asset], -line.units)


def _shared(
    desk: _Desk, decision_id: str, fill: OrderFilled, known: InstrumentChanged
) -> dict[str, Amounts]:
    wanted = desk.wanted.get(decision_id, {})
    if fill.side == "buy":
        bought = dict(zip(wanted, _split(fill.last_qty, list(wanted.values())), strict=True))
        for strategy, qty in bought.items():
            wanted[strategy] -= qty
        qtys = {name: units_of(qty, fill.qty_scale) for name, qty in bought.items()}
    else:
        qtys = _sold(desk, list(wanted), fill)
    parts = {name: qty for name, qty in qtys.items() if qty}
    found = _moved(parts, fill, known)
    for strategy, amounts in found.items():
        desk.take(strategy, fill.instrument, amounts[known.base])
    return found


def _sold(desk: _Desk, names: Sequence[str], fill: OrderFilled) -> dict[str, int]:
    # Of those that it is made for first; what is beyond that, of all others.
    left = units_of(fill.last_qty, fill.qty_scale)
    held = {name: by.get(fill.instrument, 0) for name, by in desk.held.items()}
    meant = {name: held.pop(name, 0) for name in names}
    found: dict[str, int] = {}
    for holders in (meant, held):
        taken = min(left, sum(holders.values()))
        found |= dict(zip(holders, _split(taken, list(holders.values())), strict=True))
        left -= taken
    return found


def _moved(
    parts: Mapping[str, int], fill: OrderFilled, known: InstrumentChanged
) -> dict[str, Amounts]:
    # Each amount of the whole is shared by the quantities, and so is the commission by itself.
    sign = 1 if fill.side == "buy" else -1
    weights = list(parts.values())
    whole = moved(fill, known.base, known.quote)
    paid = units_of(fill.commission, fill.asset_scale)
    add(whole, {fill.commission_asset: paid} if paid else {})
    costs, fees = _split(abs(whole[known.quote]), weights), _split(paid, weights)
    found: dict[str, Amounts] = {}
    for (strategy, qty), cost, fee in zip(parts.items(), costs, fees, strict=True):
        found[strategy] = {known.base: sign * qty, known.quote: -sign * cost}
        add(found[strategy], {fill.commission_asset: -fee} if fee else {})
    return found


def _split(units: int, weights: Sequence[int]) -> list[int]:
    # The whole part of each due; what is left over, one by one, to the largest remainders.
    total, size = sum(weights), abs(units)
    if not total:
        return [0 for _ in weights]
    dues = [divmod(size * weight, total) for weight in weights]
    left = size - sum(share for share, _ in dues)
    first = sorted(range(len(dues)), key=lambda place: -dues[place][1])[:left]
    shares = [share + (place in first) for place, (share, _) in enumerate(dues)]
    return [share if units > 0 else -share for share in shares]
