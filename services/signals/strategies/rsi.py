"""RSI: a price that was pushed too far comes back."""

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, Strategy, clamp, trending

RSI_14, ADX_14 = range(2)
OVERSOLD, OVERBOUGHT, NEUTRAL = range(3)


def judge(row: Row) -> Opinion:
    """Is the price oversold (below 30) or overbought (above 70), and is there no trend behind it?

    Score: (30 - rsi_14) / 20 below 30, (70 - rsi_14) / 20 above 70, bounded; 0 between, where it
    holds. Confidence: 1 - `trending(adx_14)`, for in a trend the price goes further. The bounds
    are those of Wilder (1978).
    """
    rsi = row[RSI_14]
    calm = 1.0 - trending(row[ADX_14])
    if rsi < 30.0:
        return clamp((30.0 - rsi) / 20.0, 0.0, 1.0), calm, OVERSOLD
    if rsi > 70.0:
        return clamp((70.0 - rsi) / 20.0, -1.0, 0.0), calm, OVERBOUGHT
    return 0.0, 0.0, NEUTRAL


RSI = Strategy(
    features=("rsi_14", "adx_14"),
    reasons=("RSI_OVERSOLD", "RSI_OVERBOUGHT", "RSI_NEUTRAL"),
    judge=judge,
)
