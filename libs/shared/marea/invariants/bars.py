"""What must hold of trades and of the bars that are made of them."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from marea.bus.reading import Placed
from marea.invariants.violation import Rule
from marea.messages.envelope import Log, Nanos
from marea.messages.features import Bar
from marea.messages.market import Trade
from marea.messages.system import Clock

SECOND_NS: Nanos = 1_000_000_000
CLOSE_DELAY_NS: Nanos = 250_000_000
"""A bar closes at the first clock at or after its end plus this."""
CLOSES_PER_CLOCK_MAX = 600
"""After a silence so many bars close at one clock, and the rest at those that follow."""
SECONDS_KEPT = 180
"""Of trades, behind the newest bar; one that began before is judged by its own figures only."""
CLOCKS_KEPT = 4_096
"""Of each market log; a bar that was told at an older one is judged by its own figures only."""
RANGES_KEPT = 256
"""Of trade numbers, each without a hole: the highest."""


class _Taken(NamedTuple):
    """One trade, in the order in which its log is taken."""

    turn: int
    ts: Nanos
    trade: Trade


class _Instant(NamedTuple):
    """One clock of a market log, and the time before it."""

    turn: int
    before: Nanos
    now: Nanos


class Numbers:
    """Which trade numbers came, as ranges without a hole."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []
        self.first = -1
        """Of the first trade of all; -1: none came."""

    def add(self, first: int, last: int) -> bool:
        """Take the numbers from `first` to `last`; whether none of them had come."""
        if self.first < 0:
            self.first = first
        place = bisect_right(self._begins, first)
        is_after = not place or self._ends[place - 1] < first
        is_before = place == len(self._begins) or last < self._begins[place]
        if not (is_after and is_before):
            return False
        if place and self._ends[place - 1] == first - 1:
            self._ends[place - 1] = last
            self._join(place)
        else:
            self._begins.insert(place, first)
            self._ends.insert(place, last)
            self._join(place + 1)
        del self._begins[:-RANGES_KEPT], self._ends[:-RANGES_KEPT]
        return True

    def lacks(self, first: int, last: int) -> bool:
        """Whether one of these is missing between others that came."""
        place = bisect_right(self._begins, max(first, self.first))
        return bool(place) and self._ends[place - 1] < last

    def _join(self, place: int) -> None:
        if place < len(self._begins) and self._ends[place - 1] + 1 == self._begins[place]:
            self._ends[place - 1] = self._ends.pop(place)
            del self._begins[place]


@dataclass(slots=True)
class _Stream:
    """What one market log has told of trades and time."""

    turn: int = 0
    now: Nanos = -1
    numbers: Numbers = field(default_factory=Numbers)
    seconds: dict[int, list[_Taken]] = field(default_factory=dict)
    """Trades that bars take, by their second since 1970."""
    clocks: dict[int, _Instant] = field(default_factory=dict)
    """By position."""


@dataclass(slots=True)
class _Series:
    """What was told last of one interval's bars of one instrument."""

    ts_open: Nanos
    clock: int
    """Position of the clock that closed it."""
    count: int = 1
    """Bars that this clock has closed so far."""


class BarsAreSane(Rule):
    """A trade comes once; a bar is its trades, is told once, in time, without a hole between two."""

    number = 30
    code = "BAR_IS_ITS_TRADES"
    kinds = (Trade, Clock, Bar)

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[Log, _Stream] = {}
        self._series: dict[tuple[str, int], _Series] = {}

    def take(self, at: Placed) -> None:
        message = at.message
        if isinstance(message, Bar):
            self._judge(at, message)
        elif at.log.channel == "market":
            stream = self._streams.setdefault(at.log, _Stream())
            stream.turn += 1
            if isinstance(message, Trade):
                self._take_trade(at, stream, message)
            elif isinstance(message, Clock):
                stream.clocks[at.position] = _Instant(stream.turn, stream.now, message.ts_event)
                stream.now = max(stream.now, message.ts_event)
                if len(stream.clocks) > CLOCKS_KEPT:
                    del stream.clocks[next(iter(stream.clocks))]

    def _take_trade(self, at: Placed, stream: _Stream, trade: Trade) -> None:
        if not stream.numbers.add(trade.first_trade_id, trade.last_trade_id):
            found = f"{trade.first_trade_id} to {trade.last_trade_id} again"
            self.report(at, "a trade comes once", "numbers that had not come", found)
        elif trade.condition == "MARKET":
            trades = stream.seconds.setdefault(trade.ts_event // SECOND_NS, [])
            trades.append(_Taken(stream.turn, trade.ts_event, trade))

    def _judge(self, at: Placed, bar: Bar) -> None:
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        if not (bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high):
            self.report(at, "low ≤ open, close ≤ high", "in order", figures)
        if bar.volume < 0 or bar.trade_count < 0:
            self.report(at, "a volume is at least 0", "≥ 0", figures)
        stream = self._streams.get(at.record.writer.input_log or at.log)
        clock = stream.clocks.get(at.record.input_offset) if stream else None
        if stream and clock:
            self._judge_time(at, bar, clock)
            self._compare(at, bar, stream, clock)
        self._follow(at, bar)

    def _follow(self, at: Placed, bar: Bar) -> None:
        place, clock = (bar.instrument, bar.interval_s), at.record.input_offset
        last = self._series.get(place)
        if last is not None and bar.ts_open != last.ts_open + bar.interval_s * SECOND_NS:
            expected = last.ts_open + bar.interval_s * SECOND_NS
            self.report(at, "a bar closes once, right after the one before", expected, bar.ts_open)
        count = last.count + 1 if last is not None and last.clock == clock else 1
        self._series[place] = _Series(bar.ts_open, clock, count)

    def _judge_time(self, at: Placed, bar: Bar, clock: _Instant) -> None:
        due = bar.ts_open + bar.interval_s * SECOND_NS + CLOSE_DELAY_NS
        last = self._series.get((bar.instrument, bar.interval_s))
        waited = last is not None and last.count >= CLOSES_PER_CLOCK_MAX
        if clock.now < due or (clock.before >= due and not waited):
            what = "a bar closes at the first clock at or after its end plus 250 ms"
            self.report(at, what, f"{clock.before} < {due} ≤ {clock.now}", "another clock")

    def _compare(self, at: Placed, bar: Bar, stream: _Stream, clock: _Instant) -> None:
        begin = bar.ts_open // SECOND_NS
        end = begin + bar.interval_s
        seconds = stream.seconds
        while seconds and (oldest := next(iter(seconds))) < end - SECONDS_KEPT:
            del seconds[oldest]
        if bar.status == "partial" or bar.interval_s > SECONDS_KEPT:
            return
        inside = [
            each
            for second in range(begin, end)
            for each in seconds.get(second, ())
            if each.turn < clock.turn
        ]
        expected, found = _figures(inside), _told(bar)
        if not inside:
            expected, found = (0, 0), (bar.volume, bar.trade_count)
        if found != expected:
            self.report(at, "a whole bar is its trades", expected, found)
        first = min((each.trade.first_trade_id for each in inside), default=0)
        last = max((each.trade.last_trade_id for each in inside), default=-1)
        if inside and stream.numbers.lacks(first - 1, last):
            what = "a bar of which trades are missing is partial"
            self.report(at, what, "partial", f"{bar.status}, with {first} to {last}")


def _figures(inside: list[_Taken]) -> tuple[int, ...]:
    if not inside:
        return ()
    first = min(inside, key=lambda each: (each.ts, each.trade.first_trade_id)).trade
    last = max(inside, key=lambda each: (each.ts, each.trade.last_trade_id)).trade
    prices = [each.trade.price for each in inside]
    volume = sum(each.trade.qty for each in inside)
    figures = (first.price, max(prices), min(prices), last.price, volume, len(inside))
    return (*figures, first.first_trade_id, last.last_trade_id)


def _told(bar: Bar) -> tuple[int, ...]:
    figures = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count)
    return (*figures, bar.first_trade_id, bar.last_trade_id)
