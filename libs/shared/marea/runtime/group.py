"""How do the loops of a process live: each as an instance of its shard, and those of one bus together?

What a loop has said may wait on the group's bus for the record, and others may have read it on the fast
copy by then. So where one of the loops fails, is followed by another owner, or took what never came
on record, the life of the group is over, what waited goes with it, and a new life begins from the logs.

So two processes must not share a group's loops out among them: each would end the other's life again and
again. Who owns the first loop takes over the others.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from marea.errors import Broken, MareaError, Refused, Unavailable
from marea.messages.channels import load_channels
from marea.messages.envelope import Log
from marea.runtime.facts import LoopFacts, facts_of
from marea.runtime.fast_source import FastSource
from marea.runtime.footing import Footing, Ground
from marea.runtime.loop import Loop
from marea.runtime.ownership import Begins, Instance
from marea.runtime.wiring import Wiring

POLL_S = 0.05
"""A loop that hears nothing looks so often whether anything is due."""
RETRY_S = 0.5
DRAIN_S_MAX = 15.0
DRAIN_POLL_S = 0.02
ENDS_EVERY_S = 1.0
BEGIN_S_MAX = 5.0
"""So long the loops that have begun wait for the others."""
STUCK_S = 60.0
"""A loop that has not ended a turn for so long never will."""

AnyLoop: TypeAlias = Loop[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A loop that a process runs."""

    make: Callable[[Footing], AnyLoop]
    """Gives it new, for each life."""
    wake: Callable[[asyncio.Event], None] | None = None
    """Has this event set whenever something else than its logs may give it something to do."""
    due_s: Callable[[], float] | None = None
    """In how many seconds it has something to do by itself."""
    between: Callable[[], Awaitable[None]] | None = None
    """What others want done by it, between two turns, while it is the owner."""


@dataclass(slots=True)
class _Life:
    footing: Footing
    name: str
    begun_s: float = math.inf
    """When the first of its loops became the owner."""
    turned: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a loop has said or confirmed something."""


class Group:
    """Some loops of a process, from its start to its end."""

    def __init__(self, ground: Ground, members: Sequence[Member], *, is_hurried: bool) -> None:
        """`is_hurried` says that they append to the fast copy first."""
        self._ground = ground
        self._members = members
        self._is_hurried = is_hurried
        has_standby = ground.own.instances[ground.service] > 1
        self._begins_first = Begins.AFTER_ITSELF if has_standby else Begins.AT_ONCE
        """What the first of its loops waits for, in its first life and after one as the owner."""
        self._begins = self._begins_first
        """What it waits for in this life."""
        self._ended: list[Instance[Any]] = []
        """Those of the last one, until it is known what comes of that."""
        self._news = [asyncio.Event() for _ in members]
        """Of each member, whether there may be something to do."""
        self._woken: set[str] = set()
        """The loops whose logs set theirs."""
        self._instances: list[Instance[Any]] = []
        """Those of the present life."""
        self._sources: Mapping[Log, FastSource] = {}
        self._ends: dict[Log, int] = {}
        """Of the input logs, as they were last heard of."""
        self._last_error = ""
        """Why the last life ended."""
        self._turned_s: dict[str, float] = {}
        """When each loop of the present life ended its last turn."""

    def facts(self) -> Sequence[LoopFacts]:
        """How each loop stands; between two lives none has started."""
        if not self._instances:
            return [
                LoopFacts(
                    loop=name,
                    phase="has not started",
                    role="standby",
                    lag=0,
                    position=0,
                    last_error=self._last_error,
                )
                for name in sorted(self._woken) or ("its loops",)
            ]
        return [
            facts_of(instance, self._lag(instance.loop), self._last_error)
            for instance in self._instances
        ]

    def _lag(self, loop: AnyLoop) -> int:
        log, fast = loop.wiring.input_log, self._sources.get(loop.wiring.input_log)
        reached = fast.offset if fast is not None else loop.position
        return max(0, self._ends.get(log, 0) - reached)

    @property
    def stuck_because(self) -> str:
        """Why it will not go on by itself; empty: it does."""
        stuck_s = time.monotonic() - min(self._turned_s.values(), default=time.monotonic())
        return f"no turn has ended for {stuck_s:.0f} s" if stuck_s > STUCK_S else ""

    async def run(self, drain: asyncio.Event) -> None:
        """Live, one life after the other, until it is told to drain.

        Raises `Broken` where a core failed: then nothing goes on by itself. Raises `Unavailable`
        where what it has said can't be put on record before it ends.
        """
        left = 0
        while not drain.is_set():
            try:
                left = await self._live(drain)
            except Broken:
                raise
            except MareaError as err:
                self._last_error = f"{type(err).__name__}: {err}"
                self._ground.log.warning("life ended", error=self._last_error)
                for name in self._woken:
                    self._ground.telemetry.count_error(name, err)
                self._end_life(err)
                await _wait(drain, RETRY_S)
        if left:
            raise Unavailable(
                f"{left} records still wait for their log {DRAIN_S_MAX:g} s after it was told to end:"
                " bring it back; the next start says them again"
            )

    def _end_life(self, error: MareaError) -> None:
        # Another owner that was there is given time, or two would take over for ever.
        ended, self._ended = self._ended, []
        is_followed = isinstance(error, Refused) or any(each.ended_by for each in ended)
        if is_followed:
            self._begins = Begins.AFTER_SILENCE
        elif any(each.was_owner for each in ended):
            self._begins = self._begins_first

    async def _live(self, drain: asyncio.Event) -> int:
        # How many records wait for the record in the end.
        life = _Life(
            Footing(self._ground, is_hurried=self._is_hurried),
            # By chance: a process that is started anew may have the name of the one that it follows.
            f"{self._ground.instance}#{secrets.token_hex(4)}",
        )
        self._sources = life.footing.sources
        pairs = zip(self._members, self._news, strict=True)
        turns = [self._turns(member, news, life, drain) for member, news in pairs]
        try:
            await together(turns, self._pump(life), life.footing.copier.run(), self._follow_ends())
            for instance in reversed(self._instances):  # who takes over the first takes over all
                await instance.leave()
        finally:
            self._ended, self._instances = self._instances, []  # their loops have stopped
            self._turned_s.clear()
        return life.footing.waiting()

    async def _turns(
        self, member: Member, news: asyncio.Event, life: _Life, drain: asyncio.Event
    ) -> None:
        make = partial(member.make, life.footing)
        instance = Instance(
            make,
            life.name,
            time.monotonic_ns,
            begins=Begins.AT_ONCE if self._instances else self._begins,  # after the first
            may_take_over=lambda: instance is self._instances[0] or self._instances[0].is_proven,
            may_step=lambda: self._may_step(life),
        )
        self._instances.append(instance)
        self._have_woken(member, news, instance.loop.wiring)
        while True:
            news.clear()
            self._turned_s[instance.loop.wiring.name] = time.monotonic()
            taken = await instance.turn()
            if instance.ended_by is not None:
                raise instance.ended_by
            if instance.is_owner:
                life.begun_s = min(life.begun_s, time.monotonic())
                if member.between is not None:
                    await member.between()
            life.turned.set()
            if drain.is_set():
                await self._drain(instance.loop.wiring.input_log, life)
                return
            if taken:
                await asyncio.sleep(0)
            else:
                due_s = member.due_s() if member.due_s is not None else POLL_S
                await _wait(news, min(POLL_S, due_s))

    def _may_step(self, life: _Life) -> bool:
        # A loop begins behind all that the others have said: while that waits for the record, it can't.
        have_begun = [each.is_owner for each in self._instances]
        are_all = len(have_begun) == len(self._members) and all(have_begun)
        return are_all or time.monotonic() - life.begun_s > BEGIN_S_MAX

    async def _drain(self, log: Log, life: _Life) -> None:
        # Nothing more is taken, or what was said before would never be all that waits.
        source, until_s = life.footing.sources.get(log), time.monotonic() + DRAIN_S_MAX
        while life.footing.waiting() and time.monotonic() < until_s:
            if source is not None:
                await source.confirm()
            life.turned.set()
            await asyncio.sleep(DRAIN_POLL_S)

    def _have_woken(self, member: Member, news: asyncio.Event, wiring: Wiring) -> None:
        if wiring.name in self._woken:
            return
        self._woken.add(wiring.name)
        channels, log = load_channels(), wiring.input_log
        if log.channel in channels.by_name:  # what a venue says is not on the bus
            self._ground.bus.wake(news, log)
        self._ground.bus.wake(news, Log("ownership", wiring.name))
        if self._is_hurried and log.channel in channels.doubled:
            self._ground.fast.wake(news, log)
        if member.wake is not None:
            member.wake(news)

    async def _follow_ends(self) -> None:
        channels = load_channels().by_name
        while True:
            await asyncio.sleep(ENDS_EVERY_S)
            logs = {
                each.loop.wiring.input_log
                for each in self._instances
                if each.loop.wiring.input_log.channel in channels
            }
            with suppress(Unavailable):
                self._ends.update(await self._ground.bus.ends(*logs))

    async def _pump(self, life: _Life) -> None:
        double = life.footing.double
        while double is not None:
            await life.turned.wait()
            life.turned.clear()
            while await double.pump():
                pass


async def together(
    jobs: Sequence[Coroutine[Any, Any, None]], *beside: Coroutine[Any, Any, None]
) -> None:
    """Run jobs until all have ended, or one fails; and, as long as they run, others beside them.

    Raises what the first that failed did.
    """
    tasks = [asyncio.create_task(job) for job in jobs]
    every = [*tasks, *(asyncio.create_task(job) for job in beside)]
    left = set(every)
    try:
        while any(task in left for task in tasks):
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in left:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)  # of several that failed one is told


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
