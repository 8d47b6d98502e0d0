"""The core in its loop, on logs in memory: ids, lineage, expiry, restarts."""

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages.envelope import Log, Record, Writer
from marea.messages.signals import Signal
from marea.messages.system import Started
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.builders import INSTRUMENT, started_record
from services.signals.core import SignalsInput, SignalsState
from services.signals.main import signals_loop
from tests.unit.signals.speaking import TRADING, config, history, play

FEATURES = Log("features", "test")
WRITER = Writer(
    producer=f"features/{INSTRUMENT}", epoch=0, build="test", input_log=Log("market", INSTRUMENT)
)
CONFIG = config(closed_trades_min=2)


class Bench:
    """Features on a bus, and what loops say of them."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.snapshots = MemorySnapshots()

    async def write(self, events: Sequence[SignalsInput]) -> None:
        """Append them as features would."""
        records = [
            Record(message=event, writer=WRITER, seq=seq, ts_known=event.ts_event)
            for seq, event in enumerate(events)
        ]
        await self.bus.append(FEATURES, [started_record(WRITER), *records])

    async def start(self) -> Loop[SignalsState]:
        """A new life of the loop."""
        ports = Ports(source=self.bus, bus=self.bus, snapshots=self.snapshots)
        loop = signals_loop(CONFIG, "main", ports, "test", 1_000_000_000)
        await loop.start()
        return loop

    async def said(self) -> list[Signal]:
        """Every signal on the trading log."""
        records = await self.bus.read(TRADING, 0, 1 << 30)
        return [each.message for each in records if isinstance(each.message, Signal)]


async def run(bench: Bench) -> None:
    """One life, to the end of the features."""
    loop = await bench.start()
    while await loop.step(100):
        pass


def test_loop_says_on_the_portfolios_log_what_the_core_decides() -> None:
    events = history(60, seed=2)

    async def scene() -> list[Signal]:
        bench = Bench()
        await bench.write(events)
        await run(bench)
        records = await bench.bus.read(TRADING, 0, 1 << 30)
        assert {each.writer.producer for each in records} == {"signals/test"}
        assert isinstance(records[0].message, Started)
        return await bench.said()

    said = asyncio.run(scene())
    assert said == play(SignalsState(CONFIG), events)
    assert len({each.id for each in said}) == len(said) == 60 * 11
    for signal in said:
        assert signal.ts_expiry == signal.ts_event + CONFIG.expiry_ns
        assert signal.parents[0].startswith("vector:")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_loop_that_is_cut_off_and_started_anew_says_everything_once(lives: list[int]) -> None:
    events = history(60, seed=2)

    async def scene() -> list[Signal]:
        bench = Bench()
        await bench.write(events)
        for count in lives:
            loop = await bench.start()
            await loop.step(count)
        await run(bench)
        return await bench.said()

    assert asyncio.run(scene()) == play(SignalsState(CONFIG), events)
