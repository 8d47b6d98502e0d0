"""Does a figure rise with time? A straight line through it, and how sure that line is.

Samples that follow each other closely say nearly the same, which makes a line look surer than it is:
so their means over a few equal spans are taken, as if each were one sample.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from statistics import fmean
from typing import NamedTuple

SPANS = 20
T_95 = 2.101
"""Of Student's distribution with 18 degrees of freedom, both sides."""


class Trend(NamedTuple):
    """How a figure goes, an hour."""

    slope: float
    low: float
    high: float
    """It lies between these with a confidence of 95 %."""

    def is_flat(self, rise_max: float) -> bool:
        """Whether it may be level, or rises by no more than this an hour."""
        return self.low <= 0 or self.slope <= rise_max


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """The trend of a figure at times in seconds, the earliest first, at least `SPANS` of them."""
    assert len(samples) >= SPANS, f"{len(samples)} samples, take {SPANS} or more"
    edges = [len(samples) * span // SPANS for span in range(SPANS + 1)]
    parts = [samples[begin:end] for begin, end in pairwise(edges)]
    hours = [fmean(at_s for at_s, _ in part) / 3_600 for part in parts]
    means = [fmean(figure for _, figure in part) for part in parts]
    middle, mean = fmean(hours), fmean(means)
    spread = sum((hour - middle) ** 2 for hour in hours)
    slope = sum((h - middle) * (m - mean) for h, m in zip(hours, means, strict=True)) / spread
    left = sum((m - mean - slope * (h - middle)) ** 2 for h, m in zip(hours, means, strict=True))
    beside = T_95 * sqrt(left / (SPANS - 2) / spread)
    return Trend(slope, slope - beside, slope + beside)
