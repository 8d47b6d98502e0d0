"""Risk in its loop, on a log in memory: its settings, its lineage, and a new life at any moment."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages import codec
from marea.messages.envelope import Message, Record, Writer
from marea.messages.portfolio import RiskDecision
from marea.messages.signals import Signal
from marea.messages.system import Started
from marea.runtime.loop import Loop
from marea.runtime.settings import find_config_dir, load_settings
from marea.runtime.wiring import Ports
from services.risk.core import RiskInput, RiskState
from services.risk.main import marks_loop, risk_config, risk_loop
from tests.unit.risk.desk import BTC, MS, SECOND, TRADING, Desk, of
from tests.unit.risk.drawn import CONFIG, STEPS, Day, Step

OTHERS = Writer(producer="execution/main", epoch=0, build="test", input_log=TRADING)


@dataclass
class Bench:
    """A trading log, and lives of risk on it."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    written: int = 0

    async def loop(self) -> Loop[RiskState]:
        ports = Ports(source=self.bus, bus=self.bus, snapshots=self.snapshots)
        loop = risk_loop(CONFIG, ports, "test", SECOND)
        await loop.start()
        return loop

    async def write(self, events: list[RiskInput]) -> None:
        """Put on the log what others say."""
        records = [
            Record(message=event, writer=OTHERS, seq=self.written + place)
            for place, event in enumerate(events)
        ]
        if not self.written:
            begin = Started(id="s", service="execution", build="", config="{}", resumes_at=0)
            records = [Record(message=begin, writer=OTHERS, seq=0)]
            records += [
                Record(message=event, writer=OTHERS, seq=place)
                for place, event in enumerate(events)
            ]
        self.written += len(events)
        await self.bus.append(TRADING, records)

    async def said(self) -> list[Record]:
        """What risk has on the log, apart from its starts."""
        records = await self.bus.read(TRADING, 0, 100_000)
        return [
            each
            for each in records
            if each.writer.producer == "risk/main" and not isinstance(each.message, Started)
        ]


async def run(loop: Loop[RiskState]) -> None:
    while await loop.step(7):
        pass


def history(steps: list[Step]) -> list[RiskInput]:
    """What risk is told on a drawn day."""
    day = Day()
    for step in steps:
        day.take(step)
    return day.desk.told


def said(events: list[RiskInput], cuts: tuple[int, ...]) -> list[bytes]:
    """What risk says on them, its life cut off after so many events each time."""

    async def scene() -> list[bytes]:
        bench = Bench()
        await bench.write(events[: cuts[0]] if cuts else events)
        await run(await bench.loop())
        for place, cut in enumerate(cuts):
            end = cuts[place + 1] if place + 1 < len(cuts) else len(events)
            await bench.write(events[cut:end])
            await run(await bench.loop())
        return [codec.encode(each.message) for each in await bench.said()]

    return asyncio.run(scene())


@settings(max_examples=25, deadline=None)
@given(STEPS, st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_new_life_says_what_the_old_one_would_have(steps: list[Step], cuts: list[int]) -> None:
    events = history(steps)
    places = tuple(sorted({1 + cut % len(events) for cut in cuts}))
    assert said(events, places) == said(events, ())


def test_each_output_follows_from_its_input_first() -> None:
    async def scene() -> None:
        desk = Desk.ready(CONFIG)
        desk.signal("buy", strategy="a", bar="1")
        desk.signal("buy", strategy="b", bar="1")
        bench = Bench()
        await bench.write(desk.told)
        await run(await bench.loop())
        records = await bench.bus.read(TRADING, 0, 1_000)
        for record in await bench.said():
            cause = records[record.input_offset].message
            assert record.message.parents[0] == cause.id
        (decision,) = of(RiskDecision, messages(await bench.said()))
        told = of(Signal, messages(list(records)))
        assert [each.strategy for each in told] == ["a", "b"]
        assert decision.parents == (told[1].id, told[0].id)

    asyncio.run(scene())


def messages(records: list[Record]) -> list[Message]:
    return [each.message for each in records]


def test_settings_that_marea_comes_with_are_whole_numbers_of_shares_and_ns() -> None:
    given = risk_config(load_settings(find_config_dir(None, {}), {}))
    assert (given.position_e8_max, given.asset_e8_max, given.sector_e8_max) == (
        5_000_000,
        20_000_000,
        40_000_000,
    )
    assert (given.collar_e8, given.stale_ns_max) == (2_000_000, 5 * SECOND)
    assert [(each.drawdown_e8_max, each.pause_ns) for each in given.breakers] == [
        (5_000_000, 3_600 * SECOND),
        (10_000_000, 14_400 * SECOND),
        (15_000_000, 86_400 * SECOND),
    ]
    assert (given.trades, given.confidence_min, given.kelly_share) == (("weighted",), 0.5, 0.25)


def test_loops_of_one_portfolio_write_to_one_log_as_different_producers() -> None:
    bus, snapshots = MemoryBus(), MemorySnapshots()
    ports = Ports(source=bus, bus=bus, snapshots=snapshots)
    given = risk_config(load_settings(find_config_dir(None, {}), {}))
    loops = (risk_loop(given, ports, "b", MS), marks_loop(given.portfolio, BTC, ports, "b", MS))
    assert [dict(loop.wiring.outputs) for loop in loops] == [
        {TRADING: "risk/main"},
        {TRADING: f"risk/marks/{BTC}"},
    ]
    assert [loop.wiring.input_log for loop in loops] == [TRADING, ("market", BTC)]
