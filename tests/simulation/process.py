"""A process of the simulated world: an instance of one loop, and its lives.

Distributed, each loop runs as an `Instance` of `marea.runtime.ownership`: its owner, or a standby.
In one process loops need no owner, and whatever ends one of them ends all.
"""

from collections.abc import Callable
from typing import Any

from marea.errors import MareaError
from marea.messages.envelope import Nanos
from marea.runtime.loop import Loop
from marea.runtime.ownership import Instance
from tests.simulation.cluster import Cluster, Crashed, Host
from tests.simulation.faults import MS, Faults
from tests.simulation.schedule import Schedule, Task

RESTART_NS: Nanos = 300 * MS

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
        self.on_crash: Callable[[], None] = lambda: None
        """What else ends when one of the loops of that process does."""


class Process:
    """One instance of a loop that is begun anew whenever a life of it ends."""

    def __init__(
        self, grounds: Grounds, name: str, make: Maker, poll_ns: Nanos, has_standby: bool
    ) -> None:
        self.name = name
        self.lives = 0
        self.ends: list[tuple[Nanos, str]] = []
        self.is_owner = False
        """Whether the present life runs its shard, as far as it knows."""
        self.loop: AnyLoop | None = None
        """The present life's."""
        self._grounds = grounds
        self._make = make
        self._poll_ns = poll_ns
        self._has_standby = has_standby
        self._is_first = name.endswith("/a")
        """Whether it is begun before the other instance of its shard."""
        self._tasks: list[Task] = []
        """The present life, and former ones that only stand still."""
        self._host = Host(name, grounds.schedule, grounds.faults, grounds.is_alone)

    @property
    def host(self) -> Host:
        """What the present life stands on."""
        return self._host

    def begin(self, after_ns: Nanos = 0) -> None:
        """Let a new life begin."""
        grounds = self._grounds
        self.lives += 1
        self.loop, self.is_owner = None, False
        host = Host(self.name, grounds.schedule, grounds.faults, grounds.is_alone)
        host.cut_off_until = self._host.cut_off_until
        host.on_zombie = lambda: self.begin(RESTART_NS)
        self._host = host
        life = self._live_alone(host) if grounds.is_alone else self._live(host, self.lives)
        task = grounds.schedule.spawn(self.name, self._until_it_ends(host, life), after_ns)
        self._tasks = [*(each for each in self._tasks if not each.is_over), task]

    def kill(self) -> None:
        """End every life of it."""
        for task in self._tasks:
            task.end()
        self._tasks = []

    async def _until_it_ends(self, host: Host, life: Any) -> None:  # noqa: ANN401 # a coroutine
        try:
            await life
        except Crashed:
            self._ended(host, "crashed")
        except MareaError as err:
            self._ended(host, f"{type(err).__name__}: {err}")

    async def _live(self, host: Host, number: int) -> None:
        schedule = self._grounds.schedule
        instance = Instance(
            lambda: self._make(host),
            f"{self.name}#{number}",
            lambda: schedule.now,
            is_alone=number == 1 if self._is_first else not self._has_standby,
        )
        while True:
            taken = await instance.turn()
            if host is self._host:
                self.loop, self.is_owner = instance.loop, instance.is_owner
            if instance.ended_by is not None:
                self.ends.append((schedule.now, f"stood down: {instance.ended_by}"))
                instance.ended_by = None
            if not taken:
                await schedule.news(instance.loop.wiring.input_log, self._poll_ns)

    async def _live_alone(self, host: Host) -> None:
        loop = self._make(host)
        await loop.start()
        self.loop, self.is_owner = loop, True
        while True:
            if not await loop.step():
                await self._grounds.schedule.news(loop.wiring.input_log, self._poll_ns)

    def _ended(self, host: Host, why: str) -> None:
        self.ends.append((self._grounds.schedule.now, why))
        if self._grounds.is_alone:
            self._grounds.on_crash()
        elif host is self._host:  # one that was replaced is not begun anew
            self.begin(RESTART_NS)
