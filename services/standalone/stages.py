"""Where does a run's market come from: from ingestion at work, or from a record?"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import Nanos, Record
from marea.messages.market import RequestSnapshot
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.telemetry import Telemetry
from marea.runtime.wiring import Ports
from services.ingestion.core import IngestionState
from services.ingestion.main import ingestion_config, ingestion_loop
from services.ingestion.shell.markets import Market
from services.standalone.history import forward

READ_RECORDS_MAX = 5_000


class Stores(NamedTuple):
    """Where a run's logs and snapshots stand."""

    bus: Bus
    snapshots: Snapshots


class MarketStage(Protocol):
    """The first stage of a run: it fills the logs of the market, a window at a time."""

    @property
    def instruments(self) -> Sequence[str]:
        """The ids of what it brings."""
        ...

    @property
    def loops(self) -> Sequence[Loop[Any]]:
        """What it runs itself."""
        ...

    @property
    def now(self) -> Nanos:
        """The time that the latest window begins with, on the venue's clock."""
        ...

    async def start(self) -> None:
        """Finish the window in which the logs end; what an earlier start remembers is forgotten."""
        ...

    async def advance(self) -> bool:
        """Put the next window on the logs; False at the end."""
        ...


class Ingesting:
    """A market whose messages are judged by ingestion as they come."""

    def __init__(
        self, settings: Settings, market: Market, stores: Stores, telemetry: Telemetry, build: str
    ) -> None:
        self.market = market
        self._bus = stores.bus
        self._ports = Ports(
            source=market.feed,
            bus=stores.bus,
            snapshots=stores.snapshots,
            telemetry=telemetry,
            effects={RequestSnapshot: self._request},
        )
        self._settings = settings
        self._build = build
        self.loop = self.make()
        """The present life; a start begins another."""

    def make(self) -> Loop[IngestionState]:
        """Ingestion's loop, that remembers nothing yet."""
        every_ns = self._settings.snapshots.every_s * 1_000_000_000
        config = ingestion_config(self._settings)
        return ingestion_loop(config, self.market.plan, self._ports, self._build, every_ns)

    @property
    def instruments(self) -> Sequence[str]:
        """The ids of what the market brings."""
        return [each.id for each in self.market.plan.instruments]

    @property
    def loops(self) -> Sequence[Loop[Any]]:
        """The one of ingestion."""
        return [self.loop]

    @property
    def now(self) -> Nanos:
        """The last clock that ingestion passed on."""
        return self.loop.now

    async def start(self) -> None:
        """Begin a new life of ingestion where its logs end, and finish the window there."""
        await remind(self.market, self._bus)
        self.loop = self.make()
        await self.loop.start()
        while self.loop.is_recovering:  # who follows must be told its time, and all of it
            await self.advance()

    async def advance(self) -> bool:
        """Let ingestion take the next window, whole."""
        taken = await self.loop.step(READ_RECORDS_MAX)
        while taken and self.loop.position < self.market.feed.end:
            taken = await self.loop.step(READ_RECORDS_MAX)
        return taken > 0

    async def _request(self, record: Record) -> tuple[()]:
        self.market.request_snapshot(record)
        return ()


async def remind(market: Market, bus: Bus) -> None:
    """Tell a market that begins anew what ingestion asked of it, as the bus holds it."""
    for log in [log for log in await bus.ends() if log.channel == "market"]:
        async for placed in forward(bus, log):
            if isinstance(placed.record.message, RequestSnapshot):
                market.request_snapshot(placed.record)
