"""Whatever a venue may send of two instruments: in order, twice, late, never, or not true at all."""

from hypothesis import strategies as st

from marea.messages.system import GapFound
from services.ingestion.core import IngestionInput
from tests.unit.ingestion.playing import (
    BTC,
    ETH,
    Levels,
    bar,
    clock,
    clock_offset,
    dead_letter,
    delta,
    instrument,
    mark,
    quote,
    snapshot,
    trade,
)

GAP = GapFound(producer="feed/BINANCE", producer_epoch=0, first_missing=3, last_missing=4)
CHANGES: list[tuple[Levels, Levels]] = [
    ({}, {}),
    ({99: 4}, {}),
    ({98: 1}, {103: 2}),
    ({99: 9}, {101: 6}),
    ({}, {101: 0, 102: 0}),
    ({104: 1}, {}),
]
"""Of a book with bids up to 99 and asks from 101; the last one crosses it."""


class Venue:
    """One instrument's stream, numbered as its venue does."""

    def __init__(self, name: str, sent: list[IngestionInput]) -> None:
        self.name = name
        self.sent = sent
        self.hole = 3 if name == ETH else 0
        """Between the numbers of linked deltas."""
        self.at_ms = 0
        self.update_id = 100
        self.trade_id = 500
        self.known: list[IngestionInput] = []
        """All that was ever to be sent, so that it can be sent again, or late."""
        self.send(instrument(name, "linked" if self.hole else "contiguous"))
        self.time(0)

    def send(self, event: IngestionInput, *, is_lost: bool = False) -> None:
        self.known.append(event)
        if not is_lost:
            self.sent.append(event)

    def time(self, passed_ms: int) -> None:
        self.at_ms += passed_ms
        self.send(clock(self.at_ms, self.name))

    def delta(self, length: int, change: int, lost: int) -> None:
        prev = self.update_id
        first = prev + 1 + self.hole
        self.update_id = first + length
        changed = delta(first, self.update_id, CHANGES[change], prev, self.at_ms, self.name)
        self.send(changed, is_lost=lost == 9)

    def quote(self, ahead: int, bid_qty: int, bid: int) -> None:
        self.send(quote(self.update_id + ahead, (bid, bid_qty), name=self.name))

    def snapshot(self, age: int) -> None:
        self.send(snapshot(max(0, self.update_id - age), name=self.name))

    def trade(self, skipped: int, length: int, price: int) -> None:
        first = self.trade_id + 1 + skipped
        self.trade_id = first + length - 1
        condition = "MARKET" if price else "NA"
        self.send(trade(first, self.trade_id, price, self.at_ms, condition, self.name))

    def mark(self, late_ms: int) -> None:
        self.send(mark(self.at_ms - late_ms, self.name))

    def bar(self, late_ms: int) -> None:
        self.send(bar(self.at_ms - late_ms, self.name))

    def again(self, back: int) -> None:
        self.send(self.known[-1 - back % len(self.known)])

    def told(self, which: int) -> None:
        told: list[IngestionInput] = [dead_letter(), clock_offset(self.name), GAP]
        self.send(told[which])


def _action(name: str, *numbers: list[int]) -> st.SearchStrategy[tuple[str, list[int]]]:
    return st.tuples(st.just(name), st.tuples(*map(st.sampled_from, numbers)).map(list))


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from([BTC, BTC, ETH]),
        st.one_of(
            _action("time", [0, 100, 100, 100, 1_000, 12_000, 40_000]),
            _action("delta", [0, 0, 1, 2], [0, 0, 1, 2, 3, 4], [0, 0, 0, 0, 9]),
            _action("delta", [0, 1], [0, 1, 5], [0]),
            _action("delta", [0, 1], [0], [0]),
            _action("quote", [0, 0, 1, 2, 5], [4, 4, 9], [99, 99, 99, 105]),
            _action("snapshot", [0, 0, 1, 5, 30]),
            _action("trade", [0, 0, 0, 2], [1, 1, 3], [0, 100, 101, 106]),
            _action("mark", [0, 300]),
            _action("bar", [0, 0, 300]),
            _action("again", [0, 1, 2, 3, 5, 8, 13]),
            _action("told", [0, 1, 2]),
        ),
    ),
    min_size=15,
    max_size=50,
)


def events_of(actions: list[tuple[str, tuple[str, list[int]]]], live: bool) -> list[IngestionInput]:
    """What the core is told when two venues do all that; at their begin the books are LIVE, or not."""
    sent: list[IngestionInput] = []
    venues = {name: Venue(name, sent) for name in (BTC, ETH)}
    for venue in venues.values():
        if live:
            venue.snapshot(0)
            venue.delta(0, 0, 0)
    for name, (action, numbers) in actions:
        getattr(venues[name], action)(*numbers)
    return sent


EVENTS = st.builds(events_of, ACTIONS, live=st.booleans())
