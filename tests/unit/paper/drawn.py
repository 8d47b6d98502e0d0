"""Markets and requests that hypothesis draws: thin, wild, late, doubled, against each other."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from msgspec.structs import replace

from marea.messages.market import Side
from marea.messages.paper import PlaceOrder
from services.paper.core import PaperInput
from tests.unit.features.market import Level, clock, delta, snapshot, trade, ts
from tests.unit.paper.desk import BIDS, UNIT, begin, bracket, cancel, change, place

PRICES = st.integers(990, 1_010).map(lambda price: price * 10)
QTYS = st.integers(40, 400)
SIDES: st.SearchStrategy[Side] = st.sampled_from(["buy", "sell"])


@dataclass
class Hand:
    """Writes what happens next."""

    draw: st.DrawFn
    now_ms: int = 2
    count: int = 0
    requests: list[PlaceOrder] = field(default_factory=list)
    events: list[PaperInput] = field(default_factory=list)

    def clock(self) -> PaperInput:
        return clock(self.now_ms)

    def trade(self) -> PaperInput:
        self.count += 1
        price, qty, side = self.draw(st.tuples(PRICES, QTYS, SIDES))
        return trade(self.count, self.now_ms, price, qty, side)

    def change(self) -> PaperInput:
        middle = self.draw(st.integers(992, 1_008)) * 10
        # What a side held inside the other one goes first, as at a venue.
        bids: list[Level] = [(price, 0) for price in range(middle, 10_110, 10)]
        asks: list[Level] = [(price, 0) for price in range(9_900, middle + 10, 10)]
        bids += self._levels(9_900, middle - 10)
        asks += self._levels(middle + 10, 10_100)
        return change(self.now_ms, bids, asks)

    def gap(self) -> PaperInput:
        return delta(self.now_ms, first_update_id=self.now_ms)

    def snapshot(self) -> PaperInput:
        return snapshot(self.now_ms, BIDS, [(10_010, 300), (10_020, 500)])

    def place(self) -> PaperInput:
        side, qty, price = self.draw(st.tuples(SIDES, QTYS, PRICES))
        order = place(f"o{len(self.requests)}", self.now_ms, side, qty, price)
        return self._kept(
            replace(
                order,
                post_only=self.draw(st.booleans()),
                reduce_only=self.draw(st.booleans()),
                replaces=tuple(self.draw(st.lists(self._names(), max_size=2))),
            )
        )

    def bracket(self) -> PaperInput:
        number = len(self.requests)
        qty, price, below, above = self.draw(
            st.tuples(QTYS, PRICES, st.integers(1, 9), st.integers(-3, 9))
        )
        entry = bracket(
            f"o{number}", self.now_ms, qty, price, price - 10 * below, price + 10 * above
        )
        named = replace(entry, stop_order_id=f"s{number}", target_order_id=f"t{number}")
        return self._kept(named)

    def again(self) -> PaperInput:
        if not self.requests:
            return self.clock()
        request = self.draw(st.sampled_from(self.requests))
        sent = ts(self.now_ms)
        is_copy = self.draw(st.booleans())
        return replace(request, ts_event=sent, ts_sign=request.ts_sign if is_copy else sent)

    def cancel(self) -> PaperInput:
        return cancel(self.draw(self._names()), self.now_ms)

    def _kept(self, request: PlaceOrder) -> PlaceOrder:
        self.requests.append(request)
        return request

    def _names(self) -> st.SearchStrategy[str]:
        number = st.integers(0, max(0, len(self.requests) - 1))
        return st.tuples(st.sampled_from("ost"), number).map(lambda each: f"{each[0]}{each[1]}")

    def _levels(self, lowest: int, highest: int) -> list[Level]:
        prices = st.integers(lowest // 10, highest // 10).map(lambda price: price * 10)
        level = st.tuples(prices, st.one_of(st.just(0), QTYS))
        return self.draw(st.lists(level, max_size=4, unique_by=lambda each: each[0]))


@st.composite
def histories(draw: st.DrawFn) -> list[PaperInput]:
    """A LIVE book and an account with both assets, then anything that can happen to them."""
    hand = Hand(draw)
    kinds: list[Callable[[], PaperInput]] = [
        *[hand.clock] * 3,
        *[hand.trade] * 6,
        *[hand.change] * 6,
        *[hand.place] * 4,
        *[hand.bracket] * 4,
        hand.cancel,
        hand.again,
        hand.snapshot,
        *[hand.gap] * draw(st.integers(0, 1)),
    ]
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=20, max_size=40)):
        hand.now_ms += draw(st.sampled_from([1, 1, 5, 20, 40, 120]))
        hand.events.append(kind())
    first = begin(BTC=2 * UNIT, USDT=100 * UNIT)
    return [*first, *hand.events, clock(hand.now_ms + 100), clock(hand.now_ms + 200)]
