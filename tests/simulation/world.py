"""A whole Marea in a simulated world: every core in a loop of its own, under the faults of a seed.

Each service runs as a process that may die, stand still or be cut off on its own, over one cluster
of logs; the venue is outside and goes on. While prices move, the faults strike; then they end, an
operator halts the portfolio, and a minute later everything must have settled.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import Any

from marea.bus.memory import MemorySnapshots
from marea.domain.instrument import venue_of
from marea.domain.ledger import ASSET_SCALE
from marea.errors import MareaError
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.ids import derived_id
from marea.messages.market import Price, RequestSnapshot
from marea.messages.portfolio import Command, CommandAction, PortfolioOpened
from marea.runtime.loop import Loop
from marea.runtime.settings import IndicatorSettings, Settings, find_config_dir, load_settings
from marea.runtime.wiring import Ports
from services.execution.main import execution_config, execution_loop
from services.execution.shell.venue import Shell, effects_of
from services.execution.shell.venue import arrivals_of as reports_of
from services.features.main import features_config, features_loop
from services.ingestion.main import ingestion_config, ingestion_loop
from services.paper.main import paper_config
from services.risk.main import marks_loop, risk_config, risk_loop
from services.risk.shell.outside import arrivals_of as orders_of
from services.signals.main import signals_config, signals_loop
from tests.simulation.cluster import Cluster, Crashed, Host, Line, Released, Store
from tests.simulation.exchange import Exchange, VenueLine, VenueTrouble
from tests.simulation.faults import MS, SECOND, Fault, Faults
from tests.simulation.market import INSTRUMENTS, PERIOD_NS, ScriptedMarket
from tests.simulation.schedule import Schedule, Task, outcome_of

BEGIN: Nanos = 1_767_571_200 * SECOND
HEALING_NS: Nanos = 15 * SECOND
"""So long the world trades without faults."""
SETTLING_NS: Nanos = 60 * SECOND
"""So long after the halt, nothing may be open any more."""
RESTART_NS: Nanos = 300 * MS
IDLE_NS: Nanos = 20 * SECOND
"""A loop that only reads is woken by what is appended, and at the latest after this."""
POLL_NS: Nanos = 250 * MS
"""One that waits for the world looks there so often."""
ENGINE_NS: Nanos = 200 * MS
"""What is on its way at the venue moves so often."""
DRIFT_NS_MAX: Nanos = 200 * MS
EVERY_NS = 5 * SECOND
"""Of the logs' own time, between two snapshots."""
PORTFOLIO = "main"
SHARD = "world"

ENVIRONMENT = {
    "MAREA__FEATURES__INTERVALS_S": "[1]",
    "MAREA__FEATURES__VECTOR_PERIOD_MS": "1000000",
    "MAREA__SIGNALS__STRATEGIES": '["sma"]',
    "MAREA__SIGNALS__TRADES": '["sma"]',
    "MAREA__SIGNALS__CONFIDENCE_MIN": "0.0",
    "MAREA__SIGNALS__EXPIRY_BARS": "5",
}

INDICATORS = {
    "mid": IndicatorSettings(kernel="mid"),
    "sma_20": IndicatorSettings(kernel="sma", period=3),
    "atr_14": IndicatorSettings(kernel="atr", period=2),
    "adx_14": IndicatorSettings(kernel="adx", period=2),
}
"""Short ones, that are warm after a few bars, under the names that the strategies know."""


@cache
def settings_of(asset_pct_max: float) -> Settings:
    """The settings of a world; the limit is what an upgrade changes."""
    told = {**ENVIRONMENT, "MAREA__RISK__ASSET_PCT_MAX": str(asset_pct_max)}
    settings = load_settings(find_config_dir(None, {}), told)
    return settings.model_copy(update={"indicators": INDICATORS})


@dataclass(slots=True)
class Release:
    """What a process runs when it begins anew."""

    build: str = "build-1"
    settings: Settings = field(default_factory=lambda: settings_of(20.0))


AnyLoop = Loop[Any]
Maker = Callable[[Ports], AnyLoop]


class Process:
    """A service that is begun anew whenever a life of it ends."""

    def __init__(self, world: "World", name: str, make: Maker, poll_ns: Nanos) -> None:
        self.name = name
        self.loop: AnyLoop | None = None
        """The present life's."""
        self.lives = 0
        self.ends: list[tuple[Nanos, str]] = []
        self._world = world
        self._make = make
        self._poll_ns = poll_ns
        self.host = Host(name, world.schedule, world.faults)
        self.tasks: list[Task] = []
        """The present life, and former ones that only stand still."""

    def begin(self, after_ns: Nanos = 0) -> None:
        """Let a new life begin."""
        self.lives += 1
        host = Host(self.name, self._world.schedule, self._world.faults)
        host.cut_off_until = self.host.cut_off_until
        host.on_zombie = lambda: self.begin(RESTART_NS)
        self.host = host
        task = self._world.schedule.spawn(self.name, self._live(host), after_ns)
        self.tasks = [*(each for each in self.tasks if not each.is_over), task]

    def kill(self) -> None:
        """End every life of it."""
        for task in self.tasks:
            task.end()
        self.tasks = []

    async def _live(self, host: Host) -> None:
        world = self._world
        try:
            loop = self._make(world.ports(host))
            await loop.start()
            if host is self.host:
                self.loop = loop
            while True:
                if not await loop.step():
                    await world.schedule.news(loop.wiring.input_log, self._poll_ns)
        except Crashed:
            self._ended(host, "crashed")
        except MareaError as err:
            self._ended(host, f"{type(err).__name__}: {err}")

    def _ended(self, host: Host, why: str) -> None:
        self.ends.append((self._world.schedule.now, why))
        if host is self.host:  # one that was replaced is not begun anew
            self.begin(RESTART_NS)


class World:
    """One seed's world."""

    def __init__(self, seed: int, faults: Faults) -> None:
        draw = Random(f"{seed}/world")  # noqa: S311 # a world, not a secret
        self.seed = seed
        self.faults = faults
        self.schedule = Schedule(BEGIN)
        faults.ends_at = BEGIN + draw.randrange(8, 21) * SECOND
        self.halt = faults.ends_at + HEALING_NS
        """When an operator halts the portfolio, and prices stand still."""
        self.end = self.halt + SETTLING_NS
        self.release = Release()
        self.cluster = Cluster(self.schedule)
        self.snapshots = MemorySnapshots()
        self.market = ScriptedMarket(faults, seed, BEGIN, self.halt, self.end)
        config = paper_config(self.release.settings)
        balances = {"USDT": 10_000 * 10**ASSET_SCALE}
        self._balances = balances
        self.exchange = Exchange(config, balances, faults)
        self._trouble = VenueTrouble(self.schedule, faults)
        self._drift: dict[str, Nanos] = {}
        self.commands = self._draw_commands(draw)
        self.processes: dict[str, Process] = {}
        self._add("ingestion", self._ingestion, IDLE_NS)
        self._feed = Released(self.market.plan.log, lambda: self.processes["ingestion"].host)
        for each in INSTRUMENTS:
            self._add(f"features/{each.id}", self._features(each.id), IDLE_NS)
        self._add("signals", self._signals, IDLE_NS)
        for each in INSTRUMENTS:
            self._add(f"marks/{each.id}", self._marks(each.id), IDLE_NS)
        self._add("risk", self._risk, POLL_NS)
        self._add("execution", self._execution, POLL_NS)

    # What happens

    def play(self) -> None:
        """From the begin to the end."""
        outcome_of(self.exchange.open())
        for process in self.processes.values():
            process.begin()
        self.schedule.spawn("market", self._bring_market())
        self.schedule.spawn("engine", self._run_engine())
        self.schedule.spawn("trouble", self._trouble_all())
        self.schedule.run(self.faults.ends_at)
        self.faults.is_over = True
        self.schedule.run(self.end)
        for process in self.processes.values():
            process.kill()

    async def _bring_market(self) -> None:
        feed, log = self.market.feed, self.market.plan.log
        for ts in range(BEGIN + PERIOD_NS, self.end, PERIOD_NS):
            await self.schedule.sleep(ts - self.schedule.now)
            while feed.ts_local < ts - PERIOD_NS or not self._feed.records:
                records = await feed.read(log, len(self._feed.records), 1 << 30)
                if not records:
                    break
                self._feed.records += records
                await self.exchange.hear_market(records)
                self.schedule.tell(log, 0)

    async def _run_engine(self) -> None:
        while True:
            await self.schedule.sleep(ENGINE_NS)
            await self.exchange.pass_time(self.schedule.now)

    async def _trouble_all(self) -> None:
        # What strikes all processes at once.
        upgraded = 0
        while not self.faults.is_over:
            await self.schedule.sleep(SECOND)
            now = self.schedule.now
            if cut := self.faults.strikes("power_cut", "all", now):
                self._cut_power(cut)
            if self.faults.strikes("upgrade", "all", now) and not upgraded:
                upgraded += 1
                self.release = Release("build-2", settings_of(5.0))
                for process in self.processes.values():
                    process.kill()
                    process.begin(RESTART_NS)

    def _cut_power(self, cut: Fault) -> None:
        for process in self.processes.values():
            process.kill()
        self.cluster.cut_power(self.faults.size(cut))
        for process in self.processes.values():
            process.begin(RESTART_NS)

    def _draw_commands(self, draw: Random) -> list[tuple[Nanos, Command]]:
        found = [(self.halt, _command(self.halt, "halt", "operator"))]
        at = BEGIN
        while (at := at + draw.randrange(1, 20) * SECOND) < self.faults.ends_at:
            if self.faults.strikes("command", "people", at):
                action: CommandAction = draw.choice(("halt", "resume", "resume", "reset"))
                found.insert(-1, (at, _command(at, action, draw.choice(("operator", "guest")))))
        found.insert(-1, (self.faults.ends_at, _command(self.faults.ends_at, "resume", "operator")))
        return found

    # Wiring

    def ports(self, host: Host) -> Ports:
        """What a life of a process reaches."""
        line = Line(self.cluster, host)
        return Ports(source=line, bus=line, snapshots=Store(self.snapshots, host))

    def now(self, name: str) -> Nanos:
        """The venue's time as a host knows it."""
        if name not in self._drift:
            drift = self.faults.strikes("clock_drift", name, self.schedule.now)
            size = 2 * self.faults.size(drift) - 1 if drift else 0.0
            self._drift[name] = int(size * DRIFT_NS_MAX)
        return self.schedule.now + (0 if self.faults.is_over else self._drift[name])

    def _add(self, name: str, make: Maker, poll_ns: Nanos) -> None:
        self.processes[name] = Process(self, name, make, poll_ns)

    def _ingestion(self, ports: Ports) -> AnyLoop:
        async def request(record: Record) -> tuple[()]:
            self.market.request_snapshot(record)
            return ()

        ports = replace(ports, source=self._feed, effects={RequestSnapshot: request})
        config = ingestion_config(self.release.settings)
        return ingestion_loop(config, self.market.plan, ports, self.release.build, EVERY_NS)

    def _features(self, instrument: str) -> Maker:
        def make(ports: Ports) -> AnyLoop:
            config = features_config(self.release.settings, SHARD)
            return features_loop(config, instrument, ports, self.release.build, EVERY_NS)

        return make

    def _signals(self, ports: Ports) -> AnyLoop:
        config = signals_config(self.release.settings, SHARD)
        return signals_loop(config, PORTFOLIO, ports, self.release.build, EVERY_NS)

    def _marks(self, instrument: str) -> Maker:
        def make(ports: Ports) -> AnyLoop:
            config = risk_config(self.release.settings)
            return marks_loop(config, instrument, ports, self.release.build, EVERY_NS)

        return make

    def _risk(self, ports: Ports) -> AnyLoop:
        arrivals = orders_of(self._opened, self.commands)
        ports = replace(ports, venue_time=lambda: self.now("risk"), arrivals=arrivals)
        return risk_loop(risk_config(self.release.settings), ports, self.release.build, EVERY_NS)

    def _execution(self, ports: Ports) -> AnyLoop:
        config = execution_config(self.release.settings)
        line = VenueLine(self.exchange, self.processes["execution"].host, self._trouble)
        shell = Shell(
            config=config,
            venue=line,
            flush=ports.bus.flush,
            venue_time=lambda: self.now("execution"),
            top=self._top,
        )
        ports = replace(
            ports,
            venue_time=shell.venue_time,
            effects=effects_of(shell),
            arrivals=reports_of(line),
        )
        return execution_loop(config, ports, self.release.build, EVERY_NS)

    def _top(self, instrument: str) -> tuple[Price, Price]:
        loop = self.processes[f"marks/{instrument}"].loop
        return (loop.state.clock_bid_price, loop.state.clock_ask_price) if loop else (0, 0)

    def _opened(self, now: Nanos) -> PortfolioOpened:
        log = Log("trading", PORTFOLIO)
        return PortfolioOpened(
            id=derived_id("operator", log, "PortfolioOpened", PORTFOLIO),
            ts_event=now,
            portfolio=PORTFOLIO,
            owner="you",
            mode="paper",
            venue=venue_of(INSTRUMENTS[0].id),
            account=PORTFOLIO,
            base_asset="USDT",
            time_zone="UTC",
            asset_scale=ASSET_SCALE,
            balances=self._balances,
        )


def _command(at: Nanos, action: CommandAction, actor: str) -> Command:
    key = f"{at}:{action}:{actor}"
    return Command(
        id=derived_id("operator", Log("trading", PORTFOLIO), "Command", key),
        ts_event=at,
        portfolio=PORTFOLIO,
        action=action,
        actor=actor,
        role="admin" if actor == "operator" else "viewer",
        reason="simulated",
        key=key,
    )


Life = Coroutine[Any, Any, None]
Told = list[Message]
