"""A recorded market through ingestion and features, killed at any step: the logs are as ever."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import zstandard

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.bus.sqlite import CommitLimits, SqliteBus
from marea.messages import codec
from marea.messages.envelope import Log
from marea.runtime.wiring import Ports
from services.features.config import FeaturesConfig, Indicator
from services.features.main import features_loop
from services.ingestion.main import ingestion_config, ingestion_loop
from tests.unit.ingestion.tapes import ALL, SETTINGS, market_of
from tests.unit.runtime.world import Killed, World

DEMO = "demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst"
FEATURES = FeaturesConfig(
    shard="test",
    intervals_s=(1,),
    vector_interval_s=1,
    vector_period_ns=200_000_000,
    indicators=(
        Indicator(name="sma_2", kernel="sma", parameters={"period": 2.0}),
        Indicator(name="obv", kernel="obv", parameters={}),
        Indicator(name="spread", kernel="spread", parameters={}),
    ),
)
SNAPSHOT_EVERY_NS = 700_000_000

Canonical = dict[Log, list[tuple[str, bytes]]]


class Ended(NamedTuple):
    """What a run left: its logs, and the states of its loops."""

    logs: Canonical
    states: list[bytes]


@pytest.fixture(scope="module")
def tape(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of the demo tape with a line that can't be read and a delta missing."""
    with (data_dir / "books" / DEMO).open("rb") as packed:
        content = zstandard.ZstdDecompressor().stream_reader(packed).read(1_000_000)
    lines = content.split(b"\n")[:1_200]
    thinned = [line for place, line in enumerate(lines) if b"Ticker" not in line or place % 8 == 0]
    deltas = [place for place, line in enumerate(thinned) if b"ethusdt@depth@" in line]
    del thinned[deltas[-5]]
    thinned.insert(100, b"noise")
    file = tmp_path_factory.mktemp("tape") / "tape.raw"
    file.write_bytes(b"\n".join(thinned))
    return file


async def live(tape: Path, world: World) -> list[bytes]:
    """One life of the loops, from their start to the end of the tape; their states."""
    market = market_of([tape])
    feed_ports = Ports(source=market.feed, bus=world, snapshots=world)
    ports = Ports(source=world, bus=world, snapshots=world)
    ingestion = ingestion_loop(
        ingestion_config(SETTINGS), market.plan, feed_ports, "test", SNAPSHOT_EVERY_NS
    )
    features = [
        features_loop(FEATURES, each.id, ports, "test", SNAPSHOT_EVERY_NS)
        for each in market.plan.instruments
    ]
    await ingestion.start()
    for loop in features:
        await loop.start()
    while await ingestion.step():
        for loop in features:
            await loop.step()
    assert not ingestion.divergence_count + sum(loop.divergence_count for loop in features)
    states = [ingestion.state, *(loop.state for loop in features)]
    return [msgspec.msgpack.encode(state) for state in states]


async def logs_of(world: World) -> Canonical:
    """What was said, apart from starts and from who said it in which life."""
    return {
        log: [
            (type(record.message).__name__, codec.encode(record.message))
            for record in await world.bus.read(log, 0, ALL)
            if record.message.canonical
        ]
        for log in await world.bus.ends()
    }


def memory_world() -> World:
    return World(MemoryBus(), MemorySnapshots())


def run_to_the_end(tape: Path, world: World, kills: Sequence[int] = ()) -> tuple[Ended, int]:
    """Live until the end of the tape; at each kill throw the loops away and start others."""
    world.kills = set(kills)
    lives = 1
    while True:
        try:
            states = asyncio.run(live(tape, world))
        except Killed:
            lives += 1
        else:
            return Ended(asyncio.run(logs_of(world)), states), lives


class Calm(NamedTuple):
    """A run that nobody killed."""

    ended: Ended
    boundaries: range


@pytest.fixture(scope="module")
def calm(tape: Path) -> Calm:
    world = memory_world()
    ended, _ = run_to_the_end(tape, world)
    return Calm(ended, range(1, world.boundary + 1))


def test_tape_shows_all_that_ingestion_and_features_write(calm: Calm) -> None:
    kinds = {kind for log in calm.ended.logs.values() for kind, _ in log}
    assert kinds >= {
        "Clock",
        "ClockOffset",
        "BookStatusChanged",
        "RequestSnapshot",
        "QualityCheckFailed",
        "DeadLetter",
        "Bar",
        "FeatureVector",
    }
    assert len(calm.boundaries) > 400


def test_kill_at_any_step_leaves_the_logs_and_states_of_a_run_that_nobody_killed(
    tape: Path, calm: Calm
) -> None:
    for boundary in calm.boundaries[::5]:
        ended, lives = run_to_the_end(tape, memory_world(), [boundary])
        assert lives == 2
        assert ended == calm.ended, f"killed at boundary {boundary}"


def test_second_kill_during_recovery_changes_nothing_either(tape: Path, calm: Calm) -> None:
    for first in calm.boundaries[60::60]:
        for after in (1, 4, 9, 16, 25):
            ended, lives = run_to_the_end(tape, memory_world(), [first, first + after])
            assert lives == 3
            assert ended == calm.ended, f"killed at boundaries {first} and {first + after}"


def test_recovery_goes_on_from_a_snapshot(tape: Path, calm: Calm) -> None:
    world = memory_world()
    run_to_the_end(tape, world, [calm.boundaries[-20]])
    assert world.boundary < 1.5 * len(calm.boundaries)
    kept = asyncio.run(world.load("ingestion/BINANCE"))
    assert len(kept) >= 3


# On disk


class Disk:
    """Folders with a log: after a kill the next life finds what the disk held at that moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.bus = self.open()

    def open(self) -> SqliteBus:
        limits = CommitLimits(records_max=100, wait_ms_max=1e9, synchronous="NORMAL")
        (self.folder / str(self.count)).mkdir(exist_ok=True)
        return SqliteBus(self.folder / str(self.count) / "log.sqlite", limits)

    def lose_what_waits(self) -> None:
        left = self.folder / str(self.count)
        self.count += 1
        shutil.copytree(left, self.folder / str(self.count))
        self.bus.close()
        self.bus = self.open()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.bus.close()


@pytest.mark.parametrize("part", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_kill_that_takes_what_was_not_on_disk_changes_nothing_either(
    tape: Path, calm: Calm, disk: Disk, part: float
) -> None:
    boundary = calm.boundaries[int(part * len(calm.boundaries))]
    world = World(disk.bus, disk.bus)
    world.kills = {boundary}
    with pytest.raises(Killed):
        asyncio.run(live(tape, world))
    held = asyncio.run(world.bus.ends())
    disk.lose_what_waits()
    left = asyncio.run(disk.bus.ends())
    assert sum(left.values()) < sum(held.values())
    ended, _ = run_to_the_end(tape, World(disk.bus, disk.bus))
    assert ended == calm.ended
