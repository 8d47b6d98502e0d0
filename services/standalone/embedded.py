"""All services in one process: the same cores and loops, over one log on disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import marea
import services
from marea.domain.instrument import venue_of
from marea.messages.envelope import Log, Nanos
from marea.messages.market import Price
from marea.runtime.build import build_id
from marea.runtime.loop import Loop
from marea.runtime.opening import opening, opening_balances
from marea.runtime.settings import Settings
from marea.runtime.telemetry import Telemetry
from marea.runtime.wiring import Ports
from services.execution.main import execution_config, execution_loop
from services.execution.shell.venue import Shell, effects_of
from services.execution.shell.venue import arrivals_of as reports_of
from services.features.core import FeaturesState
from services.features.main import features_config, features_loop
from services.paper.main import paper_config, paper_loop
from services.paper.shell.merge import Merge
from services.paper.shell.venue import PaperVenue
from services.risk.main import marks_loop, risk_config, risk_loop
from services.risk.shell.outside import arrivals_of as orders_of
from services.signals.main import signals_config, signals_loop
from services.standalone.commands import Order, command_of
from services.standalone.stages import READ_RECORDS_MAX, MarketStage, Stores

SHARD = "embedded"
MARKET = "market"
"""The first stage, by name."""

AnyLoop: TypeAlias = Loop[Any]


def this_build() -> str:
    """The build of the code that runs."""
    return build_id([Path(package.__path__[0]) for package in (marea, services)])


class Embedded:
    """The loops of one run, in the order of the flow.

    They advance by one window of the market at a time, each until it has nothing left to read, so
    that what they write does not depend on how fast they are, and a run that goes on after a kill
    decides what it would have decided. A window begins with its time: what is decided at that time
    rests on what was known before it, and reaches the paper venue within the window.
    """

    def __init__(
        self,
        settings: Settings,
        market: MarketStage,
        stores: Stores,
        telemetry: Telemetry,
        build: str,
        commands: Sequence[Order] = (),
    ) -> None:
        self.market = market
        self._settings = settings
        self._stores = stores
        self._telemetry = telemetry
        self._build = build
        self._every_ns = settings.snapshots.every_s * 1_000_000_000
        self._portfolio = settings.portfolio.name
        self._venue_name = venue_of(next(iter(market.instruments)))
        self._commands = sorted(
            (command_of(each, place, self._portfolio) for place, each in enumerate(commands)),
            key=lambda due: due[0],
        )
        self._makers: Mapping[str, Callable[[], AnyLoop]] = {
            **{f"features/{name}": partial(self._features, name) for name in market.instruments},
            "paper": self._paper,
            "risk": self._risk,
            **{f"marks/{name}": partial(self._marks, name) for name in market.instruments},
            "signals": self._signals,
            "execution": self._execution,
        }
        self._venue: PaperVenue
        self._derived: dict[str, AnyLoop] = {}
        for name in self._makers:
            self._derived[name] = self._make(name)

    @property
    def loops(self) -> Sequence[AnyLoop]:
        """All of them, in the order of the flow."""
        return [*self.market.loops, *self._derived.values()]

    @property
    def features(self) -> Sequence[Loop[FeaturesState]]:
        """Those of features, one for each instrument."""
        return [loop for name, loop in self._derived.items() if name.startswith("features/")]

    @property
    def names(self) -> Sequence[str]:
        """What can be revived: `market` and the loops behind it: `features/BTC-USDT.SIM`, `risk`."""
        return [MARKET, *self._makers]

    @property
    def divergence_count(self) -> int:
        """How many outputs were decided otherwise than they stand on the log."""
        return sum(loop.divergence_count for loop in self.loops)

    async def start(self) -> None:
        """Bring every loop to where the log ends, and finish the window that was cut off."""
        await self.market.start()
        for loop in self._derived.values():
            await loop.start()
        await self._venue.open_account(opening_balances(self._settings))
        await self._follow()  # before the market says more, or two windows would mix

    async def advance(self) -> bool:
        """Take the next window of the market through every loop; False at its end."""
        is_more = await self.market.advance()
        await self._follow()
        return is_more

    async def revive(self, name: str) -> None:
        """Throw away all that a loop remembers, and let a new life of it finish the window.

        Whoever was cut off with it, because it had called it, begins a new life too.
        """
        if name == MARKET:
            await self.market.start()
        else:
            await self._begin_anew(name)
        for other, loop in self._derived.items():
            if loop.has_stopped:
                await self._begin_anew(other)
        await self._follow()

    async def _begin_anew(self, name: str) -> None:
        self._derived[name] = self._make(name)
        if name == "paper":  # whose client must reach the new life
            self._derived["execution"].ports = self._execution_ports()
        await self._derived[name].start()

    def _make(self, name: str) -> AnyLoop:
        return self._makers[name]()

    async def _follow(self) -> None:
        for name, loop in self._derived.items():
            if name != "execution":  # risk tells the time, before all that follows
                await _catch_up(loop)
        while not await self._is_settled():
            for name in ("risk", "execution"):
                await _catch_up(self._derived[name])

    async def _is_settled(self) -> bool:
        end = (await self._stores.bus.ends()).get(Log("trading", self._portfolio), 0)
        return all(self._derived[name].position == end for name in ("risk", "execution"))

    # Wiring

    def _ports(self) -> Ports:
        stores = self._stores
        return Ports(
            source=stores.bus,
            bus=stores.bus,
            snapshots=stores.snapshots,
            telemetry=self._telemetry,
        )

    def _features(self, instrument: str) -> AnyLoop:
        config = features_config(self._settings, SHARD)
        return features_loop(config, instrument, self._ports(), self._build, self._every_ns)

    def _signals(self) -> AnyLoop:
        config = signals_config(self._settings, SHARD)
        return signals_loop(config, self._portfolio, self._ports(), self._build, self._every_ns)

    def _marks(self, instrument: str) -> AnyLoop:
        ports = self._ports()
        return marks_loop(self._portfolio, instrument, ports, self._build, self._every_ns)

    def _risk(self) -> AnyLoop:
        arrivals = orders_of(opening(self._settings, self._venue_name), self._commands)
        ports = replace(self._ports(), venue_time=self._now, arrivals=arrivals)
        return risk_loop(risk_config(self._settings), ports, self._build, self._every_ns)

    def _paper(self) -> AnyLoop:
        bus, snapshots = self._stores
        merge = Merge(bus, snapshots, self._portfolio, self.market.instruments)
        config = paper_config(self._settings)
        loop = paper_loop(config, merge, self._ports(), self._build, self._every_ns)
        self._venue = PaperVenue(loop, merge, bus, self._portfolio)
        return loop

    def _execution(self) -> AnyLoop:
        config = execution_config(self._settings)
        return execution_loop(config, self._execution_ports(), self._build, self._every_ns)

    def _execution_ports(self) -> Ports:
        shell = Shell(
            config=execution_config(self._settings),
            venue=self._venue,
            flush=self._stores.bus.flush,
            venue_time=self._now,
            top=self._top,
        )
        return replace(
            self._ports(),
            venue_time=self._now,
            effects=effects_of(shell),
            arrivals=reports_of(self._venue),
        )

    def _now(self) -> Nanos:
        return self.market.now

    def _top(self, instrument: str) -> tuple[Price, Price]:
        state = self._derived[f"marks/{instrument}"].state
        return state.clock_bid_price, state.clock_ask_price


async def _catch_up(loop: AnyLoop) -> None:
    while await loop.step(READ_RECORDS_MAX) >= READ_RECORDS_MAX:
        pass
