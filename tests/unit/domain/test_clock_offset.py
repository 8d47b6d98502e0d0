from hypothesis import given
from hypothesis import strategies as st

from marea.domain import clock_offset
from marea.domain.clock_offset import (
    CONFIRMING_SAMPLES,
    DOUBT_NS,
    DROP_NS,
    WINDOW_NS,
    Offset,
    OffsetState,
)

MS = 1_000_000
T0 = 1_723_161_255_000_000_000
SAMPLES = st.lists(
    st.tuples(st.integers(-MS, 40_000 * MS), st.integers(-DOUBT_NS // 2, DOUBT_NS // 2)),
    max_size=60,
)
"""How long after the one before each came (a clock may be set back a little), and what it shows:
nothing that is doubted."""


def take(state: OffsetState, ts_local: int, difference_ns: int) -> Offset | None:
    """Take a sample, and tell the offset where it is due."""
    clock_offset.sample(state, ts_local, ts_local - difference_ns)
    offset = clock_offset.to_tell(state)
    if offset is not None:
        clock_offset.tell(state, offset)
    return offset


def told(*samples: tuple[int, int]) -> list[int]:
    """What is told of samples, each given as ms since the first and the difference in ms."""
    state = OffsetState()
    offsets = [take(state, T0 + at * MS, ms * MS) for at, ms in samples]
    return [offset.offset_ns // MS for offset in offsets if offset is not None]


def test_nothing_is_told_without_a_sample() -> None:
    assert clock_offset.to_tell(OffsetState()) is None


def test_offset_is_the_least_difference_and_its_uncertainty_how_far_the_mean_lies_above() -> None:
    state = OffsetState()
    for ms in (7, 3, 5, 9):
        clock_offset.sample(state, T0, T0 - ms * MS)
    assert clock_offset.to_tell(state) == Offset(3 * MS, 3 * MS, 4)


def test_clock_behind_the_venues_has_a_negative_offset() -> None:
    assert told((0, -1271), (1, -1268), (60_000, -1250)) == [-1271, -1271]


def test_first_offset_is_told_at_once_and_then_none_in_its_window() -> None:
    assert told((0, 5), (1, 5), (30_000, 900), (59_999, 6)) == [5]


def test_offset_is_told_in_each_window_also_where_it_did_not_change() -> None:
    assert told(*((second * 1000, 5) for second in range(300))) == [5, 5, 5, 5, 5]


def test_sample_that_is_much_lower_is_told_at_once_and_a_little_lower_one_with_the_next_window() -> (
    None
):
    state = OffsetState()
    assert take(state, T0, 5 * MS) == Offset(5 * MS, 0, 1)
    assert take(state, T0, 4 * MS + 1) is None
    assert take(state, T0, 4 * MS) == Offset(4 * MS, 333_333, 3)
    assert take(state, T0 + WINDOW_NS, 9 * MS) == Offset(4 * MS, 1_500_000, 4)


def test_delayed_messages_do_not_move_the_offset() -> None:
    burst = [(1000 + at, 3000 - at) for at in range(500)]
    assert told((0, 5), *burst, (60_000, 6)) == [5, 5]


def test_clock_that_falls_behind_is_followed_millisecond_by_millisecond() -> None:
    assert told(*((at, 20 - at // 100) for at in range(1000))) == list(range(20, 10, -1))


def test_clock_that_gains_is_followed_when_the_lowest_sample_is_two_windows_old() -> None:
    drifting = [
        (minute * 60_000 + second * 1000, minute) for minute in range(6) for second in (0, 30)
    ]
    assert told(*drifting) == [0, 0, 1, 2, 3, 4]


def test_clock_that_is_set_is_followed_down_at_once_where_the_step_is_small() -> None:
    assert told((0, 500), (1, 250)) == [500, 250]


def test_clock_that_is_set_is_followed_down_when_several_samples_show_it() -> None:
    few = [(at, -400) for at in range(1, CONFIRMING_SAMPLES)]
    assert told((0, 500), *few) == [500]
    assert told((0, 500), *few, (CONFIRMING_SAMPLES, -401)) == [500, -401]


def test_clock_that_is_set_is_followed_up_after_two_windows() -> None:
    assert told((0, 300), (1, 100), (60_000, 500), (90_000, 500), (120_000, 500)) == [
        300,
        100,
        100,
        500,
    ]


def test_stamps_from_the_future_do_not_move_the_offset_where_others_come_between() -> None:
    wrong = [(-3_600_000, 5)] * 3 + [(-300, 6)] * (CONFIRMING_SAMPLES - 1) + [(-86_000_000, 7)]
    samples = [ms for pair in wrong for ms in pair]
    assert told((0, 5), *enumerate(samples, 1), (60_000, -900_000), (60_001, 5)) == [5, 5]


def test_doubt_goes_on_into_the_next_window() -> None:
    state = OffsetState()
    assert take(state, T0, 5 * MS) == Offset(5 * MS, 0, 1)
    assert take(state, T0 + WINDOW_NS, -900 * MS) == Offset(5 * MS, 0, 1)
    for _ in range(CONFIRMING_SAMPLES - 2):
        assert take(state, T0 + WINDOW_NS, -900 * MS) is None
    assert take(state, T0 + WINDOW_NS, -900 * MS) == Offset(-900 * MS, 452_500_000, 2)


def test_sample_far_below_those_of_a_late_minute_is_no_doubt_where_the_minute_before_had_it() -> (
    None
):
    assert told((0, 5), (60_000, 2_000), (60_001, 6)) == [5, 5]
    state = OffsetState()
    for at, ms in ((0, 5), (60_000, 2_000), (60_001, 6)):
        clock_offset.sample(state, T0 + at * MS, T0 + (at - ms) * MS)
    assert state.running.least_ns == 6 * MS


def test_samples_from_before_a_pause_still_count_until_a_window_has_passed() -> None:
    assert told((0, 3), (3_600_000, 8), (3_660_000, 8)) == [3, 3, 8]


@given(samples=SAMPLES)
def test_offset_is_the_least_of_two_windows_and_never_far_above_what_came_since(
    samples: list[tuple[int, int]],
) -> None:
    state = OffsetState()
    windows: list[list[int]] = []
    ts_local, ts_window = T0, 0
    told_ns = told_in = 0
    for step_ns, difference_ns in samples:
        ts_local += step_ns
        if ts_local - ts_window >= WINDOW_NS:
            ts_window = ts_local
            windows.append([])
        windows[-1].append(difference_ns)
        seen = [*windows[-1], *(windows[-2] if len(windows) > 1 else [])]
        offset = take(state, ts_local, difference_ns)
        if offset is None:
            assert told_in == len(windows)
        else:
            told_ns, told_in = offset.offset_ns, len(windows)
            mean_ns = sum(seen) // len(seen)
            assert offset == Offset(min(seen), mean_ns - min(seen), len(seen))
        assert told_ns <= min(seen) + DROP_NS - 1


def test_first_sample_is_doubted_where_it_lies_far_below_those_that_follow() -> None:
    ahead = [-3_600_000 * MS, 5 * MS, 6 * MS, 7 * MS, 8 * MS]
    state = clock_offset.begun(ahead)
    assert [take(state, T0 + at, shown) for at, shown in enumerate(ahead[:2])] == [
        None,
        Offset(5 * MS, 0, 1),
    ]


def test_look_ahead_without_a_stamp_expects_nothing() -> None:
    assert take(clock_offset.begun([]), T0, 5 * MS) == Offset(5 * MS, 0, 1)
