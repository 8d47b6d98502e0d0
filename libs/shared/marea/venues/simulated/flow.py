"""The order flow of one simulated instrument: what happens to its book, and what its venue says.

Orders come in clusters: some arrive by themselves, at a rate that the market's activity scales, and
each order sets off a geometric number of others a little later. This is a Hawkes process in its
cluster form (Hawkes and Oakes, 1974), which needs no thinning. Every change of a book takes one
update id. All chance comes from uniform draws into tables of whole numbers, so that a seed gives
one market on every platform.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappush
from random import Random

from marea.venues.simulated.book import LEVELS_MIN, BookSide, OrderBook
from marea.venues.simulated.parameters import NEAR_LEVELS, TABLE_SIZE, Parameters, table
from marea.venues.simulated.wire import Wire

TAKER, TAKER_CHILD, TOUCH, REACTION, CHURN, REQUOTE, PULL_BIDS, PULL_ASKS, DIFF = range(9)
LADDER, SHOCK, SNAPSHOT = range(9, 12)
"""What can stand in the calendar."""

Calendar = list[tuple[int, int, int]]
"""A heap of what is to happen: ns of the venue's clock, one of the above, place of instrument."""

LEVELS_AT_START = 800
"""Of a side."""
FILLS_MAX = 12
"""Trades of one market order at one price."""
SWEEP_QTY = 1 << 62
"""More than any book holds."""
DIFF_INTERVAL_NS = 100_000_000
EXPONENTIAL_ONE = 1 << 20
EXPONENTIAL = [
    round(-math.log(1 - (2 * index + 1) / (2 * TABLE_SIZE)) * EXPONENTIAL_ONE)
    for index in range(TABLE_SIZE)
]
"""Waiting times of mean 1 as equally likely whole numbers."""


@dataclass(slots=True)
class Mood:
    """What all instruments of the market share."""

    activity: float
    """Arrivals of what nothing set off, against the flow's rates."""
    ladder_step: int
    direction: int
    """1 or -1: which way market orders lean."""


@dataclass(slots=True)
class InstrumentState:
    """All that one instrument's future depends on, besides the calendar and chance."""

    book: OrderBook
    trade_id: int = 0
    """Of the last trade."""
    moved: int = 1
    """1 or -1: the way the best price last moved."""
    swept: bool = False
    """Whether it was one market order that took several levels."""
    lost_diff_ns: int = 0
    """When the feed next loses a diff, on the venue's clock; 0: never."""


class OrderFlow:
    """How one instrument's events change its state, and which payloads they put on the wire."""

    def __init__(
        self,
        place: int,
        parameters: Parameters,
        state: InstrumentState,
        shared: tuple[Mood, Calendar, Random],
    ) -> None:
        instrument = parameters.instruments[place]
        venue_symbol = instrument.venue_symbol
        flow = parameters.flows[venue_symbol]
        self.state = state
        self._mood, self._calendar, chance = shared
        self._uniform = chance.random
        self._place, self._places = place, len(parameters.instruments)
        self._flow, self._contagion_share = flow, parameters.contagion_share
        self._wire = Wire(instrument)
        self._taker_qtys, self._maker_qtys = table(flow.taker_qty), table(flow.maker_qty)
        self._join_qtys, self._cut_qtys = table(flow.join_qty), table(flow.cut_qty)
        self._near_qtys, self._level_qtys = table(flow.near_qty), table(flow.level_qty)
        self._distances = table(flow.level_distance)
        self._retreats = [int(flow.retreat_factor * d) for d in table(flow.retreat_distance)]
        self._ranks = [int(distance / flow.level_spacing) for distance in self._distances]
        self._flip_share = parameters.direction_flip_share
        self._loss_interval_ns = (
            parameters.lost_diff_interval_s.get(venue_symbol, 0) * 1_000_000_000
        )
        self.handlers: list[Callable[[int, int], list[bytes]]] = [
            *(self.take, self.take, self.touch, self.touch, self.churn, self.churn),
            *(self.pull, self.pull, self.diff),
        ]
        """What happens for each kind in the calendar, up to DIFF."""

    def start(self, at_ns: int) -> None:
        """Set up the book around the start price, and the first arrivals."""
        flow, book = self._flow, self.state.book
        for side, best in ((book.bids, flow.start_price), (book.asks, flow.start_price + 1)):
            key = side.sign * best
            book.put(side, key, flow.touch_qty)
            for rank in range(2, LEVELS_AT_START + 1):
                key -= 1 + int(self._uniform() * (2 * flow.level_spacing - 1))
                book.put(side, key, self._qty_behind(rank))
        book.take_diff()
        self._arrive(at_ns, TAKER, flow.taker_rate_hz)
        self._arrive(at_ns, TOUCH, flow.touch_rate_hz)
        self._arrive(at_ns, CHURN, flow.churn_rate_hz)
        first_diff_ns = at_ns + int(self._uniform() * DIFF_INTERVAL_NS)
        heappush(self._calendar, (first_diff_ns, DIFF, self._place))
        self._plan_loss(at_ns)

    def take(self, at_ns: int, kind: int) -> list[bytes]:
        """A market order arrives: by itself (TAKER) or set off by another (TAKER_CHILD)."""
        flow, mood = self._flow, self._mood
        if kind == TAKER:
            self._arrive(at_ns, TAKER, flow.taker_rate_hz)
        for _ in range(self._geometric(flow.taker_children)):
            delay_ns = flow.taker_child_delay_ms * 1_000_000
            self._follow_up(at_ns, (TAKER_CHILD, self._place), delay_ns)
        self._react(at_ns, self._geometric(flow.taker_reactions))
        if self._uniform() < self._flip_share:
            mood.direction = -mood.direction
        buys = self._uniform() * 2 < 1 + mood.direction * flow.bias
        return self.sweep(at_ns, buys, self._drawn(self._taker_qtys), None)

    def sweep(self, at_ns: int, buys: bool, qty: int, worst_price: int | None) -> list[bytes]:
        """Match `qty` against the other side, best price first, not beyond `worst_price`."""
        state, book = self.state, self.state.book
        side = book.asks if buys else book.bids
        last_key = side.keys[0] if worst_price is None else side.sign * worst_price
        payloads: list[bytes] = []
        gone = 0
        while qty > 0 and side.keys[-1] >= last_key and not side.is_thin():
            price, resting = side.best()
            taken = min(qty, resting)
            for fill in self._fills(taken):
                state.trade_id += 1
                payloads.append(self._wire.trade(at_ns, state.trade_id, (price, fill), buys))
            qty -= taken
            if taken == resting:
                book.remove(side, side.keys[-1])
                gone += 1
            else:
                book.put(side, side.keys[-1], resting - taken)
        if gone:
            self._move(at_ns, side, swept=gone > 1)
            self._spread_word(at_ns, side)
        return [*payloads, self._quote()] if payloads else []

    def sweep_to(self, at_ns: int, price: int) -> list[bytes]:
        """Match whatever stands up to `price`; behind it makers catch the market, if few are left."""
        book = self.state.book
        buys = price > book.bids.best()[0]
        side = book.asks if buys else book.bids
        key = side.sign * price
        if bisect_left(side.keys, key) <= LEVELS_MIN:
            for rank in range(1, LEVELS_MIN + 1):
                key -= 1 + int(self._flow.level_spacing)
                book.put(side, key, self._qty_behind(rank))
        return self.sweep(at_ns, buys, SWEEP_QTY, price)

    def touch(self, at_ns: int, kind: int) -> list[bytes]:
        """A maker changes a best level, or quotes into a wide spread; kind: TOUCH or REACTION."""
        flow, book = self._flow, self.state.book
        if kind == TOUCH:
            self._arrive(at_ns, TOUCH, flow.touch_rate_hz)
        self._react(at_ns, self._geometric(flow.touch_reactions))
        if book.spread() > 1 and self._uniform() < flow.narrow_share:
            self._narrow()
        else:
            self._change_best(at_ns, book.bids if self._uniform() < 0.5 else book.asks)
        return [self._quote()]

    def pull(self, at_ns: int, kind: int) -> list[bytes]:
        """Makers take the best level away, as another instrument's price has moved."""
        book = self.state.book
        side = book.bids if kind == PULL_BIDS else book.asks
        if side.is_thin():
            return []
        book.withdraw(side, 1)
        self._move(at_ns, side, swept=False)
        return [self._quote()]

    def churn(self, at_ns: int, kind: int) -> list[bytes]:
        """Makers change levels behind the best ones: by themselves (CHURN) or in a REQUOTE."""
        flow = self._flow
        if kind == CHURN:
            self._arrive(at_ns, CHURN, flow.churn_rate_hz)
        mean = flow.churn_levels if kind == CHURN else flow.requote_levels
        for _ in range(1 + int(mean * self._drawn(EXPONENTIAL)) // EXPONENTIAL_ONE):
            self._change_behind()
        return []

    def diff(self, at_ns: int, _kind: int) -> list[bytes]:
        """The venue tells what changed in the last 100 ms, if anything did."""
        heappush(self._calendar, (at_ns + DIFF_INTERVAL_NS, DIFF, self._place))
        first_id, last_id, bids, asks = self.state.book.take_diff()
        if first_id > last_id:
            return []
        if 0 < self.state.lost_diff_ns <= at_ns:
            self._plan_loss(at_ns)
            return []
        return [self._wire.diff(at_ns, (first_id, last_id), bids, asks)]

    def snapshot(self) -> bytes:
        """The book as the venue gives it on request."""
        book = self.state.book
        return self._wire.snapshot(book.update_id, book.bids.levels(), book.asks.levels())

    def _plan_loss(self, at_ns: int) -> None:
        if self._loss_interval_ns:
            share = 0.5 + self._uniform()
            self.state.lost_diff_ns = at_ns + int(self._loss_interval_ns * share)

    # --- what befalls a best level

    def _narrow(self) -> None:
        # A maker quotes into the spread, and most of the old best level goes along
        flow, book = self._flow, self.state.book
        share = flow.sweep_follow_share if self.state.swept else flow.follow_share
        from_behind = self._uniform() < share
        side = book.bids if (self.state.moved > 0) == from_behind else book.asks
        step = book.spread() - 1
        if self._uniform() >= flow.close_share:
            step = 1 + int(self._uniform() * step)
        best = side.keys[-1]
        book.put(side, best, self._drawn(self._near_qtys))
        book.put(side, best + step, self._drawn(self._join_qtys))

    def _change_best(self, at_ns: int, side: BookSide) -> None:
        flow, book = self._flow, self.state.book
        key = side.keys[-1]
        qty = side.qtys[key]
        if self._uniform() * (flow.touch_qty + qty) < flow.touch_qty or side.is_thin():
            book.put(side, key, qty + self._drawn(self._join_qtys))
            return
        in_the_way = side.sign != self._mood.direction
        pulls = in_the_way and self._uniform() < flow.pull_share
        cut = qty if pulls else self._drawn(self._cut_qtys)
        if cut < qty:
            book.put(side, key, qty - cut)
        else:
            book.withdraw(side, 1)
            self._move(at_ns, side, swept=False)
            self._spread_word(at_ns, side)

    def _move(self, at_ns: int, side: BookSide, *, swept: bool) -> None:
        # The best level of `side` is gone: makers requote, and some behind it may give way
        flow = self._flow
        self.state.moved, self.state.swept = -side.sign, swept
        if not swept and self._uniform() < flow.retreat_share:
            self.state.book.withdraw(side, self._drawn(self._retreats))
        self._react(at_ns, 1 + self._geometric(flow.move_reactions))
        self._follow_up(at_ns, (REQUOTE, self._place), flow.requote_delay_ms * 1_000_000)

    def _spread_word(self, at_ns: int, side: BookSide) -> None:
        # Makers of the other instruments see the move, and some follow it
        kind = PULL_BIDS if side.sign > 0 else PULL_ASKS
        for place in range(self._places):
            if place != self._place and self._uniform() < self._contagion_share:
                self._follow_up(at_ns, (kind, place), self._flow.reaction_delay_us * 1000)

    # --- what happens behind it

    def _change_behind(self) -> None:
        # A level behind the best one comes, goes or changes. It comes where its distance has fewer
        # levels before it than its rank in the profile, and goes where it has more, so that the
        # book grows back after every move and never silts up.
        flow, book = self._flow, self.state.book
        index = int(self._uniform() * 2 * TABLE_SIZE)
        side = book.bids if index & 1 else book.asks
        keys = side.keys
        key = keys[-1] - self._distances[index >> 1]
        rank = self._ranks[index >> 1] + 2
        kind = self._uniform() - flow.fleeting_share
        if kind < 0:
            book.flicker(side, key)
        elif rank > len(keys) or (kind < flow.turnover_share and keys[-rank] < key):
            book.put(side, key, self._qty_behind(rank))
        elif kind < flow.turnover_share:
            book.remove(side, keys[-rank])
        else:
            book.put(side, keys[-rank], self._qty_behind(rank))

    def _qty_behind(self, rank: int) -> int:
        return self._drawn(self._near_qtys if rank <= NEAR_LEVELS else self._level_qtys)

    # --- what follows from what

    def _arrive(self, at_ns: int, kind: int, rate_hz: float) -> None:
        # Put the next event that nothing sets off into the calendar
        mean_ns = 1_000_000_000 / (rate_hz * self._mood.activity)
        self._follow_up(at_ns, (kind, self._place), mean_ns)

    def _react(self, at_ns: int, count: int) -> None:
        for _ in range(count):
            self._follow_up(at_ns, (REACTION, self._place), self._flow.reaction_delay_us * 1000)

    def _follow_up(self, at_ns: int, what: tuple[int, int], mean_ns: float) -> None:
        delay_ns = int(mean_ns * self._drawn(EXPONENTIAL)) // EXPONENTIAL_ONE
        heappush(self._calendar, (at_ns + delay_ns, *what))

    def _geometric(self, mean: float) -> int:
        count, again = 0, mean / (1 + mean)
        while self._uniform() < again:
            count += 1
        return count

    def _drawn(self, values: list[int]) -> int:
        return values[int(self._uniform() * TABLE_SIZE)]

    def _fills(self, qty: int) -> list[int]:
        # What a quantity taken at one price is made of: the resting orders it met
        fills: list[int] = []
        while qty > 0 and len(fills) < FILLS_MAX - 1:
            fills.append(min(qty, self._drawn(self._maker_qtys)))
            qty -= fills[-1]
        return [*fills, qty] if qty else fills

    def _quote(self) -> bytes:
        book = self.state.book
        return self._wire.quote(book.update_id, book.bids.best(), book.asks.best())
