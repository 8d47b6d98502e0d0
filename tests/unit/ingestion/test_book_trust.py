"""When can the local order book be trusted, when is a snapshot asked for, does it equal the quotes?"""

import pytest

from marea.domain.book import HELD_DELTAS_MAX
from marea.messages.market import BookStatusChanged, RequestSnapshot
from marea.messages.system import QualityCheckFailed
from services.ingestion.core import IngestionInput
from services.ingestion.core.changes import BESTS_KEPT_MAX, QUOTES_KEPT_MAX
from tests.unit.ingestion.playing import (
    ASKS,
    BIDS,
    MS,
    T0,
    Levels,
    Play,
    begun,
    clock,
    delta,
    failure,
    instrument,
    live,
    quote,
    snapshot,
    trade,
)

CROSSING: tuple[Levels, Levels] = ({101: 1}, {})
"""A bid at the best ask of `ASKS`."""


def broken() -> Play:
    """A core whose order book broke at update 120, where 119 was expected: 20 were missing."""
    play = live()
    play.tell(delta(131, 140, at_ms=10))
    return play


# From SYNCING to LIVE


def test_snapshot_and_the_first_delta_that_fits_it_make_the_book_live() -> None:
    play = begun()
    assert play.tell(snapshot(100)) == ["BookSnapshot"]
    assert play.tell(delta(90, 95)) == ["BookDelta"]
    assert play.tell(delta(96, 102)) == ["BookDelta", "LIVE synchronised 102"]
    assert play.tell(delta(103, 103)) == ["BookDelta"]


def test_deltas_wait_for_their_snapshot() -> None:
    play = begun()
    assert play.tell(delta(90, 95), delta(96, 102), delta(103, 105)) == ["BookDelta"] * 3
    assert play.tell(snapshot(100)) == ["BookSnapshot", "LIVE synchronised 100"]
    assert play.stream.book.last_update_id == 105


def test_linked_deltas_make_the_book_live_by_the_venues_procedure() -> None:
    play = Play(instrument(sequencing="linked"), clock(0), snapshot(100))
    assert play.tell(delta(80, 99, prev=70)) == ["BookDelta"]
    assert play.tell(delta(95, 104, prev=90)) == ["BookDelta", "LIVE synchronised 104"]
    assert play.tell(delta(120, 125, prev=104)) == ["BookDelta"]


def test_snapshot_that_ends_before_the_deltas_begin_is_too_old_and_another_is_asked_for() -> None:
    play = begun()
    play.tell(delta(103, 105))
    assert play.tell(snapshot(100)) == ["BookSnapshot", "request too_old"]
    assert play.tell(snapshot(104)) == ["BookSnapshot", "LIVE synchronised 104"]


def test_delta_that_begins_after_the_snapshot_ends_shows_that_it_was_too_old() -> None:
    play = begun()
    play.tell(snapshot(100))
    assert play.tell(delta(103, 105)) == ["BookDelta", "request too_old"]
    assert play.tell(delta(106, 107)) == ["BookDelta"]
    assert play.tell(snapshot(104)) == ["BookSnapshot", "LIVE synchronised 104"]


def test_snapshot_of_a_live_book_changes_nothing() -> None:
    play = live()
    assert play.tell(snapshot(300)) == ["BookSnapshot"]
    assert play.tell(delta(111, 112)) == ["BookDelta"]


# From LIVE to BROKEN, and back


def test_delta_that_is_missing_breaks_the_book_and_is_said_with_what_was_expected() -> None:
    play = live()
    passed, status, failed, asked = play.take(delta(131, 140))
    assert play.stream.book.status == "BROKEN"
    assert passed == delta(131, 140)
    assert isinstance(status, BookStatusChanged)
    assert (status.status, status.reason, status.update_id) == ("BROKEN", "gap", 140)
    assert isinstance(failed, QualityCheckFailed)
    assert (failed.check, failed.observed, failed.limit) == ("sequence", 20.0, 0.0)
    assert failed.detail == "expected:111,got:131"
    assert isinstance(asked, RequestSnapshot)
    assert asked.reason == "gap"


def test_linked_delta_that_is_missing_is_said_with_the_predecessor_that_was_expected() -> None:
    play = Play(instrument(sequencing="linked"), clock(0), snapshot(100), delta(95, 104, prev=90))
    failed = failure(play.take(delta(131, 140, prev=125)))
    assert (failed.check, failed.observed) == ("sequence", 21.0)
    assert failed.detail == "expected:104,got:125"


def test_broken_book_says_nothing_of_the_deltas_that_follow() -> None:
    play = broken()
    assert play.tell(delta(141, 150), delta(171, 180), delta(181, 182)) == ["BookDelta"] * 3


def test_snapshot_synchronises_a_broken_book_with_the_deltas_that_came_since() -> None:
    play = broken()
    play.tell(delta(141, 150, ({99: 9}, {})))
    assert play.tell(snapshot(145)) == ["BookSnapshot", "LIVE synchronised 145"]
    assert play.stream.book.last_update_id == 150
    assert play.stream.book.bids.qtys == {**BIDS, 99: 9}
    assert play.tell(delta(151, 152)) == ["BookDelta"]


def test_snapshot_beyond_all_deltas_brings_a_broken_book_back_to_syncing() -> None:
    play = broken()
    assert play.tell(snapshot(160)) == ["BookSnapshot", "SYNCING resync 160"]
    assert play.tell(delta(141, 160)) == ["BookDelta"]
    assert play.tell(delta(161, 170)) == ["BookDelta", "LIVE synchronised 170"]


def test_snapshot_that_is_too_old_for_a_broken_book_leaves_it_syncing_and_says_so() -> None:
    play = broken()
    assert play.tell(snapshot(120)) == ["BookSnapshot", "SYNCING resync 120", "request too_old"]
    assert play.stream.book.status == "SYNCING"
    assert play.tell(snapshot(135)) == ["BookSnapshot", "LIVE synchronised 135"]


def test_delta_that_crosses_the_book_breaks_it() -> None:
    play = live()
    assert play.tell(delta(111, 112, CROSSING)) == [
        "BookDelta",
        "BROKEN crossed 112",
        "crossed book:112",
        "request crossed",
    ]
    assert play.stream.book.bids.keys == []


def test_first_delta_that_crosses_the_book_breaks_it() -> None:
    play = begun()
    play.tell(snapshot(100))
    assert play.tell(delta(101, 102, CROSSING))[1:] == [
        "BROKEN crossed 102",
        "crossed book:102",
        "request crossed",
    ]


def test_snapshot_that_crosses_with_the_deltas_that_waited_breaks_the_book() -> None:
    play = begun()
    play.tell(delta(101, 102, CROSSING))
    assert play.tell(snapshot(100))[1:] == [
        "BROKEN crossed 100",
        "crossed book:100",
        "request crossed",
    ]


def test_book_goes_the_whole_way_as_often_as_it_must() -> None:
    play = begun()
    said = play.tell(
        snapshot(100),
        delta(101, 110),
        delta(112, 120),
        snapshot(130),
        delta(125, 140),
        delta(141, 150, CROSSING),
        snapshot(150),
        delta(151, 152),
    )
    assert [each for each in said if not each.startswith("Book")] == [
        "LIVE synchronised 110",
        "BROKEN gap 120",
        "sequence expected:111,got:112",
        "request gap",
        "SYNCING resync 130",
        "LIVE synchronised 140",
        "BROKEN crossed 150",
        "crossed book:150",
        "request crossed",
        "SYNCING resync 150",
        "LIVE synchronised 152",
    ]


# Asking again


def test_snapshot_that_does_not_come_is_asked_for_every_ten_seconds_of_stream_time() -> None:
    play = begun()
    said = [(second, play.tell(clock(second * 1000))) for second in range(1, 32)]
    assert [second for second, each in said if "request unanswered" in each] == [10, 20, 30]


def test_clock_that_stands_still_asks_nothing() -> None:
    play = begun()
    play.tell(clock(10_000))
    assert play.tell(clock(10_000), clock(10_000)) == ["Clock", "Clock"]


def test_wait_for_a_snapshot_begins_anew_with_each_request() -> None:
    play = begun()
    play.tell(clock(9_000), delta(103, 105, at_ms=9_000), snapshot(100))
    assert play.stream.ts_requested == T0 + 9_000 * MS
    assert play.tell(clock(18_999)) == ["Clock"]
    assert play.tell(clock(19_000)) == ["Clock", "request unanswered"]


def test_snapshot_is_awaited_until_the_book_is_live() -> None:
    play = begun()
    play.tell(snapshot(100))
    assert play.tell(clock(10_000)) == ["Clock", "request unanswered"]
    play.tell(delta(101, 102, at_ms=10_000))
    assert play.tell(*(clock(at_ms) for at_ms in (20_000, 29_000, 40_000)))[:2] == ["Clock"] * 2


def test_broken_book_asks_again_until_it_is_live() -> None:
    play = broken()
    assert play.tell(clock(10_000)) == ["Clock", "request unanswered"]
    play.tell(snapshot(135))
    assert play.stream.ts_requested == 0


# Does it equal the quotes?


def compared(*events: IngestionInput) -> tuple[int, int]:
    """How many of how many equal quotes there were."""
    play = live()
    play.tell(*events)
    return play.stream.agreed_count, play.stream.compared_count


@pytest.mark.parametrize("first", ["quote", "delta"])
def test_book_is_compared_with_the_quote_of_its_update_whichever_comes_first(first: str) -> None:
    both: list[IngestionInput] = [quote(112, bid=(99, 8)), delta(111, 112, ({99: 8}, {}))]
    assert compared(*(both if first == "quote" else reversed(both))) == (1, 1)


def test_quote_from_before_the_snapshot_is_compared_when_the_book_has_come_as_far() -> None:
    play = begun()
    play.tell(quote(105), snapshot(100), delta(101, 105))
    assert (play.stream.agreed_count, play.stream.compared_count) == (1, 1)


def test_quotes_between_the_updates_of_the_book_are_not_compared() -> None:
    assert compared(quote(111), quote(112), quote(113), delta(111, 112), quote(114)) == (1, 1)


@pytest.mark.parametrize(
    ("bid", "ask"),
    [((98, 4), (101, 6)), ((99, 5), (101, 6)), ((99, 4), (102, 6)), ((99, 4), (101, 7))],
)
def test_disagreement_is_said_once_with_the_next_quote(
    bid: tuple[int, int], ask: tuple[int, int]
) -> None:
    play = live()
    play.tell(delta(111, 112))
    assert play.tell(quote(112, bid, ask)) == ["Quote"]
    assert (play.stream.agreed_count, play.stream.compared_count) == (0, 1)
    detail = f"agreement update:112,book:(99, 4, 101, 6),quote:{(*bid, *ask)}"
    assert play.tell(quote(113)) == ["Quote", detail]
    assert play.tell(quote(114), delta(113, 115)) == ["Quote", "BookDelta"]
    assert play.state.failed_counts == {"agreement": 1}


def test_disagreement_is_said_with_the_next_delta() -> None:
    play = live()
    play.tell(quote(112, bid=(98, 1)), delta(111, 112))
    assert play.tell(delta(113, 114)) == [
        "BookDelta",
        "agreement update:112,book:(99, 4, 101, 6),quote:(98, 1, 101, 6)",
    ]


def test_book_that_is_not_live_or_has_an_empty_side_is_not_compared() -> None:
    assert compared(quote(140), delta(131, 140)) == (0, 0)
    assert compared(quote(112), delta(111, 112, ({}, dict.fromkeys(ASKS, 0)))) == (0, 0)


def test_book_is_compared_from_its_first_delta_on() -> None:
    play = begun()
    play.tell(snapshot(100), quote(110), delta(101, 110))
    assert play.stream.agreed_count == 1


# What is kept


def test_only_the_last_quotes_wait_for_the_book() -> None:
    play = live()
    play.tell(*(quote(update_id) for update_id in range(111, 112 + QUOTES_KEPT_MAX)))
    assert list(play.stream.quotes) == list(range(112, 112 + QUOTES_KEPT_MAX))
    play.tell(delta(111, 111), delta(112, 112))
    assert play.stream.compared_count == 1


def test_only_the_last_updates_of_the_book_wait_for_a_quote() -> None:
    play = live()
    play.tell(*(delta(update_id, update_id) for update_id in range(111, 140)))
    assert list(play.stream.bests) == list(range(140 - BESTS_KEPT_MAX, 140))


def test_only_so_many_deltas_wait_for_a_snapshot() -> None:
    play = begun()
    play.tell(*(delta(update_id, update_id) for update_id in range(HELD_DELTAS_MAX + 50)))
    assert len(play.stream.book.held) == HELD_DELTAS_MAX
    assert play.tell(snapshot(10), snapshot(60)) == [
        "BookSnapshot",
        "request too_old",
        "BookSnapshot",
        "LIVE synchronised 60",
    ]


def test_trades_and_quotes_do_not_touch_the_book() -> None:
    play = broken()
    before = repr(play.stream.book)
    play.tell(trade(1), quote(150), quote(90))
    assert repr(play.stream.book) == before
