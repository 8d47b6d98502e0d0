"""Which best bid and ask counts: the quotes' or the order book's, whichever is newer."""

from services.features.core import FeaturesInput, FeaturesState, begin
from tests.unit.features.market import (
    clock,
    config,
    delta,
    indicator,
    instrument,
    live_book,
    play,
    quote,
    snapshot,
    vectors_in,
)


def started() -> FeaturesState:
    """A book that is LIVE as of update 11, with 59,999.99 bid and 60,000.01 asked."""
    state = begin(config(indicator("mid"), indicator("order_flow_imbalance")))
    play(state, [instrument(), clock(0), *live_book(10)])
    return state


def mid(state: FeaturesState, ms: int, *events: FeaturesInput) -> float | None:
    """The mid at a clock after these events, to a tenth of an increment; None without a vector."""
    vectors = vectors_in(play(state, [*events, clock(ms)]))
    return round(vectors[0].values["mid"], 3) if vectors else None


def test_book_alone_gives_the_best_bid_and_ask_where_a_tape_has_no_quotes() -> None:
    state = started()
    assert mid(state, 100) == 60_000.0
    assert mid(state, 200, delta(12, bids=[(6_000_000, 10)])) == 60_000.005
    assert mid(state, 300, delta(13, bids=[(6_000_000, 0)])) == 60_000.0


def test_quote_beyond_the_book_replaces_the_books_best() -> None:
    state = started()
    assert mid(state, 100, quote(15, (5_999_990, 10), (6_000_000, 10))) == 59_999.95


def test_quote_as_old_as_the_book_or_older_is_ignored() -> None:
    state = started()
    assert mid(state, 100) == 60_000.0
    before = state.kernels[1].copy()
    assert mid(state, 200, quote(11, (5_999_000, 10))) is None
    assert mid(state, 300, quote(3, (5_999_000, 10))) is None
    assert state.kernels[1] == before


def test_quote_that_comes_after_a_newer_one_is_ignored() -> None:
    state = started()
    assert mid(state, 100, quote(20, (5_999_990, 10)), quote(19, (5_999_000, 10))) == 59_999.955


def test_book_that_is_older_than_the_last_quote_changes_its_levels_only() -> None:
    state = started()
    play(state, [quote(15, (5_999_990, 10), (6_000_000, 10))])
    assert mid(state, 100, delta(12, bids=[(6_000_000, 10)])) == 59_999.95
    assert state.book.last_update_id == 12


def test_book_beyond_the_last_quote_gives_its_best_again() -> None:
    state = started()
    play(state, [quote(15, (5_999_990, 10), (6_000_000, 10))])
    caught_up = delta(16, bids=[(6_000_000, 10)], first_update_id=12)
    assert mid(state, 100, caught_up) == 60_000.005


def test_quotes_count_while_the_book_is_not_live_but_show_in_no_vector_yet() -> None:
    state = started()
    assert mid(state, 100, delta(14)) is None
    assert mid(state, 200, quote(15, (5_999_990, 10), (6_000_000, 10))) is None
    assert mid(state, 300, snapshot(13), delta(14)) == 59_999.95


def test_crossed_or_locked_quote_withholds_the_vector_until_one_holds_together() -> None:
    state = started()
    assert mid(state, 100, quote(15, (6_000_001, 10), (6_000_000, 10))) is None
    assert mid(state, 200, quote(16, (6_000_000, 10), (6_000_000, 10))) is None
    assert mid(state, 300, quote(17, (5_999_990, 10), (6_000_000, 10))) == 59_999.95


def test_book_beyond_a_crossed_quote_gives_its_best_again() -> None:
    state = started()
    assert mid(state, 100, quote(15, (6_000_001, 10), (6_000_000, 10))) is None
    assert mid(state, 200, delta(16, first_update_id=12)) == 60_000.0


def test_quote_with_an_empty_side_withholds_the_vector() -> None:
    for update_id, bid, ask in ((15, (0, 0), (6_000_000, 10)), (15, (5_999_990, 10), (1, 0))):
        state = started()
        play(state, [quote(13)])
        assert mid(state, 100, quote(update_id, bid, ask)) is None
        assert not state.top.is_known


def test_best_that_is_not_known_adds_no_flow() -> None:
    state = started()
    events: list[FeaturesInput] = [
        quote(15, (5_999_990, 1000), (6_000_000, 1000)),
        quote(16, (6_000_001, 9000), (6_000_000, 9000)),
        quote(17, (0, 0), (6_000_000, 9000)),
        quote(18, (5_999_990, 3000), (6_000_000, 1000)),
        clock(100),
    ]
    [vector] = vectors_in(play(state, events))
    assert vector.values["order_flow_imbalance_order_flow"] == 2.0


def test_linked_book_takes_deltas_by_the_number_of_the_one_before() -> None:
    state = begin(config(indicator("mid")))
    play(state, [instrument(book_sequencing="linked"), clock(0), snapshot(10)])
    first = delta(11, first_update_id=10)  # the first one reaches over the snapshot
    assert mid(state, 100, first, delta(20, bids=[(6_000_000, 10)], first_update_id=12)) == (
        60_000.005
    )
    assert mid(state, 200, delta(30, first_update_id=25)) is None
    assert state.book.status == "BROKEN"
