"""Does a run in which a loop crashes again and again end as a run in which none does?

A simulated market goes through every loop in one process, on logs in memory. One loop at a time
dies at calls of its ports drawn over the whole run, each before it took effect or after; all that
it remembers is thrown away, and a new life goes on. The end is compared with a run without a
crash: market and features record by record, decisions, orders, fills and ledger entries by their
type, the paper venue's account with ours, and every invariant.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.invariants.checker import check_bus
from marea.messages.envelope import Log
from marea.messages.orders import (
    ApprovalRefused,
    CancelIntended,
    OrderIntended,
    ReconciliationDone,
    VenueReport,
)
from marea.messages.portfolio import RiskDecision
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings, find_config_dir, load_settings
from marea.runtime.telemetry import NoTelemetry
from services.execution.core import decide
from services.ingestion.core import IngestionState
from services.ingestion.shell.markets import DrawnMarket
from services.standalone.embedded import MARKET, AnyLoop, Embedded
from services.standalone.stages import Ingesting, Stores
from tools import said
from tools.ending import end_with

SEED = 1
MINUTES = 4
"""With this seed: partial fills, stops that fire, positions that close."""
SNAPSHOTS = {"MAREA__SNAPSHOTS__EVERY_S": "20"}
"""Most crashes come after a snapshot, and the first ones before any."""

MOVING = (RiskDecision, ApprovalRefused, OrderIntended, CancelIntended, VenueReport)
SHOWN = (
    "Signal",
    "RiskDecision",
    "OrderIntended",
    "OrderFilled",
    "OrderTriggered",
    "PositionClosed",
)
READ_RECORDS_MAX = 1_000


class Moment(NamedTuple):
    """When a loop dies: at which call of its ports in which window, both from 0 on."""

    window: int
    call: int
    is_after: bool
    """Whether the call takes effect before it dies."""


class Crashed(BaseException):
    """The process of a loop is gone: nothing in it can handle that, or go on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Ports:
    """The ports of one loop over all its lives: they count its calls, and end a life at some."""

    def __init__(self, name: str, moments: Sequence[Moment]) -> None:
        self.calls: list[int] = []
        """In each window of the market so far."""
        self.crashes: list[str] = []
        """The calls at which a life ended."""
        self._name = name
        self._moments = {(moment.window, moment.call): moment for moment in moments}

    def begin_window(self) -> None:
        """Count anew; what is called before the first window is no part of the run."""
        self.calls.append(0)

    def watch(self, loop: AnyLoop) -> None:
        """Have a loop that was not started call through here."""
        ports = replace(
            loop.ports,
            source=_Port(loop.ports.source, self),
            bus=_Port(loop.ports.bus, self),
            snapshots=_Port(loop.ports.snapshots, self),
        )
        Loop.__init__(loop, loop.core, loop.wiring, ports)

    async def call(self, method: Callable[..., Awaitable[Any]], *given: Any) -> Any:  # noqa: ANN401 # any port
        """Call a method of a port, unless the loop dies before it, or then after it."""
        moment = None
        if self.calls:
            moment = self._moments.get((len(self.calls) - 1, self.calls[-1]))
            self.calls[-1] += 1
        if moment is not None and not moment.is_after:
            self._crash("before", method)
        answer = await method(*given)
        if moment is not None:
            self._crash("after", method)
        return answer

    def _crash(self, moment: str, method: Callable[..., Awaitable[Any]]) -> None:
        self.crashes.append(f"{moment} {method.__name__}")
        raise Crashed(self._name)


class _Port:
    def __init__(self, port: object, ports: Ports) -> None:
        self._port = port
        self._ports = ports

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # any port
        method = getattr(self._port, name)

        async def call(*given: Any) -> Any:  # noqa: ANN401 # any port
            return await self._ports.call(method, *given)

        return call


class _Ingesting(Ingesting):
    def __init__(
        self, settings: Settings, market: DrawnMarket, stores: Stores, ports: Ports
    ) -> None:
        self._watched_by = ports
        super().__init__(settings, market, stores, NoTelemetry(), "build")

    def make(self) -> Loop[IngestionState]:
        loop = super().make()
        self._watched_by.watch(loop)
        return loop


class World(Embedded):
    """A whole run in memory, whose loops die at given moments."""

    def __init__(
        self, settings: Settings, market: DrawnMarket, moments: Mapping[str, Sequence[Moment]]
    ) -> None:
        stores = Stores(MemoryBus(), MemorySnapshots())
        self.bus = stores.bus
        self.ports: dict[str, Ports] = {}
        self.moving: list[int] = []
        """Windows in which an order was decided, sent, reported or ended."""
        self._seen = 0
        self._moments = moments
        ingesting = _Ingesting(settings, market, stores, self._ports_of(MARKET))
        super().__init__(settings, ingesting, stores, NoTelemetry(), "build")

    async def play(self) -> None:
        """Go from the begin to the end of the market, through as many lives as it takes."""
        await self.start()
        is_more = True
        while is_more:
            for ports in self.ports.values():
                ports.begin_window()
            is_more = await self._advance()
            await self._note()

    async def _advance(self) -> bool:
        try:
            return await self.advance()
        except Crashed as crashed:
            await self._revive(crashed.name)
            return True

    async def _revive(self, name: str) -> None:
        while True:
            try:
                return await self.revive(name)
            except Crashed:
                pass  # in the midst of its recovery

    async def troubles(self) -> Sequence[str]:
        """What breaks an invariant, or is not at the venue as it is with us."""
        broken = [f"{each.number} {each.code}: {each.what}" for each in await check_bus(self.bus)]
        reported = await self._venue.account()
        answers = decide(self._derived["execution"].state, reported)
        if not answers:
            broken.append("the venue has told other reports than were taken")
        for answer in answers:
            assert isinstance(answer, ReconciliationDone)
            broken += answer.differences
        return broken

    async def _note(self) -> None:
        # The windows in which something moves are few, and the ones that matter.
        window, trading = len(self.ports[MARKET].calls) - 1, Log("trading", "main")
        while records := await self.bus.read(trading, self._seen, READ_RECORDS_MAX):
            self._seen += len(records)
            if any(isinstance(record.message, MOVING) for record in records):
                self.moving.append(window)

    def _make(self, name: str) -> AnyLoop:
        loop = super()._make(name)
        self._ports_of(name).watch(loop)
        return loop

    def _ports_of(self, name: str) -> Ports:
        return self.ports.setdefault(name, Ports(name, self._moments.get(name, ())))


class Outcome(NamedTuple):
    """What came of a run."""

    run: said.Run
    calls: Mapping[str, Sequence[int]]
    """Of each loop's ports in each window, by the loop's name."""
    moving: Sequence[int]
    """Windows in which an order was decided, sent, reported or ended."""
    crashes: Mapping[str, Sequence[str]]
    troubles: Sequence[str]
    seconds: float


class Crashes(NamedTuple):
    """What came of the crashes of one loop in one run."""

    name: str
    calls: Sequence[str]
    """That a life ended at."""
    seconds: float
    differences: Sequence[str]
    """From a run without a crash, and from what must hold of any run."""


@dataclass(frozen=True)
class Trial:
    """Which market is played, with which settings."""

    seed: int
    minutes: int
    settings: Settings

    def play(self, moments: Mapping[str, Sequence[Moment]]) -> Outcome:
        """Play it, with crashes of loops at these moments."""
        begun_s = time.perf_counter()
        world = World(self.settings, DrawnMarket(self.seed, self.minutes), moments)
        return asyncio.run(_outcome(world, begun_s))


def trial_of(seed: int, minutes: int) -> Trial:
    """The simulated market with the settings that are shipped, and snapshots often."""
    return Trial(seed, minutes, load_settings(find_config_dir(None, {}), SNAPSHOTS))


async def _outcome(world: World, begun_s: float) -> Outcome:
    await world.play()
    return Outcome(
        run=await said.read(world.bus),
        calls={name: ports.calls for name, ports in world.ports.items()},
        moving=world.moving,
        crashes={name: ports.crashes for name, ports in world.ports.items()},
        troubles=await world.troubles(),
        seconds=time.perf_counter() - begun_s,
    )


def draw_moments(seed: int, like: Outcome, name: str, count: int) -> list[Moment]:
    """So many moments of one loop: every other one in a window in which something moves."""
    draw = random.Random(f"{seed}/{name}")  # noqa: S311 # a test, not a secret
    windows = [at for at, calls in enumerate(like.calls[name]) if calls]
    found = set(draw.sample([at for at in windows if at in like.moving], count // 2))
    found.update(draw.sample([at for at in windows if at not in found], count - len(found)))
    return [
        Moment(window, draw.randrange(like.calls[name][window]), draw.random() < 0.5)
        for window in sorted(found)
    ]


def crash(trial: Trial, like: Outcome, name: str, moments: Sequence[Moment]) -> Crashes:
    """Play it with crashes of one loop, and hold it against a run without."""
    outcome = trial.play({name: moments})
    found = [*said.differences(outcome.run, like.run), *outcome.troubles]
    return Crashes(name, outcome.crashes[name], outcome.seconds, found)


def show(crashes: Crashes) -> None:
    """Print what came of the crashes of one loop, on a line, and each difference on another."""
    counts = Counter(crashes.calls)
    told = ", ".join(f"{count} {call}" for call, count in sorted(counts.items()))
    outcome = "equal" if not crashes.differences else f"{len(crashes.differences)} differences"
    print(f"{crashes.name:24}{len(crashes.calls):>4}{crashes.seconds:>8.1f}  {outcome:16}{told}")
    for difference in crashes.differences:
        print(f"    {difference}")


def main() -> int:
    """Print a line for each loop, and end with 1 where a run differs or too few lives ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of the market")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="of the market")
    parser.add_argument("--crashes", type=int, default=20, help="of each loop")
    parser.add_argument("--draw", type=int, default=1, help="seed of the moments")
    given = parser.parse_args()
    trial = trial_of(given.seed, given.minutes)
    like = trial.play({})
    counts = Counter(
        where[1] for where, told in like.run.said.items() if len(where) > 1 for _ in told
    )
    print(", ".join(f"{counts[kind]:,} {kind}" for kind in SHOWN))
    print(f"{'loop':24}{'crashes':>4}{'s':>5}  {'its run':16}at which calls")
    all_crashes = []
    for name in like.calls:
        moments = draw_moments(given.draw, like, name, given.crashes)
        all_crashes.append(crash(trial, like, name, moments))
        show(all_crashes[-1])
    differing = sum(bool(crashes.differences) for crashes in all_crashes)
    missing = sum(len(crashes.calls) < given.crashes for crashes in all_crashes)
    print(f"{sum(len(each.calls) for each in all_crashes)} crashes, {differing} runs differ")
    return int(bool(differing or missing or like.troubles))


if __name__ == "__main__":
    end_with(main)
