"""Bars: closed by the stream's clock, in order, never changed, corrected by late trades."""

import pytest

from marea.domain.bars import CLOSED_BARS_KEPT
from marea.messages.envelope import Log
from marea.messages.features import Bar, BarCorrection
from marea.messages.ids import output_id
from services.features.core import FeaturesInput, FeaturesState, begin
from tests.unit.features.market import (
    INSTRUMENT,
    SHARD,
    bars_in,
    clock,
    clocks,
    config,
    corrections_in,
    gap,
    indicator,
    instrument,
    play,
    trade,
    ts,
)


def stream(*events: FeaturesInput) -> tuple[FeaturesState, list[FeaturesInput]]:
    """A fresh state, and a stream that began with a minute, without indicators."""
    return begin(config()), [instrument(), clock(0), *events]


def figures(bar: Bar | BarCorrection) -> tuple[int, int, int, int, int, int, int, int]:
    return (
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.trade_count,
        bar.first_trade_id,
        bar.last_trade_id,
    )


def test_bar_holds_the_trades_of_its_interval() -> None:
    state, events = stream(
        trade(1, 0, 500, 10),
        trade(2, 400, 530, 20),
        trade(3, 700, 480, 5),
        trade(4, 999, 510, 7),
        trade(5, 1000, 999, 9),
        clock(1250),
    )
    [bar] = bars_in(play(state, events))
    assert figures(bar) == (500, 530, 480, 510, 42, 4, 1, 4)
    assert (bar.instrument, bar.interval_s, bar.ts_open) == (INSTRUMENT, 1, ts(0))
    assert (bar.price_scale, bar.qty_scale, bar.status) == (2, 3, "complete")


def test_bar_closes_at_the_first_clock_250_ms_after_its_end_and_not_before() -> None:
    state, events = stream(trade(1, 100), clock(1249.999999), clock(1250))
    assert play(state, events[:-1]) == []
    [bar] = bars_in(play(state, events[-1:]))
    assert (bar.ts_open, bar.ts_event) == (ts(0), ts(1250))


def test_bar_of_a_minute_closes_after_the_bars_of_a_second_in_it() -> None:
    state, events = stream(trade(1, 100), trade(2, 59_900), clock(60_249), clock(60_250))
    before = play(state, events[:-1])
    assert [bar.interval_s for bar in bars_in(before)] == [1] * 59
    answers = play(state, events[-1:])
    assert [(type(each), each.interval_s, each.ts_open) for each in bars_in(answers)] == [
        (Bar, 1, ts(59_000))
    ]
    assert answers[-1] == bars_in(answers, 60)[0]
    assert figures(bars_in(answers, 60)[0]) == (*[6_000_000] * 4, 2000, 2, 1, 2)


def test_trade_closes_no_bar_however_late_its_own_time_is() -> None:
    state, events = stream(trade(1, 100), trade(2, 5000), trade(3, 50_000))
    assert play(state, events) == []


def test_bars_that_close_at_one_clock_come_oldest_first_and_without_a_hole() -> None:
    state, events = stream(trade(1, 100), trade(2, 3100), clock(5300))
    bars = bars_in(play(state, events))
    assert [bar.ts_open for bar in bars] == [ts(0), ts(1000), ts(2000), ts(3000), ts(4000)]


def test_bar_without_a_trade_is_flat_and_marked_empty() -> None:
    state, events = stream(trade(1, 100, 500), trade(2, 900, 510), clock(2250))
    _, empty = bars_in(play(state, events))
    assert figures(empty) == (510, 510, 510, 510, 0, 0, -1, -1)
    assert empty.status == "empty"


def test_no_bar_comes_before_the_first_trade() -> None:
    state, events = stream(*clocks(100, 9000), trade(1, 9100), *clocks(9200, 10_300))
    assert [bar.ts_open for bar in bars_in(play(state, events))] == [ts(9000)]


def test_bar_in_which_the_stream_began_is_partial() -> None:
    state = begin(config())
    events: list[FeaturesInput] = [
        instrument(),
        clock(400),
        trade(1, 500),
        trade(2, 1500),
        *clocks(500, 60_300),
    ]
    answers = play(state, events)
    assert [bar.status for bar in bars_in(answers)[:3]] == ["partial", "complete", "empty"]
    assert [bar.status for bar in bars_in(answers, 60)] == ["partial"]


def test_gap_in_the_trade_ids_makes_the_bars_between_partial() -> None:
    state, events = stream(
        trade(1, 100), trade(2, 1100), trade(5, 3100), trade(6, 4100), clock(5250)
    )
    answers = play(state, events)
    statuses = [bar.status for bar in bars_in(answers)]
    assert statuses == ["complete", "partial", "partial", "partial", "complete"]


def test_one_trade_that_is_missing_makes_its_bars_partial() -> None:
    state, events = stream(trade(1, 100), trade(2, 1100), trade(4, 1200), clock(2250))
    statuses = [bar.status for bar in bars_in(play(state, events))]
    assert statuses == ["complete", "partial"]


def test_trade_that_is_no_market_trade_changes_no_bar_and_fills_its_gap_in_the_ids() -> None:
    state, events = stream(
        trade(1, 100, 500),
        trade(2, 200, 900, condition="INSURANCE_FUND"),
        trade(3, 300, 510),
        clock(1250),
    )
    [bar] = bars_in(play(state, events))
    assert figures(bar) == (500, 510, 500, 510, 2000, 2, 1, 3)
    assert bar.status == "complete"


def test_late_trade_that_is_no_market_trade_corrects_nothing() -> None:
    state, events = stream(trade(1, 100), clock(1250), trade(2, 200, 7, condition="ADL"))
    assert corrections_in(play(state, events)) == []


def test_records_that_never_came_are_passed_on_and_make_the_running_bars_partial() -> None:
    state, events = stream(trade(1, 100), clock(600), gap(600), trade(2, 700), clock(1250))
    answers = play(state, events)
    assert answers[0] is events[-3]
    assert [bar.status for bar in bars_in(answers)] == ["partial"]


def test_records_may_be_missing_from_the_last_trade_on() -> None:
    state, events = stream(trade(1, 100), trade(2, 1100), clock(2100), gap(2150), clock(3250))
    statuses = [bar.status for bar in bars_in(play(state, events))]
    assert statuses == ["complete", "partial", "partial"]


def test_bar_that_closed_before_records_were_missed_stays_complete() -> None:
    state, events = stream(trade(1, 100), clock(1250), gap(1300), trade(2, 1400), clock(3300))
    assert [bar.status for bar in bars_in(play(state, events))] == [
        "complete",
        "partial",
        "empty",
    ]


def test_records_may_be_missing_up_to_the_time_at_which_they_are_called_missing() -> None:
    # The last clock that came was before the second bar; the clocks in it are missing too.
    state, events = stream(trade(1, 100), clock(900), gap(2900), clock(3250))
    statuses = [bar.status for bar in bars_in(play(state, events))]
    assert statuses == ["partial", "partial", "partial"]


def test_records_may_be_missing_up_to_the_latest_clock_though_one_went_back() -> None:
    state, events = stream(trade(1, 100), clock(2100), clock(400), gap(300), clock(3250))
    statuses = [bar.status for bar in bars_in(play(state, events))]
    assert statuses == ["complete", "partial", "partial"]


def test_late_trade_corrects_its_closed_bar_by_id() -> None:
    state, events = stream(trade(1, 100, 500, 10), trade(2, 900, 520, 20), clock(1250))
    late = trade(3, 950, 530, 5)
    [bar] = bars_in(play(state, events))
    [correction] = corrections_in(play(state, [late]))
    assert figures(correction) == (500, 530, 500, 530, 35, 3, 1, 3)
    assert (correction.interval_s, correction.ts_open) == (1, ts(0))
    assert (correction.bar_id, correction.status) == (bar.id, "complete")
    assert correction.parents == (late.id, bar.id)


def test_late_trade_corrects_the_empty_bars_that_repeat_its_price() -> None:
    state, events = stream(trade(1, 100, 500), clock(3250), trade(2, 200, 490))
    answers = play(state, events)
    bars, corrections = bars_in(answers), corrections_in(answers)
    assert [each.bar_id for each in corrections] == [bar.id for bar in bars]
    assert [each.close for each in corrections] == [490, 490, 490]
    assert [each.status for each in corrections] == ["complete", "empty", "empty"]


def test_second_late_trade_corrects_the_corrected_figures() -> None:
    state, events = stream(
        trade(1, 100, 500, 1), clock(1250), trade(2, 200, 510, 2), trade(3, 300, 505, 4)
    )
    first, second = corrections_in(play(state, events))
    assert figures(first) == (500, 510, 500, 510, 3, 2, 1, 2)
    assert figures(second) == (500, 510, 500, 505, 7, 3, 1, 3)
    assert first.bar_id == second.bar_id
    assert first.id != second.id


def test_late_trade_corrects_every_bar_that_still_is_kept_at_its_own_interval() -> None:
    # The bar of a second is forgotten by then; that of its minute is not.
    last_ms = CLOSED_BARS_KEPT * 60_000
    events: list[FeaturesInput] = [trade(1, 100), trade(2, 1100)]
    events += [clock(ms) for ms in range(1000, last_ms, 30_000)]
    state, events = stream(*events)
    answers = play(state, events)
    [correction] = corrections_in(play(state, [trade(3, 1200)]))
    assert correction.bar_id == bars_in(answers, 60)[0].id
    assert (correction.interval_s, correction.trade_count) == (60, 3)


def test_trade_whose_bar_is_not_kept_any_more_corrects_nothing_and_is_counted() -> None:
    state, events = stream(trade(1, 100), *clocks(1000, 70_000))
    play(state, events)
    [correction] = corrections_in(play(state, [trade(2, 200)]))
    assert correction.interval_s == 60
    assert [each.bars.too_old_count for each in state.series.values()] == [1, 0]


def test_closed_bar_is_never_said_again() -> None:
    state, events = stream(trade(1, 100), clock(1250), trade(2, 200, 7), *clocks(1300, 5000))
    bars = bars_in(play(state, events))
    assert [bar.ts_open for bar in bars] == [ts(ms) for ms in (0, 1000, 2000, 3000)]


def test_clock_that_goes_back_closes_nothing() -> None:
    state, events = stream(trade(1, 100), clock(1250), clock(1100), clock(2249))
    assert [bar.ts_open for bar in bars_in(play(state, events))] == [ts(0)]


def test_bar_follows_from_its_clock_and_the_last_of_its_own_trades() -> None:
    inside, after = trade(1, 900), trade(2, 1100)
    closing, later = clock(1250), clock(3250)
    state, events = stream(inside, after, closing, later)
    answers = play(state, events)
    parents = [bar.parents for bar in bars_in(answers)]
    assert parents == [(closing.id, inside.id), (later.id, after.id), (later.id,)]


def test_bar_of_a_minute_follows_from_the_last_trade_of_the_minute() -> None:
    inside = trade(2, 59_900)
    state, events = stream(trade(1, 100), inside, trade(3, 60_100), clock(60_300))
    [bar] = bars_in(play(state, events), 60)
    assert bar.parents == (clock(60_300).id, inside.id)


def test_bars_of_the_vectors_interval_alone_feed_the_indicators() -> None:
    state = begin(config(indicator("sma", period=2), vector_interval_s=60))
    play(state, [instrument(), clock(0), trade(1, 100), *clocks(200, 61_000)])
    assert (state.bar_count, state.not_warm_count) == (61, 1)
    assert state.kernels[0][0] == 1.0


def test_nothing_is_said_of_an_instrument_before_its_scales_are_known() -> None:
    state = begin(config())
    untold = play(state, [clock(0), trade(1, 100), clock(1250), trade(2, 200), clock(1500)])
    assert untold == []
    told = play(state, [instrument(), clock(1600), trade(3, 1700), trade(4, 300), clock(2300)])
    assert [type(each) for each in told] == [Bar]
    assert [bar.ts_open for bar in bars_in(told)] == [ts(1000)]


def test_instrument_told_again_with_equal_scales_changes_nothing() -> None:
    state, events = stream(trade(1, 100), instrument(), trade(2, 200), clock(1250))
    [bar] = bars_in(play(state, events))
    assert (bar.trade_count, bar.status) == (2, "complete")


@pytest.mark.parametrize(("price_scale", "qty_scale"), [(3, 3), (2, 5)])
def test_scales_that_change_stop_the_core(price_scale: int, qty_scale: int) -> None:
    state, events = stream(trade(1, 100))
    play(state, events)
    with pytest.raises(
        ValueError,
        match=rf"^BTC-USDT\.SIM changed its scales from 2, 3 to {price_scale}, {qty_scale}: "
        "start a new shard for it$",
    ):
        play(state, [instrument(price_scale, qty_scale)])


def test_ids_of_bars_at_one_clock_differ_by_interval_and_begin() -> None:
    state, events = stream(trade(1, 100), clock(62_000))
    answers = play(state, events)
    ids = [each.id for each in answers]
    assert len(set(ids)) == len(ids) == 62
    bar = bars_in(answers)[0]
    assert ids[0] == output_id("features", Log("features", SHARD), bar, clock(62_000).id)
