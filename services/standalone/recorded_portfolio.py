"""A portfolio that ran as several processes, as what is replayed.

Its record has no settings: each loop is made of the configuration that it began with. Where other settings are
tried, they are those in force here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from marea.bus.port import Bus
from marea.errors import BadInput
from marea.runtime.loop import Loop
from marea.runtime.replay import EVERY_INPUT
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
from services.standalone.lives import Stretch, loop_of, stretches_of
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
        self._found: Sequence[Stretch] = ()

    async def recorded_by(self, bus: Bus) -> str:
        """The builds of its processes, the first one first."""
        return ", ".join(dict.fromkeys(each.build for each in await self._stretches(bus)))

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
        return PortfolioComposition(await self._stretches(bus), bus, markets)

    async def _stretches(self, bus: Bus) -> Sequence[Stretch]:
        self._found = self._found or await stretches_of(bus)
        return self._found


class PortfolioComposition:
    """The loops that wrote a portfolio's world, as they were told to be, and as others would be."""

    def __init__(self, stretches: Sequence[Stretch], bus: Bus, markets: Sequence[str]) -> None:
        self._stretches = stretches
        self._bus = bus
        self._markets = markets

    @property
    def recorded(self) -> Sequence[Part]:
        """A loop for each stretch, on the inputs that it said something of."""
        return [
            Part(loop_of(stretch, self._bus, self._markets), inputs)
            for stretch, inputs in _with_inputs(self._stretches)
        ]

    def loops(self, settings: Settings) -> Sequence[Loop[Any]]:
        """Those that wrote last, under these settings."""
        last = {stretch.producer: stretch for stretch in self._stretches}
        return [
            loop_of(_under(settings, stretch), self._bus, self._markets)
            for stretch in last.values()
        ]


def _with_inputs(stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, range]]:
    # Between two stretches nobody knows which of them an input fell to that nothing came of.
    for place, stretch in enumerate(stretches):
        others = [each.producer for each in stretches[:place]]
        later = [each.producer for each in stretches[place + 1 :]]
        first = stretch.first if stretch.producer in others else 0
        end = stretch.last + 1 if stretch.producer in later else EVERY_INPUT.stop
        if first >= 0:
            yield stretch, range(first, end)


def _under(settings: Settings, stretch: Stretch) -> Stretch:
    config = _config_under(settings, stretch)
    if config is None:
        return stretch
    return replace(stretch, config=msgspec.json.encode(config, order="sorted").decode())


def _config_under(settings: Settings, stretch: Stretch) -> object:
    match stretch.service, stretch.input_log.channel:
        case features.SERVICE, _:
            return features_config(settings, stretch.log.partition)
        case signals.SERVICE, _:
            return signals_config(settings, stretch.input_log.partition)
        case risk.SERVICE, "trading":
            return risk_config(settings)
        case execution.SERVICE, _:
            return execution_config(settings)
        case paper.SERVICE, _:
            return paper_config(settings)
        case _:
            return None  # it is told nothing
