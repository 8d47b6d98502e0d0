"""What the indicators of bars say by definition: of a dead market, at an edge, after a long run."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.kernels.kernel import WARM_UP, is_warm
from marea.kernels.registry import KERNELS
from tests.unit.kernels.driving import Rows, draw_rows, run_live

DAY_S = 86_400.0

prices = st.floats(min_value=1e-15, max_value=1e15)


def flat_bar(price: float, volume: float = 1.0, ts_open_s: float = 0.0) -> list[float]:
    return [price, price, price, price, volume, ts_open_s]


def after(name: str, rows: Rows, **parameters: float) -> dict[str, float]:
    """The outputs of a kernel after its last row, by name."""
    kernel = KERNELS[name]
    outputs, warm = run_live(kernel, kernel.start(**parameters), rows)
    assert warm[-1]
    return dict(zip(kernel.outputs, outputs[-1], strict=True))


@given(prices)
def test_price_that_stands_still_is_its_own_mean_to_the_last_bit(price: float) -> None:
    rows = [flat_bar(price)] * 60
    for name in ("sma", "ema", "vwap", "vwap_rolling"):
        assert after(name, rows) == {name: price}
    assert after("macd", rows) == {"macd": 0.0, "signal": 0.0, "histogram": 0.0}
    bands = {"upper": price, "middle": price, "lower": price}
    assert after("bollinger", rows) == bands | {"percent_b": 0.5, "bandwidth": 0.0}


@given(prices)
def test_price_that_stands_still_has_no_direction_and_no_volatility(price: float) -> None:
    rows = [flat_bar(price)] * 60
    assert after("rsi", rows) == {"rsi": 50.0}
    assert after("stochastic", rows) == {"k": 50.0, "d": 50.0}
    assert after("adx", rows) == {"adx": 0.0, "plus_di": 0.0, "minus_di": 0.0}
    assert after("atr", rows) == {"atr": 0.0}
    assert after("realised_volatility", rows) == {"realised_volatility": 0.0}
    assert after("obv", rows) == {"obv": 0.0}


def test_price_that_only_rises_has_full_strength() -> None:
    rows = [[p, p + 1.0, p - 1.0, p + 1.0, 2.0, 0.0] for p in map(float, range(10, 70))]
    assert after("rsi", rows) == {"rsi": 100.0}
    assert after("stochastic", rows) == {"k": 100.0, "d": 100.0}
    assert after("adx", rows)["minus_di"] == 0.0
    assert after("adx", rows)["adx"] == 100.0
    assert after("obv", rows) == {"obv": 2.0 * 59}


@pytest.mark.parametrize("name", ["rsi", "stochastic", "adx"])
def test_percentages_stay_in_0_to_100(name: str) -> None:
    kernel = KERNELS[name]
    outputs, _ = run_live(kernel, kernel.start(), draw_rows("bar", 20_000, seed=7))
    assert all(-1e-9 <= number <= 100.0 + 1e-9 for numbers in outputs for number in numbers)


@pytest.mark.parametrize(
    ("name", "parameters", "bars"),
    [
        ("sma", {"period": 7}, 7),
        ("ema", {"period": 7}, 7),
        ("macd", {"fast": 3, "slow": 5, "signal": 4}, 8),
        ("adx", {"period": 7}, 14),
        ("rsi", {"period": 7}, 8),
        ("stochastic", {"period": 5, "smooth": 3, "signal": 4}, 10),
        ("bollinger", {"period": 7, "deviations": 2.5}, 7),
        ("atr", {"period": 7}, 8),
        ("realised_volatility", {"period": 7}, 8),
        ("obv", {}, 1),
        ("vwap", {}, 1),
        ("vwap_rolling", {"period": 7}, 7),
    ],
)
def test_warm_up_is_declared_and_kept(name: str, parameters: dict[str, float], bars: int) -> None:
    kernel = KERNELS[name]
    state = kernel.start(**parameters)
    assert state[WARM_UP] == bars
    _, warm = run_live(kernel, state, draw_rows("bar", 20, seed=8))
    assert warm == [number >= bars for number in range(1, 21)]
    assert not is_warm(kernel.start(**parameters))


def test_windows_do_not_drift_over_100_000_bars() -> None:
    rows = draw_rows("bar", 100_000, seed=9)
    closes = [row[3] for row in rows[-20:]]
    mean = math.fsum(closes) / 20
    deviation = math.sqrt(math.fsum((close - mean) ** 2 for close in closes) / 20)
    assert after("sma", rows)["sma"] == pytest.approx(mean, rel=1e-14)
    bands = after("bollinger", rows)
    assert bands["upper"] - bands["middle"] == pytest.approx(2 * deviation, rel=1e-11)


def test_vwap_does_not_drift_over_100_000_bars() -> None:
    bars = draw_rows("bar", 100_000, seed=9)
    rows = [[*row[:4], 1.0 + place % 7, row[5]] for place, row in enumerate(bars)]
    money = math.fsum((row[1] + row[2] + row[3]) / 3 * row[4] for row in rows)
    volume = math.fsum(row[4] for row in rows)
    assert after("vwap", rows, anchor_s=0)["vwap"] == pytest.approx(money / volume, rel=1e-12)


def test_vwap_begins_anew_with_the_utc_day() -> None:
    late, early = 3 * DAY_S - 60.0, 3 * DAY_S
    rows = [flat_bar(10.0, 1.0, late - 60.0), flat_bar(20.0, 3.0, late)]
    assert after("vwap", rows) == {"vwap": 17.5}
    assert after("vwap", [*rows, flat_bar(30.0, 2.0, early)]) == {"vwap": 30.0}
    assert after("vwap", [*rows, flat_bar(30.0, 4.0, early)], anchor_s=0) == {"vwap": 23.75}


def test_vwap_of_a_day_without_volume_is_the_bars_own_price() -> None:
    rows = [flat_bar(10.0, 5.0, 0.0), flat_bar(20.0, 0.0, DAY_S), flat_bar(22.0, 0.0, DAY_S + 60.0)]
    assert after("vwap", rows) == {"vwap": 22.0}
    assert after("vwap", [*rows, flat_bar(24.0, 1.0, DAY_S + 120.0)]) == {"vwap": 24.0}
    assert after("vwap_rolling", rows, period=2) == {"vwap_rolling": 22.0}
    assert after("vwap_rolling", rows, period=3) == {"vwap_rolling": 10.0}


@pytest.mark.parametrize("bars", [4, 5, 6])
def test_realised_volatility_is_the_root_mean_square_of_log_returns(bars: int) -> None:
    closes = [100.0, 101.0, 99.0, 99.5, 103.0, 102.0][:bars]
    returns = [math.log(b / a) for a, b in pairwise(closes[-4:])]
    wanted = math.sqrt(math.fsum(change * change for change in returns) / 3)
    numbers = after("realised_volatility", [flat_bar(close) for close in closes], period=3)
    assert numbers["realised_volatility"] == pytest.approx(wanted, rel=1e-14)


def test_obv_counts_a_bar_that_closed_level_as_nothing() -> None:
    rows = [flat_bar(price, volume) for price, volume in [(5, 9), (6, 2), (6, 7), (4, 3)]]
    assert after("obv", rows) == {"obv": -1.0}
