"""What does an amount cost: to read from a tape's text, to write, to reckon with?

python -m benchmarks.money [--json] TAPE...

A tape is a raw Binance capture, plain, .gz or .zst. Beside it stand `decimal` and, compiled, a product
of 64-bit integers that may overflow unseen.
"""

import argparse
import gzip
import json
import re
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from inspect import getmembers, isfunction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import zstandard
from numba import njit
from numba.extending import register_jitable

from benchmarks.machine import machine
from marea.domain import money
from marea.domain.money import AmountParser, Rounding, parse_amount
from marea.venues.tape import Tape
from tools.ending import end_with

Amounts: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

ROUNDS = 5
CALLS = 20_000
SCALE = 8
TEXT_FUNCTIONS = {"parse_amount", "format_amount", "_parse_any"}


def best_ns(work: Callable[[], object], count: int) -> float:
    """Nanoseconds each in the shortest of `ROUNDS` runs of `count` pieces of work."""
    spent = []
    for _ in range(ROUNDS):
        begin = time.perf_counter_ns()
        work()
        spent.append(time.perf_counter_ns() - begin)
    return min(spent) / count


def read_amounts(path: Path) -> list[str]:
    """Every price and quantity of a tape, in its order, each a string of its own."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    elif path.suffix == ".zst":
        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    return re.findall(r'"([0-9]+\.[0-9]+)"', content.decode())


def remembered(texts: list[str]) -> None:
    """As ingestion reads them."""
    parser = AmountParser(SCALE)
    for text in texts:
        parser[text]


def unremembered(texts: list[str]) -> None:
    """Each text anew."""
    for text in texts:
        parse_amount(text, SCALE)


def standard_library(texts: list[str]) -> None:
    """The peer: `decimal`, which neither sees digits beyond the scale nor a range."""
    for text in texts:
        int(Decimal(text).scaleb(SCALE))


def reading(texts: list[str]) -> dict[str, float]:
    """Nanoseconds an amount, the loop included, for the ways to read the texts of a tape."""
    figures = {}
    for read in (remembered, unremembered, standard_library):
        figures[read.__name__] = best_ns(partial(read, texts), len(texts))
    return figures


def reckoning() -> dict[str, float]:
    """Nanoseconds a call in plain Python."""
    up = Rounding.UP
    calls: dict[str, Callable[[], object]] = {
        "format_amount": lambda: money.format_amount(6_183_763_000_000, 8),
        "add": lambda: money.add(5, 7),
        "notional_64_bits": lambda: money.notional(6_183_763, 100_000_000, 2, 8, 8, up),
        "notional_wide": lambda: money.notional(6_183_763_000_000, 100_000_000, 8, 8, 8, up),
        "qty_for_notional_wide": lambda: money.qty_for_notional(
            10**13, 61_837 * 10**8, 8, 8, 8, up
        ),
        "fee": lambda: money.fee(10**13, 100_000, up),
        "round_to_increment": lambda: money.round_to_increment(10**13 + 7, 1000, up),
        "split_3": lambda: money.split(10**9 + 1, (1, 2, 3)),
        "decimal_product": lambda: (Decimal(6_183_763_000_000) * Decimal(100_000_000)) // 10**8,
    }

    return {name: best_ns(partial(repeat, call), CALLS) for name, call in calls.items()}


def repeat(call: Callable[[], object]) -> None:
    """Call it `CALLS` times."""
    for _ in range(CALLS):
        call()


def compiled() -> dict[str, float]:
    """Nanoseconds a notional in a compiled loop, and beside it of a product that may overflow."""
    for name, function in getmembers(money, isfunction):
        if name not in TEXT_FUNCTIONS:
            register_jitable(function)
    jit: Any = njit  # its own types refuse a call of what it compiles
    notional = jit(money.notional)

    def exact(prices: Amounts, qtys: Amounts) -> int:
        mixed = 0
        for row in range(len(prices)):
            mixed ^= notional(prices[row], qtys[row], 8, 8, 8, Rounding.UP)
        return mixed

    def bare(prices: Amounts, qtys: Amounts) -> int:
        mixed = 0
        for row in range(len(prices)):
            mixed ^= prices[row] * qtys[row] // 100_000_000
        return mixed

    generator = np.random.default_rng(20_240_808)
    narrow = generator.integers(1, 1 << 31, (2, 1_000_000))
    wide = generator.integers(1 << 40, 1 << 42, (2, 1_000_000))
    figures = {}
    for name, loop, rows in (
        ("notional_64_bits", jit(exact), narrow),
        ("notional_wide", jit(exact), wide),
        ("bare_product", jit(bare), narrow),
    ):
        loop(rows[0][:10], rows[1][:10])
        figures[name] = best_ns(partial(loop, rows[0], rows[1]), len(rows[0]))
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="print one object")
    arguments = parser.parse_args()
    Tape(arguments.tape)  # refuses what is no file that can be opened
    texts = [text for tape in arguments.tape for text in read_amounts(tape)]
    figures = {
        "machine": machine(),
        "amounts": len(texts),
        "distinct_share": len(set(texts)) / len(texts),
        "reading_ns": reading(texts),
        "plain_ns": reckoning(),
        "compiled_ns": compiled(),
    }
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, figure in figures.items():
        rows = figure.items() if isinstance(figure, dict) else [("", figure)]
        for label, number in rows:
            shown = f"{number:.1f}" if isinstance(number, float) and number > 1 else number
            print(f"{name:16}{label:24}{shown}")
    return 0


if __name__ == "__main__":
    end_with(main)
