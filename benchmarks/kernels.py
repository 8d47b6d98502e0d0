"""What does an indicator cost a bar, live and compiled, with TA-Lib beside it?

python -m benchmarks.kernels [--json] [--bars N]
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import talib

from benchmarks.machine import machine
from marea.kernels.compiled import run
from marea.kernels.registry import KERNELS

MINUTES_OF_A_YEAR = 525_600
LIVE_BARS = 20_000
ROUNDS = 5

Columns = dict[str, np.ndarray[Any, np.dtype[np.float64]]]


class Peer(NamedTuple):
    """A function of TA-Lib, the columns it takes and its parameters."""

    name: str
    columns: tuple[str, ...]
    parameters: tuple[float, ...] = ()


class Subject(NamedTuple):
    """An indicator of the live feature set, and what of TA-Lib gives the same outputs."""

    label: str
    kernel: str
    parameters: dict[str, float]
    peers: tuple[Peer, ...]


CLOSE = ("close",)
RANGE = ("high", "low", "close")

FEATURE_SET = (
    Subject("sma_20", "sma", {"period": 20}, (Peer("SMA", CLOSE, (20,)),)),
    Subject("ema_20", "ema", {"period": 20}, (Peer("EMA", CLOSE, (20,)),)),
    Subject("ema_50", "ema", {"period": 50}, (Peer("EMA", CLOSE, (50,)),)),
    Subject("rsi_14", "rsi", {}, (Peer("RSI", CLOSE, (14,)),)),
    Subject("macd_12_26_9", "macd", {}, (Peer("MACD", CLOSE, (12, 26, 9)),)),
    Subject("bollinger_20_2", "bollinger", {}, (Peer("BBANDS", CLOSE, (20, 2.0, 2.0)),)),
    Subject("atr_14", "atr", {}, (Peer("ATR", RANGE, (14,)),)),
    Subject(
        "adx_14",
        "adx",
        {},
        (
            Peer("ADX", RANGE, (14,)),
            Peer("PLUS_DI", RANGE, (14,)),
            Peer("MINUS_DI", RANGE, (14,)),
        ),
    ),
    Subject("stochastic_14_3_3", "stochastic", {}, (Peer("STOCH", RANGE, (14, 3, 0, 3, 0)),)),
    Subject("obv", "obv", {}, (Peer("OBV", ("close", "volume")),)),
    Subject("vwap_day", "vwap", {}, (Peer("VWAP", (*RANGE, "volume")),)),
    Subject("realised_volatility_20", "realised_volatility", {}, ()),
)


def draw_bars(count: int) -> list[list[float]]:
    """A random walk of one-minute bars."""
    chance = random.Random(20240808)
    price = 60_000.0
    bars = []
    for minute in range(count):
        opened = price
        price *= 1.0 + chance.gauss(0.0, 5e-4)
        high = max(opened, price) * (1.0 + abs(chance.gauss(0.0, 2e-4)))
        low = min(opened, price) * (1.0 - abs(chance.gauss(0.0, 2e-4)))
        bars.append([opened, high, low, price, chance.expovariate(0.1), 60.0 * minute])
    return bars


def best_seconds(work: Callable[[], object]) -> float:
    """The shortest of `ROUNDS` runs: what the work costs when nothing disturbs it."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def live_us(subjects: tuple[Subject, ...], bars: list[list[float]]) -> float:
    """Microseconds a bar for the steps of these indicators in plain Python."""
    steps = [
        (KERNELS[subject.kernel].step, KERNELS[subject.kernel].start(**subject.parameters))
        for subject in subjects
    ]

    def work() -> None:
        for bar in bars:
            for step, state in steps:
                step(state, bar)

    return best_seconds(work) / len(bars) * 1e6


def talib_live_us(subjects: tuple[Subject, ...], columns: Columns) -> float:
    """Microseconds a bar for TA-Lib's streaming handles that give the same outputs."""
    peers = [peer for subject in subjects for peer in subject.peers]
    updates = []
    for peer in peers:
        history = [columns[name][:200] for name in peer.columns]
        handle = getattr(talib.stream, peer.name)(*history, *peer.parameters)
        inputs = list(zip(*(columns[name].tolist() for name in peer.columns), strict=True))
        updates.append((handle.update, inputs))

    def work() -> None:
        for place in range(len(columns["close"])):
            for update, inputs in updates:
                update(*inputs[place])

    return best_seconds(work) / len(columns["close"]) * 1e6


def compiled_ns(subject: Subject, rows: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Nanoseconds a row in the compiled loop, compilation left out."""
    kernel = KERNELS[subject.kernel]
    run(kernel, np.array(kernel.start(**subject.parameters)), rows[:100])
    state = np.array(kernel.start(**subject.parameters))
    return best_seconds(lambda: run(kernel, state, rows)) / len(rows) * 1e9


def talib_batch_ns(subject: Subject, columns: Columns) -> float:
    """Nanoseconds a row for TA-Lib's batch functions that give the same outputs."""

    def work() -> None:
        for peer in subject.peers:
            inputs = [columns[name] for name in peer.columns]
            getattr(talib, peer.name)(*inputs, *peer.parameters)

    return best_seconds(work) / len(columns["close"]) * 1e9


def measure(bar_count: int) -> dict[str, Any]:
    """All figures, as one object."""
    bars = draw_bars(bar_count)
    rows = np.array(bars)
    names = ("open", "high", "low", "close", "volume")
    columns = {name: np.ascontiguousarray(rows[:, place]) for place, name in enumerate(names)}
    recent = {name: numbers[:LIVE_BARS] for name, numbers in columns.items()}
    indicators = []
    for subject in FEATURE_SET:
        figures: dict[str, Any] = {"indicator": subject.label}
        figures["live_us"] = live_us((subject,), bars[:LIVE_BARS])
        figures["compiled_ns"] = compiled_ns(subject, rows)
        if subject.peers:
            figures["talib_live_us"] = talib_live_us((subject,), recent)
            figures["talib_batch_ns"] = talib_batch_ns(subject, columns)
        indicators.append(figures)
    shared = tuple(subject for subject in FEATURE_SET if subject.peers)
    ours, theirs = live_us(shared, bars[:LIVE_BARS]), talib_live_us(shared, recent)
    return {
        "machine": machine() | {name: version(name) for name in ("numba", "numpy", "ta-lib")},
        "bars": bar_count,
        "feature_set_live_us": live_us(FEATURE_SET, bars[:LIVE_BARS]),
        "shared_with_talib": {
            "live_us": ours,
            "talib_live_us": theirs,
            "live_ratio": ours / theirs,
        },
        "indicators": indicators,
    }


def show(figures: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{'indicator':24}{'live µs':>9}{'TA-Lib':>9}{'ratio':>7}", end="")
    print(f"{'compiled ns':>13}{'TA-Lib':>9}{'ratio':>7}")
    for row in figures["indicators"]:
        print(f"{row['indicator']:24}{row['live_us']:9.2f}", end="")
        if "talib_live_us" not in row:
            print(f"{'':16}{row['compiled_ns']:13.1f}")
            continue
        print(f"{row['talib_live_us']:9.2f}{row['live_us'] / row['talib_live_us']:7.1f}", end="")
        print(f"{row['compiled_ns']:13.1f}{row['talib_batch_ns']:9.1f}", end="")
        print(f"{row['compiled_ns'] / row['talib_batch_ns']:7.1f}")
    shared = figures["shared_with_talib"]
    print(f"\nthe feature set, live: {figures['feature_set_live_us']:.2f} µs a bar")
    print(f"what TA-Lib has of it: {shared['live_us']:.2f} µs, ", end="")
    print(f"its handles {shared['talib_live_us']:.2f} µs, ratio {shared['live_ratio']:.1f}")
    print(f"compiled over {figures['bars']:,} bars; {figures['machine']}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--bars", type=int, default=MINUTES_OF_A_YEAR, help="rows when compiled")
    arguments = parser.parse_args()
    figures = measure(max(arguments.bars, LIVE_BARS))
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
