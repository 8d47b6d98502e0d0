"""The book against a venue that remembers every state its own book ever had."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from marea.domain import book as books
from marea.domain.book import Book, Effect, HeldDelta, Sequencing

MID = st.integers(3, 7)
CHANGES = st.dictionaries(st.integers(0, 3), st.integers(0, 3), max_size=3)
"""By distance from the middle: the new quantity."""
HELD_MAX = 4
"""In place of the real bound, so that it is met."""
DELIVERIES = st.sampled_from(["now", "now", "now", "now", "now", "later", "never"])


class Venue:
    """Two dicts, and what they held at each update id."""

    def __init__(self) -> None:
        self.bids = {3: 1, 2: 1}
        self.asks = {7: 1, 8: 1}
        self.update_id = 5
        self.deltas: list[HeldDelta] = []
        self.was = {5: self.levels()}

    def levels(self) -> tuple[dict[int, int], dict[int, int]]:
        return dict(self.bids), dict(self.asks)

    def change(self, bids: dict[int, int], asks: dict[int, int], hole: int, length: int) -> None:
        prev = self.update_id
        first = prev + 1 + hole
        self.update_id = first + length
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, qty in changes.items():
                side.pop(price, None)
                if qty:
                    side[price] = qty
        for update_id in range(prev + 1, self.update_id + 1):
            self.was[update_id] = self.levels()
        self.deltas.append(
            HeldDelta(
                first_update_id=first,
                last_update_id=self.update_id,
                prev_update_id=prev,
                bid_prices=tuple(bids),
                bid_qtys=tuple(bids.values()),
                ask_prices=tuple(asks),
                ask_qtys=tuple(asks.values()),
            )
        )

    def snapshot(self, update_id: int) -> HeldDelta:
        bids, asks = self.was[update_id]
        return HeldDelta(
            first_update_id=0,
            last_update_id=update_id,
            prev_update_id=-1,
            bid_prices=tuple(bids),
            bid_qtys=tuple(bids.values()),
            ask_prices=tuple(asks),
            ask_qtys=tuple(asks.values()),
        )


class BookMachine(RuleBasedStateMachine):
    """Deltas are lost, doubled and sent late; snapshots come at any time, of any age."""

    def __init__(self) -> None:
        super().__init__()
        self.real_max = books.HELD_DELTAS_MAX
        books.HELD_DELTAS_MAX = HELD_MAX

    def teardown(self) -> None:
        books.HELD_DELTAS_MAX = self.real_max

    @initialize(sequencing=st.sampled_from(["contiguous", "linked"]))
    def begin(self, sequencing: Sequencing) -> None:
        self.venue = Venue()
        self.book = Book(sequencing=sequencing)
        self.sent = 0

    @rule(mid=MID, bids=CHANGES, asks=CHANGES, ids=st.integers(0, 2), delivery=DELIVERIES)
    def venue_changes(
        self, mid: int, bids: dict[int, int], asks: dict[int, int], ids: int, delivery: str
    ) -> None:
        self.change(
            dict.fromkeys((price for price in self.venue.bids if price > mid), 0)
            | {mid - distance: qty for distance, qty in bids.items()},
            dict.fromkeys((price for price in self.venue.asks if price <= mid), 0)
            | {mid + 1 + distance: qty for distance, qty in asks.items()},
            ids,
        )
        if delivery == "now":
            self.all_deltas_arrive()
        elif delivery == "never":
            self.sent = len(self.venue.deltas)

    @precondition(lambda self: self.book.status == "LIVE" and self.venue.asks)
    @rule(qty=st.integers(1, 3))
    def venue_crosses_itself(self, qty: int) -> None:
        self.change({min(self.venue.asks): qty}, {}, 0)
        self.all_deltas_arrive()

    @rule(back=st.integers(1, 4))
    def delta_arrives_again(self, back: int) -> None:
        self.take(max(0, self.sent - back))

    @rule()
    def all_deltas_arrive(self) -> None:
        while self.sent < len(self.venue.deltas):
            self.take(self.sent)
            self.sent += 1

    @rule(age=st.sampled_from([0, 0, 1, 3, 9]))
    def snapshot_arrives(self, age: int) -> None:
        snapshot = self.venue.snapshot(max(5, self.venue.update_id - age))
        before = msgspec.json.encode(self.book)
        foreseen = books.foresee_snapshot(self.book, snapshot)
        assert msgspec.json.encode(self.book) == before
        self.check(foreseen, books.apply_snapshot(self.book, snapshot))

    @rule()
    def core_is_saved_and_restored(self) -> None:
        saved = msgspec.json.encode(self.book)
        self.book = msgspec.json.decode(saved, type=Book)
        assert msgspec.json.encode(self.book) == saved

    def change(self, bids: dict[int, int], asks: dict[int, int], ids: int) -> None:
        hole = ids if self.book.sequencing == "linked" else 0
        self.venue.change(bids, asks, hole, ids)

    def take(self, number: int) -> None:
        if number < len(self.venue.deltas):
            delta = self.venue.deltas[number]
            before = msgspec.json.encode(self.book)
            foreseen = books.foresee_delta(self.book, delta)
            assert msgspec.json.encode(self.book) == before
            self.check(foreseen, books.apply_delta(self.book, delta))

    def check(self, foreseen: Effect, effect: Effect) -> None:
        assert foreseen == effect
        if effect in books.STATUS_AFTER:
            assert self.book.status == books.STATUS_AFTER[effect]

    @invariant()
    def live_book_is_the_venues(self) -> None:
        book = self.book
        levels = books.top(book, 9)
        assert len(book.held) <= HELD_MAX
        assert not books.is_crossed(book)
        if book.status == "LIVE":
            bids, asks = self.venue.was[book.last_update_id]
            assert levels.bid_prices == sorted(bids, reverse=True)
            assert levels.bid_qtys == [bids[price] for price in levels.bid_prices]
            assert levels.ask_prices == sorted(asks)
            assert levels.ask_qtys == [asks[price] for price in levels.ask_prices]
        if book.status == "BROKEN":
            assert levels == books.Levels([], [], [], [])


TestBookIsTheVenues = BookMachine.TestCase
TestBookIsTheVenues.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
