"""MACD: whether the gap between two means is growing."""

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, Strategy, clamp

MACD_GAP, HISTOGRAM, ATR_14 = range(3)
RISING, FALLING, FLAT, TURNING_UP, TURNING_DOWN = range(5)


def judge(row: Row) -> Opinion:
    """Is the MACD above its signal line, by how many true ranges, and on which side of zero?

    Score: macd_histogram / atr_14, bounded (Appel 1979 buys where MACD crosses its signal line
    upwards). Confidence: the score's strength, halved while MACD itself is on the other side of
    zero, where a turn is only beginning. In a market that doesn't move (atr_14 is 0) both are 0.
    """
    histogram = row[HISTOGRAM]
    if histogram == 0.0 or row[ATR_14] <= 0.0:
        return 0.0, 0.0, FLAT
    score = clamp(histogram / row[ATR_14], -1.0, 1.0)
    if histogram > 0.0:
        if row[MACD_GAP] > 0.0:
            return score, score, RISING
        return score, score / 2.0, TURNING_UP
    if row[MACD_GAP] < 0.0:
        return score, -score, FALLING
    return score, -score / 2.0, TURNING_DOWN


MACD = Strategy(
    features=("macd", "macd_histogram", "atr_14"),
    reasons=("MACD_RISING", "MACD_FALLING", "MACD_FLAT", "MACD_TURNING_UP", "MACD_TURNING_DOWN"),
    judge=judge,
)
