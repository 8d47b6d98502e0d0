"""How far the price swings: Bollinger's bands, true range, and realised volatility."""

import math

from marea.kernels.arithmetic import true_range, wilder_next
from marea.kernels.kernel import CLOSE, COUNT, HIGH, LOW, Row, State, period_of

_, _, UPPER, MIDDLE, LOWER, PERCENT_B, BANDWIDTH, DEVIATIONS, CLOSES = range(9)
_, _, ATR, ATR_PERIOD, ATR_PREV_CLOSE = range(5)
_, _, VOLATILITY, PREV_CLOSE, SQUARES = range(5)


def bollinger(*, period: float, deviations: float) -> State:
    """Which state does `bollinger_step` begin with? Warm after `period` bars."""
    bars = period_of("period", period)
    if not 0.0 < deviations <= 100.0:
        raise ValueError(f"deviations is {deviations!r}; give a number above 0, up to 100")
    return [0.0, float(bars), 0.0, 0.0, 0.0, 0.0, 0.0, float(deviations)] + [0.0] * bars


def bollinger_step(state: State, bar: Row) -> None:
    """Is the close high or low for the last `period` bars, and how wide do they swing?

    `middle`: their mean; `upper`, `lower`: `deviations` population standard deviations from it, in
    the quote asset; `percent_b`: the close's place between the bands, 0 at the lower, 1 at the
    upper, 0.5 where they are one; `bandwidth`: (upper - lower) / middle. Source: J. Bollinger,
    Bollinger on Bollinger Bands, 2001. The variance is taken about the newest close (Chan, Golub
    and LeVeque, Algorithms for Computing the Sample Variance, 1983), so that equal closes give
    exactly 0. Equals TA-Lib's BBANDS from the first value.
    """
    close = bar[CLOSE]
    period = len(state) - CLOSES
    count = int(state[COUNT])
    state[CLOSES + count % period] = close
    state[COUNT] = count + 1.0
    if count + 1 < period:
        return
    offset = 0.0
    squares = 0.0
    for past in state[CLOSES:]:
        apart = past - close
        offset += apart
        squares += apart * apart
    offset /= period
    variance = squares / period - offset * offset
    reach = state[DEVIATIONS] * math.sqrt(variance) if variance > 0.0 else 0.0
    middle = close + offset
    state[UPPER] = middle + reach
    state[MIDDLE] = middle
    state[LOWER] = middle - reach
    state[PERCENT_B] = 0.5 - offset / (2.0 * reach) if reach > 0.0 else 0.5
    state[BANDWIDTH] = 2.0 * reach / middle if middle > 0.0 else 0.0


def atr(*, period: float) -> State:
    """Which state does `atr_step` begin with? Warm after `period + 1` bars."""
    bars = float(period_of("period", period))
    return [0.0, bars + 1.0, 0.0, bars, 0.0]


def atr_step(state: State, bar: Row) -> None:
    """How far does the price go in a bar, by Wilder's mean of true ranges? In the quote asset.

    The first bar has no close before it, so no true range. Source: Wilder 1978. Equals TA-Lib from
    the first value.
    """
    count = state[COUNT]
    reach = true_range(bar[HIGH], bar[LOW], state[ATR_PREV_CLOSE])
    state[ATR_PREV_CLOSE] = bar[CLOSE]
    state[COUNT] = count + 1.0
    if count > 0.0:
        state[ATR] = wilder_next(state[ATR], reach, count, state[ATR_PERIOD])


def realised_volatility(*, period: float) -> State:
    """Which state does `realised_volatility_step` begin with? Warm after `period + 1` bars."""
    bars = period_of("period", period)
    return [0.0, bars + 1.0, 0.0, 0.0] + [0.0] * bars


def realised_volatility_step(state: State, bar: Row) -> None:
    """How volatile were the last `period` bars: what is the root mean square of their log returns?

    A fraction per bar, not annualised (times the root of the bars in a year it would be); no mean
    is subtracted. Source: T. G. Andersen and T. Bollerslev, Answering the Skeptics, International
    Economic Review 39(4), 1998.
    """
    close = bar[CLOSE]
    period = len(state) - SQUARES
    count = int(state[COUNT])
    ratio = close / state[PREV_CLOSE] if state[PREV_CLOSE] > 0.0 else 1.0
    change = math.log(ratio) if ratio > 0.0 else 0.0
    state[PREV_CLOSE] = close
    state[COUNT] = count + 1.0
    state[SQUARES + count % period] = change * change
    if count < period:
        return
    total = 0.0
    for square in state[SQUARES:]:
        total += square
    state[VOLATILITY] = math.sqrt(total / period)
