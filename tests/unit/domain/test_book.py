import msgspec
import pytest

from marea.domain import book as books
from marea.domain.book import Book, Effect, HeldDelta, Levels, Sequencing


def delta(
    first: int,
    last: int,
    prev: int = -1,
    bids: dict[int, int] | None = None,
    asks: dict[int, int] | None = None,
) -> HeldDelta:
    bids, asks = bids or {}, asks or {}
    return HeldDelta(
        first_update_id=first,
        last_update_id=last,
        prev_update_id=prev,
        bid_prices=tuple(bids),
        bid_qtys=tuple(bids.values()),
        ask_prices=tuple(asks),
        ask_qtys=tuple(asks.values()),
    )


def snapshot(last: int) -> HeldDelta:
    """Bids 100, 99, 98 and asks 101, 102, 103."""
    return delta(0, last, bids={100: 5, 99: 6, 98: 7}, asks={101: 8, 102: 9, 103: 10})


def do(book: Book, change: HeldDelta) -> Effect:
    foreseen = books.foresee_delta(book, change)
    assert books.apply_delta(book, change) == foreseen
    return foreseen


def load(book: Book, last: int) -> Effect:
    foreseen = books.foresee_snapshot(book, snapshot(last))
    assert books.apply_snapshot(book, snapshot(last)) == foreseen
    return foreseen


def live(sequencing: Sequencing = "contiguous") -> Book:
    book = Book(sequencing=sequencing)
    assert load(book, 10) == "loaded"
    first = delta(11, 12) if sequencing == "contiguous" else delta(9, 12, prev=8)
    assert do(book, first) == "synchronised"
    return book


def test_book_begins_syncing_and_empty() -> None:
    book = Book(sequencing="contiguous")
    assert book.status == "SYNCING"
    assert books.best_bid(book) is None
    assert books.best_ask(book) is None
    assert books.top(book, 5) == Levels([], [], [], [])
    assert not books.is_crossed(book)


def test_snapshot_alone_leaves_the_book_syncing() -> None:
    book = Book(sequencing="contiguous")
    assert load(book, 10) == "loaded"
    assert (book.status, book.last_update_id) == ("SYNCING", 10)


@pytest.mark.parametrize(
    ("sequencing", "first", "last", "effect"),
    [
        ("contiguous", 5, 9, "ignored"),
        ("contiguous", 5, 10, "ignored"),
        ("contiguous", 5, 11, "synchronised"),
        ("contiguous", 11, 11, "synchronised"),
        ("contiguous", 12, 14, "too_old"),
        ("linked", 5, 9, "ignored"),
        ("linked", 5, 10, "synchronised"),
        ("linked", 10, 12, "synchronised"),
        ("linked", 11, 12, "too_old"),
    ],
)
def test_first_usable_delta_is_the_one_that_the_venue_names(
    sequencing: Sequencing, first: int, last: int, effect: Effect
) -> None:
    for snapshot_first in (True, False):
        book = Book(sequencing=sequencing)
        if snapshot_first:
            load(book, 10)
            assert do(book, delta(first, last, prev=first - 1)) == effect
        else:
            assert do(book, delta(first, last, prev=first - 1)) == "held"
            assert load(book, 10) == ("loaded" if effect == "ignored" else effect)
        assert (book.status == "LIVE") == (effect == "synchronised")


def test_held_deltas_are_applied_to_the_snapshot_that_covers_a_part_of_them() -> None:
    book = Book(sequencing="contiguous")
    for number, qty in ((9, 1), (10, 2), (11, 3), (12, 4)):
        assert do(book, delta(number, number, bids={97 + number % 2: qty})) == "held"
    assert load(book, 10) == "synchronised"
    assert (book.status, book.last_update_id, book.held) == ("LIVE", 12, [])
    assert books.top(book, 9) == Levels(
        [100, 99, 98, 97], [5, 6, 3, 4], [101, 102, 103], [8, 9, 10]
    )


def test_snapshot_that_ends_before_the_deltas_begin_asks_for_a_newer_one_which_synchronises() -> (
    None
):
    book = Book(sequencing="contiguous")
    do(book, delta(20, 21))
    do(book, delta(22, 22))
    assert load(book, 10) == "too_old"
    assert (book.status, books.best_bid(book), len(book.held)) == ("SYNCING", None, 2)
    assert load(book, 19) == "synchronised"
    assert book.last_update_id == 22


def test_delta_beyond_a_loaded_snapshot_asks_for_a_newer_one_and_is_held() -> None:
    book = Book(sequencing="linked")
    load(book, 10)
    assert do(book, delta(20, 21, prev=19)) == "too_old"
    assert do(book, delta(25, 26, prev=21)) == "held"
    assert load(book, 20) == "synchronised"
    assert (book.status, book.last_update_id) == ("LIVE", 26)


def test_older_snapshot_than_the_loaded_one_is_ignored() -> None:
    book = Book(sequencing="contiguous")
    load(book, 10)
    assert load(book, 10) == "ignored"
    assert load(book, 9) == "ignored"
    assert load(book, 11) == "loaded"


def test_live_book_ignores_a_snapshot() -> None:
    book = live()
    assert load(book, 99) == "ignored"
    assert book.last_update_id == 12


def test_duplicate_and_old_deltas_are_ignored_in_every_status() -> None:
    book = Book(sequencing="contiguous")
    assert do(book, delta(9, 11)) == "held"
    assert do(book, delta(9, 11)) == "ignored"
    assert load(book, 10) == "synchronised"
    assert do(book, delta(9, 11, bids={1: 1})) == "ignored"
    assert do(book, delta(14, 15)) == "gap"
    assert do(book, delta(14, 15)) == "ignored"
    assert len(book.held) == 1


def test_contiguous_delta_that_overlaps_the_last_one_is_applied() -> None:
    book = live()
    assert do(book, delta(11, 14, bids={100: 1})) == "applied"
    assert books.best_bid(book) == (100, 1)


@pytest.mark.parametrize(
    ("sequencing", "fitting", "missing"),
    [
        ("contiguous", delta(13, 15), delta(17, 18)),
        ("linked", delta(14, 15, prev=12), delta(16, 18, prev=14)),
    ],
)
def test_missing_delta_breaks_the_book_and_empties_it(
    sequencing: Sequencing, fitting: HeldDelta, missing: HeldDelta
) -> None:
    book = live(sequencing)
    assert do(book, fitting) == "applied"
    assert do(book, missing) == "gap"
    assert (book.status, books.best_bid(book), books.best_ask(book)) == ("BROKEN", None, None)
    assert book.held == [missing]


def test_snapshot_synchronises_a_broken_book_again() -> None:
    book = live()
    do(book, delta(15, 16, bids={97: 1}))
    do(book, delta(17, 17, asks={101: 0}))
    assert book.status == "BROKEN"
    assert load(book, 15) == "synchronised"
    assert books.top(book, 1) == Levels([100], [5], [102], [9])


def test_snapshot_beyond_all_held_deltas_leaves_a_broken_book_syncing() -> None:
    book = live()
    do(book, delta(15, 16))
    assert load(book, 20) == "loaded"
    assert book.status == "SYNCING"
    assert do(book, delta(21, 21)) == "synchronised"


def test_gap_among_held_deltas_makes_those_before_it_useless() -> None:
    book = Book(sequencing="contiguous")
    do(book, delta(9, 9))
    do(book, delta(12, 12))
    assert [held.first_update_id for held in book.held] == [12]
    assert load(book, 10) == "too_old"
    assert load(book, 11) == "synchronised"


def test_beyond_the_bound_the_oldest_held_delta_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "HELD_DELTAS_MAX", 3)
    book = Book(sequencing="contiguous")
    for number in range(10, 15):
        assert do(book, delta(number, number)) == "held"
    assert [held.first_update_id for held in book.held] == [12, 13, 14]
    assert load(book, 10) == "too_old"
    assert load(book, 11) == "synchronised"


def test_beyond_the_bound_the_worst_levels_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "LEVELS_MAX", 3)
    book = live()
    do(book, delta(13, 13, bids={100: 0, 97: 1, 96: 2}, asks={100: 3}))
    assert books.top(book, 9) == Levels([99, 98, 97], [6, 7, 1], [100, 101, 102], [3, 8, 9])
    do(book, delta(14, 14, asks={100: 0}))
    assert books.top(book, 9) == Levels([99, 98, 97], [6, 7, 1], [101, 102], [8, 9])


def test_level_is_replaced_removed_and_added() -> None:
    book = live()
    do(book, delta(13, 13, bids={100: 0, 98: 1, 97: 2}, asks={102: 0, 104: 3}))
    assert books.top(book, 9) == Levels([99, 98, 97], [6, 1, 2], [101, 103, 104], [8, 10, 3])
    assert books.top(book, 2) == Levels([99, 98], [6, 1], [101, 103], [8, 10])
    assert books.best_bid(book) == (99, 6)
    assert books.best_ask(book) == (101, 8)


def test_deleting_an_unknown_level_changes_nothing() -> None:
    book = live()
    before = books.top(book, 9)
    assert do(book, delta(13, 13, bids={50: 0}, asks={150: 0})) == "applied"
    assert books.top(book, 9) == before


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ({101: 1}, {}),
        ({}, {100: 1}),
        ({101: 1, 102: 1}, {101: 0}),
        ({100: 0, 99: 0}, {98: 1}),
        ({105: 1}, {101: 0, 102: 0, 103: 0, 105: 2}),
    ],
)
def test_bid_at_or_above_an_ask_breaks_the_book(bids: dict[int, int], asks: dict[int, int]) -> None:
    book = live()
    assert do(book, delta(13, 13, bids=bids, asks=asks)) == "crossed"
    assert (book.status, books.best_bid(book)) == ("BROKEN", None)
    assert do(book, delta(14, 14)) == "held"
    assert load(book, 13) == "synchronised"


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ({101: 1}, {101: 0}),
        ({100: 0}, {100: 1}),
        ({105: 1}, {101: 0, 102: 0, 103: 0}),
        ({101: 0}, {100: 0}),
        ({100: 0, 99: 0, 98: 0}, {1: 1}),
    ],
)
def test_price_that_moves_past_removed_levels_crosses_nothing(
    bids: dict[int, int], asks: dict[int, int]
) -> None:
    assert do(live(), delta(13, 13, bids=bids, asks=asks)) == "applied"


def test_snapshot_that_is_crossed_breaks_the_book_and_keeps_what_is_held() -> None:
    book = Book(sequencing="contiguous")
    do(book, delta(11, 11))
    crossed = delta(0, 10, bids={101: 1}, asks={101: 1})
    assert books.foresee_snapshot(book, crossed) == "crossed"
    assert books.apply_snapshot(book, crossed) == "crossed"
    assert (book.status, books.best_bid(book), len(book.held)) == ("BROKEN", None, 1)
    assert load(book, 10) == "synchronised"


def test_held_deltas_that_cross_the_snapshot_break_the_book() -> None:
    book = Book(sequencing="contiguous")
    do(book, delta(11, 11, bids={101: 1}))
    do(book, delta(12, 12))
    assert load(book, 10) == "crossed"
    assert (book.status, len(book.held)) == ("BROKEN", 1)


@pytest.mark.parametrize("status", ["SYNCING", "LIVE", "BROKEN"])
def test_saved_and_restored_book_is_the_same_book(status: books.BookStatus) -> None:
    book = Book(sequencing="linked") if status == "SYNCING" else live()
    if status != "LIVE":
        do(book, delta(15, 16, prev=14, asks={3: 4}))
    assert book.status == status
    assert msgspec.json.decode(msgspec.json.encode(book), type=Book) == book
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(book), type=Book) == book


def test_code_of_a_sequencing_that_there_is_not_is_refused() -> None:
    assert [books.sequencing_of(code) for code in ("contiguous", "linked")] == [
        "contiguous",
        "linked",
    ]
    with pytest.raises(ValueError, match="book_sequencing is 'chained': expected contiguous or li"):
        books.sequencing_of("chained")
