"""Features as signals hears them, short to write, and those of a market that is drawn."""

import random
from collections.abc import Iterable, Sequence
from functools import cache

from msgspec.structs import replace

from marea.domain.bars import SECOND_NS
from marea.kernels.kernel import is_warm
from marea.kernels.registry import KERNELS
from marea.messages.envelope import Log
from marea.messages.features import Bar, FeatureVector
from marea.messages.ids import output_id
from marea.messages.signals import Signal
from marea.testing.builders import INSTRUMENT, TS_START
from services.signals.config import SignalsConfig
from services.signals.core import (
    SERVICE,
    SignalsInput,
    SignalsOutput,
    SignalsState,
    apply,
    begin,
    decide,
)
from services.signals.strategies import STRATEGIES

TRADING = Log("trading", "main")

ON_BARS: dict[str, tuple[str, dict[str, float]]] = {
    "sma_20": ("sma", {"period": 20}),
    "ema_20": ("ema", {"period": 20}),
    "ema_50": ("ema", {"period": 50}),
    "rsi_14": ("rsi", {"period": 14}),
    "macd": ("macd", {}),
    "bollinger_20": ("bollinger", {}),
    "atr_14": ("atr", {}),
    "adx_14": ("adx", {}),
}


def config(
    strategies: Iterable[str] = STRATEGIES,
    trades: Iterable[str] = ("weighted",),
    closed_trades_min: int = 30,
) -> SignalsConfig:
    return SignalsConfig(
        shard="test",
        interval_s=1,
        strategies=tuple(strategies),
        trades=tuple(trades),
        expiry_ns=5 * SECOND_NS,
        closed_trades_min=closed_trades_min,
    )


def bar(number: int, close: int = 10_000, instrument: str = INSTRUMENT, interval_s: int = 1) -> Bar:
    """The bar of second `number`, flat at a close in cents."""
    return Bar(
        id=f"bar:{instrument}:{interval_s}:{number}",
        ts_event=TS_START + (number + 1) * SECOND_NS,
        instrument=instrument,
        price_scale=2,
        qty_scale=5,
        interval_s=interval_s,
        ts_open=TS_START + number * SECOND_NS,
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


def vector(
    number: int,
    values: dict[str, float],
    instrument: str = INSTRUMENT,
    bar_id: str | None = None,
) -> FeatureVector:
    """The vector that closes the bar of second `number`."""
    return FeatureVector(
        id=f"vector:{instrument}:{number}",
        ts_event=TS_START + (number + 1) * SECOND_NS,
        instrument=instrument,
        interval_s=1,
        set_version="test",
        bar_id=f"bar:{instrument}:1:{number}" if bar_id is None else bar_id,
        book_status="LIVE",
        values=values,
    )


def play(state: SignalsState, events: Iterable[SignalsInput]) -> list[SignalsOutput]:
    """What the core says of the events, each output with its id, as the loop gives it."""
    said: list[SignalsOutput] = []
    for event in events:
        outputs = decide(state, event)
        apply(state, event)
        for output in outputs:
            if output is event:
                said.append(output)
                continue
            named = replace(
                output,
                id=output_id(SERVICE, TRADING, output, event.id),
                ts_event=event.ts_event,
                parents=(event.id, *output.parents),
            )
            apply(state, named)
            said.append(named)
    return said


def signals_of(given: SignalsConfig, events: Iterable[SignalsInput]) -> list[Signal]:
    """All signals of a history, from its begin."""
    return [each for each in play(begin(given), events) if isinstance(each, Signal)]


def by_name(signals: Sequence[Signal]) -> dict[str, Signal]:
    """The last signal of each who spoke."""
    return {each.strategy: each for each in signals}


@cache
def draw_values(count: int, seed: int) -> list[dict[str, float]]:
    """Vectors of a random walk that trends and rests in turns, once all is warm."""
    chance = random.Random(seed)
    kernels = {name: KERNELS[kernel] for name, (kernel, _) in ON_BARS.items()}
    states = {name: kernels[name].start(**given) for name, (_, given) in ON_BARS.items()}
    found: list[dict[str, float]] = []
    price, drift = 60_000.0, 0.0
    while len(found) < count:
        if chance.random() < 0.02:
            drift = chance.choice([0.0, 0.0, 2.0, -2.0])
        opened, price = price, price + drift + chance.gauss(0.0, 2.0)
        row = [opened, max(opened, price) + 1.0, min(opened, price) - 1.0, price, 1.0, 0.0]
        values = {"mid": price + chance.uniform(-0.5, 0.5)}
        for name, kernel in kernels.items():
            kernel.step(states[name], row)
            numbers = kernel.read(states[name])
            values.update(zip(kernel.value_names(name), numbers, strict=True))
        values["order_flow_imbalance"] = chance.gauss(drift, 4.0)
        values["trade_sign_imbalance"] = min(1.0, max(-1.0, chance.gauss(drift / 4.0, 0.7)))
        values["book_imbalance_10"] = min(1.0, max(-1.0, chance.gauss(drift / 4.0, 0.4)))
        if all(is_warm(state) for state in states.values()):
            found.append(values)
    return found


def history(
    count: int, seed: int, instruments: Sequence[str] = (INSTRUMENT,)
) -> list[SignalsInput]:
    """Bars with their vectors, of several instruments in turns."""
    events: list[SignalsInput] = []
    drawn = [draw_values(count, seed + place) for place in range(len(instruments))]
    for number in range(count):
        for instrument, values in zip(instruments, drawn, strict=True):
            close = int(values[number]["mid"] * 100)
            events += [bar(number, close, instrument), vector(number, values[number], instrument)]
    return events
