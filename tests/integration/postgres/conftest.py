"""A database for each test, and a run whose record they write there."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages.envelope import Log
from marea.runtime.settings import find_config_dir, load_settings
from services.ingestion.shell.markets import DrawnMarket
from services.recorder.sink import Kept
from services.standalone.embedded import Embedded
from services.standalone.stages import Ingesting, Stores
from services.standalone.timing import Stopwatch
from tests.integration.postgres.feeding import kept_on, write, writes_of
from tests.servers import own_database

SEED, MINUTES = 7, 3
"""Of a market in which entries, targets and stops fill, and orders are canceled."""


@pytest.fixture(scope="session")
def shared(postgres: str) -> Iterator[str]:
    """The DSN of a database for tests that each name what they write by themselves."""
    with own_database(postgres) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def run() -> MemoryBus:
    """The logs of a run of some minutes."""
    bus = MemoryBus()
    asyncio.run(_run(Stores(bus, MemorySnapshots())))
    return bus


@pytest.fixture(scope="session")
def kept(run: MemoryBus) -> Mapping[Log, Sequence[Kept]]:
    """The same, as they stand on Kafka."""
    return asyncio.run(kept_on(run))


@pytest.fixture(scope="session")
def filled(postgres: str, kept: Mapping[Log, Sequence[Kept]]) -> Iterator[str]:
    """The DSN of a database that holds all of the run, only to be looked at."""
    with own_database(postgres) as dsn:
        asyncio.run(write(dsn, writes_of(kept)))
        yield dsn


async def _run(stores: Stores) -> None:
    settings = load_settings(find_config_dir(None, {}), {})
    market = Ingesting(settings, DrawnMarket(SEED, MINUTES), stores, Stopwatch(), "build")
    embedded = Embedded(settings, market, stores, Stopwatch(), "build")
    await embedded.start()
    while await embedded.advance():
        pass
