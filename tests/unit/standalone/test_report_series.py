"""What fits one picture: no extreme is lost, and no run is too long."""

from hypothesis import given
from hypothesis import strategies as st

from services.standalone.report.series import POINTS_MAX, THINNED_MAX, Series, Thinned

STEPS_NS = st.lists(st.integers(0, 10**11), min_size=1, max_size=200)


@given(STEPS_NS, st.data())
def test_series_of_any_times_keeps_its_extremes_its_last_and_its_order(
    steps: list[int], data: st.DataObject
) -> None:
    size = len(steps)
    readings = data.draw(st.lists(st.floats(-1e9, 1e9), min_size=size, max_size=size))
    series, ts = Series(), 0
    for step, reading in zip(steps, readings, strict=True):
        ts += step
        series.add(ts, reading)
    stamps = [each.ts for each in series.buckets]
    assert stamps == sorted(set(stamps))
    assert stamps[-1] == ts
    assert series.buckets[-1].last == readings[-1]
    assert min(each.low for each in series.buckets) == min(readings)
    assert max(each.high for each in series.buckets) == max(readings)


def test_long_series_widens_its_buckets_and_loses_no_spike() -> None:
    series = Series()
    for second in range(20 * POINTS_MAX):
        series.add(second * 10**9, 1_000.0 if second == 12_345 else second % 7)
    assert POINTS_MAX // 2 <= len(series.buckets) <= POINTS_MAX
    assert max(each.high for each in series.buckets) == 1_000.0


def test_reading_that_is_stamped_before_the_last_does_not_go_back() -> None:
    series = Series()
    for second, reading in ((10, 1.0), (9, 3.0), (11, 2.0)):
        series.add(second * 10**9, reading)
    assert [(each.ts, each.high) for each in series.buckets] == [(10**10, 3.0), (11 * 10**9, 2.0)]


def test_many_marks_are_thinned_evenly_and_counted_all() -> None:
    marks: Thinned[int] = Thinned()
    for mark in range(10 * THINNED_MAX):
        marks.add(mark)
    assert marks.count == 10 * THINNED_MAX
    assert THINNED_MAX // 2 <= len(marks.kept) <= THINNED_MAX
    assert marks.kept == list(range(0, marks.count, marks.stride))
