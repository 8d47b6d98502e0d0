"""When a bar closes, what is in it, and what a late trade changes."""

from copy import deepcopy
from typing import NamedTuple

import msgspec
import pytest

from marea.domain.bars import (
    CLOSE_DELAY_NS,
    CLOSED_BARS_KEPT,
    CLOSES_PER_CLOCK_MAX,
    SECOND_NS,
    TRADE_AHEAD_NS_MAX,
    BarFigures,
    BarState,
    advance,
    closing,
    corrections,
    miss,
    placement,
    take,
)
from marea.domain.money import AMOUNT_MAX

NOON_NS = 1_723_204_800 * SECOND_NS
MILLISECOND_NS = 1_000_000


class Trade(NamedTuple):
    ts_event: int
    price: int
    qty: int
    first_trade_id: int
    last_trade_id: int


def at(ms: int) -> int:
    """Milliseconds after noon, in ns UTC."""
    return NOON_NS + ms * MILLISECOND_NS


def trade(ms: int, price: int = 100, qty: int = 1, number: int | None = None) -> Trade:
    number = ms if number is None else number
    return Trade(at(ms), price, qty, number, number)


def started(*trades: Trade, interval_s: int = 1) -> BarState:
    """A stream that covers noon, with these trades taken."""
    state = BarState(interval_s * SECOND_NS)
    advance(state, at(0))
    for each in trades:
        take(state, each)
    return state


def close(state: BarState, ms: int) -> list[BarFigures]:
    """What closes at this clock; and the clock taken."""
    bars = closing(state, at(ms))
    advance(state, at(ms))
    return bars


def prices(bar: BarFigures) -> tuple[int, int, int, int]:
    return bar.open, bar.high, bar.low, bar.close


# Closing


def test_bar_holds_the_first_highest_lowest_and_last_price_and_all_volume() -> None:
    state = started(trade(10, 100, 5), trade(20, 103, 1), trade(30, 98, 2), trade(999, 101, 4))
    (bar,) = close(state, 1250)
    assert (bar.ts_open, *prices(bar), bar.volume) == (NOON_NS, 100, 103, 98, 101, 12)
    assert (bar.trade_count, bar.first_trade_id, bar.last_trade_id) == (4, 10, 999)
    assert (bar.ts_first, bar.ts_last, bar.status) == (at(10), at(999), "complete")


def test_bar_closes_at_the_first_clock_at_or_after_its_end_plus_250_ms() -> None:
    state = started(trade(10))
    due = NOON_NS + SECOND_NS + CLOSE_DELAY_NS
    assert closing(state, due - 1) == []
    advance(state, due - 1)
    assert [bar.ts_open for bar in closing(state, due)] == [NOON_NS]
    advance(state, due)
    assert closing(state, due) == []


def test_reading_changes_nothing() -> None:
    state = started(trade(10), trade(1100))
    advance(state, at(1250))
    before = deepcopy(state)
    closing(state, at(9000))
    corrections(state, trade(500))
    placement(state, trade(500))
    assert state == before


def test_trade_of_the_next_interval_before_the_close_goes_to_the_next_bar() -> None:
    state = started(trade(900, 100, 1), trade(1100, 200, 7), trade(950, 101, 2))
    (bar,) = close(state, 1250)
    assert (prices(bar), bar.volume) == ((100, 101, 100, 101), 3)
    (bar,) = close(state, 2250)
    assert (prices(bar), bar.volume) == ((200, 200, 200, 200), 7)


def test_first_and_last_price_are_by_time_then_id_whatever_the_order_of_arrival() -> None:
    state = started(
        trade(500, 10, number=5),
        trade(500, 12, number=7),
        trade(500, 11, number=6),
        trade(400, 9, number=4),
        trade(400, 8, number=3),
    )
    (bar,) = close(state, 1250)
    assert (bar.open, bar.close, bar.first_trade_id, bar.last_trade_id) == (8, 12, 3, 7)


def test_bar_without_a_trade_is_flat_and_marked_empty() -> None:
    state = started(trade(10, 100, 5), trade(20, 107, 1))
    (_, bar) = close(state, 2250)
    assert (prices(bar), bar.volume, bar.trade_count) == ((107, 107, 107, 107), 0, 0)
    assert (bar.first_trade_id, bar.last_trade_id, bar.status) == (-1, -1, "empty")


def test_there_is_no_bar_before_the_first_trade() -> None:
    state = started()
    assert close(state, 60_000) == []
    take(state, trade(61_500))
    assert [bar.ts_open for bar in close(state, 63_000)] == [at(61_000)]


@pytest.mark.parametrize("interval_s", [1, 7, 60, 3600, 86_400])
def test_bars_are_aligned_to_the_epoch(interval_s: int) -> None:
    state = started(trade(10), interval_s=interval_s)
    bars = closing(state, NOON_NS + 3 * interval_s * SECOND_NS + CLOSE_DELAY_NS)
    begin = NOON_NS - NOON_NS % (interval_s * SECOND_NS)
    assert [bar.ts_open for bar in bars[:2]] == [begin, begin + interval_s * SECOND_NS]


@pytest.mark.parametrize("interval_ns", [0, -SECOND_NS, 1, SECOND_NS // 2, SECOND_NS + 1])
def test_interval_that_is_no_whole_number_of_seconds_is_refused(interval_ns: int) -> None:
    with pytest.raises(ValueError, match=f"interval_ns is {interval_ns}: expected whole seconds"):
        BarState(interval_ns)


def test_clock_never_goes_back() -> None:
    state = started(trade(10))
    advance(state, at(5000))
    before = deepcopy(state)
    assert closing(state, at(4000)) == []
    advance(state, at(4000))
    assert state == before
    close(state, 10**9)
    assert len(closing(state, at(10**9))) == CLOSES_PER_CLOCK_MAX
    assert closing(state, at(10**9 - 1)) == []


# Silence


def test_hour_of_silence_closes_in_order_a_bounded_number_at_each_clock() -> None:
    state = started(trade(10))
    hour_ms = 3600 * 1000
    clocks = [close(state, hour_ms + 250) for _ in range(7)]
    assert [len(bars) for bars in clocks] == [CLOSES_PER_CLOCK_MAX] * 6 + [0]
    bars = [bar for at_clock in clocks for bar in at_clock]
    assert [bar.ts_open for bar in bars] == [at(s * 1000) for s in range(3600)]
    assert [bar.status for bar in bars] == ["complete"] + ["empty"] * 3599
    assert len(state.closed) == CLOSED_BARS_KEPT


def test_trade_that_comes_while_silence_is_caught_up_with_is_in_its_bar() -> None:
    state = started(trade(10))
    hour_ms = 3600 * 1000
    bars = close(state, hour_ms)
    take(state, trade(hour_ms - 500, 105))  # its bar is due, but not closed yet
    take(state, trade(hour_ms + 100, 106))
    for ms in range(hour_ms + 1250, hour_ms + 9250, 1000):
        bars += close(state, ms)
    traded = {bar.ts_open: bar.close for bar in bars if bar.trade_count}
    assert traded == {at(0): 100, at(hour_ms - 1000): 105, at(hour_ms): 106}
    assert [bar.ts_open for bar in bars] == [at(s * 1000) for s in range(3608)]


def test_silence_before_the_first_trade_costs_nothing() -> None:
    state = started()
    assert close(state, 10**9) == []
    assert state.ts_next == at(10**9 - 1000)


# Partial


@pytest.mark.parametrize(
    ("began_ms", "status"), [(-1, "complete"), (0, "complete"), (1, "partial")]
)
def test_first_bar_is_partial_unless_the_stream_began_at_or_before_it(
    began_ms: int, status: str
) -> None:
    by_clock = BarState(SECOND_NS)
    advance(by_clock, at(began_ms))
    take(by_clock, trade(100))
    assert [bar.status for bar in close(by_clock, 2250)] == [status, "empty"]


@pytest.mark.parametrize(("began_ms", "status"), [(0, "complete"), (1, "partial")])
def test_first_trade_begins_a_stream_that_had_no_clock(began_ms: int, status: str) -> None:
    by_trade = BarState(SECOND_NS)
    take(by_trade, trade(began_ms))
    assert [bar.status for bar in close(by_trade, 2250)] == [status, "empty"]


@pytest.mark.parametrize(
    ("ms_from", "ms_to", "statuses"),
    [
        (1000, 1999, ["complete", "partial", "empty", "complete"]),
        (999, 1000, ["partial", "partial", "empty", "complete"]),
        (1500, 2000, ["complete", "partial", "partial", "complete"]),
        (2100, 2100, ["complete", "complete", "partial", "complete"]),
        (0, 9000, ["partial", "partial", "partial", "partial"]),
    ],
)
def test_bar_that_misses_trades_is_partial(ms_from: int, ms_to: int, statuses: list[str]) -> None:
    state = started(trade(10), trade(1010), trade(3010))
    miss(state, at(ms_from), at(ms_to))
    assert [bar.status for bar in close(state, 4250)] == statuses


def test_missed_trades_leave_the_bars_after_them_and_the_closed_ones_alone() -> None:
    state = started(trade(10))
    closed = close(state, 1250)
    miss(state, at(500), at(1300))
    assert [bar.status for bar in closed] == ["complete"]
    assert [bar.status for bar in close(state, 3250)] == ["partial", "empty"]


@pytest.mark.parametrize("spans_ms", [((400, 500), (2100, 2200)), ((2100, 2200), (400, 500))])
def test_two_missed_spans_cover_what_is_between_them(
    spans_ms: tuple[tuple[int, int], ...],
) -> None:
    state = started(trade(10))
    for ms_from, ms_to in spans_ms:
        miss(state, at(ms_from), at(ms_to))
    bars = close(state, 4250)
    assert [bar.status for bar in bars] == ["partial", "partial", "partial", "empty"]


def test_missed_span_is_forgotten_when_its_last_bar_has_closed() -> None:
    state = started(trade(10))
    miss(state, at(500), at(1000))
    assert [bar.status for bar in close(state, 1250)] == ["partial"]
    assert [bar.status for bar in close(state, 2250)] == ["partial"]
    miss(state, at(3100), at(3200))
    assert [bar.status for bar in close(state, 5250)] == ["empty", "partial", "empty"]


def test_missed_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ts_to is 4: expected at least ts_from, 5"):
        miss(started(), 5, 4)


# Late trades


def test_late_trade_corrects_and_never_changes_the_closed_bar() -> None:
    state = started(trade(10, 100, 5), trade(20, 101, 1))
    (bar,) = close(state, 1250)
    published = deepcopy(bar)
    late = trade(999, 99, 2)
    assert placement(state, late) == "late"
    (corrected,) = corrections(state, late)
    assert (prices(corrected), corrected.volume) == ((100, 101, 99, 99), 8)
    take(state, late)
    assert (bar, state.late_count) == (published, 1)


def test_second_late_trade_corrects_what_the_first_made_of_the_bar() -> None:
    state = started(trade(10, 100, 5))
    close(state, 1250)
    take(state, trade(500, 110, 1))
    (corrected,) = corrections(state, trade(5, 90, 1))
    assert (prices(corrected), corrected.trade_count) == ((90, 110, 90, 110), 3)


def test_late_trade_corrects_the_flat_bars_that_rest_on_it_and_no_others() -> None:
    state = started(trade(10, 100), trade(3010, 50))
    close(state, 5250)
    changed = corrections(state, trade(999, 101))
    assert [(bar.ts_open, bar.close, bar.volume) for bar in changed] == [
        (at(0), 101, 2),
        (at(1000), 101, 0),
        (at(2000), 101, 0),
    ]
    assert len(corrections(state, trade(5, 101))) == 1  # its close stays


def test_late_trade_fills_an_empty_bar() -> None:
    state = started(trade(10, 100))
    assert [bar.status for bar in close(state, 2250)] == ["complete", "empty"]
    (corrected,) = corrections(state, trade(1500, 107, 3))
    assert (prices(corrected), corrected.volume) == ((107, 107, 107, 107), 3)
    assert (corrected.status, corrected.first_trade_id) == ("complete", 1500)


def test_late_trade_leaves_a_partial_bar_partial() -> None:
    state = started(trade(10), trade(2010))
    miss(state, at(500), at(1500))
    close(state, 3250)
    for ms in (600, 1400):
        assert {bar.status for bar in corrections(state, trade(ms, 105))} == {"partial"}


def test_flat_bar_that_closes_after_a_correction_rests_on_it() -> None:
    state = started(trade(10, 100))
    close(state, 1250)
    take(state, trade(999, 105))
    (bar,) = close(state, 2250)
    assert (prices(bar), bar.status) == ((105, 105, 105, 105), "empty")


def test_trade_of_a_bar_no_longer_kept_is_counted_and_corrects_nothing() -> None:
    state = started(trade(10))
    close(state, 1000 * (CLOSED_BARS_KEPT + 1) + 250)
    assert placement(state, trade(999)) == "too_old"
    assert placement(state, trade(1000)) == "late"
    assert corrections(state, trade(999)) == []
    take(state, trade(999))
    assert (state.too_old_count, state.late_count) == (1, 0)


def test_trade_of_a_bar_that_the_first_clock_finds_open_is_taken() -> None:
    state = BarState(SECOND_NS)
    advance(state, at(100))
    take(state, trade(-50))
    assert [(bar.ts_open, bar.status) for bar in close(state, 250)] == [(at(-1000), "partial")]


def test_trade_from_before_the_first_bar_is_counted_as_too_old() -> None:
    state = started(trade(5010))
    take(state, trade(-2000))
    assert (state.too_old_count, list(state.running)) == (1, [at(5000)])


# Trades that can't be right


@pytest.mark.parametrize("interval_s", [1, 3600])
def test_trade_far_ahead_of_the_clock_is_counted_and_not_taken(interval_s: int) -> None:
    state = started(trade(10), interval_s=interval_s)
    ahead_ms = TRADE_AHEAD_NS_MAX // MILLISECOND_NS
    before = deepcopy(state.running)
    assert placement(state, trade(ahead_ms + 1)) == "too_early"
    take(state, trade(ahead_ms + 1))
    assert (state.running, state.too_early_count) == (before, 1)


def test_trade_as_far_ahead_of_the_clock_as_may_be_is_taken() -> None:
    state = started(trade(10), interval_s=3600)
    foremost = trade(TRADE_AHEAD_NS_MAX // MILLISECOND_NS)
    assert placement(state, foremost) == "running"
    take(state, foremost)
    assert [bar.trade_count for bar in state.running.values()] == [2]


def test_trade_that_a_volume_cannot_hold_is_counted_and_its_bar_partial() -> None:
    state = started(trade(10, qty=AMOUNT_MAX))
    assert placement(state, trade(20)) == "too_large"
    take(state, trade(20))
    assert state.too_large_count == 1
    (bar,) = close(state, 1250)
    assert (bar.volume, bar.trade_count, bar.status) == (AMOUNT_MAX, 1, "partial")
    take(state, trade(30))
    assert (state.too_large_count, state.late_count) == (2, 0)


# State


def test_state_is_plain_data_that_goes_on_after_a_snapshot() -> None:
    state = started(trade(10, 100), trade(900, 101), trade(1100, 102))
    advance(state, at(1250))
    miss(state, at(1200), at(1300))
    for encode, decode in (
        (msgspec.json.encode, msgspec.json.decode),
        (msgspec.msgpack.encode, msgspec.msgpack.decode),
    ):
        copy = decode(encode(state), type=BarState)
        assert copy == state
        for each in (copy, untouched := deepcopy(state)):
            take(each, trade(950, 99))
            take(each, trade(1150, 98))
        assert close(copy, 4250) == close(untouched, 4250)
        assert copy == untouched
