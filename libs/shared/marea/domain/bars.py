"""Which bars do the trades of one instrument make, at one interval, and when does each close?

Bars are aligned to the epoch. A trade's own time says which bar it belongs to; the stream's clock
alone says when a bar closes. `placement`, `closing` and `corrections` only read the state,
`take`, `miss` and `advance` change it; what the readers foretell is what the changers do.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias

from marea.domain.money import AMOUNT_MAX

SECOND_NS = 1_000_000_000
CLOSE_DELAY_NS = 250_000_000
"""A bar closes at the first clock at or after its end plus this."""
CLOSES_PER_CLOCK_MAX = 600
"""Bars that close at one clock. After a longer silence the rest close, in order, at the clocks
that follow: an hour without a clock makes 3,600 bars of 1 s, given out at six clocks."""
CLOSED_BARS_KEPT = 64
"""Closed bars that a late trade can still correct."""
TRADE_AHEAD_NS_MAX = 60 * SECOND_NS
"""How far a trade's time may be ahead of the clock, which comes at least once a minute."""

BarStatus: TypeAlias = Literal["complete", "partial", "empty"]
Placement: TypeAlias = Literal["running", "late", "too_old", "too_early", "too_large"]


class BarTrade(Protocol):
    """What a bar takes of a trade: units of the instrument's scales, ns UTC, the venue's ids."""

    @property
    def ts_event(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def qty(self) -> int: ...
    @property
    def first_trade_id(self) -> int: ...
    @property
    def last_trade_id(self) -> int: ...


@dataclass(slots=True)
class BarFigures:
    """What were the prices and the volume of one interval? In units of the instrument's scales.

    First and last are by the trades' own times, and by their ids where those are equal; ids and
    times are -1 without a trade.
    """

    ts_open: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trade_count: int
    first_trade_id: int
    last_trade_id: int
    ts_first: int
    ts_last: int
    status: BarStatus


@dataclass(slots=True)
class BarState:
    """The bars of one instrument at one interval: those that run, the last that closed.

    Raises `ValueError` for an interval that is no whole number of seconds.
    """

    interval_ns: int
    ts_began: int = -1
    """The first clock or trade; -1: nothing came yet."""
    ts_clock: int = -1
    """The last clock, where none came yet the first trade; -1: nothing came yet."""
    ts_next: int = -1
    """Begin of the earliest bar that has not closed; -1: nothing came yet."""
    ts_missed_from: int = -1
    ts_missed_to: int = -1
    """Trades are missing between these, both included; -1: none in a bar that has not closed."""
    running: dict[int, BarFigures] = field(default_factory=dict)
    """Bars with a trade that have not closed, by their begin."""
    closed: dict[int, BarFigures] = field(default_factory=dict)
    """The last closed bars without a hole, by their begin, as late trades have corrected them."""
    late_count: int = 0
    too_old_count: int = 0
    too_early_count: int = 0
    too_large_count: int = 0

    def __post_init__(self) -> None:
        if self.interval_ns <= 0 or self.interval_ns % SECOND_NS:
            raise ValueError(
                f"interval_ns is {self.interval_ns!r}: expected whole seconds, such as 60_000_000_000"
            )


def placement(state: BarState, trade: BarTrade) -> Placement:
    """Where does this trade go?

    `running`: into a bar that has not closed. `late`: its bar has closed and is corrected. Not
    taken, but counted: `too_old`, its bar is not kept any more or never was; `too_early`, its
    time is more than `TRADE_AHEAD_NS_MAX` ahead of the clock; `too_large`, the volume of its bar
    would pass `AMOUNT_MAX`.
    """
    ts = trade.ts_event
    ts_open = _floor(ts, state.interval_ns)
    if state.ts_began < 0:
        return "running"
    if ts_open >= state.ts_next:
        if ts > state.ts_clock + TRADE_AHEAD_NS_MAX:
            return "too_early"
        bar = state.running.get(ts_open)
        fits = bar is None or bar.volume + trade.qty <= AMOUNT_MAX
        return "running" if fits else "too_large"
    bar = state.closed.get(ts_open)
    if bar is None:
        return "too_old"
    return "late" if bar.volume + trade.qty <= AMOUNT_MAX else "too_large"


def corrections(state: BarState, trade: BarTrade) -> list[BarFigures]:
    """Which closed bars would this trade have changed, had it come in time, and to what?

    None unless its placement is `late`. Then its own bar, with it and with the late trades
    before it, and those empty bars after it whose price, the close before them, changes.
    """
    if trade.ts_event >= state.ts_next or placement(state, trade) != "late":
        return []
    ts_open = _floor(trade.ts_event, state.interval_ns)
    kept = state.closed[ts_open]
    if kept.trade_count:
        corrected = replace(kept)
        _include(corrected, trade)
    else:
        corrected = _begun(ts_open, trade)
        corrected.status = "complete" if kept.status == "empty" else kept.status
    changed = [corrected]
    following = state.closed.get(ts_open + state.interval_ns)
    while following and not following.trade_count and following.close != corrected.close:
        changed.append(_flat(following.ts_open, corrected.close, following.status))
        following = state.closed.get(following.ts_open + state.interval_ns)
    return changed


def closing(state: BarState, ts_clock: int) -> list[BarFigures]:
    """Which bars close at this clock (ns UTC)? The oldest first, at most `CLOSES_PER_CLOCK_MAX`.

    An interval without a trade gives a flat bar at the close before it, `empty`. A bar is
    `partial` where trades of it were missed or the stream began after it did. There is no bar
    before the first trade.
    """
    if ts_clock < state.ts_next + state.interval_ns + CLOSE_DELAY_NS:  # as nearly always
        return []
    due = _due(state, ts_clock)
    close = next(reversed(state.closed.values())).close if state.closed else 0
    bars = []
    for ts_open in due:
        running = state.running.get(ts_open)
        bar = replace(running) if running else _flat(ts_open, close, "empty")
        if _misses_trades(state, ts_open):
            bar.status = "partial"
        bars.append(bar)
        close = bar.close
    return bars


def take(state: BarState, trade: BarTrade) -> None:
    """Take a trade into its bar, or count why not: see `placement`."""
    ts = trade.ts_event
    if ts <= state.ts_clock + TRADE_AHEAD_NS_MAX:
        bar = state.running.get(ts - ts % state.interval_ns)
        if bar and bar.volume + trade.qty <= AMOUNT_MAX:  # as nearly always
            _include(bar, trade)
            return
    _take_elsewhere(state, trade)


def miss(state: BarState, ts_from: int, ts_to: int) -> None:
    """Mark that trades between two times (ns UTC, both included) never came.

    Bars between them that have not closed will be `partial`; a closed bar stays as it is. Two
    such spans become one with all that is between them, unless the first is of closed bars. Raises `ValueError` for a span that ends
    before it begins.
    """
    if ts_to < ts_from:
        raise ValueError(f"ts_to is {ts_to}: expected at least ts_from, {ts_from}")
    if state.ts_missed_to >= max(0, state.ts_next):
        ts_from = min(ts_from, state.ts_missed_from)
        ts_to = max(ts_to, state.ts_missed_to)
    state.ts_missed_from = ts_from
    state.ts_missed_to = ts_to


def advance(state: BarState, ts_clock: int) -> None:
    """Move to this clock (ns UTC) and past the bars that close at it; it never goes back."""
    if state.ts_began < 0:
        _begin(state, ts_clock)
    if ts_clock < state.ts_clock:
        return
    state.ts_clock = ts_clock
    if ts_clock >= state.ts_next + state.interval_ns + CLOSE_DELAY_NS:
        _close(state, ts_clock)


def _begin(state: BarState, ts: int) -> None:
    state.ts_began = state.ts_clock = ts
    state.ts_next = max(0, _floor(ts - CLOSE_DELAY_NS, state.interval_ns))


def _take_elsewhere(state: BarState, trade: BarTrade) -> None:
    ts = trade.ts_event
    if state.ts_began < 0:
        _begin(state, ts)
    match placement(state, trade):
        case "running":
            ts_open = _floor(ts, state.interval_ns)
            state.running[ts_open] = _begun(ts_open, trade)
        case "late":
            state.closed.update({bar.ts_open: bar for bar in corrections(state, trade)})
            state.late_count += 1
        case "too_old":
            state.too_old_count += 1
        case "too_early":
            state.too_early_count += 1
        case "too_large":
            state.too_large_count += 1
            miss(state, ts, ts)


def _close(state: BarState, ts_clock: int) -> None:
    stop = _due(state, ts_clock).stop
    for bar in closing(state, ts_clock):
        state.running.pop(bar.ts_open, None)
        state.closed[bar.ts_open] = bar
    while len(state.closed) > CLOSED_BARS_KEPT:
        del state.closed[next(iter(state.closed))]
    state.ts_next = stop
    if state.ts_missed_to < state.ts_next:
        state.ts_missed_from = state.ts_missed_to = -1


def _due(state: BarState, ts_clock: int) -> range:
    # The begins of the bars that close; its stop is the begin of the first that doesn't.
    if state.ts_began < 0 or ts_clock < state.ts_clock:
        return range(0)
    interval_ns = state.interval_ns
    stop = _floor(ts_clock - CLOSE_DELAY_NS, interval_ns)
    first = state.ts_next
    if not state.closed:  # no bar before the first trade
        first = min(state.running, default=stop)
    return range(first, min(stop, first + CLOSES_PER_CLOCK_MAX * interval_ns), interval_ns)


def _floor(ts: int, interval_ns: int) -> int:
    return ts - ts % interval_ns


def _misses_trades(state: BarState, ts_open: int) -> bool:
    missed = ts_open <= state.ts_missed_to and ts_open + state.interval_ns > state.ts_missed_from
    return missed or ts_open < state.ts_began


def _begun(ts_open: int, trade: BarTrade) -> BarFigures:
    return BarFigures(
        ts_open=ts_open,
        open=trade.price,
        high=trade.price,
        low=trade.price,
        close=trade.price,
        volume=trade.qty,
        trade_count=1,
        first_trade_id=trade.first_trade_id,
        last_trade_id=trade.last_trade_id,
        ts_first=trade.ts_event,
        ts_last=trade.ts_event,
        status="complete",
    )


def _flat(ts_open: int, price: int, status: BarStatus) -> BarFigures:
    return BarFigures(
        ts_open=ts_open,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=0,
        trade_count=0,
        first_trade_id=-1,
        last_trade_id=-1,
        ts_first=-1,
        ts_last=-1,
        status=status,
    )


def _include(bar: BarFigures, trade: BarTrade) -> None:
    ts = trade.ts_event
    price = trade.price
    bar.volume += trade.qty
    bar.trade_count += 1
    if price > bar.high:
        bar.high = price
    elif price < bar.low:
        bar.low = price
    if ts > bar.ts_last or (ts == bar.ts_last and trade.last_trade_id > bar.last_trade_id):
        bar.close = price
        bar.ts_last = ts
        bar.last_trade_id = trade.last_trade_id
    elif ts < bar.ts_first or (ts == bar.ts_first and trade.first_trade_id < bar.first_trade_id):
        bar.open = price
        bar.ts_first = ts
        bar.first_trade_id = trade.first_trade_id
