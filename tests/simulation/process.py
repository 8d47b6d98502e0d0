"""A process of the simulated world: an instance of one loop, and its lives.

Distributed, each loop runs as an `Instance` of `marea.runtime.ownership`: its owner, or a standby.
In one process loops need no owner, and whatever ends one of them ends all.
"""

from collections.abc import Callable
from typing import Any

from marea.errors import MareaError
from marea.messages.envelope import Log, Nanos
from marea.runtime.loop import Loop
from marea.runtime.ownership import Begins, Instance
from tests.simulation.cluster import Cluster, Crashed, Host
from tests.simulation.faults import MS, Faults
from tests.simulation.schedule import Schedule, Task
from tests.simulation.watching import Watch

TRADING = Log("trading", "main")
RESTART_NS: Nanos = 300 * MS
DRAINED_SHARE = 0.5
"""Of those that are begun anew for an upgrade."""

AnyLoop = Loop[Any]
Maker = Callable[[Host], AnyLoop]


class Grounds:
    """What all processes of a world stand on."""

    def __init__(self, schedule: Schedule, faults: Faults, is_alone: bool) -> None:
        self.schedule = schedule
        self.faults = faults
        self.cluster = Cluster(schedule)
        self.is_alone = is_alone
        """Whether all of Marea is one process."""
        self.watch = Watch(schedule, self.cluster, TRADING)
        self.cluster.on_append = self.watch.note_recorded
        self.on_crash: Callable[[], None] = lambda: None
        """What else ends when one of the loops of that process does."""


class Life:
    """One life of a process: of several, one that was replaced may still go on."""

    def __init__(self, grounds: Grounds, name: str) -> None:
        self.host = Host(name, grounds.schedule, grounds.faults, grounds.is_alone)
        self.loop: AnyLoop | None = None
        self.is_owner = False
        """Whether it runs its shard, as far as it knows."""
        self.task: Task | None = None
        self.is_told_to_end = False

    @property
    def is_over(self) -> bool:
        """Whether nothing of it goes on."""
        return self.task is not None and self.task.is_over


class Process:
    """One instance of a loop that is begun anew whenever a life of it ends."""

    def __init__(
        self, grounds: Grounds, name: str, make: Maker, poll_ns: Nanos, has_standby: bool
    ) -> None:
        self.name = name
        self.count = 0
        """How many lives it had."""
        self.lives: list[Life] = []
        """Those that go on, the latest last."""
        self.ends: list[tuple[Nanos, str]] = []
        self._grounds = grounds
        self._make = make
        self._poll_ns = poll_ns
        self._has_standby = has_standby
        self._is_first = name.endswith("/a")
        """Whether it is begun before the other instance of its shard."""

    @property
    def owner(self) -> Life | None:
        """The life that runs the shard."""
        return next((each for each in self.lives if each.is_owner and not each.is_over), None)

    @property
    def loop(self) -> AnyLoop | None:
        """The loop that runs the shard, or else of the latest life."""
        life = self.owner or (self.lives[-1] if self.lives else None)
        return life.loop if life else None

    def begin(self, after_ns: Nanos = 0) -> None:
        """Let a new life begin."""
        grounds = self._grounds
        self.count += 1
        life = Life(grounds, self.name)
        if self.lives:
            life.host.cut_off_until = self.lives[-1].host.cut_off_until
        life.host.on_zombie = lambda: self._replace(life)
        played = self._until_it_ends(life, self.count)
        life.task = grounds.schedule.spawn(self.name, played, after_ns)
        self.lives = [*(each for each in self.lives if not each.is_over), life]

    def restart(self, chance: float) -> None:
        """Have it begun anew; by chance its latest life ends its turn and hands over before that."""
        if chance < DRAINED_SHARE and self.lives:
            self.lives[-1].is_told_to_end = True
        else:
            self.kill()
            self.begin(RESTART_NS)

    def kill(self) -> None:
        """End every life of it."""
        for life in self.lives:
            if life.task is not None:
                life.task.end()
        self.lives = []

    def _replace(self, life: Life) -> None:
        if life is self.lives[-1]:
            self.begin(RESTART_NS)

    async def _until_it_ends(self, life: Life, number: int) -> None:
        try:
            if self._grounds.is_alone:
                await self._live_alone(life)
            else:
                await self._live(life, number)
        except Crashed:
            self._ended(life, "crashed")
        except MareaError as err:
            self._ended(life, f"{type(err).__name__}: {err}")

    async def _live(self, life: Life, number: int) -> None:
        schedule = self._grounds.schedule
        is_alone = number == 1 if self._is_first else not self._has_standby
        instance = Instance(
            lambda: self._make(life.host),
            f"{self.name}#{number}",
            lambda: schedule.now,
            begins=Begins.AT_ONCE if is_alone else Begins.AFTER_ITSELF,
        )
        while True:
            taken = await instance.turn()
            if life.host.pump is not None:
                taken += await life.host.pump()
            life.loop, life.is_owner = instance.loop, instance.is_owner
            if life.is_owner:
                self._grounds.watch.note_turn(life.loop, id(life.loop))
            if instance.ended_by is not None:
                self.ends.append((schedule.now, f"stood down: {instance.ended_by}"))
                instance.ended_by = None
            if life.is_told_to_end:
                await instance.leave()
                self._ended(life, "drained")
                return
            if not taken:
                await schedule.news(instance.loop.wiring.input_log, self._poll_ns)

    async def _live_alone(self, life: Life) -> None:
        life.loop = self._make(life.host)
        await life.loop.start()
        life.is_owner = True
        while True:
            taken = await life.loop.step()
            self._grounds.watch.note_turn(life.loop, id(life.loop))
            if not taken:
                await self._grounds.schedule.news(life.loop.wiring.input_log, self._poll_ns)

    def _ended(self, life: Life, why: str) -> None:
        self.ends.append((self._grounds.schedule.now, why))
        life.is_owner = False
        if self._grounds.is_alone:
            self._grounds.on_crash()
        elif life is self.lives[-1]:  # one that was replaced is not begun anew
            self.begin(RESTART_NS)
