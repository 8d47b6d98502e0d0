"""What a strategy is: one function of the features it declares, run as it is live and compiled.

It is elementwise: it remembers nothing and looks at one instant alone. The rules of kernels hold
(`docs/guides/adding-a-strategy.md`), so that a backtest's compiled loop says the same to the last
bit. A strategy is never asked with a feature that is missing or not finite.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from marea.kernels.kernel import Row

Opinion: TypeAlias = tuple[float, float, int]
"""Score in -1…1, confidence in 0…1, and the place of the reason in a table of codes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategy:
    """What does it look at, which reasons can it give, and how does it judge?"""

    features: tuple[str, ...]
    """The values it takes, by their names in the feature vector, in the order of its row."""
    reasons: tuple[str, ...]
    """The codes that an opinion's reason is a place in."""
    judge: Callable[[Row], Opinion]


def clamp(number: float, low: float, high: float) -> float:
    """Which number between the two bounds is nearest?"""
    if number < low:
        return low
    if number > high:
        return high
    return number


def trending(adx: float) -> float:
    """How surely is there a trend? 0 up to an ADX of 20, 1 from 60 on, and even in between.

    Wilder (1978) takes trends from an ADX of 25 on; bars of 1 s have a median of about 38 on the
    demo tape, so that the middle lies at 40.
    """
    return clamp((adx - 20.0) / 40.0, 0.0, 1.0)
