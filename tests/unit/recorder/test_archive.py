"""What the archive holds is what stood on the logs, whatever happened while it was written."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import obstore
import polars as pl
import pytest
from obstore.store import LocalStore, MemoryStore

from marea.bus.raw import Raw
from marea.errors import BadInput, Broken, Unavailable
from marea.messages.envelope import Log
from marea.testing.raw import RawView
from services.recorder.config import ObjectsConfig
from services.recorder.sink import Batch, Kept
from services.recorder.sinks import archive, objects
from services.recorder.sinks.archive import (
    RAW,
    Archive,
    folder_of,
    log_of,
    manifest_name,
    object_name,
)
from services.recorder.sinks.objects import ObjectSink
from services.recorder.sinks.store import Objects, open_store
from tests.unit.recorder.stores import A, B, filled

RAWS = [
    Raw(
        partition=3,
        offset=0,
        ts_ms=1_723_161_600_000,
        key=b"BTC",
        value=b"\0\1\2\3\4x",
    ),
    Raw(partition=3, offset=1, ts_ms=-1, key=None, value=None),
    Raw(partition=3, offset=4, ts_ms=1_723_161_600_001, key=b"", value=b""),
    Raw(
        partition=3,
        offset=5,
        ts_ms=1_723_161_600_000,
        key=b"\xff",
        value=b"\xfe" * 9,
    ),
]


def batch(log: Log, raws: list[Raw]) -> Batch:
    return Batch(log, [Kept(log, raw) for raw in raws])


def numbered(first: int, last: int) -> list[Raw]:
    """Records that say their own offset."""
    return [
        Raw(partition=1, offset=offset, ts_ms=offset, key=b"k", value=b"%d" % offset)
        for offset in range(first, last + 1)
    ]


async def opened(store: MemoryStore | LocalStore) -> tuple[ObjectSink, dict[Log, int]]:
    sink = ObjectSink(Objects(store))
    await sink.open()
    return sink, dict(await sink.positions())


async def all_of(store: MemoryStore | LocalStore, log: Log) -> list[Raw]:
    found: list[Raw] = []
    reader = Archive(Objects(store))
    position = 0
    while raws := await reader.read_raw(log, position, 7):
        found += raws
        position = raws[-1].offset + 1
    return found


async def names(store: MemoryStore | LocalStore, log: Log = A) -> list[str]:
    return [name.rpartition("/")[2] for name in await Objects(store).names(folder_of(RAW, log))]


def name_of(first: int, last: int) -> str:
    return object_name(A, first, last).rpartition("/")[2]


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryStore | LocalStore:
    url = "memory:///" if request.param == "memory" else f"{request.param}://{tmp_path}/archive"
    made = open_store(ObjectsConfig(url=url))
    assert isinstance(made, MemoryStore | LocalStore)
    return made


def test_what_is_archived_reads_back_byte_for_byte(store: MemoryStore) -> None:
    async def run() -> None:
        sink, positions = await opened(store)
        assert positions == {}
        assert await sink.write([batch(A, RAWS), batch(B, numbered(0, 9))]) == 14
        assert await all_of(store, A) == RAWS
        assert await all_of(store, B) == numbered(0, 9)
        assert (await opened(store))[1] == {A: 6, B: 10}
        assert await Archive(Objects(store)).ends() == {A: 6, B: 10}

    asyncio.run(run())


def test_object_is_read_by_any_tool_that_knows_parquet(store: MemoryStore) -> None:
    async def run() -> None:
        sink, _ = await opened(store)
        await sink.write([batch(A, RAWS)])
        found = await obstore.get_async(store, object_name(A, 0, 5))
        frame = pl.read_parquet(BytesIO(bytes(await found.bytes_async())))
        assert frame["value"].to_list() == [raw.value for raw in RAWS]
        assert frame["offset"].to_list() == [0, 1, 4, 5]

    asyncio.run(run())


def test_records_read_back_as_they_were_said(store: MemoryStore) -> None:
    async def run() -> None:
        bus = await filled(20, A)
        sink, _ = await opened(store)
        await sink.write([batch(A, list(await RawView(bus).read_raw(A, 0, 20)))])
        assert await Archive(Objects(store)).read(A, 5, 3) == await bus.read(A, 5, 3)

    asyncio.run(run())


def test_batch_that_comes_twice_stands_there_once(store: MemoryStore) -> None:
    async def run() -> None:
        sink, _ = await opened(store)
        await sink.write([batch(A, numbered(0, 9))])
        assert await sink.write([batch(A, numbered(0, 9))]) == 0
        assert await sink.write([batch(A, numbered(5, 14))]) == 5
        assert await names(store) == [name_of(0, 9), name_of(10, 14)]
        assert await all_of(store, A) == numbered(0, 14)

    asyncio.run(run())


def test_object_whose_manifest_was_never_written_is_taken_as_it_is(store: MemoryStore) -> None:
    async def run() -> None:
        sink, _ = await opened(store)
        await sink.write([batch(A, numbered(0, 9))])
        await Objects(store).put(object_name(A, 10, 14), archive.pack(numbered(10, 14)))
        sink, positions = await opened(store)  # the recorder was killed right there
        assert positions == {A: 15}
        await sink.write([batch(A, numbered(10, 19))])
        assert await names(store) == [name_of(0, 9), name_of(10, 14), name_of(15, 19)]
        assert await all_of(store, A) == numbered(0, 19)

    asyncio.run(run())


def test_first_object_of_a_log_needs_no_manifest_to_be_found(store: MemoryStore) -> None:
    async def run() -> None:
        await Objects(store).put(object_name(A, 0, 4), archive.pack(numbered(0, 4)))
        _, positions = await opened(store)
        assert positions == {A: 5}
        assert await all_of(store, A) == numbered(0, 4)

    asyncio.run(run())


@pytest.mark.parametrize(
    "body",
    [
        archive.pack(numbered(0, 4))[:-9],
        b"",
        b"no Parquet",
        archive.pack(numbered(0, 3)),
    ],
    ids=["cut", "empty", "other", "fewer"],
)
def test_object_that_is_not_whole_is_never_taken_and_written_anew(body: bytes) -> None:
    async def run() -> None:
        store = MemoryStore()
        await Objects(store).put(object_name(A, 0, 4), body)
        sink, positions = await opened(store)
        assert positions == {}
        await sink.write([batch(A, numbered(0, 4))])
        assert await all_of(store, A) == numbered(0, 4)

    asyncio.run(run())


def test_recorder_that_was_thought_dead_writes_nothing_over_the_next_one() -> None:
    async def run() -> None:
        store = MemoryStore()
        old, _ = await opened(store)
        await old.write([batch(A, numbered(0, 4))])
        new, _ = await opened(store)
        await new.write([batch(A, numbered(5, 9))])
        with pytest.raises(Unavailable, match="another recorder has written it: look again"):
            await old.write([batch(A, numbered(5, 7))])
        sink, positions = await opened(store)
        assert positions == {A: 10}
        await sink.write([batch(A, numbered(10, 12))])
        assert await all_of(store, A) == numbered(0, 12)

    asyncio.run(run())


def test_manifest_that_is_full_is_followed_by_another(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "ENTRIES_MAX", 3)

    async def run() -> None:
        sink, _ = await opened(store)
        for first in range(0, 40, 5):
            await sink.write([batch(A, numbered(first, first + 4))])
        listed = await Objects(store).names(folder_of("manifests", A))
        assert listed == [manifest_name(A, first) for first in (0, 15, 30)]
        assert (await opened(store))[1] == {A: 40}
        assert await all_of(store, A) == numbered(0, 39)

    asyncio.run(run())


def test_reader_sees_what_was_archived_after_it_began(store: MemoryStore) -> None:
    async def run() -> None:
        sink, _ = await opened(store)
        reader = Archive(Objects(store))
        assert await reader.read_raw(A, 0, 10) == []
        await sink.write([batch(A, numbered(0, 4))])
        assert len(await reader.read_raw(A, 0, 10)) == 5
        assert await reader.read_raw(A, 5, 10) == []
        await sink.write([batch(A, numbered(5, 6))])
        assert len(await reader.read_raw(A, 5, 10)) == 2

    asyncio.run(run())


async def broken(spoil: Callable[[Objects], object]) -> None:
    store = MemoryStore()
    sink, _ = await opened(store)
    await sink.write([batch(A, numbered(0, 4))])
    await spoil(Objects(store))  # type: ignore[misc] # every one given is a coroutine
    await all_of(store, A)


def test_damage_is_told_and_never_read() -> None:
    other = archive.pack(numbered(0, 5))
    with pytest.raises(
        Broken, match=r"raw/market/.*-0*4.parquet has changed, its manifest knows it"
    ):
        asyncio.run(broken(lambda kept: kept.put(object_name(A, 0, 4), other)))
    with pytest.raises(Broken, match=r"manifests/market/.*json is no manifest .*restore it"):
        asyncio.run(broken(lambda kept: kept.put(manifest_name(A, 0), b"{")))
    newer = b'{"format":2,"channel":"market","partition":"x","entries":[]}'
    with pytest.raises(BadInput, match=r"has format 2: this build reads 1, take a newer one"):
        asyncio.run(broken(lambda kept: kept.put(manifest_name(A, 0), newer)))


def test_object_that_is_gone_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        store = LocalStore(tmp_path)
        sink, _ = await opened(store)
        await sink.write([batch(A, numbered(0, 4))])
        await obstore.delete_async(store, object_name(A, 0, 4))
        with pytest.raises(Broken, match="parquet is missing, its manifest knows it: restore it"):
            await all_of(store, A)

    asyncio.run(run())


@pytest.mark.parametrize(
    "name", ["BTC-USDT.BINANCE", "features/main", "a b%c!d~e", "ü/\\?*", "..", "a!2F"]
)
def test_folder_of_a_log_tells_its_name(name: str) -> None:
    log = Log("ownership", name)
    kind, channel, folder = folder_of(RAW, log).split("/")
    assert (kind, log_of(channel, folder)) == (RAW, log)
    assert not folder.startswith(".")


def test_log_without_a_name_is_refused() -> None:
    with pytest.raises(BadInput, match="the log market/ has no name: it can't be archived"):
        folder_of(RAW, Log("market", ""))


def test_url_that_names_no_store_is_refused() -> None:
    with pytest.raises(
        BadInput, match=r"objects.url is 'ftp://x', which names no store .*: write s3:"
    ):
        open_store(ObjectsConfig(url="ftp://x"))
