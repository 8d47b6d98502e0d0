"""Whoever watches Redis sees what the logs say, once, whatever Redis loses."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from marea.bus.memory import MemoryBus
from marea.bus.port import Bus
from marea.bus.raw import Raw
from marea.bus.sqlite import SqliteBus
from marea.domain.instrument import assets_of
from marea.domain.ledger import WALLET
from marea.errors import Unavailable
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.features import Bar
from marea.messages.framing import frame
from marea.messages.orders import OrderFilled
from marea.messages.portfolio import JournalPosted, Mark, RiskDecision
from marea.messages.signals import Signal
from marea.testing.builders import started_record
from marea.testing.examples import example, record_of
from services.recorder.sink import Batch, Kept
from services.recorder.sinks import mirrors
from services.recorder.sinks.mirrors import Mirrors
from tests.integration.redis.opening import prefixes
from tests.integration.redis.own_redis import OwnRedis
from tools import command

TRADING = Log("trading", "main")
FEATURES = Log("features", "main")


def told(log: Log, position: int, records: Sequence[Record]) -> Batch:
    """Records as they stand on Kafka from a position on."""
    raws = [
        Raw(partition=0, offset=offset, ts_ms=-1, key=None, value=frame(record))
        for offset, record in enumerate(records, position)
    ]
    return Batch(log, [Kept(log, raw) for raw in raws])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteBus]:
    """The logs of five minutes of trading."""
    runs = tmp_path_factory.mktemp("runs")
    ended = command.run(("demo", "--seed", "7", "--minutes", "5"), runs)
    assert ended.code == 0, ended.err
    [log] = runs.glob("*/log.sqlite")
    with closing(SqliteBus(log, read_only=True)) as bus:
        yield bus


@pytest.fixture
def prefix() -> str:
    """Before the keys of this test alone."""
    return next(prefixes)


@asynccontextmanager
async def opened(server: OwnRedis, bus: Bus, prefix: str) -> AsyncIterator[Mirrors]:
    """A sink, as the recorder opens it."""
    sink = Mirrors(server.url, prefix, bus.ends)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def copy(sink: Mirrors, bus: Bus, records_max: int = 5_000) -> int:
    """Copy all that the sink takes, as the recorder does; gives what was shown."""
    shown = 0
    positions = dict(await sink.positions())
    for log, end in (await bus.ends()).items():
        while log.channel in mirrors.CHANNELS and positions.get(log, 0) < end:
            position = positions.get(log, 0)
            records = await bus.read(log, position, records_max)
            shown += await sink.write([told(log, position, records)])
            positions[log] = position + len(records)
    return shown


def seen(server: OwnRedis, prefix: str) -> Mapping[str, object]:
    """All that is to be seen, by key; of the streams without the ids that Redis gives."""
    found: dict[str, object] = {}
    with server.client() as client:
        for stream in ("trading_signals", "risk_decisions", "trade_executions"):
            found[stream] = [entry for _, entry in client.xrange(prefix + stream)]
        for key in client.scan_iter(f"{prefix}current_positions:*"):
            found[key] = client.hgetall(key)
        for key in client.scan_iter(f"{prefix}market_*"):
            assert 0 < client.ttl(key) <= 15 * 60
            found[key] = client.get(key)
    return found


def begun(record: Record) -> Record:
    """How the life began that wrote this."""
    return started_record(record.writer)


async def said(bus: Bus, log: Log, kind: type) -> list[Record]:
    records = await bus.read(log, 0, 1_000_000)
    return [record for record in records if type(record.message) is kind]


def test_day_of_trading_is_shown_as_its_log_tells_it(
    server: OwnRedis, run: SqliteBus, prefix: str
) -> None:
    async def scenario() -> None:
        async with opened(server, run, prefix) as sink:
            await copy(sink, run)
        found = seen(server, prefix)
        kinds = {"trading_signals": Signal, "risk_decisions": RiskDecision}
        for stream, kind in {**kinds, "trade_executions": OrderFilled}.items():
            shown = found[stream]
            assert isinstance(shown, list)
            ids = [record.message.id for record in await said(run, TRADING, kind)]
            assert [each["id"] for each in shown] == ids
            assert ids
        fills = found["trade_executions"]
        assert isinstance(fills, list)
        decided = {record.message.id for record in await said(run, TRADING, RiskDecision)}
        assert {each["risk_decision_id"] for each in fills} <= decided
        assert {each["mode"] for each in fills} == {"paper"}

    asyncio.run(scenario())


def test_streams_keep_only_their_last_entries(
    server: OwnRedis, run: SqliteBus, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "ENTRIES_MAX", 300)

    async def scenario() -> None:
        async with opened(server, run, prefix) as sink:
            await copy(sink, run)
        ids = [record.message.id for record in await said(run, TRADING, Signal)]
        shown = seen(server, prefix)["trading_signals"]
        assert isinstance(shown, list)
        assert 300 <= len(shown) < 400  # whole nodes go
        assert [each["id"] for each in shown] == ids[-len(shown) :]

    asyncio.run(scenario())


def test_positions_are_what_the_ledger_holds(server: OwnRedis, run: SqliteBus, prefix: str) -> None:
    async def scenario() -> None:
        async with opened(server, run, prefix) as sink:
            await copy(sink, run)
        held = seen(server, prefix)[f"{prefix}current_positions:main"]
        assert isinstance(held, dict)
        shown = {instrument: json.loads(each)["qty"] for instrument, each in held.items()}
        assert shown  # the dust that can't be sold
        wallet: dict[str, int] = {}
        for record in await said(run, TRADING, JournalPosted):
            posted = record.message
            assert isinstance(posted, JournalPosted)
            entries = zip(posted.accounts, posted.assets, posted.amounts, strict=True)
            for account, asset, units in entries:
                if account == WALLET:
                    wallet[asset] = wallet.get(asset, 0) + units
        for instrument, qty in shown.items():
            assert int(qty.replace(".", "")) == wallet[assets_of(instrument)[0]]

    asyncio.run(scenario())


@pytest.mark.parametrize("records_max", [7, 1_000])
def test_sink_that_is_begun_anew_goes_on_where_it_was_and_shows_nothing_twice(
    server: OwnRedis, run: SqliteBus, records_max: int
) -> None:
    async def scenario() -> None:
        whole, parted = next(prefixes), next(prefixes)
        part = MemoryBus()
        records = (await run.read(TRADING, 0, 1_000_000))[:3_000]
        async with opened(server, part, whole) as sink:
            await part.append(TRADING, records)
            await copy(sink, part)
        part = MemoryBus()
        for first in range(0, len(records), 750):
            await part.append(TRADING, records[first : first + 750])
            async with opened(server, part, parted) as sink:
                await copy(sink, part, records_max)
        found = {key.removeprefix(parted): each for key, each in seen(server, parted).items()}
        assert found == {key.removeprefix(whole): each for key, each in seen(server, whole).items()}

    asyncio.run(scenario())


def test_redis_that_was_flushed_is_filled_again_from_the_log(
    server: OwnRedis, run: SqliteBus, prefix: str
) -> None:
    async def scenario() -> None:
        part = MemoryBus()
        records = (await run.read(TRADING, 0, 1_000_000))[:3_000]
        await part.append(TRADING, records)
        async with opened(server, part, prefix) as sink:
            await copy(sink, part)
            before = seen(server, prefix)
            with server.client() as client:
                client.flushall()
            more = told(TRADING, len(records), [record_of(example(Mark))])
            with pytest.raises(Unavailable, match=r"trading/main in Redis was flushed or written"):
                await sink.write([more])
            assert await sink.positions() == {TRADING: 0}
            await copy(sink, part)
            assert seen(server, prefix) == before

    asyncio.run(scenario())


def test_second_recorder_makes_the_first_begin_anew(
    server: OwnRedis, run: SqliteBus, prefix: str
) -> None:
    async def scenario() -> None:
        records = (await run.read(TRADING, 0, 1_000_000))[:3_000]
        part = MemoryBus()
        async with opened(server, part, prefix) as first, opened(server, part, prefix) as second:
            await part.append(TRADING, records)
            await first.positions()
            await copy(second, part)
            before = seen(server, prefix)
            with pytest.raises(Unavailable, match="written to by another: begin anew"):
                await first.write([told(TRADING, 0, records)])
            assert await first.positions() == {TRADING: 3_000}
            assert seen(server, prefix) == before

    asyncio.run(scenario())


def test_log_of_bars_is_begun_near_its_end(
    server: OwnRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "LOOK_BACK_RECORDS", 3)

    async def scenario() -> None:
        bus = MemoryBus()
        await bus.append(FEATURES, [record_of(example(Bar), seq) for seq in range(10)])
        async with opened(server, bus, prefix) as sink:
            assert await sink.positions() == {FEATURES: 7}
            assert await copy(sink, bus) == 1
            assert await sink.positions() == {FEATURES: 10}
        assert list(seen(server, prefix))[3:] == [f"{prefix}market_data:BTC-USDT.BINANCE:1s:latest"]

    asyncio.run(scenario())


def test_copies_void_records_and_zombies_are_not_shown(server: OwnRedis, prefix: str) -> None:
    async def scenario() -> None:
        bus = MemoryBus()
        first = record_of(example(Signal), 0)
        void = Record(message=example(Signal), writer=NOBODY, seq=-1)
        async with opened(server, bus, prefix) as sink:
            batch = [begun(first), first, first, void, record_of(example(Signal), 1)]
            assert await sink.write([told(TRADING, 0, batch)]) == 2
            assert await sink.write([told(TRADING, 5, [first])]) == 0
            assert await sink.positions() == {TRADING: 6}

    asyncio.run(scenario())


def test_record_out_of_its_order_waits_and_is_nobodys(server: OwnRedis, prefix: str) -> None:
    async def scenario() -> None:
        bus = MemoryBus()
        signals = [record_of(example(Signal), seq) for seq in range(3)]
        early = [begun(signals[0]), signals[0], signals[2]]
        async with opened(server, bus, prefix) as sink:
            assert await sink.write([told(TRADING, 0, early)]) == 0
            assert await sink.write([told(TRADING, 3, signals[1:])]) == 3
            assert await sink.positions() == {TRADING: 5}

    asyncio.run(scenario())


def test_place_of_another_build_is_made_anew(server: OwnRedis, prefix: str) -> None:
    async def scenario() -> None:
        bus = MemoryBus()
        signal = record_of(example(Signal), 0)
        await bus.append(TRADING, [begun(signal), signal])
        with server.client() as client:
            client.hset(f"{prefix}mirrors", str(TRADING), "of another build")
        async with opened(server, bus, prefix) as sink:
            assert await sink.positions() == {TRADING: 0}
            assert await copy(sink, bus) == 1

    asyncio.run(scenario())


def test_redis_that_is_away_or_full_is_unavailable(tmp_path: Path, prefix: str) -> None:
    async def scenario() -> None:
        own = OwnRedis(tmp_path)
        bus = MemoryBus()
        sink = Mirrors(own.url, prefix, bus.ends)
        with pytest.raises(Unavailable, match=r"Redis takes no mirrors: .*; try again"):
            await sink.open()
        own.start()
        try:
            await sink.open()
            with own.client() as client:
                client.config_set("maxmemory", 1)
            signal = record_of(example(Signal), 0)
            with pytest.raises(Unavailable, match=r"Redis takes no mirrors: .*maxmemory"):
                await sink.write([told(TRADING, 0, [begun(signal), signal])])
            with own.client() as client:
                client.config_set("maxmemory", 0)
            await bus.append(TRADING, [begun(signal), signal])
            await sink.open()
            assert await copy(sink, bus) == 1
        finally:
            await sink.close()
            own.kill()

    asyncio.run(scenario())
