"""The sums that several kernels do, once."""

from marea.kernels.kernel import Row


def ema_next(mean: float, newest: float, count: float, period: float) -> float:
    """Where does an exponential mean go with its `count`-th input?

    The first `period` inputs give their plain mean, the seed; after that each input weighs
    2 / (period + 1). A mean moves by a share of the difference, so that it stays exactly where it
    is while the input does.
    """
    if count <= period:
        return mean + (newest - mean) / count
    return mean + (newest - mean) * 2.0 / (period + 1.0)


def wilder_next(mean: float, newest: float, count: float, period: float) -> float:
    """Where does Wilder's mean go with its `count`-th input?

    The first `period` inputs give their plain mean, the seed; after that each weighs 1 / period.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    if count <= period:
        return mean + (newest - mean) / count
    return mean + (newest - mean) / period


def true_range(high: float, low: float, prev_close: float) -> float:
    """How far did the price go since the last close? (Wilder 1978.)"""
    return max(high, prev_close) - min(low, prev_close)


def percent(part: float, whole: float, of_nothing: float) -> float:
    """What percentage of the whole is the part; `of_nothing` where the whole is not above 0?"""
    if whole > 0.0:
        return 100.0 * (part / whole)
    return of_nothing


def average(numbers: Row) -> float:
    """What is the plain mean of numbers, summed in their order? There must be one at least."""
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers)
