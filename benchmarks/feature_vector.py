"""What does the whole feature vector cost live, and each event on its way there?

A tape goes through ingestion into features' core, with the indicators of the settings. At a bar's
close all indicators are stepped for it and the vector is read; between two bars it is only read.
Beside that, from the same run: the least that it can cost, which is the bare steps and a dict of
their outputs; TA-Lib's streaming handles for the indicators that it has; and every event of the
tape, `decide` and `apply`, by what it brings.

python -m benchmarks.feature_vector [--json] [--rounds N] TAPE...
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
from msgspec.structs import replace

from benchmarks.kernels import FEATURE_SET, LIVE_BARS, draw_bars, live_us, talib_live_us
from benchmarks.machine import machine
from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.kernels.kernel import FIRST_OUTPUT, Row, State
from marea.messages.envelope import Log, Message
from marea.messages.features import Bar, FeatureVector
from marea.messages.ids import output_id
from marea.messages.system import Clock
from marea.runtime.settings import Settings, find_config_dir, list_instruments, load_settings
from marea.runtime.wiring import Ports
from services.features.config import FeaturesConfig
from services.features.core import (
    SERVICE,
    FeaturesInput,
    FeaturesState,
    apply,
    begin,
    decide,
    vector,
)
from services.features.main import features_config
from services.ingestion.main import ingestion_config, ingestion_loop
from services.ingestion.shell.markets import TapeMarket
from services.standalone.embedded import SHARD
from tools.ending import end_with

TARGET_US = 25.0
REPEATS = 2_000
AT_BAR, BETWEEN = (Bar, FeatureVector), (FeatureVector,)
"""What a clock brings that closes a bar, and one between two bars."""


class Moment(NamedTuple):
    """A warm state, and a clock that brings a vector."""

    state: FeaturesState
    clock: Clock


async def judged(files: list[Path], settings: Settings) -> list[list[FeaturesInput]]:
    """What ingestion passes on of a tape, by instrument."""
    bus = MemoryBus()
    market = TapeMarket(files, list_instruments(settings))
    ports = Ports(source=market.feed, bus=bus, snapshots=MemorySnapshots())
    loop = ingestion_loop(ingestion_config(settings), market.plan, ports, "benchmark", 1 << 62)
    await loop.start()
    while await loop.step():
        pass
    streams = []
    for each in market.plan.instruments:
        records = await bus.read(Log("market", each.id), 0, 1 << 30)
        streams.append([cast(FeaturesInput, record.message) for record in records])
    return streams


def take_own(state: FeaturesState, event: Message, outputs: Sequence[Message]) -> int:
    """Take what the core decided, named as the loop names it; the ns that the core itself took."""
    spent_ns = 0
    for output in outputs:
        if output is not event:
            id_ = output_id(SERVICE, Log("features", SHARD), output, event.id)
            parents = (event.id, *output.parents)
            named = replace(output, id=id_, ts_event=state.clock, parents=parents)
            begun_ns = time.perf_counter_ns()
            apply(state, cast(FeatureVector, named))
            spent_ns += time.perf_counter_ns() - begun_ns
    return spent_ns


def event_us(streams: list[list[FeaturesInput]], config: FeaturesConfig) -> dict[str, float]:
    """Microseconds of `decide` and `apply` for an event, by its type and what it brings."""
    spent_ns: dict[str, int] = {}
    counts: dict[str, int] = {}
    for stream in streams:
        state = begin(config)
        for event in stream:
            begun_ns = time.perf_counter_ns()
            outputs = decide(state, event)
            apply(state, event)
            took_ns = time.perf_counter_ns() - begun_ns
            took_ns += take_own(state, event, outputs)
            kind = " + ".join(type(each).__name__ for each in (event, *outputs))
            spent_ns[kind] = spent_ns.get(kind, 0) + took_ns
            counts[kind] = counts.get(kind, 0) + 1
    often = [kind for kind, count in counts.items() if count >= 100]
    found = {kind: spent_ns[kind] / counts[kind] / 1e3 for kind in sorted(often)}
    return {**found, "any": sum(spent_ns.values()) / sum(counts.values()) / 1e3}


def find_moments(
    stream: list[FeaturesInput], config: FeaturesConfig
) -> dict[tuple[type[Message], ...], Moment]:
    """A clock of either kind in the second half of a stream, and the state that it found."""
    state = begin(config)
    found: dict[tuple[type[Message], ...], Moment] = {}
    for place, event in enumerate(stream):
        outputs = decide(state, event)
        kinds = tuple(type(each) for each in outputs)
        if isinstance(event, Clock) and kinds in (AT_BAR, BETWEEN) and place > len(stream) // 2:
            kept = msgspec.msgpack.encode(state)
            found[kinds] = Moment(msgspec.msgpack.decode(kept, type=FeaturesState), event)
            if len(found) == 2:
                break
        apply(state, event)
        take_own(state, event, outputs)
    return found


def best_us(work: Callable[[], object], rounds: int) -> float:
    """Microseconds of one call, in the shortest of some rounds of `REPEATS`."""
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(REPEATS):
            work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds) / REPEATS * 1e6


def vector_us(config: FeaturesConfig, moment: Moment, rounds: int) -> dict[str, float]:
    """The vector at one moment, beside the least it can cost, and all that `decide` does there."""
    state = moment.state
    outputs = decide(*moment)
    bar = outputs[0] if isinstance(outputs[0], Bar) else None
    features = vector.feature_set(state.set_version, config)
    kernels = [kernel.copy() for kernel in state.kernels]
    quote, qty_unit = state.top.row, vector.UNITS[state.qty_scale]

    def work() -> None:
        if bar is not None:
            vector.feed(features.on_bar, kernels, vector.bar_row(bar))
        vector.read(features, kernels, quote, state.book, qty_unit)

    ours, least = best_us(work, rounds), best_us(barely(config, state, bar), rounds)
    whole = best_us(lambda: decide(*moment), rounds)
    return {"vector_us": ours, "least_us": least, "ratio": ours / least, "decide_us": whole}


def barely(config: FeaturesConfig, state: FeaturesState, bar: Bar | None) -> Callable[[], object]:
    """The bare steps that a vector needs, with rows that are ready, and a dict of their outputs."""
    features = vector.feature_set(state.set_version, config)
    kernels = [kernel.copy() for kernel in state.kernels]
    steps: list[tuple[Callable[[State, Row], None], State, Row]] = []
    if bar is not None:
        steps += [(step, kernels[place], vector.bar_row(bar)) for place, step, _ in features.on_bar]
    for place, _, look, levels in features.readings:
        if look is not None:
            row = [1.0] * (2 * levels) if levels else state.top.row
            steps.append((look, kernels[place], row))
    ends = [(kernels[place], end) for place, end, _, _ in features.readings]

    def work() -> dict[str, float]:
        values: list[float] = []
        for step, kernel, row in steps:
            step(kernel, row)
        for kernel, end in ends:
            values += kernel[FIRST_OUTPUT:end]
        return dict(zip(features.names, values, strict=True))

    return work


def talib(bar_count: int = LIVE_BARS) -> dict[str, float]:
    """The indicators that TA-Lib has too: our steps and its handles, a bar."""
    bars = draw_bars(bar_count)
    rows = np.array(bars)
    columns = {
        name: np.ascontiguousarray(rows[:, place])
        for place, name in enumerate(("open", "high", "low", "close", "volume"))
    }
    shared = tuple(subject for subject in FEATURE_SET if subject.peers)
    ours, theirs = live_us(shared, bars), talib_live_us(shared, columns)
    return {"live_us": ours, "talib_live_us": theirs, "ratio": ours / theirs}


def measure(files: list[Path], rounds: int) -> dict[str, Any]:
    """All figures, as one object."""
    settings = load_settings(find_config_dir(None, {}), {})
    config = features_config(settings, SHARD)
    streams = asyncio.run(judged(files, settings))
    moments = find_moments(max(streams, key=len), config)
    plays = [event_us(streams, config) for _ in range(rounds)]
    return {
        "machine": machine(),
        "indicators": len(config.indicators),
        "values": len(vector.feature_set(vector.set_version(config), config).names),
        "target_us": TARGET_US,
        "at_bar": vector_us(config, moments[AT_BAR], rounds),
        "between": vector_us(config, moments[BETWEEN], rounds),
        "shared_with_talib": talib(),
        "event_us": {kind: min(each[kind] for each in plays) for kind in plays[0]},
    }


def show(figures: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{figures['indicators']} indicators, {figures['values']} values; {figures['machine']}")
    for name, of in (("at_bar", "stepped and read"), ("between", "read")):
        row = figures[name]
        print(
            f"{row['vector_us']:10.2f} µs  the vector {of} (target {figures['target_us']:.0f}),",
            end="",
        )
        print(f" {row['ratio']:.2f} times the least, {row['least_us']:.2f} µs;", end="")
        print(f" {row['decide_us']:.2f} µs with all that decide does")
    row = figures["shared_with_talib"]
    print(
        f"{row['live_us']:10.2f} µs  steps of what TA-Lib has too, {row['ratio']:.2f} times", end=""
    )
    print(f" its streaming handles, {row['talib_live_us']:.2f} µs")
    for kind, us in figures["event_us"].items():
        print(f"{us:10.2f} µs  {kind}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    figures = measure(given.tape, given.rounds)
    if given.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    end_with(main)
