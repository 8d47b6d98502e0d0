"""What follows from the opinions of several strategies: the combiner and the four ensembles.

Each is a pure function of a row that holds, for each member that has an opinion, its score, its
confidence and its weight; members that abstain are not in it. The rules of kernels hold.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, clamp

BULLISH, BEARISH, BALANCED = range(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ensemble:
    """How are members weighed, how is judged over them, and with which reasons?"""

    weigh: Callable[[float, float], float]
    """The weight of a member, of its profit factor (0 until every record is long enough) and its
    confidence."""
    judge: Callable[[Row], Opinion]
    reasons: tuple[str, ...]
    """The codes that an opinion's reason is a place in."""
    is_by_record: bool
    """Whether the weights rest on what the members made so far."""


def mean(members: Row) -> Opinion:
    """What is the weighted mean, and how sure are those who agree with it?

    Score: sum(score * weight) / sum(|weight|); a negative weight turns a member round. Confidence:
    the mean of the members' confidences, each by its pull |score * weight|, with those who pull
    the other way counted against; not below 0.
    """
    total = 0.0
    span = 0.0
    for place in range(0, len(members), 3):
        total += members[place] * members[place + 2]
        span += abs(members[place + 2])
    if span <= 0.0 or total == 0.0:
        return 0.0, 0.0, BALANCED
    agreed = 0.0
    voiced = 0.0
    for place in range(0, len(members), 3):
        pull = members[place] * members[place + 2]
        if pull != 0.0:
            voiced += abs(pull)
            sure = abs(pull) * members[place + 1]
            agreed += sure if (pull > 0.0) == (total > 0.0) else -sure
    score = clamp(total / span, -1.0, 1.0)
    return score, clamp(agreed / voiced, 0.0, 1.0), BULLISH if total > 0.0 else BEARISH


def majority(members: Row) -> Opinion:
    """Do more than half of the members point the same way?

    Score: buyers less sellers over all members. Confidence: the share of the majority.
    """
    buyers = 0.0
    sellers = 0.0
    for place in range(0, len(members), 3):
        if members[place] > 0.0:
            buyers += 1.0
        elif members[place] < 0.0:
            sellers += 1.0
    count = len(members) / 3.0
    if 2.0 * buyers > count:
        return (buyers - sellers) / count, buyers / count, BULLISH
    if 2.0 * sellers > count:
        return (buyers - sellers) / count, sellers / count, BEARISH
    return 0.0, 0.0, BALANCED


def heaviest(members: Row) -> Opinion:
    """What does the member with the greatest weight above 0 say? Of equal ones the first."""
    score, confidence, weight = 0.0, 0.0, 0.0
    for place in range(0, len(members), 3):
        if members[place + 2] > weight:
            score, confidence, weight = members[place], members[place + 1], members[place + 2]
    if score > 0.0:
        return score, confidence, BULLISH
    if score < 0.0:
        return score, confidence, BEARISH
    return 0.0, 0.0, BALANCED


def by_log_of_record(profit_factor: float, _confidence: float) -> float:
    """The logarithm of the profit factor: who loses more than it wins is turned round.

    So AdaBoost weighs its members by the logarithm of right over wrong (Y. Freund, R. Schapire,
    A Decision-Theoretic Generalization of On-Line Learning, 1997). 1 while there is no record.
    """
    return math.log(profit_factor) if profit_factor > 0.0 else 1.0


def by_record(profit_factor: float, _confidence: float) -> float:
    """The profit factor itself, never negative; 1 while there is no record."""
    return profit_factor if profit_factor > 0.0 else 1.0


def by_confidence(_profit_factor: float, sure: float) -> float:
    """How sure the member is of what it says now."""
    return sure


def by_vote(_profit_factor: float, _confidence: float) -> float:
    """The same for each: a vote."""
    return 1.0


def by_record_alone(profit_factor: float, _confidence: float) -> float:
    """The profit factor; 0, which is nobody, while there is no record."""
    return profit_factor


ENSEMBLES: dict[str, Ensemble] = {
    "combiner": Ensemble(
        weigh=by_log_of_record,
        judge=mean,
        reasons=("COMBINED_BULLISH", "COMBINED_BEARISH", "COMBINED_BALANCED"),
        is_by_record=True,
    ),
    "voting": Ensemble(
        weigh=by_vote,
        judge=majority,
        reasons=("MAJORITY_BULLISH", "MAJORITY_BEARISH", "NO_MAJORITY"),
        is_by_record=False,
    ),
    "weighted": Ensemble(
        weigh=by_record,
        judge=mean,
        reasons=("WEIGHTED_BULLISH", "WEIGHTED_BEARISH", "WEIGHTED_BALANCED"),
        is_by_record=True,
    ),
    "confidence": Ensemble(
        weigh=by_confidence,
        judge=mean,
        reasons=("CONFIDENT_BULLISH", "CONFIDENT_BEARISH", "CONFIDENT_BALANCED"),
        is_by_record=False,
    ),
    "best": Ensemble(
        weigh=by_record_alone,
        judge=heaviest,
        reasons=("BEST_BULLISH", "BEST_BEARISH", "BEST_HOLDS"),
        is_by_record=True,
    ),
}
"""The combiner first, then the ensembles, in the order in which they speak."""
