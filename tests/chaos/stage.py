"""Marea as processes over real servers, on a machine where things happen to it.

The market is drawn and goes at its own pace; a service that ends is started again at once, as an
orchestrator does. What is done to the stage is written down with its time.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import ports as port_choice
from deploy.local.servers import Servers
from marea.runtime.facts import Health
from services.standalone.child import Child
from services.standalone.fleet import DRAIN_S_MAX, Fleet
from tests.chaos.hosts import Host
from tests.chaos.stores import Stores
from tests.chaos.witness import Witness

ALONE = ("paper", "ingestion", "features", "signals")
POLL_S = 0.1
READY_S_MAX = 60.0
SETTLES_S = 5.0
"""So long after the market's end reports still arrive."""
EAGER = {
    "FEATURES__INTERVALS_S": "[1]",
    "INDICATORS__SMA_20__PERIOD": "3",
    "INDICATORS__ATR_14__PERIOD": "2",
    "INDICATORS__ADX_14__PERIOD": "2",
    "SIGNALS__STRATEGIES": "[sma, flow]",
    "SIGNALS__TRADES": "[sma, flow]",
    "SIGNALS__CONFIDENCE_MIN": "0.0",
}
"""Settings under which it trades from its first seconds on, and often."""
PAIRED = ("risk", "execution")
"""Services with an owner and a standby."""
RECORDER = "recorder"
RECORDED_S_MAX = 180.0
"""So long the recorder may take in the end for what it has not written yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One thing that was done to the stage."""

    fault: str
    target: str
    """A service and its instance (`risk-a`), or a server."""
    at_ms: int
    lasted_s: float = 0.0

    @property
    def until_ms(self) -> int:
        """When it was over."""
        return self.at_ms + int(self.lasted_s * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is played on a stage, and how long."""

    seed: int
    faulty_s: float
    calm_s: float = 15.0
    """So long it is left alone before the end."""
    activity: float = 1.0
    """Of the market."""
    brokers: tuple[str, ...] = ("kafka",)
    has_second_host: bool = False
    """Whether the first instances of the paired services run on a host of their own."""
    store_away_s: float = 0.0
    """So long a store of the recorder is away; 0: nothing is recorded."""


@dataclass(slots=True)
class Stage:
    """Servers, a fleet that trades, and what was done to them."""

    scene: Scene
    servers: Servers
    folder: Path
    strikes: list[Strike] = field(default_factory=list)
    exits: list[tuple[str, int]] = field(default_factory=list)
    """How services ended by themselves."""
    fleet: Fleet = field(init=False)
    witness: Witness = field(init=False)
    host: Host | None = None
    """The second one, where there is one."""
    stores: Stores | None = None
    """Those of the recorder, where it runs."""
    played_s: float = 0.0
    _closing: ExitStack = field(init=False)
    _due: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _begun_s: float = 0.0
    _order: int = 0
    _told: set[tuple[str, int]] = field(default_factory=set)
    """Lives whose end was written down."""
    _begun_aside: list[Future[object]] = field(default_factory=list)
    _aside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=4))

    def __enter__(self) -> Self:
        """Start the servers, the services and who looks on; return when Marea is ready."""
        with ExitStack() as stack:
            self.servers.up(*self.scene.brokers, "redis")
            if self.scene.store_away_s:
                self.stores = stack.enter_context(Stores(self.servers))
            self.fleet = stack.enter_context(self._new_fleet())
            for service in (*ALONE, RECORDER) if self.stores else ALONE:
                self.fleet.start(service)
            self.fleet.wait_ready(READY_S_MAX)
            self._start_pairs(stack)
            kafka = self.servers.address(self.scene.brokers[0])
            if self.stores:
                self.stores.look_on(kafka, self.fleet.of(RECORDER).start.place)
            self.witness = Witness(kafka)
            self.witness.start()
            stack.callback(self.witness.stop)
            stack.callback(self._aside.shutdown)
            self._closing = stack.pop_all()
        self._begun_s = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self._closing.close()

    def _new_fleet(self) -> Fleet:
        return Fleet(self.environment(), None, self.folder / "services")

    def _start_pairs(self, stack: ExitStack) -> None:
        ports = port_choice.free(dict.fromkeys(PAIRED, 0))
        through: Sequence[str] = ()
        if self.scene.has_second_host:
            self.host = stack.enter_context(Host())
            through = self.host.through
            self.host.join(self._ports_called(), ports.values())
        for service in PAIRED:
            self.fleet.start(service, port=ports[service], through=through)
        self.fleet.wait_ready(READY_S_MAX)
        for service in PAIRED:
            self.fleet.start(service, "b")
        self.fleet.wait_ready(READY_S_MAX)

    def _ports_called(self) -> list[int]:
        # Of what a service there has to reach.
        ports = self.servers.ports
        called = [ports[name] for name in (*self.scene.brokers, "redis")]
        return [*called, self.fleet.of("paper").start.place.port]

    # What happens

    def at(self, after_s: float, act: Callable[[], object]) -> None:
        """Have it done so long after the begin."""
        self._order += 1
        heappush(self._due, (self._begun_s + after_s, self._order, act))

    def after(self, s: float, act: Callable[[], object]) -> None:
        """Have it done so long from now."""
        self.at(time.monotonic() - self._begun_s + s, act)

    def aside(self, act: Callable[[], object]) -> None:
        """Do what takes a while, and meanwhile keep up the services."""
        self._begun_aside.append(self._aside.submit(act))

    def note(self, fault: str, target: str, lasted_s: float = 0.0) -> Strike:
        """Write down what happens now."""
        strike = Strike(fault=fault, target=target, at_ms=_now_ms(), lasted_s=lasted_s)
        self.strikes.append(strike)
        return strike

    def note_over(self, strike: Strike) -> None:
        """Write down that what was noted is over now."""
        over = replace(strike, lasted_s=(_now_ms() - strike.at_ms) / 1000)
        self.strikes[self.strikes.index(strike)] = over

    def play(self) -> None:
        """Let the scene happen, to the end of its calm."""
        ends_s = self._begun_s + self.scene.faulty_s + self.scene.calm_s
        while time.monotonic() < ends_s or self._due or not self._is_all_done():
            while self._due and self._due[0][0] <= time.monotonic():
                heappop(self._due)[2]()
            self._keep_up()
            time.sleep(POLL_S)
        for each in self._begun_aside:
            each.result()
        self.played_s = time.monotonic() - self._begun_s

    def _is_all_done(self) -> bool:
        return all(each.done() for each in self._begun_aside)

    def _keep_up(self) -> None:
        for child in self.fleet.children.values():
            code = child.exit_code
            if code is not None and code >= 0 and (child.name, child.restarts) not in self._told:
                self._told.add((child.name, child.restarts))
                self.exits.append((child.name, code))
        self.fleet.keep_up()

    def end(self) -> None:
        """Let the market stop, everyone read what there is, and all of them drain."""
        if self.stores:
            self.stores.watch.stop()
        until_s = time.monotonic() + READY_S_MAX
        while not self._is_owned() and time.monotonic() < until_s:
            self._keep_up()
            time.sleep(POLL_S)
        market = self.fleet.of("ingestion")
        market.send(signal.SIGTERM)
        while market.is_running and time.monotonic() < until_s:
            time.sleep(POLL_S)
        time.sleep(SETTLES_S)
        self._drain(self.fleet, RECORDED_S_MAX if self.stores else DRAIN_S_MAX)
        if self.stores:
            self._record_the_rest()
        self.witness.stop()

    def _drain(self, fleet: Fleet, timeout_s: float) -> None:
        self.exits += [
            (f"{service}-{instance}", code)
            for (service, instance), code in fleet.stop(timeout_s).items()
            if code
        ]

    def _record_the_rest(self) -> None:
        # The others have said their last words beside the recorder, or after it.
        with self._new_fleet() as fleet:
            fleet.start(RECORDER, "last")
            fleet.wait_ready(READY_S_MAX)
            until_s = time.monotonic() + RECORDED_S_MAX
            while _lag(fleet) and time.monotonic() < until_s:  # it drains for 20 s and no longer
                time.sleep(POLL_S)
            self._drain(fleet, RECORDED_S_MAX)

    def _is_owned(self) -> bool:
        # Whether all processes answer, and each loop is run by one of them.
        told = list(self.fleet.health().values())
        loops = [facts for health in told if health is not None for facts in health.loops]
        run = {facts.loop for facts in loops if facts.phase == "runs"}
        return None not in told and all(facts.loop in run for facts in loops)

    def change(self, child: Child, given: Mapping[str, str]) -> None:
        """Have its next life run under other settings."""
        child.start = replace(child.start, environment={**child.start.environment, **given})

    def environment(self) -> dict[str, str]:
        """What every service is told."""
        brokers = self.scene.brokers
        given = {
            **EAGER,
            "KAFKA__SERVERS": self.servers.address(brokers[0]),
            "KAFKA__REPLICATION": str(len(brokers)),
            "REDIS__URL": self.servers.address("redis"),
            "MARKET__SEED": str(self.scene.seed),
            "MARKET__ACTIVITY": str(self.scene.activity),
            **{f"INSTANCES__{service.upper()}": "2" for service in PAIRED},
        }
        stores = self.stores.environment if self.stores else {}
        return {**os.environ, **stores, **{f"MAREA__{name}": text for name, text in given.items()}}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _lag(fleet: Fleet) -> int:
    told = [health for health in fleet.health().values() if health is not None]
    return sum(facts.lag for health in told for facts in health.loops)


def owns(service: str, health: Health) -> bool:
    """Whether who says this runs its service's own loop."""
    return any(
        facts.loop.startswith(f"{service}/") and facts.role == "owner" for facts in health.loops
    )
