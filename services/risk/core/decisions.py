"""What do the strategies want of an instrument at this bar, and what of it is approved?

When the last of those that are acted on has spoken, what they want is netted: one sells to another
at the mark, and only the difference becomes an order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec.structs import replace

from marea.domain import ledger as books
from marea.domain.ledger import ASSET_SCALE
from marea.domain.money import Rounding, rescale, round_to_increment
from marea.messages.market import Side
from marea.messages.portfolio import JournalPosted, PositionClosed, Purpose, RiskDecision
from marea.messages.signals import Signal
from services.risk.core import accounts, gates, protection, reasons, sizing
from services.risk.core.gates import Asked, Passage
from services.risk.core.sharing import share_out
from services.risk.core.state import MINUTE_NS, Market, RiskState

SIGNAL_LEG = "signal"
SAID_AGAIN_NS = MINUTE_NS
"""A no that stays the same is said once a minute."""
ASSET_UNIT = 10**ASSET_SCALE

Output: TypeAlias = RiskDecision | JournalPosted | PositionClosed


@dataclass(slots=True)
class Net:
    """What was approved for an instrument at a bar, before it is netted; quantities in its units."""

    market: Market
    cause: str
    """The signal that was the last of its bar, and that all of this follows from."""
    buys: dict[str, int] = field(default_factory=dict)
    sells: dict[str, int] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    passages: dict[str, Passage] = field(default_factory=dict)
    taken: int = 0
    """By those who buy, at `ASSET_SCALE` of the quote asset."""


def at_signal(state: RiskState, signal: Signal) -> Sequence[Output]:
    """What follows once all who are acted on have spoken of the bar."""
    market = state.markets.get(signal.instrument)
    if market is None or signal.strategy not in state.config.trades:
        return ()
    spoken = _spoken(state, signal)
    if len(spoken) < len(state.config.trades):
        return ()
    net = Net(market, signal.id)
    found: list[Output] = []
    for each in spoken:
        if each.action != "hold":
            found += _judge(state, net, each)
    return [*found, *_netted(state, net)]


def bar_of(signal: Signal) -> str:
    """The vector that a signal was said of."""
    return signal.parents[0] if signal.parents else ""


def _spoken(state: RiskState, signal: Signal) -> list[Signal]:
    known = state.opinions.get(signal.instrument, {})
    found: list[Signal] = []
    for strategy in state.config.trades:
        if strategy == signal.strategy:
            found.append(signal)
        elif strategy in known and known[strategy].bar == bar_of(signal):
            found.append(known[strategy].signal)
    return found


def _judge(state: RiskState, net: Net, signal: Signal) -> Sequence[RiskDecision]:
    asked = Asked(signal, net.market)
    if accounts.holds(state, signal.strategy, signal.instrument):
        if signal.action == "buy":
            return ()  # it has what it wants
        return _judge_closing(state, net, asked)
    return _judge_opening(state, net, asked)


def _judge_closing(state: RiskState, net: Net, asked: Asked) -> Sequence[RiskDecision]:
    strategy = asked.signal.strategy
    passage = gates.pass_closing(state, asked)
    qty = _sellable(state, net, strategy)
    if passage.reason == reasons.APPROVED and not qty:
        _too_small(passage, 0, sizing.least_of(net.market))
    if passage.reason != reasons.APPROVED:
        return _denied(state, net, asked, passage, "exit")
    net.sells[strategy] = qty
    _remember(net, asked, passage)
    return ()


def _judge_opening(state: RiskState, net: Net, asked: Asked) -> Sequence[RiskDecision]:
    strategy = asked.signal.strategy
    passage = gates.pass_opening(state, asked)
    if passage.reason != reasons.APPROVED:
        return _denied(state, net, asked, passage, "entry")
    size = sizing.size(state, net.market, strategy, net.taken)
    for code, left in size.caps.items():
        wanted = max(size.worth, size.least)
        passage.note(code, gates.Seen(wanted / ASSET_UNIT, left / ASSET_UNIT, code != size.reason))
    if size.reason != reasons.APPROVED:
        if size.reason == reasons.BELOW_MINIMUM:
            _too_small(passage, size.worth, size.least)
        return _denied(state, net, asked, passage, "entry")
    net.buys[strategy] = size.qty
    net.taken += size.worth
    _remember(net, asked, passage)
    return ()


def _too_small(passage: Passage, worth: int, least: int) -> None:
    seen = gates.Seen(worth / ASSET_UNIT, least / ASSET_UNIT, is_open=False)
    passage.note(reasons.BELOW_MINIMUM, seen)


def _others(net: Net, signals: Sequence[Signal]) -> tuple[str, ...]:
    # What it rests on beside the signal that the loop puts first.
    return tuple(each.id for each in signals if each.id != net.cause)


def _remember(net: Net, asked: Asked, passage: Passage) -> None:
    net.asked[asked.signal.strategy] = asked
    net.passages[asked.signal.strategy] = passage


def _sellable(state: RiskState, net: Net, strategy: str) -> int:
    known = net.market.instrument
    held = accounts.position_of(state, strategy, known.instrument).net_qty
    held = min(held, books.balance(state.ledger, known.base))
    qty = rescale(held, ASSET_SCALE, known.qty_scale, Rounding.DOWN)
    return round_to_increment(qty, known.qty_increment, Rounding.DOWN)


# Denials


def _denied(
    state: RiskState, net: Net, asked: Asked, passage: Passage, purpose: Purpose
) -> Sequence[RiskDecision]:
    signal = asked.signal
    side: Side = "sell" if signal.action == "sell" else "buy"
    said = state.denials.get(signal.instrument, {}).get(signal.strategy)
    if (
        said is not None
        and said.reason == passage.reason
        and (said.side == side or said.reason in reasons.BOTH_SIDES)
        and state.now - said.ts < SAID_AGAIN_NS
    ):
        return ()
    denied = _decision(state, asked, passage, side, 0)
    return (replace(denied, purpose=purpose, parents=_others(net, [signal])),)


# Netting


def _netted(state: RiskState, net: Net) -> Sequence[Output]:
    bought, sold = sum(net.buys.values()), sum(net.sells.values())
    crossed = min(bought, sold)
    buys, sells = share_out(crossed, net.buys), share_out(crossed, net.sells)
    found: list[Output] = [*_crosses(state, net, sells, -1), *_crosses(state, net, buys, 1)]
    if bought > sold:
        left = {name: qty - buys.get(name, 0) for name, qty in net.buys.items()}
        found += _ordered(state, net, left, "buy")
    elif sold > bought:
        left = {name: qty - sells.get(name, 0) for name, qty in net.sells.items()}
        found += _ordered(state, net, left, "sell")
    return found


def _crosses(
    state: RiskState, net: Net, shares: dict[str, int], sign: int
) -> Sequence[JournalPosted | PositionClosed]:
    known = net.market.instrument
    found: list[JournalPosted | PositionClosed] = []
    for strategy, qty in shares.items():
        units = rescale(qty, known.qty_scale, ASSET_SCALE, Rounding.DOWN)
        if not units:
            continue
        parents = _others(net, [net.asked[strategy].signal])
        posted = accounts.crossed(state, strategy, known.instrument, sign * units)
        found.append(replace(posted, parents=parents))
        if sign < 0:
            closed = accounts.closed_by_cross(state, posted, known.instrument)
            found += [replace(each, parents=parents) for each in closed]
    return found


def _ordered(
    state: RiskState, net: Net, shares: dict[str, int], side: Side
) -> Sequence[RiskDecision]:
    wanting = {name: qty for name, qty in shares.items() if qty}
    first = next(iter(wanting))
    asked, passage = net.asked[first], net.passages[first]
    purpose: Purpose = "entry" if side == "buy" else "exit"
    qty = sum(wanting.values())
    worth, least = sizing.worth_of(net.market, qty), sizing.least_of(net.market)
    if worth < least:  # what the crosses left
        _too_small(passage, worth, least)
        return _denied(state, net, asked, passage, purpose)
    decision = replace(
        _decision(state, asked, passage, side, qty),
        strategy="+".join(wanting),
        purpose=purpose,
        shares=tuple(wanting.values()),
        parents=_others(net, [net.asked[name].signal for name in wanting]),
    )
    return (decision,)


def _decision(
    state: RiskState, asked: Asked, passage: Passage, side: Side, qty: int
) -> RiskDecision:
    signal, market = asked.signal, asked.market
    known = market.instrument
    is_entry = side == "buy" and qty > 0
    stop = protection.stop_price(state.config, market, signal) if is_entry else 0
    target = protection.target_price(state.config, market, signal) if is_entry else 0
    return RiskDecision(
        portfolio=state.config.portfolio,
        instrument=signal.instrument,
        strategy=signal.strategy,
        purpose="entry",
        leg=SIGNAL_LEG,
        approved=passage.reason == reasons.APPROVED,
        reason=passage.reason,
        observed=passage.observed,
        limits=passage.limits,
        side=side,
        price_scale=known.price_scale,
        qty_scale=known.qty_scale,
        qty=qty,
        bid_price=market.bid_price,
        ask_price=market.ask_price,
        collar_price=accounts.collar_price(state, market, side),
        stop_price=stop,
        target_price=target,
        ts_expiry=signal.ts_expiry,
    )
