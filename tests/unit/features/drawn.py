"""Markets that hypothesis draws: in any order, late, doubled, with holes, crossed and empty."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from marea.kernels.registry import KERNELS
from services.features.core import FeaturesInput
from tests.unit.features.market import (
    Level,
    clock,
    config,
    delta,
    gap,
    indicator,
    instrument,
    quote,
    snapshot,
    trade,
)

SHORT = {"period": 2, "fast": 2, "slow": 3, "signal": 2, "smooth": 1, "anchor_s": 2, "levels": 3}

REAL_CONFIG = config(
    *(
        indicator(
            name, **{each: SHORT.get(each, usual) for each, usual in kernel.parameters.items()}
        )
        for name, kernel in KERNELS.items()
    )
)
"""Every kernel that there is, each warm after a few bars."""

QTYS = st.integers(1, 5000)
BIDS, ASKS, ANY_PRICE = st.integers(90, 100), st.integers(101, 110), st.integers(90, 110)


@dataclass
class Writer:
    """A venue that numbers what it says, and a hand that spoils it."""

    draw: st.DrawFn
    is_clean: bool
    """Whether the order book stays LIVE: no delta is missing and none crosses it."""
    now_ms: int = 0
    trade_id: int = 0
    update_id: int = 11
    book_id: int = 11
    events: list[FeaturesInput] = field(default_factory=list)

    def clock(self) -> FeaturesInput:
        self.now_ms += self.draw(st.sampled_from([0, 50, 100, 300, 700, 1000, 2500]))
        return clock(self.now_ms)

    def trade(self) -> FeaturesInput:
        late_ms = self.draw(st.sampled_from([-80, 0, 10, 90, 400, 1700, 200_000]))
        self.trade_id += self.draw(st.sampled_from([1, 1, 1, 1, 1, 2, -1]))
        return trade(
            self.trade_id,
            self.now_ms - late_ms,
            self.draw(ANY_PRICE),
            self.draw(QTYS),
            self.draw(st.sampled_from(["buy", "sell"])),
            self.draw(st.sampled_from(["MARKET", "MARKET", "MARKET", "ADL"])),
        )

    def quote(self) -> FeaturesInput:
        self.update_id += self.draw(st.sampled_from([1, 1, 2, 0, -2]))
        if self.draw(st.integers(0, 5)):
            bid, ask = self.draw(st.tuples(BIDS, QTYS)), self.draw(st.tuples(ASKS, QTYS))
        else:
            bid, ask = self.draw(st.tuples(ANY_PRICE, st.integers(0, 1))), (100, 5)
        return quote(self.update_id, bid, ask)

    def delta(self) -> FeaturesInput:
        missing = 0 if self.is_clean else self.draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
        first = self.book_id + 1 + missing
        self.book_id = first + self.draw(st.integers(0, 2))
        self.update_id = max(self.update_id, self.book_id + self.draw(st.integers(-1, 1)))
        asks = ASKS if self.is_clean or self.draw(st.integers(0, 7)) else ANY_PRICE
        return delta(self.book_id, self._levels(BIDS), self._levels(asks), first)

    def snapshot(self) -> FeaturesInput:
        return snapshot(self.book_id, [(100, 7), (99, 5)], [(101, 6), (103, 9)])

    def gap(self) -> FeaturesInput:
        return gap(self.now_ms)

    def instrument(self) -> FeaturesInput:
        return instrument()

    def _levels(self, prices: st.SearchStrategy[int]) -> list[Level]:
        level = st.tuples(prices, st.one_of(st.just(0), QTYS))
        return self.draw(st.lists(level, max_size=3, unique_by=lambda each: each[0]))


@st.composite
def markets(draw: st.DrawFn, *, is_clean: bool = False) -> list[FeaturesInput]:
    """An instrument with a LIVE book, then anything that can happen to it."""
    writer = Writer(draw, is_clean)
    kinds: list[Callable[[], FeaturesInput]] = [
        *[writer.clock] * 6,
        *[writer.trade] * 3,
        *[writer.quote] * 3,
        *[writer.delta] * 2,
        writer.snapshot,
        writer.gap,
        writer.instrument,
    ]
    said = [kind() for kind in draw(st.lists(st.sampled_from(kinds), min_size=30, max_size=80))]
    book: list[FeaturesInput] = [snapshot(10, [(100, 7), (99, 5)], [(101, 6), (103, 9)]), delta(11)]
    return [instrument(), clock(0), *book, trade(0, 10), *said, clock(writer.now_ms + 3000)]
