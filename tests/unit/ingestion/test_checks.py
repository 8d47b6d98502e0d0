"""What is not plausible is passed on, and said: once, and again after it was well."""

import pytest

from services.ingestion.core import IngestionInput
from tests.unit.ingestion.playing import (
    ETH,
    MS,
    T0,
    Play,
    bar,
    begun,
    clock,
    delta,
    failure,
    instrument,
    live,
    mark,
    quote,
    snapshot,
    trade,
)

# Jumps: more than 5 % between two trades


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (10_500, []),
        (9_500, []),
        (10_501, ["jump from:10000,to:10501"]),
        (9_499, ["jump from:10000,to:9499"]),
    ],
)
def test_price_that_jumps_is_said(price: int, expected: list[str]) -> None:
    play = begun()
    play.tell(trade(1, price=10_000))
    assert play.tell(trade(2, price=price)) == ["Trade", *expected]


def test_jump_is_measured_in_percent_of_the_first_price() -> None:
    play = begun()
    play.tell(trade(1, price=200))
    failed = failure(play.take(trade(2, price=100)))
    assert (failed.observed, failed.limit) == (50.0, 5.0)
    failed = failure(play.take(trade(3, price=200)))
    assert failed.observed == 100.0


def test_price_that_stays_where_it_jumped_to_is_said_once() -> None:
    play = begun()
    said = play.tell(*(trade(number, price=100 if number < 5 else 200) for number in range(9)))
    assert [each for each in said if each != "Trade"] == ["jump from:100,to:200"]


def test_trade_off_the_market_is_no_jump_and_no_price_to_jump_from() -> None:
    play = begun()
    assert (
        play.tell(
            trade(1, price=100),
            trade(2, price=900, condition="INSURANCE_FUND"),
            trade(3, price=0, condition="NA"),
            trade(4, price=101),
        )
        == ["Trade"] * 4
    )


def test_duplicate_does_not_become_the_price_to_jump_from() -> None:
    play = begun()
    play.tell(trade(1, price=100), trade(2, price=104), trade(1, price=100))
    assert play.tell(trade(3, price=108)) == ["Trade"]


def test_late_trade_is_no_jump_and_no_price_to_jump_from() -> None:
    play = begun()
    play.tell(trade(1, price=100), trade(3, price=105))
    assert play.tell(trade(2, price=99), trade(4, price=110)) == ["Trade", "Trade"]


def test_jump_over_a_gap_is_said_with_the_gap() -> None:
    play = begun()
    play.tell(trade(1, price=100))
    assert play.tell(trade(3, price=200)) == [
        "Trade",
        "sequence trades:2-2",
        "jump from:100,to:200",
    ]


# Stale: no message for more than 30 s


@pytest.mark.parametrize(
    "event",
    [trade(5), quote(5), delta(5, 6), snapshot(5), mark(0), bar(0)],
    ids=lambda event: type(event).__name__,
)
def test_instrument_of_which_nothing_comes_is_stale(event: IngestionInput) -> None:
    play = live()
    play.tell(event)
    assert play.tell(clock(30_000)) == ["Clock"]
    failed = failure(play.take(clock(30_100)))
    assert (failed.check, failed.detail) == ("stale", "no_message")
    assert (failed.observed, failed.limit) == (30.1, 30.0)


def test_stale_is_said_once_and_again_after_a_message() -> None:
    play = live()
    said = play.tell(*(clock(at_ms) for at_ms in range(10_000, 90_000, 10_000)))
    assert said.count("stale no_message") == 1
    play.tell(quote(900))
    said = play.tell(*(clock(at_ms) for at_ms in range(80_000, 190_000, 10_000)))
    assert said.count("stale no_message") == 1
    assert play.state.failed_counts == {"stale": 2}


@pytest.mark.parametrize(
    "event",
    [trade(5), quote(5), delta(5, 6), snapshot(5), mark(0), bar(0)],
    ids=lambda event: type(event).__name__,
)
def test_what_says_nothing_new_is_no_sign_of_life(event: IngestionInput) -> None:
    """A venue whose numbers begin anew says duplicates only, for as long as it lives."""
    play = live()
    play.tell(event, clock(20_000), event)
    assert "stale no_message" in play.tell(clock(30_100))
    play.tell(event)
    assert play.stream.failing == ["stale"]


def test_instrument_of_which_nothing_came_yet_is_not_stale() -> None:
    assert "stale no_message" not in begun().tell(clock(3_600_000))


def test_other_instruments_do_not_keep_one_from_being_stale() -> None:
    play = live()
    play.tell(instrument(ETH), clock(0, ETH))
    for at_ms in range(0, 40_000, 1_000):
        play.tell(clock(at_ms, ETH), quote(at_ms + 1, name=ETH))
    assert "stale no_message" in play.tell(clock(40_000))
    assert "stale no_message" not in play.tell(clock(40_000, ETH))


# Skew: a stamp more than 250 ms from its stream's clock, which may be 100 ms old


@pytest.mark.parametrize(
    ("at_ms", "skew_ms"),
    [(350, 0), (350.001, 250.001), (-250, 0), (-250.001, 250.001), (86_400_000, 86_399_900)],
)
@pytest.mark.parametrize("kind", ["trade", "delta", "mark", "bar"])
def test_stamp_that_lies_far_from_the_clock_is_said(
    kind: str, at_ms: float, skew_ms: float
) -> None:
    events: dict[str, IngestionInput] = {
        "trade": trade(5, at_ms=at_ms),
        "delta": delta(5, 6, at_ms=at_ms),
        "mark": mark(at_ms),
        "bar": bar(at_ms),
    }
    said = begun().take(events[kind])
    assert said[0] is events[kind]
    if not skew_ms:
        assert len(said) == 1
        return
    failed = failure(said)
    assert (failed.check, failed.observed, failed.limit) == ("skew", skew_ms, 250.0)
    assert failed.detail == f"stamp:{T0 + round(at_ms * MS)},clock:{T0}"


@pytest.mark.parametrize(
    "well",
    [trade(4, at_ms=-250), delta(3, 4, at_ms=350), mark(-249), bar(0)],
    ids=lambda event: type(event).__name__,
)
def test_skew_is_said_once_and_again_after_a_stamp_near_the_clock(well: IngestionInput) -> None:
    play = begun()
    late = [trade(number, at_ms=-300) for number in range(1, 4)]
    assert len(play.tell(*late, mark(-301), bar(-302))) == 6
    play.tell(well)
    assert len(play.tell(delta(5, 6, at_ms=-300), trade(5, at_ms=-300))) >= 3
    assert play.state.failed_counts["skew"] == 2


def test_message_without_a_stamp_of_its_own_has_no_skew() -> None:
    play = begun()
    play.tell(clock(900_000))
    assert play.tell(quote(1), snapshot(1)) == ["Quote", "BookSnapshot"]


def test_nothing_is_skewed_before_the_first_clock() -> None:
    assert Play(instrument()).tell(trade(1, at_ms=900)) == ["Trade"]


def test_duplicate_is_not_judged() -> None:
    play = begun()
    play.tell(trade(1), delta(5, 6))
    assert play.tell(trade(1, at_ms=-900), delta(5, 6, at_ms=-900)) == []


def test_clock_that_was_told_late_is_the_clock_that_counts() -> None:
    play = begun()
    play.tell(clock(5_000), clock(4_000))
    assert play.stream.clock == T0 + 5_000 * MS
    assert play.tell(trade(1, at_ms=5_000)) == ["Trade"]


# Crossed quotes


@pytest.mark.parametrize(("bid", "over"), [(101, 0.0), (104, 3.0)])
def test_quote_whose_bid_is_not_below_its_ask_is_said(bid: int, over: float) -> None:
    play = begun()
    said = play.take(quote(7, bid=(bid, 1), ask=(101, 1)))
    assert said[0] == quote(7, bid=(bid, 1), ask=(101, 1))
    failed = failure(said)
    assert (failed.check, failed.observed, failed.limit) == ("crossed", over, 0.0)
    assert failed.detail == "quote:7"


def test_crossed_quotes_are_said_once_and_again_after_one_that_is_not() -> None:
    play = begun()
    assert len(play.tell(*(quote(number, bid=(200, 1)) for number in range(1, 9)))) == 9
    assert play.tell(quote(9)) == ["Quote"]
    assert play.tell(quote(10, bid=(200, 1))) == ["Quote", "crossed quote:10"]


def test_disagreement_that_a_crossed_quote_keeps_back_is_said_after_it() -> None:
    play = live()
    play.tell(delta(111, 112), quote(112, bid=(98, 1)))
    assert play.tell(quote(113, bid=(200, 1))) == ["Quote", "crossed quote:113"]
    assert len(play.tell(quote(114))) == 2


def test_checks_of_one_instrument_fail_side_by_side() -> None:
    play = live()
    said = play.tell(trade(1, at_ms=-400), quote(1, bid=(200, 1)), clock(40_000), clock(50_000))
    assert said == [
        "Trade",
        f"skew stamp:{T0 - 400 * MS},clock:{T0}",
        "Quote",
        "crossed quote:1",
        "Clock",
        "stale no_message",
        "Clock",
    ]
    assert play.stream.failing == ["skew", "crossed", "stale"]
    play.tell(trade(2, at_ms=50_000), quote(2))
    assert play.stream.failing == []
    assert play.state.failed_counts == {"skew": 1, "crossed": 1, "stale": 1}
