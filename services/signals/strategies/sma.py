"""SMA: the price against its simple mean."""

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, Strategy, clamp

MID, SMA_20, ATR_14, PLUS_DI, MINUS_DI = range(5)
ABOVE, BELOW, AT, UNCONFIRMED = range(4)


def judge(row: Row) -> Opinion:
    """Is the mid above the mean of the last 20 closes, and do the bars reach further that way?

    Score: (mid - sma_20) / (8 atr_14), bounded. Confidence: the directional index
    |plus_di - minus_di| / (plus_di + minus_di) of Wilder (1978) where it points the same way,
    else 0. In a market that doesn't move (atr_14 is 0) both are 0.
    """
    gap = row[MID] - row[SMA_20]
    if gap == 0.0 or row[ATR_14] <= 0.0:
        return 0.0, 0.0, AT
    score = clamp(gap / (8.0 * row[ATR_14]), -1.0, 1.0)
    apart = row[PLUS_DI] - row[MINUS_DI] if gap > 0.0 else row[MINUS_DI] - row[PLUS_DI]
    if apart <= 0.0:
        return score, 0.0, UNCONFIRMED
    confidence = clamp(apart / (row[PLUS_DI] + row[MINUS_DI]), 0.0, 1.0)
    return score, confidence, ABOVE if gap > 0.0 else BELOW


SMA = Strategy(
    features=("mid", "sma_20", "atr_14", "adx_14_plus_di", "adx_14_minus_di"),
    reasons=("PRICE_ABOVE_SMA", "PRICE_BELOW_SMA", "PRICE_AT_SMA", "SMA_NOT_CONFIRMED"),
    judge=judge,
)
