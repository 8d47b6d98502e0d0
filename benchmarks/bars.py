"""What does a trade cost on its way into the bars of 1 s and of 1 min, and a clock beside it?

python -m benchmarks.bars [--json] [--trades N]
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable

from benchmarks.machine import machine
from marea.domain.bars import SECOND_NS, BarState, advance, closing, corrections, take
from marea.messages.market import Trade

ROUNDS = 5
TRADES = 100_000
NOON_NS = 1_723_204_800 * SECOND_NS
INTERVALS_S = (1, 60)


def draw_trades(count: int) -> list[Trade]:
    """A random walk with 50 trades a second."""
    chance = random.Random(20240808)
    ts, price = NOON_NS, 6_183_763
    trades = []
    for number in range(count):
        ts += chance.randrange(40_000_000)
        price += chance.randrange(-50, 51)
        trades.append(
            Trade(
                id=f"BTC-USDT.BINANCE:trade:{number}",
                ts_event=ts,
                instrument="BTC-USDT.BINANCE",
                price_scale=2,
                qty_scale=8,
                price=price,
                qty=chance.randrange(1, 100_000_000),
                taker_side="buy",
                first_trade_id=number,
                last_trade_id=number,
            )
        )
    return trades


def best_us(trades: list[Trade], step: Callable[[list[BarState], Trade], object]) -> float:
    """Microseconds a trade in the shortest of `ROUNDS` runs over the trades."""
    spent = []
    for _ in range(ROUNDS):
        states = [BarState(interval_s * SECOND_NS) for interval_s in INTERVALS_S]
        begin = time.perf_counter_ns()
        for trade in trades:
            step(states, trade)
        spent.append(time.perf_counter_ns() - begin)
    return min(spent) / len(trades) / 1000


def nothing(states: list[BarState], trade: Trade) -> None:
    """The loop's own cost."""


def clock(states: list[BarState], trade: Trade) -> None:
    """A clock as a core takes it: what closes, then past it."""
    short, long = states
    closing(short, trade.ts_event)
    closing(long, trade.ts_event)
    advance(short, trade.ts_event)
    advance(long, trade.ts_event)


def clock_and_trade(states: list[BarState], trade: Trade) -> None:
    """A clock, then a trade as a core takes it: what it corrects, then into its bars."""
    short, long = states
    clock(states, trade)
    corrections(short, trade)
    corrections(long, trade)
    take(short, trade)
    take(long, trade)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--trades", type=int, default=TRADES, help="how many")
    arguments = parser.parse_args()
    trades = draw_trades(arguments.trades)
    loop, clocks, both = (best_us(trades, step) for step in (nothing, clock, clock_and_trade))
    figures = {
        "machine": machine(),
        "trades": len(trades),
        "intervals_s": INTERVALS_S,
        "clock_us": clocks - loop,
        "trade_us": both - clocks,
    }
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, figure in figures.items():
        print(f"{name:16}{figure:.2f}" if isinstance(figure, float) else f"{name:16}{figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
