"""How hard the price is pushed: relative strength, and where a close stands in its range."""

from marea.kernels.arithmetic import average, percent, wilder_next
from marea.kernels.kernel import CLOSE, COUNT, HIGH, LOW, Row, State, period_of

_, _, RSI, RSI_PERIOD, PREV_CLOSE, MEAN_GAIN, MEAN_LOSS = range(7)
_, _, K, D, K_PERIOD, SMOOTH_PERIOD, D_PERIOD, HIGHS = range(8)


def rsi(*, period: float) -> State:
    """Which state does `rsi_step` begin with? Warm after `period + 1` bars."""
    bars = float(period_of("period", period))
    return [0.0, bars + 1.0, 0.0, bars, 0.0, 0.0, 0.0]


def rsi_step(state: State, bar: Row) -> None:
    """Which percentage of the closes' movement was upwards, by Wilder's means? In 0…100.

    Source: Wilder 1978. Equals TA-Lib from the first value, except where nothing has moved: that is
    50 here (neither side is stronger), 0 in TA-Lib and 100 in Stock.Indicators.
    """
    close = bar[CLOSE]
    count = state[COUNT]
    change = close - state[PREV_CLOSE]
    state[PREV_CLOSE] = close
    state[COUNT] = count + 1.0
    if count == 0.0:
        return
    period = state[RSI_PERIOD]
    gain = wilder_next(state[MEAN_GAIN], change if change > 0.0 else 0.0, count, period)
    loss = wilder_next(state[MEAN_LOSS], -change if change < 0.0 else 0.0, count, period)
    state[MEAN_GAIN] = gain
    state[MEAN_LOSS] = loss
    state[RSI] = percent(gain, gain + loss, 50.0)


def stochastic(*, period: float, smooth: float, signal: float) -> State:
    """Which state does `stochastic_step` begin with? Warm after their sum less 2 bars."""
    bars, means = period_of("period", period), period_of("smooth", smooth)
    signal_bars = period_of("signal", signal)
    periods = [float(bars), float(means), float(signal_bars)]
    windows = [0.0] * (2 * bars + means + signal_bars)
    return [0.0, bars + means + signal_bars - 2.0, 0.0, 0.0, *periods, *windows]


def stochastic_step(state: State, bar: Row) -> None:
    """Where in the range of the last `period` bars does the close stand? In 0…100.

    The close's place in percent of the range from lowest low to highest high, 50 where there is no
    range (TA-Lib and Stock.Indicators say 0); `k`: its mean over `smooth` bars; `d`: the mean of
    `k` over `signal` bars. Source: G. C. Lane, Lane's Stochastics, 1984. Equals TA-Lib's STOCH with
    simple means from the first value.
    """
    period = int(state[K_PERIOD])
    smooth = int(state[SMOOTH_PERIOD])
    signal = int(state[D_PERIOD])
    lows = HIGHS + period
    places = lows + period
    means = places + smooth
    count = int(state[COUNT])
    state[HIGHS + count % period] = bar[HIGH]
    state[lows + count % period] = bar[LOW]
    state[COUNT] = count + 1.0
    if count + 1 < period:
        return
    low = min(state[lows:places])
    reach = max(state[HIGHS:lows]) - low
    state[places + count % smooth] = percent(bar[CLOSE] - low, reach, 50.0)
    if count + 2 < period + smooth:
        return
    state[K] = average(state[places:means])
    state[means + count % signal] = state[K]
    if count + 3 < period + smooth + signal:
        return
    state[D] = average(state[means:])
