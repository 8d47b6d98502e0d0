"""What holds of the core for any market, with every kernel that there is."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.domain.bars import CLOSE_DELAY_NS, SECOND_NS
from marea.messages import codec
from marea.messages.envelope import Message
from marea.messages.features import Bar
from services.features.core import FeaturesInput, FeaturesState, begin, decide
from tests.unit.features.drawn import REAL_CONFIG, markets
from tests.unit.features.market import bars_in, corrections_in, play, vectors_in


def written(answers: Sequence[Message]) -> list[tuple[str, bytes]]:
    return [(type(each).__name__, codec.encode(each)) for each in answers]


@settings(max_examples=60, deadline=None)
@given(markets())
def test_decide_changes_nothing(events: list[FeaturesInput]) -> None:
    state = begin(REAL_CONFIG)
    for event in events:
        before = msgspec.msgpack.encode(state)
        first, second = decide(state, event), decide(state, event)
        assert msgspec.msgpack.encode(state) == before
        assert written(first) == written(second)
        play(state, [event])


@settings(max_examples=60, deadline=None)
@given(markets(), st.integers(1, 7))
def test_state_can_be_saved_and_restored_at_any_point(
    events: list[FeaturesInput], period: int
) -> None:
    straight, restored = begin(REAL_CONFIG), begin(REAL_CONFIG)
    expected = play(straight, events)
    found: list[Message] = []
    for place in range(0, len(events), period):
        found += play(restored, events[place : place + period])
        body = msgspec.msgpack.encode(restored)
        restored = msgspec.msgpack.decode(body, type=FeaturesState)
        assert msgspec.msgpack.encode(restored) == body
    assert written(found) == written(expected)
    assert restored == straight


@settings(max_examples=100, deadline=None)
@given(markets())
def test_vectors_are_finite_never_too_many_and_each_missing_one_is_counted(
    events: list[FeaturesInput],
) -> None:
    state = begin(REAL_CONFIG)
    answers = play(state, events)
    vectors = vectors_in(answers)
    assert all(isfinite(number) for each in vectors for number in each.values.values())
    assert all(list(each.values) == list(vectors[0].values) for each in vectors)
    of_bars = [each.bar_id for each in vectors if each.bar_id]
    closed = [bar.id for bar in bars_in(answers)]
    assert len(closed) == len(of_bars) + state.not_warm_count + state.not_live_count
    assert set(of_bars) <= set(closed)
    assert len(set(of_bars)) == len(of_bars)
    for before, after in pairwise(vectors):
        waited_ns = after.ts_event - before.ts_event
        assert after.bar_id or waited_ns >= REAL_CONFIG.vector_period_ns
    assert state.vector_count == len(vectors)


@settings(max_examples=100, deadline=None)
@given(markets())
def test_bars_come_without_a_hole_not_before_their_time_and_hold_together(
    events: list[FeaturesInput],
) -> None:
    answers = play(begin(REAL_CONFIG), events)
    for interval_s in REAL_CONFIG.intervals_s:
        bars = bars_in(answers, interval_s)
        begins = [bar.ts_open for bar in bars]
        interval_ns = interval_s * SECOND_NS
        assert begins == list(range(begins[0], begins[-1] + 1, interval_ns)) if bars else True
        for bar in bars:
            assert bar.ts_open % interval_ns == 0
            assert bar.ts_event >= bar.ts_open + interval_ns + CLOSE_DELAY_NS
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert (bar.volume > 0) == (bar.trade_count > 0)
            assert (bar.status == "empty") <= (bar.trade_count == 0)


@settings(max_examples=100, deadline=None)
@given(markets())
def test_correction_names_the_bar_that_it_corrects(events: list[FeaturesInput]) -> None:
    answers = play(begin(REAL_CONFIG), events)
    bars = {each.id: each for each in answers if isinstance(each, Bar)}
    for correction in corrections_in(answers):
        bar = bars[correction.bar_id]
        assert (bar.interval_s, bar.ts_open) == (correction.interval_s, correction.ts_open)
        assert correction.volume > bar.volume or correction.trade_count == 0
