"""The core in its loop, on logs in memory: ids, lineage, batches, restarts, failure."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Broken
from marea.messages import codec
from marea.messages.envelope import Log, Record
from marea.messages.features import Bar, FeatureVector
from marea.messages.ids import trace_id
from marea.messages.system import Clock, GapFound, Started
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from marea.testing.builders import WRITER, started_record
from services.features.config import FeaturesConfig
from services.features.core import FeaturesInput, FeaturesState, begin
from services.features.main import features_loop
from tests.unit.features.drawn import REAL_CONFIG, markets
from tests.unit.features.market import (
    INSTRUMENT,
    SHARD,
    bars_in,
    clock,
    clocks,
    config,
    delta,
    indicator,
    instrument,
    live_book,
    play,
    quote,
    trade,
    vectors_in,
)

MARKET, FEATURES = Log("market", INSTRUMENT), Log("features", SHARD)


@dataclass
class Bench:
    """A market on a bus, and what loops make of it."""

    given: FeaturesConfig
    bus: MemoryBus = field(default_factory=MemoryBus)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    written: int = 0

    def loop(self) -> Loop[FeaturesState]:
        ports = Ports(source=self.bus, bus=self.bus, snapshots=self.snapshots)
        return features_loop(self.given, INSTRUMENT, ports, "test", 1_000_000_000)

    async def write(self, events: Sequence[FeaturesInput], skipped: int = 0) -> None:
        """Append them to the market, as ingestion would; `skipped` records before them are lost."""
        records = [] if self.written else [started_record(WRITER)]
        self.written += skipped
        for event in events:
            records.append(Record(message=event, writer=WRITER, seq=self.written))
            self.written += 1
        await self.bus.append(MARKET, records)

    async def run(self, limits: Sequence[int] = (1000,)) -> Loop[FeaturesState]:
        """A loop from its start to the end of the market, in batches of these sizes in turn."""
        loop = self.loop()
        await loop.start()
        place = 0
        while await loop.step(limits[place % len(limits)]):
            place += 1
        return loop

    def read(self, log: Log) -> list[Record]:
        return list(asyncio.run(self.bus.read(log, 0, 100_000)))

    def decided(self) -> list[tuple[str, bytes]]:
        """What the features log holds, apart from what starts wrote."""
        messages = [record.message for record in self.read(FEATURES)]
        return [
            (type(each).__name__, codec.encode(each))
            for each in messages
            if not isinstance(each, Started)
        ]


SMALL_CONFIG = config(
    indicator("sma", period=2), indicator("spread"), indicator("trade_sign_imbalance")
)


def small_market() -> list[FeaturesInput]:
    """Ten seconds with a quote and a trade every 100 ms, and a delta after each second quote."""
    events: list[FeaturesInput] = [instrument(), clock(0), *live_book(10)]
    for step in range(1, 101):
        ms, update_id = 100 * step, 10 + 2 * step
        events.append(clock(ms))
        events.append(trade(step, ms + 10, 6_000_000 + step % 7))
        events.append(quote(update_id, (5_999_990 + step % 5, 100 + step)))
        if step % 2 == 0:
            levels = [(5_999_990, step)]
            events.append(delta(update_id + 1, levels, first_update_id=update_id - 2))
    return events


def ran(
    events: Sequence[FeaturesInput], given: FeaturesConfig, limits: Sequence[int] = (1000,)
) -> Bench:
    """A bench on which one loop took these events in batches of these sizes."""

    async def scene() -> Bench:
        bench = Bench(given)
        await bench.write(events)
        await bench.run(limits)
        return bench

    return asyncio.run(scene())


def test_vector_names_the_bar_that_goes_out_in_the_same_breath() -> None:
    features = ran(small_market(), SMALL_CONFIG).read(FEATURES)
    bars = {
        record.message.id: (place, record)
        for place, record in enumerate(features)
        if isinstance(record.message, Bar)
    }
    named = 0
    for place, record in enumerate(features):
        if isinstance(record.message, FeatureVector) and record.message.bar_id:
            bar_place, bar = bars[record.message.bar_id]
            assert bar_place == place - 1
            assert bar.input_offset == record.input_offset
            assert bar.message.ts_event == record.message.ts_event
            named += 1
    assert named == 8


def test_everything_leads_back_to_what_the_venue_said() -> None:
    bench = ran(small_market(), SMALL_CONFIG)
    market = {record.message.id: record.message for record in bench.read(MARKET)}
    features = {record.message.id: record.message for record in bench.read(FEATURES)}
    kinds = set()
    for message in features.values():
        if isinstance(message, FeatureVector):
            clock_id, *parents = message.parents
            assert isinstance(market[clock_id], Clock)
            found = [market.get(parent) or features[parent] for parent in parents]
            kinds.add(tuple(type(each).__name__ for each in found))
            assert all(each.ts_event <= message.ts_event + 20_000_000 for each in found)
    assert kinds == {
        ("Bar", "Trade", "BookDelta"),
        ("Trade", "BookDelta"),
        ("Trade", "Quote", "BookDelta"),
    }
    for record in bench.read(FEATURES):
        if not record.message.outside:
            cause = bench.read(MARKET)[record.input_offset]
            assert record.message.parents[0] == cause.message.id
            assert record.trace == trace_id(cause)
            assert record.ts_origin == cause.ts_origin


def test_loop_says_what_the_core_decides() -> None:
    events = small_market()
    played = play(begin(SMALL_CONFIG), events)
    said = [r.message for r in ran(events, SMALL_CONFIG).read(FEATURES)]
    assert [each for each in said if not isinstance(each, Started)] == played
    assert (len(bars_in(played)), len(vectors_in(played))) == (9, 78)


@settings(max_examples=40, deadline=None)
@given(markets(), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_batches_change_nothing(events: list[FeaturesInput], limits: list[int]) -> None:
    events = unrepeated(events)
    assert ran(events, REAL_CONFIG, limits).decided() == ran(events, REAL_CONFIG).decided()


@settings(max_examples=40, deadline=None)
@given(markets(), st.lists(st.integers(1, 80), min_size=1, max_size=4))
def test_loop_that_is_cut_off_and_started_anew_says_the_same(
    events: list[FeaturesInput], lives: list[int]
) -> None:
    events = unrepeated(events)

    async def scene() -> Bench:
        bench = Bench(REAL_CONFIG)
        await bench.write(events)
        for steps in lives:
            loop = bench.loop()
            await loop.start()
            await loop.step(steps)
        loop = await bench.run()
        assert loop.divergence_count == 0
        return bench

    assert asyncio.run(scene()).decided() == ran(events, REAL_CONFIG).decided()


def test_loop_without_its_snapshots_decides_the_same_again() -> None:
    async def scene() -> Bench:
        bench = Bench(SMALL_CONFIG)
        await bench.write(small_market())
        await bench.run()
        bench.snapshots = MemorySnapshots()
        loop = await bench.run()
        assert (loop.divergence_count, loop.state.vector_count) == (0, 78)
        return bench

    assert asyncio.run(scene()).decided() == ran(small_market(), SMALL_CONFIG).decided()


def test_records_that_are_missing_on_the_log_are_told_on_the_features_log() -> None:
    async def scene() -> Bench:
        bench = Bench(SMALL_CONFIG)
        await bench.write([instrument(), *clocks(0, 1200), trade(1, 1210)])
        await bench.write([trade(5, 1300), *clocks(1300, 5000)], skipped=3)
        await bench.run()
        return bench

    messages = [record.message for record in asyncio.run(scene()).read(FEATURES)]
    [gap] = [each for each in messages if isinstance(each, GapFound)]
    assert (gap.producer, gap.last_missing - gap.first_missing) == (WRITER.producer, 2)
    assert [bar.status for bar in bars_in(messages)] == ["partial", "partial", "partial"]


def test_scales_that_change_stop_the_loop_and_name_the_place() -> None:
    async def scene() -> Bench:
        bench = Bench(SMALL_CONFIG)
        await bench.write([instrument(), clock(0), trade(1, 100), clock(1250), instrument(4, 3)])
        with pytest.raises(
            Broken,
            match=rf"^features/{INSTRUMENT} stopped at market/{INSTRUMENT} position 5, "
            r"InstrumentChanged .*: ValueError: BTC-USDT.SIM changed its scales from 2, 3 to "
            r"4, 3: start a new shard for it$",
        ):
            await bench.run()
        return bench

    said = [record.message for record in asyncio.run(scene()).read(FEATURES)]
    assert [type(each) for each in said] == [Started, Bar]


def unrepeated(events: list[FeaturesInput]) -> list[FeaturesInput]:
    """Without what carries an id a second time: a log holds each event once."""
    return list({event.id: event for event in events}.values())
