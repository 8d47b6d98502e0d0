"""What a venue says is passed on as it is, once; what is missing is said."""

import pytest

from marea.messages.system import GapFound
from services.ingestion.core import IngestionInput
from services.ingestion.core.numbers import MISSING_TRADES_MAX
from tests.unit.ingestion.playing import (
    BTC,
    ETH,
    Play,
    bar,
    begun,
    clock,
    clock_offset,
    dead_letter,
    delta,
    failure,
    instrument,
    live,
    mark,
    quote,
    snapshot,
    trade,
)

GAP = GapFound(producer="feed/BINANCE", producer_epoch=0, first_missing=3, last_missing=4)


def test_instrument_that_is_new_begins_a_stream_whose_book_is_unknown_and_asked_for() -> None:
    play = Play()
    said = play.take(instrument())
    assert [type(each).__name__ for each in said] == [
        "InstrumentChanged",
        "BookStatusChanged",
        "RequestSnapshot",
    ]
    assert Play().tell(instrument())[1:] == ["SYNCING start -1", "request start"]
    assert {each.ts_event for each in said} == {instrument().ts_event}
    assert play.stream.book.sequencing == "contiguous"


def test_instrument_that_is_known_goes_on_as_it_was() -> None:
    play = live()
    assert play.tell(instrument()) == ["InstrumentChanged"]
    assert play.stream.book.status == "LIVE"


def test_instrument_says_how_its_deltas_follow_each_other() -> None:
    play = Play(instrument(sequencing="linked"))
    assert play.stream.book.sequencing == "linked"


@pytest.mark.parametrize(
    "event",
    [
        trade(7),
        trade(7, 9),
        trade(7, condition="INSURANCE_FUND"),
        quote(7),
        delta(5, 7),
        snapshot(7),
        mark(0),
        bar(0),
        clock(100),
        clock_offset(),
        dead_letter(),
        GAP,
        instrument(ETH),
    ],
    ids=lambda event: type(event).__name__,
)
def test_every_kind_of_message_is_passed_on_as_it_is(event: IngestionInput) -> None:
    assert begun().take(event)[0] is event


@pytest.mark.parametrize(
    "event",
    [trade(7), trade(7, 9), quote(7), delta(5, 7), snapshot(7), mark(0), bar(3)],
    ids=lambda event: type(event).__name__,
)
def test_message_that_comes_again_is_a_duplicate(event: IngestionInput) -> None:
    play = begun()
    play.tell(event)
    assert play.counts == (1, 0, 0)
    assert play.tell(event, event) == []
    assert play.counts == (1, 2, 0)


def test_marks_and_bars_that_differ_are_passed_on_in_any_order() -> None:
    play = begun()
    assert play.tell(bar(1), mark(2), bar(3), bar(2), mark(1)) == [
        "VenueBar",
        "MarkPrice",
        "VenueBar",
        "VenueBar",
        "MarkPrice",
    ]


def test_streams_know_nothing_of_each_other() -> None:
    play = Play(instrument(), instrument(ETH), clock(0), clock(0, ETH))
    assert play.tell(trade(7), trade(7, name=ETH), quote(5), quote(5, name=ETH)) == [
        "Trade",
        "Trade",
        "Quote",
        "Quote",
    ]
    assert play.tell(snapshot(100), delta(101, 102), delta(103, 104, name=ETH)) == [
        "BookSnapshot",
        "BookDelta",
        "LIVE synchronised 102",
        "BookDelta",
    ]


def test_older_quote_delta_or_snapshot_says_nothing_new() -> None:
    play = begun()
    play.tell(quote(9), delta(5, 9), snapshot(4))
    assert play.tell(quote(8), delta(3, 4), snapshot(3)) == []
    assert play.counts == (3, 3, 0)


def test_what_is_told_is_counted_where_it_is_a_venues_message() -> None:
    play = begun()
    play.tell(clock(100), clock_offset(), GAP, instrument(ETH))
    assert play.counts == (0, 0, 0)
    play.tell(dead_letter(), dead_letter(), trade(1), trade(1), quote(1))
    assert play.counts == (2, 1, 2)
    assert play.state.taken_count == 5


# Trades


def test_first_trade_may_have_any_number() -> None:
    assert begun().tell(trade(3_735_683_259)) == ["Trade"]
    assert begun().tell(trade(0)) == ["Trade"]


def test_trades_that_are_missing_are_said_with_their_numbers() -> None:
    play = begun()
    play.tell(trade(5))
    failed = failure(play.take(trade(9)))
    assert play.tell(trade(10)) == ["Trade"]
    assert (failed.check, failed.detail) == ("sequence", "trades:6-8")
    assert (failed.observed, failed.limit) == (3.0, 0.0)
    assert play.state.failed_counts == {"sequence": 1}


def test_trade_that_was_missing_is_passed_on_when_it_comes_late_and_once() -> None:
    play = begun()
    play.tell(trade(5), trade(9))
    assert play.tell(trade(7), trade(7), trade(6), trade(8), trade(8), trade(10)) == ["Trade"] * 4
    assert play.stream.numbers.missing == []
    assert play.counts == (6, 2, 0)


def test_several_matches_in_one_trade_take_all_their_numbers() -> None:
    play = begun()
    assert play.tell(trade(5, 9), trade(10)) == ["Trade", "Trade"]
    assert play.tell(trade(5), trade(9), trade(6, 8)) == []


def test_trade_of_several_matches_that_were_told_one_by_one_is_a_duplicate() -> None:
    play = begun()
    play.tell(trade(5), trade(6), trade(7))
    assert play.tell(trade(5, 7)) == []
    assert play.tell(trade(6, 8)) == []
    assert play.tell(trade(8)) == ["Trade"]


def test_trade_of_several_matches_fills_a_gap_only_where_all_of_them_are_missing() -> None:
    play = begun()
    play.tell(trade(5), trade(20))
    assert play.tell(trade(5, 7), trade(19, 20)) == []
    assert play.tell(trade(6, 8), trade(8, 9), trade(19)) == ["Trade", "Trade"]
    assert play.stream.numbers.missing == [(9, 18)]


def test_only_so_many_missing_trades_are_remembered_and_the_oldest_are_given_up() -> None:
    play = begun()
    play.tell(trade(1), trade(100))
    assert play.tell(trade(101 + MISSING_TRADES_MAX)) == [
        "Trade",
        f"sequence trades:101-{100 + MISSING_TRADES_MAX}",
    ]
    assert play.stream.numbers.missing == [(101, 100 + MISSING_TRADES_MAX)]
    assert play.tell(trade(50), trade(101)) == ["Trade"]
    play.tell(trade(10**12))
    assert play.stream.numbers.missing == [(10**12 - MISSING_TRADES_MAX, 10**12 - 1)]


def test_message_of_an_instrument_that_was_never_told_is_a_bug() -> None:
    with pytest.raises(KeyError, match=BTC):
        Play().tell(trade(1))
