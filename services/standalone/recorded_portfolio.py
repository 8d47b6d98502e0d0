"""A portfolio that ran as several processes, as what is replayed.

Its record has no settings: each loop is told the configurations that its lives began with. Where other settings are
tried, they are those in force here.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from marea.bus.port import Bus
from marea.errors import BadInput
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from services.execution import core as execution
from services.execution.main import execution_config
from services.features import core as features
from services.features.main import features_config
from services.paper import core as paper
from services.paper.main import paper_config
from services.risk import core as risk
from services.risk.main import risk_config
from services.signals import core as signals
from services.signals.main import signals_config
from services.standalone.distributed import DistributedHistory
from services.standalone.excerpt import NOT_THERE
from services.standalone.lives import Lived, lived_on, loop_of
from services.standalone.replaying import Part


class RecordedPortfolio:
    """The logs of a portfolio's world, and the settings in force."""

    decisions_hash = None
    """Played again in one process it would be told the time at other instants."""
    is_whole = False
    """Nobody knows what would have come next."""

    def __init__(self, history: DistributedHistory, settings: Settings) -> None:
        self.history = history
        self.settings = settings
        self.place = "the settings in force"
        self._found: Sequence[Lived] = ()

    async def recorded_by(self, bus: Bus) -> str:
        """The builds of its processes, the first one first."""
        return ", ".join(
            dict.fromkeys(build for each in await self._lived(bus) for build in each.builds)
        )

    async def compose(self, bus: Bus) -> "PortfolioComposition":
        """Its loops. Raises `BadInput` where a log has lost its begin."""
        for log in await bus.ends():
            begin = await bus.read(log, 0, 1)
            if begin and begin[0] is NOT_THERE:
                raise BadInput(
                    f"{log} has lost its begin to its retention, and a replay takes all of it: take "
                    "--source archive"
                )
        markets = sorted(log.partition for log in await bus.ends() if log.channel == "market")
        return PortfolioComposition(await self._lived(bus), bus, markets)

    async def _lived(self, bus: Bus) -> Sequence[Lived]:
        self._found = self._found or await lived_on(bus)
        return self._found


class PortfolioComposition:
    """The loops that wrote a portfolio's world, as they were told to be, and as others would be."""

    def __init__(self, lived: Sequence[Lived], bus: Bus, markets: Sequence[str]) -> None:
        self._lived = lived
        self._bus = bus
        self._markets = markets

    @property
    def recorded(self) -> Sequence[Part]:
        """Each as its lives were told to be."""
        return [
            Part(loop_of(lived, self._bus, self._markets), follows_lives=True)
            for lived in self._lived
        ]

    def loops(self, settings: Settings) -> Sequence[Loop[Any]]:
        """Each under these settings."""
        return [loop_of(_under(settings, lived), self._bus, self._markets) for lived in self._lived]


def _under(settings: Settings, lived: Lived) -> Lived:
    config = _config_under(settings, lived)
    if config is None:
        return lived
    return replace(lived, configs=[msgspec.json.encode(config, order="sorted").decode()])


def _config_under(settings: Settings, lived: Lived) -> object:
    match lived.service, lived.input_log.channel:
        case features.SERVICE, _:
            return features_config(settings, lived.log.partition)
        case signals.SERVICE, _:
            return signals_config(settings, lived.input_log.partition)
        case risk.SERVICE, "trading":
            return risk_config(settings)
        case execution.SERVICE, _:
            return execution_config(settings)
        case paper.SERVICE, _:
            return paper_config(settings)
        case _:
            return None  # it is told nothing
