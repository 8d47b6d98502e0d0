from hypothesis import given
from hypothesis import strategies as st

from marea.venues.simulated.book import LEVELS_MAX, LEVELS_MIN, BookSide, OrderBook


def bids_at(*keys: int) -> tuple[OrderBook, BookSide]:
    book = OrderBook()
    for key in keys:
        book.put(book.bids, key, 5)
    return book, book.bids


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=60))
def test_side_holds_what_was_put_and_not_removed(changes: list[tuple[int, int]]) -> None:
    book, side = bids_at()
    expected: dict[int, int] = {}
    for key, qty in changes:
        if qty:
            book.put(side, key, qty)
            expected[key] = qty
        elif key in expected:
            book.remove(side, key)
            del expected[key]
    assert side.levels() == sorted(expected.items(), reverse=True)
    assert side.keys == sorted(expected)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=60))
def test_changes_told_one_after_the_other_make_the_book(changes: list[tuple[int, int]]) -> None:
    book, side = bids_at()
    told: dict[int, int] = {}
    for key, qty in changes:
        if qty:
            book.put(side, key, qty)
        elif key in side.qtys:
            book.remove(side, key)
        if qty % 3 == 0:
            told |= dict(book.take_diff()[2])
    told |= dict(book.take_diff()[2])
    assert {price: qty for price, qty in told.items() if qty} == side.qtys


def test_every_change_takes_one_update_id() -> None:
    book, side = bids_at(10, 11)
    book.remove(side, 10)
    book.flicker(side, 9)
    assert book.update_id == 5
    assert book.take_diff() == (1, 5, [(11, 5), (10, 0), (9, 0)], [])
    assert book.take_diff() == (6, 5, [], [])


def test_asks_stand_under_their_negative_price() -> None:
    book = OrderBook()
    book.put(book.bids, 99, 5)
    for price in (103, 101, 102):
        book.put(book.asks, -price, price)
    assert book.asks.best() == (101, 101)
    assert book.asks.levels() == [(101, 101), (102, 102), (103, 103)]
    assert book.spread() == 2


def test_worst_level_goes_when_a_side_is_full() -> None:
    book, side = bids_at(*range(1, LEVELS_MAX + 2))
    assert len(side.keys) == LEVELS_MAX
    assert side.keys[0] == 2
    assert book.update_id == LEVELS_MAX + 2


def test_withdrawing_takes_the_best_level_and_what_is_near_but_never_the_last_ones() -> None:
    book, side = bids_at(*range(1, LEVELS_MIN + 11))
    book.withdraw(side, 3)
    assert side.best() == (LEVELS_MIN + 7, 5)
    book.withdraw(side, 1000)
    assert side.is_thin()
    assert len(side.keys) == LEVELS_MIN
