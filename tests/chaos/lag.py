"""How far behind is each sink of the recorder?

Every second it is looked up how many records the logs hold that a sink takes, and how many of them it
holds by what the recorder says. A sink is behind since the logs were first seen to hold more than it does.
"""

import asyncio
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from marea.bus.kafka.bus import KafkaBus, open_kafka
from services.recorder.shell.figures import PREFIX
from services.standalone.vitals import Place, health_at
from tests.chaos.lookout import Lookout
from tests.integration.recorder.comparing import TAKES

SLOW = ("tables",)
"""Sinks that follow the archive and not Kafka, and look up its end every ten seconds."""


class Sample(NamedTuple):
    """What was seen at a moment."""

    at_s: float
    """By the monotonic clock."""
    ends: Mapping[str, int]
    """Records on all logs of a channel."""
    held: Mapping[str, int]
    """By sink; of one that told nothing then, what it told last."""

    def stood(self, sink: str) -> int:
        """How many records there were for a sink."""
        return sum(self.ends.get(channel, 0) for channel in TAKES[sink])


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A time for which a store was away, or full."""

    sinks: Collection[str]
    """Those that write to it."""
    begun_s: float
    back_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far behind one sink was."""

    sink: str
    away_s: float = 0.0
    """So long its store was away, in all."""
    behind_s: float = 0.0
    """At most, because of that."""
    caught_up_s: float = 0.0
    """At most, from its store's return until it held what there was by then."""
    else_s: float = 0.0
    """At most at any other time: while the stores of others were away."""


class Watch(Lookout[KafkaBus]):
    """Looks at the logs and the recorder."""

    def __init__(self, servers: str, recorder: Place) -> None:
        super().__init__("lag")
        self.samples: list[Sample] = []
        self._servers = servers
        self._recorder = recorder

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[KafkaBus]:
        """The logs of these brokers."""
        bus = await open_kafka(self._servers, "")
        try:
            yield bus
        finally:
            await bus.close()

    async def look(self, at: KafkaBus) -> None:
        """Take a sample."""
        ends: Counter[str] = Counter()
        for log, end in (await at.raw_ends()).items():
            ends[log.channel] += end
        held = await asyncio.to_thread(self._held)
        self.samples.append(Sample(time.monotonic(), ends, held))

    def _held(self) -> Mapping[str, int]:
        last = self.samples[-1].held if self.samples else {}
        health = health_at(self._recorder)
        loops = health.loops if health is not None else ()
        # One that has not begun anew does not know yet what its store holds.
        now = {each.loop.removeprefix(PREFIX): each for each in loops if each.phase == "runs"}
        return {**last, **{sink: facts.position for sink, facts in now.items()}}


def passed_s(samples: Sequence[Sample], sink: str, at_s: float) -> float | None:
    """When a sink held all that stood there at a moment; None: not to the end."""
    first = bisect_left(samples, at_s, key=lambda each: each.at_s)
    if first == len(samples):
        return None
    wanted = samples[first].stood(sink)
    later = (each for each in samples[first:] if each.held.get(sink, 0) >= wanted)
    return next((each.at_s for each in later), None)


def held_up(samples: Sequence[Sample], absences: Sequence[Absence]) -> list[str]:
    """Sinks that did not go on while the store of another was away."""
    return [
        f"{sink}, {each.back_s - each.begun_s:.0f} s without the store of {', '.join(each.sinks)}"
        for each in absences
        for sink in TAKES
        if sink not in (*each.sinks, *SLOW)
        and (passed_s(samples, sink, each.begun_s) or inf) > each.back_s
    ]


def lags(samples: Sequence[Sample], absences: Sequence[Absence]) -> list[Lag]:
    """How far behind each sink was."""
    return [_lag(samples, sink, [a for a in absences if sink in a.sinks]) for sink in TAKES]


def _lag(samples: Sequence[Sample], sink: str, own: Sequence[Absence]) -> Lag:
    ends_s = samples[-1].at_s
    caught_up = [passed_s(samples, sink, each.back_s) or ends_s for each in own]
    spans = [(each.begun_s, at_s) for each, at_s in zip(own, caught_up, strict=True)]
    within, beyond = [0.0], [0.0]
    for at_s, behind_s in _behind(samples, sink):
        is_own = any(begun_s <= at_s <= ended_s for begun_s, ended_s in spans)
        (within if is_own else beyond).append(behind_s)
    return Lag(
        sink=sink,
        away_s=sum(each.back_s - each.begun_s for each in own),
        behind_s=max(within),
        caught_up_s=max(
            (at_s - each.back_s for each, at_s in zip(own, caught_up, strict=True)), default=0.0
        ),
        else_s=max(beyond),
    )


def _behind(samples: Sequence[Sample], sink: str) -> list[tuple[float, float]]:
    found = []
    stood = [each.stood(sink) for each in samples]
    for place, sample in enumerate(samples):
        since = bisect_left(stood, sample.held.get(sink, 0) + 1, hi=place)
        found.append((sample.at_s, sample.at_s - samples[since].at_s))
    return found
