"""All services in one process: the same cores and loops, over one log on disk."""

from pathlib import Path
from typing import NamedTuple

import marea
import services
from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import Record
from marea.messages.market import RequestSnapshot
from marea.runtime.build import build_id
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.telemetry import Telemetry
from marea.runtime.wiring import Ports
from services.features.core import FeaturesState
from services.features.main import features_config, features_loop
from services.ingestion.core import IngestionState
from services.ingestion.main import ingestion_config, ingestion_loop
from services.standalone.markets import Market

SHARD = "embedded"
READ_RECORDS_MAX = 5_000


def this_build() -> str:
    """The build of the code that runs."""
    return build_id([Path(package.__path__[0]) for package in (marea, services)])


class Stores(NamedTuple):
    """Where a run's logs and snapshots stand."""

    bus: Bus
    snapshots: Snapshots


class Embedded:
    """The loops of one run, in the order of the flow.

    They advance by one window of the market at a time, each until it has nothing left to read, so
    that what they write does not depend on how fast they are, and a run that goes on after a kill
    writes what it would have written.
    """

    def __init__(
        self, settings: Settings, market: Market, stores: Stores, telemetry: Telemetry, build: str
    ) -> None:
        self.market = market
        self._stores = stores
        every_ns = settings.snapshots.every_s * 1_000_000_000
        feed_ports = Ports(
            source=market.feed,
            bus=stores.bus,
            snapshots=stores.snapshots,
            telemetry=telemetry,
            effects={RequestSnapshot: self._request},
        )
        self.ingestion: Loop[IngestionState] = ingestion_loop(
            ingestion_config(settings), market.plan, feed_ports, build, every_ns
        )
        ports = Ports(
            source=stores.bus, bus=stores.bus, snapshots=stores.snapshots, telemetry=telemetry
        )
        config = features_config(settings, SHARD)
        self.features: dict[str, Loop[FeaturesState]] = {
            instrument.id: features_loop(config, instrument.id, ports, build, every_ns)
            for instrument in market.plan.instruments
        }

    async def _request(self, record: Record) -> tuple[()]:
        self.market.request_snapshot(record)
        return ()

    @property
    def divergence_count(self) -> int:
        """How many outputs were decided otherwise than they stand on the log."""
        return self.ingestion.divergence_count + sum(
            loop.divergence_count for loop in self.features.values()
        )

    async def start(self) -> None:
        """Bring every loop to where the log ends, and features to what ingestion said until then."""
        for record in await self._requests():
            self.market.request_snapshot(record)
        await self.ingestion.start()
        for loop in self.features.values():
            await loop.start()
        await self._follow()  # before ingestion says more, or features would mix two windows

    async def advance(self) -> bool:
        """Take the next window of the market through every loop; False at its end."""
        taken = await self.ingestion.step()
        await self._follow()
        return taken > 0

    async def _follow(self) -> None:
        for loop in self.features.values():
            while await loop.step(READ_RECORDS_MAX) == READ_RECORDS_MAX:
                pass

    async def _requests(self) -> list[Record]:
        # What earlier lives asked for: a market that begins anew needs to be asked again.
        found: list[Record] = []
        for log in [log for log in await self._stores.bus.ends() if log.channel == "market"]:
            position = 0
            while records := await self._stores.bus.read(log, position, READ_RECORDS_MAX):
                found += [r for r in records if isinstance(r.message, RequestSnapshot)]
                position += len(records)
        return found
