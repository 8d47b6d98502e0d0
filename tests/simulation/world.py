"""A whole Marea in a simulated world: every core in a loop of its own, under the faults of a seed.

Each service runs as a process that may die, stand still or be cut off on its own, over one cluster
of logs; the venue is outside and goes on. While prices move, the faults strike; then they end, an
operator halts the portfolio, and a minute later everything must have settled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace as changed

from marea.domain.instrument import venue_of
from marea.domain.ledger import ASSET_SCALE
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.ids import derived_id
from marea.messages.market import Price, RequestSnapshot
from marea.messages.paper import CancelOrder, PlaceOrder
from marea.messages.portfolio import Command, CommandAction, PortfolioOpened
from marea.messages.system import Started
from marea.runtime.double_bus import DoubleBus
from marea.runtime.ownership import BEAT_EVERY_NS
from marea.runtime.settings import Settings
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
from tests.simulation.cluster import LATE_NS_MAX, Host, Line, Released, Store
from tests.simulation.exchange import Exchange, VenueLine, VenueTrouble
from tests.simulation.fast_line import FastLine, FastStore
from tests.simulation.faults import MS, SECOND, Fault, Faults
from tests.simulation.market import INSTRUMENTS, PERIOD_NS, ScriptedMarket
from tests.simulation.process import RESTART_NS, AnyLoop, Grounds, Maker, Process
from tests.simulation.schedule import Schedule, outcome_of
from tests.simulation.temper import balance_of, draw_traits, mode_of, otherwise, settings_of
from tests.simulation.watching import Watch

BEGIN: Nanos = 1_767_571_200 * SECOND
IDLE_NS: Nanos = 20 * SECOND
"""A loop that only reads and has no owner is woken by what is appended, and at the latest after this."""
POLL_NS: Nanos = 250 * MS
"""One that waits for the world looks there so often."""
SETTLES_NS_MIN: Nanos = 12 * SECOND + 900 * MS
"""So long after the halt nobody looks whether all has settled, and not as the market speaks."""
LOOK_NS: Nanos = 4 * SECOND
ENGINE_NS: Nanos = 200 * MS
"""What is on its way at the venue moves so often."""
ROLL_OUT_NS_MAX: Nanos = 8 * SECOND
OTHER_CODE_SHARE = 0.5  # of the upgrades
DRIFT_NS_MAX: Nanos = 200 * MS
JUMP_NS_MAX: Nanos = 5 * SECOND
EVERY_NS = 2 * SECOND
"""Of the logs' own time, between two snapshots."""
ALONE_SHARE = 0.25
"""Of the seeds, those in which all of Marea is one process."""
PORTFOLIO = "main"
SHARD = "world"


@dataclass(slots=True)
class Release:
    """What a process runs when it begins anew."""

    build: str
    settings: Settings
    is_other_code: bool = False
    """Whether it decides otherwise, so that divergences are met and told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How long a world lasts."""

    faulty_ns: Nanos
    """So long faults may strike."""
    healing_ns: Nanos = 15 * SECOND
    """So long it trades without faults."""
    settling_ns: Nanos = 60 * SECOND
    """So long after the halt, nothing may be open any more."""
    is_alone: bool
    """Whether all of Marea is one process."""
    traits: frozenset[str] = frozenset()
    """What Marea is told to be like."""


def draw_day(seed: int) -> Day:
    """The day of a seed's world."""
    draw = Random(f"{seed}/day")  # a world, not a secret
    faulty_ns, is_alone = draw.randrange(8, 21) * SECOND, draw.random() < ALONE_SHARE
    return Day(faulty_ns=faulty_ns, is_alone=is_alone, traits=draw_traits(seed))


class WatchedBus(DoubleBus):
    """A double bus that is looked at."""

    def __init__(self, watch: Watch, *given: Any) -> None:  # as the bus itself
        super().__init__(*given)
        self._watch = watch

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Append, and have it seen."""
        if type(records[0].message) is not Started and log.channel in self._doubled:
            self._watch.note_queued(log, records)
        return await super().append(log, records)


class World:
    """One seed's world."""

    def __init__(self, seed: int, faults: Faults, day: Day | None = None) -> None:
        draw = Random(f"{seed}/world")  # a world, not a secret
        day = day or draw_day(seed)
        self.seed = seed
        self.faults = faults
        self.schedule = Schedule(BEGIN)
        faults.ends_at = BEGIN + day.faulty_ns
        self.halt = faults.ends_at + day.healing_ns
        """When an operator halts the portfolio, and prices stand still."""
        self.end = self.halt + day.settling_ns
        self.is_alone = day.is_alone
        """Whether all of Marea is one process."""
        self.is_doubled = not self.is_alone
        """Whether what is in a hurry is appended twice."""
        self.traits = day.traits
        self.release = Release("build-1", settings_of(day.traits, False))
        self._grounds = Grounds(self.schedule, faults, self.is_alone)
        self._grounds.on_crash = lambda: self._restart_all(0.0)
        self.cluster = self._grounds.cluster
        self.watch = self._grounds.watch
        self.watch.calm_from = self.halt + LATE_NS_MAX
        self.fast = FastStore(self.schedule)
        self.market = ScriptedMarket(faults, seed, BEGIN, self.halt, self.end)
        config = paper_config(self.release.settings)
        self._balances = {"USDT": balance_of(day.traits) * 10**ASSET_SCALE}
        self.exchange = Exchange(config, self._balances, faults)
        self._trouble = VenueTrouble(self.schedule, faults)
        self._drift: dict[str, Nanos] = {}
        self._set_back: dict[str, Nanos] = {}
        """When the clock of each host has caught up with the time, having been set back."""
        self.commands = self._draw_commands(draw)
        self._feed = Released(self.market.plan.log)
        self.processes: dict[str, Process] = {}
        self._add("ingestion", self._ingestion)
        for each in INSTRUMENTS:
            self._add(f"features/{each.id}", self._features(each.id))
        self._add("signals", self._signals)
        for each in INSTRUMENTS:
            self._add(f"marks/{each.id}", self._marks(each.id))
        for name, make in (("risk", self._risk), ("execution", self._execution)):
            self._add(f"{name}/a", make, POLL_NS)
            if not self.is_alone:
                self._add(f"{name}/b", make, POLL_NS)

    def owner_of(self, name: str) -> Process:
        """The instance that runs a loop, or else the first of those that could."""
        able = [each for key, each in self.processes.items() if key.startswith(name)]
        return next((each for each in able if each.owner is not None), able[0])

    # What happens

    def play(self, is_settled: Callable[["World"], bool] = lambda _: False) -> None:
        """From the begin to the end, or until all has settled."""
        outcome_of(self.exchange.open())
        for process in self.processes.values():
            process.begin()
        self.schedule.spawn("market", self._bring_market())
        self.schedule.spawn("engine", self._run_engine())
        self.schedule.spawn("trouble", self._trouble_all())
        self.schedule.run(self.faults.ends_at)
        self.faults.is_over = True
        settles = self.halt + SETTLES_NS_MIN
        self.schedule.run(min(settles, self.end))
        while self.schedule.now < self.end and not is_settled(self):
            self.schedule.run(min(self.schedule.now + LOOK_NS, self.end))

    def close(self) -> None:
        """End every process."""
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
                self._restart_all(self.faults.size(cut))
            upgrade = self.faults.strikes("upgrade", "all", now)
            if upgrade and not upgraded:
                upgraded += 1
                is_other_code = self.faults.size(upgrade, "code") < OTHER_CODE_SHARE
                self.release = Release("build-2", settings_of(self.traits, True), is_other_code)
                self._roll_out(upgrade)

    def _roll_out(self, upgrade: Fault) -> None:
        # Distributed, one process after the other: for a while two builds run side by side.
        if self.is_alone:
            self._restart_all(0.0)
            return

        async def restart(process: Process) -> None:
            process.restart(self.faults.size(upgrade, f"{process.name} drains"))

        for name, process in self.processes.items():
            after_ns = int(self.faults.size(upgrade, name) * ROLL_OUT_NS_MAX)
            self.schedule.spawn("roll out", restart(process), after_ns)

    def _restart_all(self, lost: float) -> None:
        async def restart() -> None:
            for process in self.processes.values():
                process.kill()
            if self.is_alone:
                self.cluster.cut_power(lost)
            for process in self.processes.values():
                process.begin(RESTART_NS)

        self.schedule.spawn("restart", restart())

    def _draw_commands(self, draw: Random) -> list[tuple[Nanos, Command]]:
        found = [(self.halt, _command(self.halt, "halt", "operator"))]
        at = BEGIN
        while (at := at + draw.randrange(1, 10) * SECOND) < self.faults.ends_at:
            if self.faults.strikes("command", "people", at):
                action: CommandAction = draw.choice(("halt", "resume", "resume", "reset"))
                given = _command(at, action, draw.choice(("operator", "guest")))
                found.insert(-1, (at, given))
                if again := self.faults.strikes("command_twice", "people", at):
                    after = at + int(self.faults.size(again) * 10 * SECOND)
                    found.insert(-1, (after, _again(given, after)))
        found.insert(-1, (self.faults.ends_at, _command(self.faults.ends_at, "resume", "operator")))
        return found

    # Wiring

    def now(self, name: str) -> Nanos:
        """The venue's time as a host knows it."""
        if name not in self._drift:
            drift = self.faults.strikes("clock_drift", name, self.schedule.now)
            size = 2 * self.faults.size(drift) - 1 if drift else 0.0
            self._drift[name] = int(size * DRIFT_NS_MAX)
        if self.faults.is_over:
            return self.schedule.now
        if jump := self.faults.strikes("clock_set_back", name, self.schedule.now):
            self._set_back[name] = self.schedule.now + int(self.faults.size(jump) * JUMP_NS_MAX)
        back_ns = max(0, self._set_back.get(name, 0) - self.schedule.now)
        return self.schedule.now + self._drift[name] - back_ns

    def _add(self, name: str, make: Maker, poll_ns: Nanos = 0) -> None:
        poll_ns = poll_ns or (IDLE_NS if self.is_alone else BEAT_EVERY_NS)
        has_standby = name.endswith(("/a", "/b"))
        self.processes[name] = Process(self._grounds, name, make, poll_ns, has_standby)

    def _ports(self, host: Host) -> Ports:
        line = Line(self.cluster, host)
        return Ports(source=line, bus=line, snapshots=Store(self.cluster, host))

    def _hurried(self, host: Host, input_log: Log | None = None) -> Ports:
        # The ports of who reads and writes the fast copy, where there is one.
        ports = self._ports(host)
        if not self.is_doubled:
            return ports
        fast, schedule = FastLine(self.fast, host), self.schedule
        bus = WatchedBus(self.watch, ports.bus, fast, ports.snapshots, lambda: schedule.now)
        host.pump = bus.pump
        ports = replace(ports, bus=bus, snapshots=bus, backlog=bus.backlog)
        if input_log is None:
            return ports
        source = bus.follow(input_log)
        return replace(ports, source=source, snapshots=source, confirmed=lambda: source.confirmed)

    def _ingestion(self, host: Host) -> AnyLoop:
        async def request(record: Record) -> tuple[()]:
            self.market.request_snapshot(record)
            return ()

        source = self._feed.at(host)
        ports = replace(self._hurried(host), source=source, effects={RequestSnapshot: request})
        config = ingestion_config(self.release.settings)
        return ingestion_loop(config, self.market.plan, ports, self.release.build, EVERY_NS)

    def _features(self, instrument: str) -> Maker:
        def make(host: Host) -> AnyLoop:
            config = features_config(self.release.settings, SHARD)
            ports = self._hurried(host, Log("market", instrument))
            return features_loop(config, instrument, ports, self.release.build, EVERY_NS)

        return make

    def _signals(self, host: Host) -> AnyLoop:
        config = signals_config(self.release.settings, SHARD)
        ports = self._hurried(host, Log("features", SHARD))
        return signals_loop(config, PORTFOLIO, ports, self.release.build, EVERY_NS)

    def _marks(self, instrument: str) -> Maker:
        def make(host: Host) -> AnyLoop:
            ports = self._hurried(host, Log("market", instrument))
            return marks_loop(PORTFOLIO, instrument, ports, self.release.build, EVERY_NS)

        return make

    def _risk(self, host: Host) -> AnyLoop:
        arrivals = orders_of(self._opened, self.commands)
        now = partial(self.now, host.name)
        ports = replace(self._ports(host), venue_time=now, arrivals=arrivals)
        config = risk_config(self.release.settings)
        loop = risk_loop(config, ports, self.release.build, EVERY_NS)
        if self.release.is_other_code:
            loop.core = replace(loop.core, decide=otherwise(loop.core.decide))
        return loop

    def _execution(self, host: Host) -> AnyLoop:
        config = execution_config(self.release.settings)
        ports, now = self._ports(host), partial(self.now, host.name)

        def on_send(request: PlaceOrder | CancelOrder) -> None:
            if isinstance(request, PlaceOrder):
                self.watch.note_send(request, now(), config.late_ns_max)

        line = VenueLine(self.exchange, host, self._trouble, on_send)
        shell = Shell(
            config=config,
            venue=line,
            flush=ports.bus.flush,
            venue_time=now,
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
            mode=mode_of(self.traits),
            venue=venue_of(INSTRUMENTS[0].id),
            account=PORTFOLIO,
            base_asset="USDT",
            time_zone="UTC",
            asset_scale=ASSET_SCALE,
            balances=self._balances,
        )


def _again(command: Command, at: Nanos) -> Command:
    name = derived_id("operator", Log("trading", PORTFOLIO), "Command", f"{command.key}:again")
    return changed(command, id=name, ts_event=at)


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
