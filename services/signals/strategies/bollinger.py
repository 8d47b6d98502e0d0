"""Bollinger: back to the middle from beyond a band."""

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, Strategy, clamp, trending

PERCENT_B, ADX_14 = range(2)
BELOW, ABOVE, INSIDE = range(3)


def judge(row: Row) -> Opinion:
    """Did the close fall through the lower band or rise through the upper, and is there no trend?

    Score: -2 percent_b below the lower band, 2 (1 - percent_b) above the upper, bounded, so that
    half a band's width beyond is all; 0 between them, where it holds. Confidence:
    1 - `trending(adx_14)`: in a trend prices walk along the band (Bollinger 2001).
    """
    place = row[PERCENT_B]
    calm = 1.0 - trending(row[ADX_14])
    if place < 0.0:
        return clamp(-2.0 * place, 0.0, 1.0), calm, BELOW
    if place > 1.0:
        return clamp(2.0 * (1.0 - place), -1.0, 0.0), calm, ABOVE
    return 0.0, 0.0, INSIDE


BOLLINGER = Strategy(
    features=("bollinger_20_percent_b", "adx_14"),
    reasons=("BELOW_LOWER_BAND", "ABOVE_UPPER_BAND", "INSIDE_BANDS"),
    judge=judge,
)
