"""The values of vectors, reckoned a second time: kernels driven by hand over a naive market."""

from dataclasses import dataclass, field

from hypothesis import given, settings

from marea.kernels.kernel import Kernel, State
from marea.kernels.registry import KERNELS
from marea.messages.envelope import Message
from marea.messages.features import Bar, FeatureVector
from marea.messages.market import BookDelta, BookSnapshot, Quote, Trade
from services.features.config import FeaturesConfig
from services.features.core import FeaturesInput, begin
from tests.unit.features.drawn import REAL_CONFIG, markets
from tests.unit.features.market import PRICE_UNIT, QTY_UNIT, play

COUNTED_OVER_A_BAR = ("order_flow_imbalance", "trade_sign_imbalance")
NO_LEVEL = (0, 0)


@dataclass
class Reckoning:
    """What the market shows, and every kernel as it stands."""

    config: FeaturesConfig
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    update_id: int = -1
    best: list[float] = field(default_factory=list)
    running: dict[str, tuple[Kernel, State]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.config.indicators:
            kernel = KERNELS[each.kernel]
            self.running[each.name] = (kernel, kernel.start(**each.parameters))

    def feed(self, kind: str, row: list[float]) -> None:
        for kernel, state in self.running.values():
            if kernel.row == kind:
                kernel.step(state, row)

    def see_best(self, update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> None:
        if update_id <= self.update_id:
            return
        self.update_id = update_id
        if 0 < bid[0] < ask[0] and bid[1] and ask[1]:
            self.best = [
                bid[0] / PRICE_UNIT,
                bid[1] / QTY_UNIT,
                ask[0] / PRICE_UNIT,
                ask[1] / QTY_UNIT,
            ]
            self.feed("quote", self.best)

    def see(self, event: FeaturesInput) -> None:
        match event:
            case Quote():
                bid, ask = (event.bid_price, event.bid_qty), (event.ask_price, event.ask_qty)
                self.see_best(event.update_id, bid, ask)
            case Trade(condition="MARKET"):
                sign = 1.0 if event.taker_side == "buy" else -1.0
                self.feed("trade", [event.qty / QTY_UNIT, sign])
            case BookSnapshot() if not self.bids and not self.asks:
                self.see_levels(event)
            case BookDelta():
                self.see_levels(event)
                bid = max(self.bids.items(), default=NO_LEVEL)
                ask = min(self.asks.items(), default=NO_LEVEL)
                self.see_best(event.last_update_id, bid, ask)

    def see_levels(self, event: BookDelta | BookSnapshot) -> None:
        for side, prices, qtys in (
            (self.bids, event.bid_prices, event.bid_qtys),
            (self.asks, event.ask_prices, event.ask_qtys),
        ):
            side.update(zip(prices, qtys, strict=True))
            for price in [price for price, qty in side.items() if not qty]:
                del side[price]

    def see_bar(self, bar: Bar) -> None:
        prices = [price / PRICE_UNIT for price in (bar.open, bar.high, bar.low, bar.close)]
        self.feed("bar", [*prices, bar.volume / QTY_UNIT, bar.ts_open / 1e9])

    def end_bar(self) -> None:
        for kernel, state in self.running.values():
            kernel.reset(state)

    def values(self) -> list[float]:
        found: list[float] = []
        for each in self.config.indicators:
            kernel, state = self.running[each.name]
            if kernel.row == "book":
                count = int(each.parameters["levels"])
                bids = [qty for _, qty in sorted(self.bids.items(), reverse=True)[:count]]
                asks = [qty for _, qty in sorted(self.asks.items())[:count]]
                padded = [*bids, *[0] * (count - len(bids)), *asks, *[0] * (count - len(asks))]
                state = kernel.start(**each.parameters)
                kernel.step(state, [qty / QTY_UNIT for qty in padded])
            elif kernel.row == "quote" and each.kernel not in COUNTED_OVER_A_BAR:
                state = kernel.start(**each.parameters)
                kernel.step(state, self.best)
            found += kernel.read(state)
        return found


def check(reckoning: Reckoning, answers: list[Message]) -> int:
    """How many vectors there were among the answers to one event; each equal to the reckoning."""
    vectors = [each for each in answers if isinstance(each, FeatureVector)]
    of_bar = {each.bar_id: each for each in vectors}
    for bar in answers:
        if isinstance(bar, Bar) and bar.interval_s == reckoning.config.vector_interval_s:
            reckoning.see_bar(bar)
            if bar.id in of_bar:
                assert list(of_bar[bar.id].values.values()) == reckoning.values()
            reckoning.end_bar()
    if "" in of_bar:
        assert list(of_bar[""].values.values()) == reckoning.values()
    return len(vectors)


@settings(max_examples=150, deadline=None)
@given(markets(is_clean=True))
def test_values_are_those_of_the_kernels_driven_by_hand(events: list[FeaturesInput]) -> None:
    state, reckoning = begin(REAL_CONFIG), Reckoning(REAL_CONFIG)
    vector_count = 0
    for event in events:
        answers = play(state, [event])
        reckoning.see(event)
        vector_count += check(reckoning, answers)
    assert vector_count == state.vector_count
