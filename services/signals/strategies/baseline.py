"""Baseline: the trend of two exponential means."""

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, Strategy, clamp, trending

EMA_20, EMA_50, ATR_14, ADX_14 = range(4)
ABOVE, BELOW, LEVEL = range(3)


def judge(row: Row) -> Opinion:
    """Is the mean of 20 bars above that of 50, by how many true ranges, and is there a trend?

    Score: (ema_20 - ema_50) / (4 atr_14), bounded. Confidence: `trending(adx_14)`. In a market
    that doesn't move (atr_14 is 0) both are 0.
    """
    gap = row[EMA_20] - row[EMA_50]
    if gap == 0.0 or row[ATR_14] <= 0.0:
        return 0.0, 0.0, LEVEL
    score = clamp(gap / (4.0 * row[ATR_14]), -1.0, 1.0)
    return score, trending(row[ADX_14]), ABOVE if gap > 0.0 else BELOW


BASELINE = Strategy(
    features=("ema_20", "ema_50", "atr_14", "adx_14"),
    reasons=("EMA_20_ABOVE_EMA_50", "EMA_20_BELOW_EMA_50", "EMA_20_AT_EMA_50"),
    judge=judge,
)
