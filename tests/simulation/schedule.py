"""The scheduler of the simulated world: virtual time, and coroutines that wait for it.

Everything that happens in a world happens in one thread, in an order that follows from its seed
alone. A task runs until it waits; which of those that are due goes on next is decided by the time
it waits for and, where that is equal, by who asked first.
"""

from collections.abc import Coroutine, Generator
from heapq import heappop, heappush
from typing import Any, TypeVar

from marea.messages.envelope import Log, Nanos

Outcome = TypeVar("Outcome")

STEPS_MAX = 80_000
"""Of a world; 60 worlds of the product as it is took 27,000 at the most."""


class Endless(RuntimeError):
    """A world goes on and on without its time moving as it should."""


class Wait:
    """What a task gives to its scheduler: until when it waits, and whose news end that earlier."""

    __slots__ = ("log", "until")

    def __init__(self, until: Nanos, log: Log | None = None) -> None:
        self.until = until
        self.log = log

    def __await__(self) -> Generator["Wait", None, None]:
        yield self


class Task:
    """A coroutine that a world runs."""

    __slots__ = ("coroutine", "is_over", "log", "name", "turn")

    def __init__(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        self.name = name
        self.coroutine = coroutine
        self.is_over = False
        self.turn = 0
        """Rises with each wait, so that an end of an earlier one is told from the present one's."""
        self.log: Log | None = None
        """Whose news it waits for."""

    def end(self) -> None:
        """Stop it where it waits, as a kill does: nothing of it goes on."""
        if not self.is_over:
            self.is_over = True
            self.coroutine.close()


class Schedule:
    """Virtual time, and the tasks that wait for it."""

    def __init__(self, begin: Nanos) -> None:
        self.now = begin
        """ns UTC; it moves only here."""
        self._due: list[tuple[Nanos, int, Task, int]] = []
        self._count = 0
        self._steps = 0
        self._listeners: dict[Log, list[Task]] = {}

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, None], after_ns: Nanos = 0) -> Task:
        """Begin a task, now or some time from now."""
        task = Task(name, coroutine)
        self._put(task, self.now + after_ns)
        return task

    async def sleep(self, ns: Nanos) -> None:
        """Wait for so long."""
        await Wait(self.now + ns)

    async def news(self, log: Log, ns_max: Nanos) -> None:
        """Wait until something is appended to a log, or for so long."""
        await Wait(self.now + ns_max, log)

    def tell(self, log: Log, after_ns: Nanos) -> None:
        """Something was appended: whoever waits for it hears that after so long."""
        for task in self._listeners.pop(log, ()):
            if task.log == log and not task.is_over:
                task.log = None
                self._put(task, self.now + after_ns)

    def run(self, until: Nanos) -> None:
        """Let everything happen that is due by then."""
        due = self._due
        while due and due[0][0] <= until:
            at, _, task, turn = heappop(due)
            if turn == task.turn and not task.is_over:
                self.now = max(self.now, at)
                self._step(task)
        self.now = max(self.now, until)

    def count_step(self) -> None:
        """Something happens; raises `Endless` after more of it than a world has."""
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise Endless(f"{STEPS_MAX:,} steps, and it is {self.now}: something never ends")

    def _step(self, task: Task) -> None:
        self.count_step()
        task.turn += 1
        task.log = None
        try:
            wait = task.coroutine.send(None)
        except StopIteration:
            task.is_over = True
            return
        if wait is None:  # a bare yield: it only lets others go first
            self._put(task, self.now)
            return
        if wait.log is not None:
            task.log = wait.log
            self._listeners.setdefault(wait.log, []).append(task)
        self._put(task, max(wait.until, self.now))

    def _put(self, task: Task, at: Nanos) -> None:
        self._count += 1
        if task.turn:
            task.turn += 1
        heappush(self._due, (at, self._count, task, task.turn))


def outcome_of(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What a coroutine gives that waits for nothing in the world."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stopped:
            return stopped.value  # type: ignore[no-any-return] # a generator's value is typed Any
