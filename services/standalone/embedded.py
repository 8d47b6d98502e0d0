"""All services in one process: the same cores and loops, over one log on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import marea
import services
from marea.runtime.build import build_id
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.telemetry import Telemetry
from marea.runtime.wiring import Ports
from services.features.core import FeaturesState
from services.features.main import features_config, features_loop
from services.standalone.stages import READ_RECORDS_MAX, MarketStage, Stores

SHARD = "embedded"


def this_build() -> str:
    """The build of the code that runs."""
    return build_id([Path(package.__path__[0]) for package in (marea, services)])


class Embedded:
    """The loops of one run, in the order of the flow.

    They advance by one window of the market at a time, each until it has nothing left to read, so
    that what they write does not depend on how fast they are, and a run that goes on after a kill
    writes what it would have written.
    """

    def __init__(
        self,
        settings: Settings,
        market: MarketStage,
        stores: Stores,
        telemetry: Telemetry,
        build: str,
    ) -> None:
        self.market = market
        every_ns = settings.snapshots.every_s * 1_000_000_000
        ports = Ports(
            source=stores.bus, bus=stores.bus, snapshots=stores.snapshots, telemetry=telemetry
        )
        config = features_config(settings, SHARD)
        self.features: dict[str, Loop[FeaturesState]] = {
            name: features_loop(config, name, ports, build, every_ns) for name in market.instruments
        }

    @property
    def loops(self) -> Sequence[Loop[Any]]:
        """All of them, in the order of the flow."""
        return [*self.market.loops, *self.features.values()]

    @property
    def divergence_count(self) -> int:
        """How many outputs were decided otherwise than they stand on the log."""
        return self.ingestion.divergence_count + sum(
            loop.divergence_count for loop in self.features.values()
        )

    async def start(self) -> None:
        """Bring every loop to where the log ends, and features to what the market said until then."""
        await self.market.start()
        for loop in self.features.values():
            await loop.start()
        await self._follow()  # before the market says more, or features would mix two windows

    async def advance(self) -> bool:
        """Take the next window of the market through every loop; False at its end."""
        is_more = await self.market.advance()
        await self._follow()
        return is_more

    async def _follow(self) -> None:
        for loop in self.features.values():
            while await loop.step(READ_RECORDS_MAX) == READ_RECORDS_MAX:
                pass
