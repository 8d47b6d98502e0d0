"""LEAN's reference files, to their printed digits.

Most of them were computed from prices in single precision and printed with seven digits: fed with
the same single-precision prices, a kernel must come within one unit of the last digit.
"""

import math
import struct
from pathlib import Path

import pytest

from marea.kernels.registry import KERNELS
from tests.unit.kernels.driving import Rows, bars_of, column, read_csv, run_live

Lines = list[dict[str, str]]


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    return data_dir / "golden" / "lean"


def single(number: float) -> float:
    """The nearest number of single precision."""
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


def single_bars(lines: Lines) -> Rows:
    return [[single(number) for number in bar[:5]] + bar[5:] for bar in bars_of(lines)]


def seventh_digit(text: str) -> float:
    """What one unit of the seventh digit is worth: all that single precision prints."""
    return 10.0 ** (math.floor(math.log10(abs(float(text)))) - 6)


def last_digit(text: str) -> float:
    """What one unit of the last printed digit is worth."""
    return 10.0 ** -len(text.partition(".")[2])


def ours(bars: Rows, name: str, output: str, **parameters: float) -> list[float]:
    kernel = KERNELS[name]
    outputs, _ = run_live(kernel, kernel.start(**parameters), bars)
    return column(kernel, outputs, output)


def printed(lines: Lines, field: str) -> list[tuple[int, str]]:
    """Where the file has a value, and its text."""
    found = [(place, line[field]) for place, line in enumerate(lines) if line[field]]
    assert len(found) > 180
    return found


def test_true_range_of_leans_first_bar_is_its_height_and_the_rest_follows(folder: Path) -> None:
    lines = read_csv(folder / "spy_atr_wilder.txt")
    bars = bars_of(lines)
    inside = [bars[0][3]] * 4 + bars[0][4:]  # a bar before it that closed within its height
    atr = ours([inside, *bars], "atr", "atr", period=14)[1:]
    for place, text in printed(lines, "Average True Range 14"):
        assert abs(atr[place] - float(text)) <= 0.500001 * last_digit(text)


@pytest.mark.parametrize(
    ("output", "field"), [("adx", "ADX 14"), ("plus_di", "+DI14"), ("minus_di", "-DI14")]
)
def test_adx_has_leans_digits(folder: Path, output: str, field: str) -> None:
    lines = read_csv(folder / "spy_with_adx.txt")
    numbers = ours(bars_of(lines), "adx", output, period=14)
    for place, text in printed(lines, field):
        assert abs(numbers[place] - float(text)) <= 0.500001 * last_digit(text)


def test_rsi_has_leans_digits(folder: Path) -> None:
    lines = read_csv(folder / "spy_with_indicators.txt")
    numbers = ours(bars_of(lines), "rsi", "rsi", period=14)
    for place, text in printed(lines, "RSI 14 Wilder"):
        assert abs(numbers[place] - float(text)) <= 0.500001 * last_digit(text)


@pytest.mark.parametrize(
    ("file", "field", "name", "output", "parameters"),
    [
        ("spy_with_indicators", "SMA14", "sma", "sma", {"period": 14}),
        ("spy_with_indicators", "EMA14", "ema", "ema", {"period": 14}),
        ("spy_with_macd", "MACD", "macd", "macd", {}),
        ("spy_with_macd", "Signal", "macd", "signal", {}),
        (
            "spy_with_stoch12k3",
            "Stochastics 12 %K 3",
            "stochastic",
            "k",
            {"period": 12, "smooth": 3, "signal": 5},
        ),
        (
            "spy_with_stoch12k3",
            "%D 5",
            "stochastic",
            "d",
            {"period": 12, "smooth": 3, "signal": 5},
        ),
    ],
)
def test_single_precision_prices_give_leans_seven_digits(
    folder: Path, file: str, field: str, name: str, output: str, parameters: dict[str, float]
) -> None:
    lines = read_csv(folder / f"{file}.txt")
    numbers = ours(single_bars(lines), name, output, **parameters)
    for place, text in printed(lines, field):
        assert abs(numbers[place] - float(text)) <= seventh_digit(text)


def test_macd_histogram_is_leans_within_the_digits_of_the_two_that_it_is_made_of(
    folder: Path,
) -> None:
    lines = read_csv(folder / "spy_with_macd.txt")
    numbers = ours(single_bars(lines), "macd", "histogram")
    for place, text in printed(lines, "Histogram"):
        unit = seventh_digit(lines[place]["MACD"]) + seventh_digit(lines[place]["Signal"])
        assert abs(numbers[place] - float(text)) <= unit


def test_macd_has_leans_digits_but_where_a_close_was_printed_too_short(folder: Path) -> None:
    lines = read_csv(folder / "spy_with_indicators.txt")
    numbers = ours(single_bars(lines), "macd", "macd")
    # The close of line 31 stands there with two places only: half a unit of them moves MACD by
    # 0.005 (2/13 - 2/27) = 4e-4. It takes six bars until that is below the seventh digit.
    off = [
        place
        for place, text in printed(lines, "MACD 12 26")
        if abs(numbers[place] - float(text)) > seventh_digit(text)
    ]
    assert off == [31, 32, 33, 34, 35, 36]
    assert max(abs(numbers[place] - float(lines[place]["MACD 12 26"])) for place in off) < 4e-4


@pytest.mark.parametrize(
    ("output", "field"),
    [
        ("middle", "Moving Average 20"),
        ("upper", "Bollinger Bands® 20 2 Top"),
        ("lower", "Bollinger Bands® 20 2 Bottom"),
        ("percent_b", "%B"),
    ],
)
def test_bollinger_bands_have_leans_digits(folder: Path, output: str, field: str) -> None:
    lines = read_csv(folder / "spy_bollinger_bands.txt")
    numbers = ours(single_bars(lines), "bollinger", output)
    for place, text in printed(lines, field):
        assert abs(numbers[place] - float(text)) <= 1e-4


def test_changes_of_obv_have_leans_digits(folder: Path) -> None:
    lines = read_csv(folder / "spy_with_obv.txt")
    numbers = ours(bars_of(lines), "obv", "obv")
    for place, text in printed(lines, "OBV")[1:]:
        before = lines[place - 1]["OBV"]
        theirs = float(text) - float(before)
        halves = seventh_digit(text) + seventh_digit(before) + seventh_digit(lines[place]["Volume"])
        assert abs(numbers[place] - numbers[place - 1] - theirs) <= 0.500001 * halves


def test_rolling_vwap_of_leans_price_has_leans_digits(folder: Path) -> None:
    lines = read_csv(folder / "spy_with_vwap.txt")
    # LEAN weighs (open + high + low + close) / 4: as a bar's only price it is ours as well.
    bars = [
        [average, average, average, average, *bar[4:]]
        for bar in single_bars(lines)
        for average in [(bar[0] + bar[1] + bar[2] + bar[3]) / 4.0]
    ]
    numbers = ours(bars, "vwap_rolling", "vwap_rolling", period=50)
    for place, text in printed(lines, "Moving VWAP 50"):
        assert abs(numbers[place] - float(text)) <= seventh_digit(text)
