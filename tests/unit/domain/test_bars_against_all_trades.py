"""Bars of several intervals against all their trades, put together anew whenever something is told."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from marea.domain import bars as trade_bars
from marea.domain.bars import CLOSE_DELAY_NS, SECOND_NS, TRADE_AHEAD_NS_MAX, BarFigures, BarState
from marea.domain.money import AMOUNT_MAX

NOON_NS = 1_723_204_800 * SECOND_NS
MILLISECOND_NS = 1_000_000
INTERVALS_S = (1, 2, 5)
KEPT, CLOSES_MAX = 5, 7
"""In place of the real bounds, so that they are met."""
HUGE = AMOUNT_MAX // 2


class Trade(NamedTuple):
    ts_event: int
    price: int
    qty: int
    first_trade_id: int
    last_trade_id: int


@dataclass
class Reckoning:
    """What the bars of one interval must be, from the list of all trades that count."""

    interval_ns: int
    ts_began: int = -1
    clock: int = -1
    next: int = -1
    """Begin of the first bar that is not over; all before it are, told or not."""
    trades: list[Trade] = field(default_factory=list)
    missed: tuple[int, int] | None = None
    told: dict[int, str] = field(default_factory=dict)
    """By begin, the status of every bar that was told."""
    counts: Counter[str] = field(default_factory=Counter)

    def open_of(self, ts: int) -> int:
        return ts // self.interval_ns * self.interval_ns

    def begin(self, ts: int) -> None:
        if self.ts_began < 0:
            self.ts_began = self.clock = ts
            self.next = self.open_of(ts - CLOSE_DELAY_NS)

    def inside(self, begin: int) -> list[Trade]:
        """The trades of a bar by their own times, and then by their ids."""
        found = [each for each in self.trades if self.open_of(each.ts_event) == begin]
        return sorted(found, key=lambda each: (each.ts_event, each.first_trade_id))

    def take(self, trade: Trade) -> str:
        """Where a trade goes."""
        self.begin(trade.ts_event)
        begin = self.open_of(trade.ts_event)
        place = "running" if begin >= self.next else "late"
        if place == "running" and trade.ts_event > self.clock + TRADE_AHEAD_NS_MAX:
            place = "too_early"
        elif place == "late" and begin not in list(self.told)[-KEPT:]:
            place = "too_old"
        elif sum(each.qty for each in self.inside(begin)) + trade.qty > AMOUNT_MAX:
            place = "too_large"
        self.counts[place] += 1
        if place in ("running", "late"):
            self.trades.append(trade)
        if place == "late" and self.told[begin] == "empty":
            self.told[begin] = "complete"
        if place == "too_large":
            self.miss(trade.ts_event, trade.ts_event)
        return place

    def miss(self, ts_from: int, ts_to: int) -> None:
        low, high = self.missed or (ts_from, ts_to)
        if high < self.next:
            low, high = ts_from, ts_to  # the other was of bars that are closed
        self.missed = min(low, ts_from), max(high, ts_to)

    def close(self, ts_clock: int) -> list[int]:
        """The begins of the bars that are over at a clock."""
        self.begin(ts_clock)
        if ts_clock < self.clock:
            return []
        self.clock = ts_clock
        stop = self.open_of(ts_clock - CLOSE_DELAY_NS)
        waiting = [self.open_of(each.ts_event) for each in self.trades]
        first = self.next if self.told else min(waiting, default=stop)
        begins = list(range(first, stop, self.interval_ns))[:CLOSES_MAX]
        for begin in begins:
            self.told[begin] = self.status(begin)
        # A bound on how many close leaves the rest to the clocks that follow.
        self.next = begins[-1] + self.interval_ns if begins else max(self.next, min(first, stop))
        if self.missed and self.missed[1] < self.next:
            self.missed = None
        return begins

    def status(self, begin: int) -> str:
        end = begin + self.interval_ns
        is_holed = self.missed is not None and self.missed[0] < end and begin <= self.missed[1]
        if is_holed or begin < self.ts_began:
            return "partial"
        return "complete" if self.inside(begin) else "empty"

    def bars(self) -> dict[int, BarFigures]:
        """Every bar that was told, put together from all trades."""
        found: dict[int, BarFigures] = {}
        close = 0
        for begin, status in self.told.items():
            inside = self.inside(begin)
            prices = [each.price for each in inside] or [close]
            close = prices[-1]
            found[begin] = BarFigures(
                ts_open=begin,
                open=prices[0],
                high=max(prices),
                low=min(prices),
                close=close,
                volume=sum(each.qty for each in inside),
                trade_count=len(inside),
                first_trade_id=inside[0].first_trade_id if inside else -1,
                last_trade_id=inside[-1].last_trade_id if inside else -1,
                ts_first=inside[0].ts_event if inside else -1,
                ts_last=inside[-1].ts_event if inside else -1,
                status=status,  # type: ignore[arg-type] # one of three texts
            )
        return found


class BarsMachine(RuleBasedStateMachine):
    """Trades come in time, late, far too late and too early; clocks stutter, jump and fall silent."""

    def __init__(self) -> None:
        super().__init__()
        self.real = trade_bars.CLOSED_BARS_KEPT, trade_bars.CLOSES_PER_CLOCK_MAX
        trade_bars.CLOSED_BARS_KEPT, trade_bars.CLOSES_PER_CLOCK_MAX = KEPT, CLOSES_MAX
        self.states = [BarState(each * SECOND_NS) for each in INTERVALS_S]
        self.models = [Reckoning(each * SECOND_NS) for each in INTERVALS_S]
        self.shown: list[dict[int, BarFigures]] = [{} for _ in INTERVALS_S]
        self.used: set[int] = set()

    def teardown(self) -> None:
        trade_bars.CLOSED_BARS_KEPT, trade_bars.CLOSES_PER_CLOCK_MAX = self.real

    @initialize(begin_ms=st.integers(0, 5000))
    def stream_begins(self, begin_ms: int) -> None:
        self.now = NOON_NS + begin_ms * MILLISECOND_NS

    @rule(ms=st.sampled_from([0, 100, 250, 300, 700, 1000, 1000, 2500, 21_000]))
    def clock_is_told(self, ms: int) -> None:
        self.now += ms * MILLISECOND_NS
        self.advance(self.now)

    @rule(
        place=st.integers(0, len(INTERVALS_S) - 1), bars=st.integers(1, 3), off=st.integers(-1, 0)
    )
    def clock_is_told_as_a_bar_closes_or_a_nanosecond_before(
        self, place: int, bars: int, off: int
    ) -> None:
        model = self.models[place]
        end = model.next + bars * model.interval_ns + CLOSE_DELAY_NS + off
        if self.now < end < self.now + 20 * SECOND_NS:
            self.now = end
            self.advance(end)

    @rule(ms=st.integers(1, 3000))
    def clock_before_the_last_is_told(self, ms: int) -> None:
        self.advance(self.now - ms * MILLISECOND_NS)

    @rule(
        ms=st.sampled_from([-200, -100, 0, 0, 0, 100, 100, 300, 900, 2000, 4500, 100_000]),
        price=st.integers(95, 105),
        qty=st.integers(1, 9),
        ids=st.tuples(st.integers(-3, 0), st.integers(0, 2)),
    )
    def trade_comes(self, ms: int, price: int, qty: int, ids: tuple[int, int]) -> None:
        self.trade(ms, price, qty, ids)

    @rule(ms=st.sampled_from([-60_000, -60_001, -61_000]))
    def trade_of_the_next_minute_comes(self, ms: int) -> None:
        self.trade(ms, 100, 1, (0, 0))

    @rule(ms=st.sampled_from([0, 100, 900, 2000]))
    def trade_of_half_of_all_that_a_bar_can_count_comes(self, ms: int) -> None:
        self.trade(ms, 100, HUGE, (0, 0))

    def trade(self, ms: int, price: int, qty: int, ids: tuple[int, int]) -> None:
        number = len(self.used) + 10 + ids[0]
        while number in self.used:
            number += 1
        self.used.add(number)
        ts = self.now - ms * MILLISECOND_NS
        trade = Trade(ts, price, qty, 10 * number, 10 * number + ids[1])
        for state, model, shown in zip(self.states, self.models, self.shown, strict=True):
            before = msgspec.msgpack.encode(state)
            place = trade_bars.placement(state, trade)
            changed = trade_bars.corrections(state, trade)
            assert msgspec.msgpack.encode(state) == before
            known = dict(model.bars())
            assert place == model.take(trade)
            trade_bars.take(state, trade)
            corrected = {begin: bar for begin, bar in model.bars().items() if bar != known[begin]}
            assert {bar.ts_open: bar for bar in changed} == corrected
            shown.update(corrected)

    @rule(ms=st.integers(-500, 3000), length_ms=st.sampled_from([0, 10, 1500]))
    def trades_are_missed(self, ms: int, length_ms: int) -> None:
        ts = self.now - ms * MILLISECOND_NS
        for state, model in zip(self.states, self.models, strict=True):
            trade_bars.miss(state, ts, ts + length_ms * MILLISECOND_NS)
            model.miss(ts, ts + length_ms * MILLISECOND_NS)

    @rule()
    def core_is_saved_and_restored(self) -> None:
        saved = msgspec.msgpack.encode(self.states)
        self.states = msgspec.msgpack.decode(saved, type=list[BarState])
        assert msgspec.msgpack.encode(self.states) == saved

    def advance(self, ts_clock: int) -> None:
        for state, model, shown in zip(self.states, self.models, self.shown, strict=True):
            before = msgspec.msgpack.encode(state)
            bars = trade_bars.closing(state, ts_clock)
            assert msgspec.msgpack.encode(state) == before
            begins = model.close(ts_clock)
            assert [bar.ts_open for bar in bars] == begins
            assert not set(begins) & set(shown), "a bar was told twice"
            shown.update({bar.ts_open: bar for bar in bars})
            trade_bars.advance(state, ts_clock)

    @invariant()
    def bars_as_they_were_told_and_corrected_are_those_of_all_trades(self) -> None:
        for state, model, shown in zip(self.states, self.models, self.shown, strict=True):
            assert shown == model.bars()
            begins = list(shown)
            assert begins == sorted(begins)
            assert all(after - before == state.interval_ns for before, after in pairwise(begins))
            assert state.closed == {begin: shown[begin] for begin in begins[-KEPT:]}
            counts = model.counts
            assert state.late_count == counts["late"]
            assert state.too_old_count == counts["too_old"]
            assert state.too_early_count == counts["too_early"]
            assert state.too_large_count == counts["too_large"]


TestBarsAreThoseOfAllTradesWheneverTheyCame = BarsMachine.TestCase
TestBarsAreThoseOfAllTradesWheneverTheyCame.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
