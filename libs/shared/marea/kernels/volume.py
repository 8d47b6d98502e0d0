"""What the volume says: on which side it was, and at which price it was done."""

from marea.kernels.kernel import CLOSE, COUNT, HIGH, LOW, TS_OPEN_S, VOLUME, Row, State, period_of

_, _, OBV, PREV_CLOSE = range(4)
_, _, VWAP, ANCHOR_S, ANCHOR_NUMBER, ANCHOR_VOLUME = range(6)
_, _, ROLLING_VWAP, VWAP_PERIOD, PRICES = range(5)


def typical_price(bar: Row) -> float:
    """Which one price stands for a bar: (high + low + close) / 3, as a step up from the low?"""
    low = bar[LOW]
    return low + ((bar[HIGH] - low) + (bar[CLOSE] - low)) / 3.0


def obv() -> State:
    """Which state does `obv_step` begin with? Warm after the first bar."""
    return [0.0, 1.0, 0.0, 0.0]


def obv_step(state: State, bar: Row) -> None:
    """Does volume come with rising or with falling closes? In the base asset.

    The volumes of bars that closed higher less those of bars that closed lower, from 0 at the first
    bar: only its changes mean anything. Source: J. Granville, New Key to Stock Market Profits,
    1963. TA-Lib begins with the first volume; its changes are the same from the first on.
    """
    close = bar[CLOSE]
    if state[COUNT] > 0.0:
        if close > state[PREV_CLOSE]:
            state[OBV] += bar[VOLUME]
        elif close < state[PREV_CLOSE]:
            state[OBV] -= bar[VOLUME]
    state[PREV_CLOSE] = close
    state[COUNT] += 1.0


def vwap(*, anchor_s: float) -> State:
    """Which state does `vwap_step` begin with? Warm after the first bar."""
    if not 0 <= anchor_s <= 366 * 86_400 or anchor_s != int(anchor_s):
        raise ValueError(f"anchor_s is {anchor_s!r}; give whole seconds up to a year, 0 for never")
    return [0.0, 1.0, 0.0, float(anchor_s), 0.0, 0.0]


def vwap_step(state: State, bar: Row) -> None:
    """What was paid on average since the anchor, by volume? In the quote asset.

    The mean of (high + low + close) / 3 weighted by volume, over the bars that began since the last
    multiple of `anchor_s` since 1970-01-01 UTC (86,400: the UTC day; 0: since the first bar). Until
    there is volume it is the bar's own price. Source: S. Berkowitz, D. Logue, E. Noser, The Total
    Cost of Transactions on the NYSE, Journal of Finance 43(1), 1988; weighted means by D. West,
    Communications of the ACM 22(9), 1979.
    """
    number = float(int(bar[TS_OPEN_S] / state[ANCHOR_S])) if state[ANCHOR_S] > 0.0 else 0.0
    if number != state[ANCHOR_NUMBER]:
        state[ANCHOR_NUMBER] = number
        state[ANCHOR_VOLUME] = 0.0
    price = typical_price(bar)
    volume = state[ANCHOR_VOLUME] + bar[VOLUME]
    if state[ANCHOR_VOLUME] > 0.0:
        state[VWAP] += (price - state[VWAP]) * (bar[VOLUME] / volume)
    else:
        state[VWAP] = price
    state[ANCHOR_VOLUME] = volume
    state[COUNT] += 1.0


def vwap_rolling(*, period: float) -> State:
    """Which state does `vwap_rolling_step` begin with? Warm after `period` bars."""
    bars = period_of("period", period)
    return [0.0, float(bars), 0.0, float(bars)] + [0.0] * (2 * bars)


def vwap_rolling_step(state: State, bar: Row) -> None:
    """What was paid on average over the last `period` bars, by volume? In the quote asset.

    The mean of (high + low + close) / 3 weighted by volume; without any volume, the bar's own
    price.
    """
    period = int(state[VWAP_PERIOD])
    volumes = PRICES + period
    count = int(state[COUNT])
    price = typical_price(bar)
    state[PRICES + count % period] = price
    state[volumes + count % period] = bar[VOLUME]
    state[COUNT] = count + 1.0
    if count + 1 < period:
        return
    offset = 0.0
    volume = 0.0
    for place in range(PRICES, volumes):
        offset += (state[place] - price) * state[place + period]
        volume += state[place + period]
    state[ROLLING_VWAP] = price + offset / volume if volume > 0.0 else price
