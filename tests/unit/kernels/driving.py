"""The live driver in its smallest form, and rows of recorded and of drawn markets."""

import csv
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from marea.kernels.kernel import Kernel, Row, State, is_warm

Rows = list[list[float]]


def run_live(
    kernel: Kernel, state: State, rows: Sequence[Row], closes: Sequence[int] | None = None
) -> tuple[Rows, list[bool]]:
    """What `compiled.run` does, as a live service does it: in plain Python, row by row."""
    outputs: Rows = []
    warm: list[bool] = []
    events = iter(rows)
    before = 0
    for close in closes if closes is not None else range(1, len(rows) + 1):
        for _ in range(close - before):
            kernel.step(state, next(events))
        before = close
        outputs.append(kernel.read(state))
        warm.append(is_warm(state))
        kernel.reset(state)
    return outputs, warm


def column(kernel: Kernel, outputs: Rows, name: str) -> list[float]:
    """One output of a kernel over all rows."""
    place = kernel.outputs.index(name)
    return [numbers[place] for numbers in outputs]


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a recorded file, by column; names stripped."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        return [{name.strip(): text for name, text in line.items()} for line in lines]


def bars_of(lines: list[dict[str, str]]) -> Rows:
    """The bars of a recorded file, a day each; what it doesn't hold is the close, or volume 1."""
    bars = []
    for day, line in enumerate(lines):
        named = {name.lower(): text for name, text in line.items()}
        close = named["close"]
        prices = [float(named.get(name, close)) for name in ("open", "high", "low", "close")]
        bars.append([*prices, float(named.get("volume", 1)), day * 86_400.0])
    return bars


@cache
def draw_rows(kind: str, count: int, seed: int) -> Rows:
    """Rows of a market that is calm, wild, dead, huge and tiny in turns; not to be changed."""
    chance = random.Random(seed)
    draw = {"bar": _draw_bar, "quote": _draw_quote, "trade": _draw_trade, "book": _draw_book}
    row = draw[kind]
    rows = []
    price = 100.0
    swing = 0.001
    for number in range(count):
        if number % 500 == 0:
            swing = chance.choice([0.0, 1e-9, 1e-4, 1e-3, 0.05])
            price *= chance.choice([1.0, 1.0, 1.0, 1e3, 1e-3])
        price = min(max(price * (1.0 + chance.gauss(0.0, swing)), 1e-14), 1e14)
        rows.append(row(chance, price, number))
    return rows


def draw_closes(kind: str, count: int, seed: int) -> list[int] | None:
    """After how many rows the bars close: each row for bars, else anywhere, also twice."""
    if kind == "bar":
        return None
    chance = random.Random(seed)
    return sorted(chance.randint(0, count) for _ in range(count // 5))


def _draw_bar(chance: random.Random, price: float, number: int) -> list[float]:
    reach = price * chance.choice([0.0, 1e-4, 0.01])
    prices = [price, price + reach, price - reach, chance.uniform(price - reach, price + reach)]
    return [*prices, _draw_qty(chance), 1_700_000_000.0 + 60.0 * number]


def _draw_quote(chance: random.Random, price: float, _number: int) -> list[float]:
    bid = round(price, 2) if price > 1.0 else price
    ask = bid + chance.choice([0.0, 0.01, 0.02]) * max(1.0, price / 1e6)
    return [bid, _draw_qty(chance), ask, _draw_qty(chance)]


def _draw_trade(chance: random.Random, _price: float, _number: int) -> list[float]:
    return [_draw_qty(chance), chance.choice([1.0, -1.0])]


def _draw_book(chance: random.Random, _price: float, _number: int) -> list[float]:
    return [_draw_qty(chance) for _ in range(10)]


def _draw_qty(chance: random.Random) -> float:
    likely: list[Callable[[], float]] = [
        lambda: chance.uniform(0.0, 10.0),
        lambda: chance.uniform(0.0, 10.0),
        lambda: 0.0,
        lambda: chance.choice([1e-8, 1e12]),
    ]
    return chance.choice(likely)()
