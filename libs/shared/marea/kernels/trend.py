"""Where the price is going: moving averages, their convergence, and the strength of a trend."""

from marea.kernels.arithmetic import ema_next, percent, true_range, wilder_next
from marea.kernels.kernel import CLOSE, COUNT, HIGH, LOW, Row, State, period_of

_, _, SMA, SMA_WINDOW = range(4)
_, _, EMA, EMA_PERIOD = range(4)
_, _, MACD, SIGNAL, HISTOGRAM, FAST_PERIOD, SLOW_PERIOD, SIGNAL_PERIOD, FAST, SLOW = range(10)
_, _, ADX, PLUS_DI, MINUS_DI, ADX_PERIOD = range(6)
PREV_HIGH, PREV_LOW, PREV_CLOSE, PLUS_MOVE, MINUS_MOVE, MEAN_RANGE = range(6, 12)


def sma(*, period: float) -> State:
    """Which state does `sma_step` begin with? Warm after `period` bars."""
    bars = period_of("period", period)
    return [0.0, float(bars), 0.0] + [0.0] * bars


def sma_step(state: State, bar: Row) -> None:
    """What is the mean of the last `period` closes? In the quote asset.

    The window is summed anew at each bar, as differences from the newest close: nothing drifts, and
    closes that are all equal give exactly that close. Equals TA-Lib from the first value.
    """
    close = bar[CLOSE]
    period = len(state) - SMA_WINDOW
    count = int(state[COUNT])
    state[SMA_WINDOW + count % period] = close
    state[COUNT] = count + 1.0
    if count + 1 < period:
        return
    offset = 0.0
    for past in state[SMA_WINDOW:]:
        offset += past - close
    state[SMA] = close + offset / period


def ema(*, period: float) -> State:
    """Which state does `ema_step` begin with? Warm after `period` bars."""
    bars = float(period_of("period", period))
    return [0.0, bars, 0.0, bars]


def ema_step(state: State, bar: Row) -> None:
    """What is the exponential mean of the closes, seeded with the mean of the first `period`?

    In the quote asset. Equals TA-Lib from the first value.
    """
    state[COUNT] += 1.0
    state[EMA] = ema_next(state[EMA], bar[CLOSE], state[COUNT], state[EMA_PERIOD])


def macd(*, fast: float, slow: float, signal: float) -> State:
    """Which state does `macd_step` begin with? Warm after `slow + signal - 1` bars."""
    fast_bars, slow_bars = period_of("fast", fast), period_of("slow", slow)
    signal_bars = period_of("signal", signal)
    if fast_bars >= slow_bars:
        raise ValueError(f"fast is {fast_bars}; give fewer bars than slow has, {slow_bars}")
    periods = [float(fast_bars), float(slow_bars), float(signal_bars)]
    return [0.0, slow_bars + signal_bars - 1.0, 0.0, 0.0, 0.0, *periods, 0.0, 0.0]


def macd_step(state: State, bar: Row) -> None:
    """How far is the fast exponential mean above the slow one, and is that gap growing?

    `macd` = fast EMA - slow EMA (right from bar `slow` on), `signal` = its EMA, `histogram` =
    macd - signal; in the quote asset. Source: G. Appel, The Moving Average Convergence-Divergence
    Trading Method, 1979. TA-Lib seeds the fast EMA with later bars: with 12, 26, 9 on the
    502 daily bars of Stock.Indicators the two agree to 1e-9 from bar 146 on, counted from 0.
    """
    close = bar[CLOSE]
    count = state[COUNT] + 1.0
    state[COUNT] = count
    fast = ema_next(state[FAST], close, count, state[FAST_PERIOD])
    slow = ema_next(state[SLOW], close, count, state[SLOW_PERIOD])
    state[FAST] = fast
    state[SLOW] = slow
    if count < state[SLOW_PERIOD]:
        return
    gap = fast - slow
    gap_count = count - state[SLOW_PERIOD] + 1.0
    signal = ema_next(state[SIGNAL], gap, gap_count, state[SIGNAL_PERIOD])
    state[MACD] = gap
    state[SIGNAL] = signal
    state[HISTOGRAM] = gap - signal


def adx(*, period: float) -> State:
    """Which state does `adx_step` begin with? Warm after `2 period` bars."""
    bars = float(period_of("period", period))
    return [0.0, 2.0 * bars, 0.0, 0.0, 0.0, bars] + [0.0] * 6


def adx_step(state: State, bar: Row) -> None:
    """How strong is the trend, and which way do the bars reach further?

    `plus_di` and `minus_di` (right from bar `period + 1` on): Wilder's mean of the moves up and
    down beyond the last bar, in percent of his mean true range. `adx`: his mean of
    100 |plus_di - minus_di| / (plus_di + minus_di). All in 0…100, and 0 where nothing moved.
    Source: Wilder 1978. TA-Lib seeds with one bar less: with 14 on the 502 daily bars of Stock.
    Indicators the two agree to 1e-9 from bar 340 on in `adx`, from 281 on in `plus_di` and
    `minus_di`, counted from 0.
    """
    high = bar[HIGH]
    low = bar[LOW]
    count = state[COUNT]
    up = high - state[PREV_HIGH]
    down = state[PREV_LOW] - low
    reach = true_range(high, low, state[PREV_CLOSE])
    state[PREV_HIGH] = high
    state[PREV_LOW] = low
    state[PREV_CLOSE] = bar[CLOSE]
    state[COUNT] = count + 1.0
    if count == 0.0:
        return
    period = state[ADX_PERIOD]
    plus = wilder_next(state[PLUS_MOVE], up if up > down and up > 0.0 else 0.0, count, period)
    minus = wilder_next(state[MINUS_MOVE], down if down > up and down > 0.0 else 0.0, count, period)
    state[PLUS_MOVE] = plus
    state[MINUS_MOVE] = minus
    state[MEAN_RANGE] = wilder_next(state[MEAN_RANGE], reach, count, period)
    if count < period:
        return
    state[PLUS_DI] = percent(plus, state[MEAN_RANGE], 0.0)
    state[MINUS_DI] = percent(minus, state[MEAN_RANGE], 0.0)
    apart = plus - minus if plus > minus else minus - plus
    strength = percent(apart, plus + minus, 0.0)
    state[ADX] = wilder_next(state[ADX], strength, count - period + 1.0, period)
