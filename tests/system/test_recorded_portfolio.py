"""The record of a portfolio, as Kafka or the archive holds it, read and decided again."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.bus.port import Bus
from marea.errors import BadInput, Broken
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.portfolio import RiskDecision
from marea.runtime.settings import Settings, SnapshotSettings
from marea.testing.raw import RawView
from services.ingestion.shell.markets import TS_SIMULATED, DrawnMarket
from services.risk.core.reasons import CONFIDENCE_TOO_LOW
from services.standalone import replaying
from services.standalone.distributed import DistributedHistory, Wish, world_of
from services.standalone.embedded import Embedded, this_build
from services.standalone.history import FOR_EVER
from services.standalone.recorded_portfolio import RecordedPortfolio
from services.standalone.replaying import Replayed
from services.standalone.stages import Ingesting, Stores
from services.standalone.timing import Stopwatch
from services.standalone.what_if import WhatIf, what_if
from tests.system import test_embedded

settings = test_embedded.settings
"""Few indicators, which are warm at once."""
S = 1_000_000_000
MAIN = Wish(place="kafka", portfolio="main")
BTC, FEATURES, TRADING = (
    Log("market", "BTC-USDT.SIM"),
    Log("features", "embedded"),
    Log("trading", "main"),
)


class Kept(DistributedHistory):
    """The logs of a portfolio, which are at hand."""

    def __init__(self, logs: RawView, wish: Wish = MAIN) -> None:
        self.logs = logs
        self.wish = wish

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Bus]:
        """Them, to be read."""
        yield await world_of(self.logs, self.wish, lambda _, __: None)


async def live(bus: Bus, lives: Iterable[tuple[Settings, int]], *, remembers: bool = False) -> None:
    """One life after the other, each under its settings up to a second."""
    kept = MemorySnapshots()
    for given, until_s in lives:
        market = DrawnMarket(7, 1)
        stores = Stores(bus, kept if remembers else MemorySnapshots())
        ingesting = Ingesting(given, market, stores, Stopwatch(), this_build())
        embedded = Embedded(given, ingesting, stores, Stopwatch(), this_build())
        await embedded.start()
        while market.feed.ts_local < TS_SIMULATED + until_s * S and await embedded.advance():
            pass


async def confidence_limits(bus: Bus) -> list[float]:
    """What confidence each decision asked for, in their order."""
    log = await bus.read(TRADING, 0, 1_000_000)
    decided = [record.message for record in log if isinstance(record.message, RiskDecision)]
    return [
        each.limits[CONFIDENCE_TOO_LOW] for each in decided if CONFIDENCE_TOO_LOW in each.limits
    ]


@pytest.fixture(scope="module")
def lived(settings: Settings) -> MemoryBus:
    bus = MemoryBus()
    asyncio.run(live(bus, [(settings, 20)]))
    return bus


async def doubled(bus: MemoryBus) -> RawView:
    """The same as processes leave it: second copies, late words of lives that were over, and rubbish."""
    found = MemoryBus()
    for log, end in (await bus.ends()).items():
        records = list(await bus.read(log, 0, end))
        if log.channel in ("market", "features"):
            records = [*records[:500], *records[400:450], *records[300:320], *records[500:]]
        await found.append(log, records)
    planted = {(log, 500): b"rubbish" for log in (BTC, FEATURES) if (await found.ends())[log] > 600}
    return RawView(found, planted)


def verified(logs: RawView, settings: Settings, wish: Wish = MAIN) -> Replayed:
    subject = RecordedPortfolio(Kept(logs, wish), settings)
    return replaying.verify(subject, lambda _, __: None)


def test_positions_of_a_log_with_a_fast_copy_count_what_readers_take(
    lived: MemoryBus,
    settings: Settings,
) -> None:
    clean = verified(RawView(lived), settings)
    found = verified(asyncio.run(doubled(lived)), settings)
    assert (clean.different, found.different) == (0, 0)
    assert found.compared == clean.compared > 300
    assert set(found.loops) == {
        "features/BTC-USDT.SIM",
        "features/ETH-USDT.SIM",
        "paper/main",
        "risk/main",
        "risk/marks/BTC-USDT.SIM",
        "risk/marks/ETH-USDT.SIM",
        "signals/embedded",
        "execution/main",
    }


@pytest.mark.parametrize("remembers", [True, False])
def test_each_life_is_replayed_under_the_configuration_that_it_began_with(
    settings: Settings, remembers: bool
) -> None:
    bus = MemoryBus()
    settings = settings.model_copy(update={"snapshots": SnapshotSettings(every_s=5)})
    signals = settings.signals.model_copy(update={"confidence_min": 0.99})
    careful = settings.model_copy(update={"signals": signals})
    asyncio.run(live(bus, [(settings, 20), (careful, 30), (careful, 40)], remembers=remembers))
    assert verified(RawView(bus), settings).different == 0
    limits = asyncio.run(confidence_limits(bus))
    assert limits == sorted(limits)
    assert set(limits) == {settings.signals.confidence_min, 0.99}


def test_what_is_decided_under_other_settings_is_held_against_the_record(
    lived: MemoryBus,
    settings: Settings,
) -> None:
    subject = RecordedPortfolio(Kept(RawView(lived)), settings)
    found = replaying.compare(subject, ["signals.confidence_min=0.99"], lambda _, __: None)
    assert (found.loops, found.different > 0) == (("risk/main",), True)
    assert found.by_type.keys() >= {RiskDecision.__name__}
    with pytest.raises(BadInput, match="gives the run other logs"):
        replaying.compare(subject, ["portfolio.name=other"], lambda _, __: None)


def test_market_with_second_copies_and_rubbish_is_played_again_as_if_it_had_none(
    lived: MemoryBus,
    settings: Settings,
) -> None:
    def played(logs: RawView) -> WhatIf:
        subject = RecordedPortfolio(Kept(logs), settings)
        return what_if(subject, ["signals.confidence_min=0.99"], lambda _, __: None)

    clean, found = played(RawView(lived)), played(asyncio.run(doubled(lived)))
    assert (found.control, found.variant) == (clean.control, clean.variant)
    assert (clean.control.fills > 0, clean.variant.orders) == (True, 0)
    assert found.control_as_recorded is None
    assert found.different == clean.different > 0


def test_record_is_replayed_as_far_as_its_time_is_asked_for(
    lived: MemoryBus,
    settings: Settings,
) -> None:
    whole = verified(RawView(lived), settings)
    half = Wish(place="kafka", portfolio="main", until=TS_SIMULATED + 10 * S)
    found = verified(RawView(lived), settings, half)
    assert found.different == 0
    assert 0.2 < found.compared / whole.compared < 0.8


def test_log_that_has_lost_its_begin_is_read_from_where_it_begins_and_not_replayed(
    lived: MemoryBus,
    settings: Settings,
) -> None:
    logs = RawView(lived)
    logs.begins[BTC] = 700
    with pytest.raises(BadInput, match=r"market/BTC-USDT.SIM has lost its begin .* archive"):
        verified(logs, settings)

    async def read() -> Sequence[Record]:
        bus = await world_of(logs, MAIN, lambda _, __: None)
        return await bus.read(BTC, 690, 20)

    found = asyncio.run(read())
    assert [each.writer == NOBODY for each in found] == [True] * 10 + [False] * 10


def test_only_the_world_of_the_portfolio_is_read_and_only_of_its_time(lived: MemoryBus) -> None:
    async def read() -> None:
        logs = MemoryBus()
        for log, end in (await lived.ends()).items():
            records = await lived.read(log, 0, end)
            for partition in (log.partition, f"other.{log.partition}"):
                await logs.append(Log(log.channel, partition), records)
        wish = Wish(
            place="kafka",
            portfolio="main",
            since=TS_SIMULATED + 10 * S,
            until=TS_SIMULATED + 12 * S,
        )
        bus = await world_of(RawView(logs), wish, lambda _, __: None)
        ends = await bus.ends()
        assert ends.keys() == (await lived.ends()).keys()
        known = [
            record.ts_known
            for record in await bus.read(BTC, 0, ends[BTC])
            if record.writer != NOBODY and record.ts_known
        ]
        assert TS_SIMULATED + 7 * S < min(known) < TS_SIMULATED + 10 * S
        assert TS_SIMULATED + 12 * S < max(known) < TS_SIMULATED + 15 * S
        with pytest.raises(Broken, match="trading/main is recorded: only its own writer"):
            await bus.append(TRADING, [])

    asyncio.run(read())


def test_portfolio_that_is_not_there_is_refused_with_those_that_are(lived: MemoryBus) -> None:
    wish = Wish(place="archive", portfolio="mian", until=FOR_EVER)
    told = r"--portfolio is 'mian', and archive has no trading log of it; take one of main$"
    with pytest.raises(BadInput, match=told):
        asyncio.run(world_of(RawView(lived), wish, lambda _, __: None))
