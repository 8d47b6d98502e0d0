"""What the combiner and the ensembles make of what their members say."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marea.kernels.kernel import Row
from services.signals.core.ensembles import ENSEMBLES, heaviest, majority, mean

Member = tuple[float, float, float]
"""Score, confidence, weight."""


def row(*members: Member) -> Row:
    return [number for member in members for number in member]


def test_combiner_is_the_sum_of_scores_times_weights_over_the_sum_of_their_sizes() -> None:
    score, _, reason = mean(row((0.5, 1.0, 2.0), (-0.25, 1.0, 1.0), (0.0, 0.0, 1.0)))
    assert (score, reason) == ((0.5 * 2.0 - 0.25 * 1.0) / 4.0, 0)


def test_member_with_a_negative_weight_is_turned_round() -> None:
    score, confidence, reason = mean(row((1.0, 0.8, -1.0), (-0.5, 0.6, 1.0)))
    assert (score, reason) == (-0.75, 1)
    assert confidence == pytest.approx((1.0 * 0.8 + 0.5 * 0.6) / 1.5)


def test_those_who_pull_the_other_way_count_against_the_confidence() -> None:
    _, confidence, _ = mean(row((0.8, 1.0, 1.0), (-0.2, 0.5, 1.0)))
    assert confidence == pytest.approx((0.8 - 0.2 * 0.5) / 1.0)


def test_who_holds_counts_in_the_score_and_not_in_the_confidence() -> None:
    score, confidence, _ = mean(row((0.8, 0.9, 1.0), (0.0, 0.0, 1.0)))
    assert score == 0.4
    assert confidence == pytest.approx(0.9)


@pytest.mark.parametrize(
    "members",
    [(), ((0.5, 0.5, 1.0), (-0.5, 0.5, 1.0)), ((0.5, 0.5, 0.0),), ((0.0, 0.0, 1.0),)],
)
def test_mean_of_what_cancels_or_weighs_nothing_is_balanced(members: tuple[Member, ...]) -> None:
    assert mean(row(*members)) == (0.0, 0.0, 2)


def test_majority_is_more_than_half_of_all_who_speak() -> None:
    up, down, hold = (0.2, 0.9, 1.0), (-0.9, 0.9, 1.0), (0.0, 0.0, 1.0)
    assert majority(row(up, up, up, down)) == (0.5, 0.75, 0)
    assert majority(row(down, down, hold)) == (-2.0 / 3.0, 2.0 / 3.0, 1)
    assert majority(row(up, up, down, hold)) == (0.0, 0.0, 2)
    assert majority(row(up, up, down, down)) == (0.0, 0.0, 2)


def test_best_says_what_the_member_with_the_greatest_weight_says() -> None:
    assert heaviest(row((0.2, 0.9, 1.5), (-0.7, 0.4, 3.0), (0.9, 1.0, 3.0))) == (-0.7, 0.4, 1)
    assert heaviest(row((0.2, 0.9, 1.5), (0.0, 0.0, 3.0))) == (0.0, 0.0, 2)
    assert heaviest(row((0.2, 0.9, 1.5))) == (0.2, 0.9, 0)


def test_best_holds_while_there_is_no_record() -> None:
    assert heaviest(row((0.2, 0.9, 0.0), (-0.7, 0.4, 0.0))) == (0.0, 0.0, 2)


@pytest.mark.parametrize(
    ("name", "unrated", "rated"),
    [
        ("combiner", 1.0, math.log(0.5)),
        ("voting", 1.0, 1.0),
        ("weighted", 1.0, 0.5),
        ("confidence", 0.3, 0.3),
        ("best", 0.0, 0.5),
    ],
)
def test_weights_are_equal_without_records_and_rest_on_them_after(
    name: str, unrated: float, rated: float
) -> None:
    weigh = ENSEMBLES[name].weigh
    assert (weigh(0.0, 0.3), weigh(0.5, 0.3)) == (unrated, rated)


scores = st.floats(-1.0, 1.0)
shares = st.floats(0.0, 1.0)
weights = st.one_of(st.floats(-10.0, 10.0), st.sampled_from([0.0, 1.0, 5e-324]))
members = st.lists(st.tuples(scores, shares, weights), max_size=8)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(ENSEMBLES)), members)
def test_score_and_confidence_stay_within_bounds_and_agree_with_the_reason(
    name: str, drawn: list[Member]
) -> None:
    score, confidence, reason = ENSEMBLES[name].judge(row(*drawn))
    assert -1.0 <= score <= 1.0
    assert 0.0 <= confidence <= 1.0
    assert (score > 0.0) <= (reason == 0)
    assert (score < 0.0) <= (reason == 1)


@settings(max_examples=200, deadline=None)
@given(members)
def test_all_members_turned_round_turn_the_answer_round(drawn: list[Member]) -> None:
    turned = [(-score, confidence, weight) for score, confidence, weight in drawn]
    for judge in (mean, majority, heaviest):
        score, confidence, _ = judge(row(*drawn))
        assert judge(row(*turned))[:2] == (-score, confidence)


@settings(max_examples=200, deadline=None)
@given(scores, shares, st.integers(1, 6))
def test_members_who_all_say_the_same_are_agreed_with(
    score: float, confidence: float, count: int
) -> None:
    assume(abs(score) > 1e-9)
    found_score, found_confidence, _ = mean(row(*[(score, confidence, 1.0)] * count))
    assert found_score == pytest.approx(score)
    assert found_confidence == pytest.approx(confidence)
