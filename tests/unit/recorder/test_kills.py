"""The recorder is killed at each of its writes in turn; in the end the store holds what the log does."""

import asyncio
from collections.abc import Callable
from io import BytesIO

import polars as pl
import pytest
from obstore.store import MemoryStore

from marea.bus.raw import Raw
from marea.messages.envelope import Log
from marea.testing.raw import RawView
from services.recorder.sink import Batch, Kept, Sink
from services.recorder.sinks.archive import Archive
from services.recorder.sinks.objects import ObjectSink
from services.recorder.sinks.store import Objects
from services.recorder.sinks.tables import TableSink
from tests.unit.recorder.mortal import Killed, MortalObjects
from tests.unit.recorder.stores import A
from tests.unit.recorder.story import story

SHARE = 7
"""Records of each log in one write; another number after each kill, so that borders differ."""


async def copy(logs: RawView, sink: Sink, share: int) -> None:
    """What the recorder does, batch by batch."""
    await sink.open()
    positions = dict(await sink.positions())
    ends = await logs.ends()
    while any(positions.get(log, 0) < end for log, end in ends.items()):
        batches = [
            Batch(log, [Kept(log, raw) for raw in raws])
            for log in ends
            if (raws := await logs.read_raw(log, positions.get(log, 0), share))
        ]
        await sink.write(batches)
        positions |= {batch.log: batch.end for batch in batches}


async def killed_at(
    make: Callable[[Objects], Sink], dies_at: int, *, is_done: bool
) -> tuple[MemoryStore, bool]:
    """The store after a kill at this write and a new start; whether there was such a write."""
    store, logs = MemoryStore(), RawView(await story())
    mortal = MortalObjects(store)
    mortal.dies_at, mortal.is_done = dies_at, is_done
    try:
        await copy(logs, make(mortal), SHARE)
    except Killed:
        await copy(logs, make(Objects(store)), SHARE - 2)
        return store, True
    return store, False


async def whole(store: MemoryStore) -> dict[Log, list[Raw]]:
    reader = Archive(Objects(store))
    found: dict[Log, list[Raw]] = {}
    for log, end in (await reader.ends()).items():
        found[log] = []
        while len(found[log]) < end:
            found[log] += await reader.read_raw(log, len(found[log]), 1_000)
    return found


async def rows(store: MemoryStore) -> dict[str, pl.DataFrame]:
    objects = Objects(store)
    found = {}
    for name in await objects.names("tables"):
        kept = await objects.get(name)
        assert kept is not None
        found[name] = pl.read_parquet(BytesIO(kept.body))
    return found


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_archive_holds_every_record_once_wherever_it_was_killed(is_done: bool) -> None:
    async def run() -> int:
        bus = await story()
        logs = RawView(bus)
        expected = {
            log: list(await logs.read_raw(log, 0, end)) for log, end in (await bus.ends()).items()
        }
        dies_at, goes_on = 0, True
        while goes_on:
            dies_at += 1
            store, goes_on = await killed_at(ObjectSink, dies_at, is_done=is_done)
            assert await whole(store) == expected, f"killed at write {dies_at}"
            names = await Objects(store).names("raw")
            spans = [tuple(map(int, name[-49:-8].split("-"))) for name in names if "BTC" in name]
            assert sum(last - first + 1 for first, last in spans) == len(expected[A])
        return dies_at

    assert asyncio.run(run()) > 20


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_tables_hold_every_row_once_wherever_it_was_killed(is_done: bool) -> None:
    async def run() -> int:
        expected: dict[str, pl.DataFrame] = {}
        dies_at, goes_on = 0, True
        while goes_on:
            store, goes_on = await killed_at(TableSink, dies_at, is_done=is_done)
            found = await rows(store)
            expected = expected or found  # of the first, which nobody killed
            assert found.keys() == expected.keys()
            for name, frame in found.items():
                assert frame.equals(expected[name]), f"{name}, killed at write {dies_at}"
            goes_on = goes_on or dies_at == 0
            dies_at += 1
        return dies_at

    assert asyncio.run(run()) > 10
