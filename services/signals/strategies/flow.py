"""Flow: who presses, in the order book and with trades."""

from marea.kernels.kernel import Row
from services.signals.strategies.strategy import Opinion, Strategy, clamp

ORDER_FLOW, TRADE_SIGN, BOOK = range(3)
BUYERS, SELLERS, BALANCED, MIXED = range(4)


def judge(row: Row) -> Opinion:
    """Do order flow, trades and waiting orders press the same way?

    Score: the mean of the direction of order_flow_imbalance (its unit is the base asset, another
    in every instrument, so its size is left out), trade_sign_imbalance and book_imbalance_10.
    Confidence: the score's strength, halved where the three don't agree. The sources of the three
    are named at their kernels.
    """
    direction = 0.0
    if row[ORDER_FLOW] > 0.0:
        direction = 1.0
    elif row[ORDER_FLOW] < 0.0:
        direction = -1.0
    score = clamp((direction + row[TRADE_SIGN] + row[BOOK]) / 3.0, -1.0, 1.0)
    if score == 0.0:
        return 0.0, 0.0, BALANCED
    if direction > 0.0 and row[TRADE_SIGN] > 0.0 and row[BOOK] > 0.0:
        return score, score, BUYERS
    if direction < 0.0 and row[TRADE_SIGN] < 0.0 and row[BOOK] < 0.0:
        return score, -score, SELLERS
    strength = score if score > 0.0 else -score
    return score, strength / 2.0, MIXED


FLOW = Strategy(
    features=("order_flow_imbalance", "trade_sign_imbalance", "book_imbalance_10"),
    reasons=("BUYERS_PRESS", "SELLERS_PRESS", "FLOW_BALANCED", "FLOW_MIXED"),
    judge=judge,
)
