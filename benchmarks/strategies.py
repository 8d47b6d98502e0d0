"""What does a strategy cost a bar, live and compiled, and what do all signals of a bar cost?

python -m benchmarks.strategies [--json] [--bars N]

Beside each strategy stands one that reads its features and thinks nothing, beside the core the bare
making of as many signals.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from msgspec.structs import replace

from benchmarks.machine import machine
from marea.kernels.compiled import run_strategy
from marea.kernels.kernel import Row
from marea.messages.features import Bar, FeatureVector
from marea.messages.signals import Signal
from services.signals.config import SignalsConfig
from services.signals.core import apply, begin, decide
from services.signals.strategies import STRATEGIES
from services.signals.strategies.strategy import Opinion, Strategy

MINUTES_OF_A_YEAR = 525_600
LIVE_BARS = 20_000
CORE_BARS = 2_000
ROUNDS = 5
TS_BEGIN = 1_723_204_800_000_000_000
TYPICAL: dict[str, tuple[float, float]] = {
    "rsi_14": (50.0, 20.0),
    "adx_14": (38.0, 15.0),
    "adx_14_plus_di": (25.0, 5.0),
    "adx_14_minus_di": (25.0, 5.0),
    "atr_14": (4.0, 0.5),
    "mid": (60_000.0, 10.0),
    "sma_20": (60_000.0, 10.0),
    "ema_20": (60_000.0, 10.0),
    "ema_50": (60_000.0, 10.0),
    "bollinger_20_percent_b": (0.5, 0.4),
}
"""Mean and deviation of what is drawn for a feature; 0 and 1 for the others."""

Columns = dict[str, np.ndarray[Any, np.dtype[np.float64]]]


def think_nothing(row: Row) -> Opinion:
    """Hold, whatever the features are."""
    return row[0] - row[0], 0.0, 0


def draw_features(count: int) -> Columns:
    """Values of every feature that a strategy takes, in typical sizes."""
    chance = np.random.default_rng(20240808)
    names = dict.fromkeys(name for each in STRATEGIES.values() for name in each.features)
    return {name: chance.normal(*TYPICAL.get(name, (0.0, 1.0)), count) for name in names}


def best_seconds(work: Callable[[], object]) -> float:
    """The shortest of `ROUNDS` runs: what the work costs when nothing disturbs it."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def live_us(judge: Callable[[Row], Opinion], rows: Sequence[Row]) -> float:
    """Microseconds for an opinion in plain Python."""

    def work() -> None:
        for row in rows:
            judge(row)

    return best_seconds(work) / len(rows) * 1e6


def compiled_ns(judge: Callable[[Row], Opinion], names: Sequence[str], columns: Columns) -> float:
    """Nanoseconds for an opinion in the compiled loop, compilation left out."""
    run_strategy(judge, names, {name: column[:100] for name, column in columns.items()})
    count = len(columns[names[0]])
    return best_seconds(lambda: run_strategy(judge, names, columns)) / count * 1e9


def measure_strategy(name: str, strategy: Strategy, columns: Columns) -> dict[str, Any]:
    """The figures of one strategy, with those of one that thinks nothing of the same features."""
    taken = np.column_stack([columns[feature][:LIVE_BARS] for feature in strategy.features])
    rows = taken.tolist()
    return {
        "strategy": name,
        "live_us": live_us(strategy.judge, rows),
        "live_floor_us": live_us(think_nothing, rows),
        "compiled_ns": compiled_ns(strategy.judge, strategy.features, columns),
        "compiled_floor_ns": compiled_ns(think_nothing, strategy.features, columns),
    }


def draw_history(columns: Columns) -> list[tuple[Bar, FeatureVector]]:
    """Bars with their vectors."""
    chance = random.Random(20240808)
    found = []
    for number in range(CORE_BARS):
        ts = TS_BEGIN + number * 1_000_000_000
        close = 6_000_000 + chance.randrange(-1_000, 1_000)
        bar = Bar(
            id=f"bar:{number}",
            ts_event=ts + 1_250_000_000,
            instrument="BTC-USDT.BINANCE",
            price_scale=2,
            qty_scale=8,
            interval_s=1,
            ts_open=ts,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=1,
            trade_count=1,
            first_trade_id=number,
            last_trade_id=number,
            status="complete",
        )
        vector = FeatureVector(
            id=f"vector:{number}",
            ts_event=bar.ts_event,
            instrument=bar.instrument,
            interval_s=1,
            set_version="drawn",
            bar_id=bar.id,
            book_status="LIVE",
            values={name: float(column[number]) for name, column in columns.items()},
        )
        found.append((bar, vector))
    return found


def measure_core(columns: Columns) -> dict[str, Any]:
    """What a bar costs the core, with all its signals, and the bare making of as many."""
    config = SignalsConfig(
        shard="drawn",
        interval_s=1,
        strategies=tuple(STRATEGIES),
        trades=("weighted",),
        expiry_ns=5_000_000_000,
        closed_trades_min=30,
    )
    history = draw_history(columns)
    said: list[Signal] = []

    def work() -> None:
        state = begin(config)
        said.clear()
        for bar, vector in history:
            apply(state, bar)
            for signal in decide(state, vector):
                assert isinstance(signal, Signal)
                apply(state, signal)
                said.append(signal)

    seconds = best_seconds(work)
    floor = best_seconds(lambda: [replace(signal) for signal in said])
    return {
        "signals_a_bar": len(said) // CORE_BARS,
        "core_us_a_bar": seconds / CORE_BARS * 1e6,
        "core_floor_us_a_bar": floor / CORE_BARS * 1e6,
    }


def show(figures: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{'strategy':12}{'live µs':>9}{'floor':>8}{'ratio':>7}", end="")
    print(f"{'compiled ns':>13}{'floor':>8}{'ratio':>7}")
    for row in figures["strategies"]:
        live, compiled = row["live_us"], row["compiled_ns"]
        floor, compiled_floor = row["live_floor_us"], row["compiled_floor_ns"]
        print(f"{row['strategy']:12}{live:9.2f}{floor:8.2f}{live / floor:7.1f}", end="")
        print(f"{compiled:13.1f}{compiled_floor:8.1f}{compiled / compiled_floor:7.1f}")
    core, floor = figures["core_us_a_bar"], figures["core_floor_us_a_bar"]
    print(f"\n{figures['signals_a_bar']} signals of a bar: {core:.1f} µs; ", end="")
    print(f"bare copies of them {floor:.1f} µs, ratio {core / floor:.1f}")
    print(f"compiled over {figures['bars']:,} bars; {figures['machine']}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--bars", type=int, default=MINUTES_OF_A_YEAR, help="rows when compiled")
    arguments = parser.parse_args()
    columns = draw_features(max(arguments.bars, LIVE_BARS))
    figures = {
        "machine": machine() | {name: version(name) for name in ("numba", "numpy")},
        "bars": len(columns["mid"]),
        "strategies": [
            measure_strategy(name, strategy, columns) for name, strategy in STRATEGIES.items()
        ],
        **measure_core(columns),
    }
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
