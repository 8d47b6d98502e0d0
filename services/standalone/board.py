"""How do the services do, a row for each instance?

A row is reckoned from what the process says of itself, and from what its parent knows of it where this
is the parent. Of several loops it shows what is worst; the JSON has each.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from marea.runtime.facts import Health, LoopFacts
from services.standalone.child import Child
from services.standalone.vitals import Hop, Place, Vitals

State: TypeAlias = Literal[
    "left alone",  # it ended, and is not started again
    "ended",
    "starts",  # it has not answered yet
    "does not answer",
    "has not started",  # the phases of its loops
    "recovers",
    "follows",
    "runs",
]
PHASES: tuple[State, ...] = ("has not started", "recovers", "follows", "runs")
"""A process is in the first of these that one of its loops is in."""


class Row(Struct, frozen=True, kw_only=True):
    """One instance of a service at a moment."""

    service: str
    instance: str
    port: int
    state: State
    ready: bool
    why: tuple[str, ...]
    """Why it is not ready."""
    role: Literal["owner", "standby", "both", ""]
    lag: int
    """Of its loops together, in records."""
    records_per_s: float
    epoch: int
    """The latest of its loops; -1 for none."""
    is_degraded: bool
    last_error: str
    hops: dict[str, Hop]
    uptime_s: float | None
    pid: int | None = None
    """Of what its parent alone knows, as the two below."""
    restarts: int | None = None
    exit_code: int | None = None
    """How it ended; None while it runs."""
    loops: tuple[LoopFacts, ...]


class Board:
    """The rows of one moment after the other."""

    def __init__(self) -> None:
        self._heard: dict[tuple[Place, int], tuple[float, dict[str, int]]] = {}
        """Of each life of an instance: when it last answered, and where its loops stood then."""

    def row(self, place: Place, vitals: Vitals, now_s: float, child: Child | None = None) -> Row:
        """How an instance does, of whom this was heard at a monotonic time; `child` where it is ours."""
        health = vitals.health
        loops = health.loops if health is not None else ()
        life = place, child.restarts if child is not None else 0
        known = _known_of(child) if child is not None else {}
        error = next(filter(None, (facts.last_error for facts in loops)), "")
        return Row(
            service=place.service,
            instance=place.instance,
            port=place.port,
            state=_state(health, child, has_answered=life in self._heard),
            ready=health is not None and health.live and health.ready,
            why=health.why if health is not None else (),
            role=_role(loops),
            lag=sum(facts.lag for facts in loops),
            records_per_s=self._rate(life, loops, now_s),
            epoch=max((facts.epoch for facts in loops), default=-1),
            is_degraded=any(facts.is_degraded for facts in loops),
            last_error=error or (_end_of(child) if child is not None else ""),
            hops=vitals.hops,
            uptime_s=vitals.uptime_s,
            **known,
            loops=loops,
        )

    def _rate(self, life: tuple[Place, int], loops: tuple[LoopFacts, ...], now_s: float) -> float:
        if not loops:
            return 0.0
        positions = {facts.loop: facts.position for facts in loops}
        then_s, then = self._heard.get(life, (now_s, positions))
        self._heard[life] = now_s, positions
        # A loop that began anew from a snapshot may stand further back: it has read nothing backwards.
        read = sum(max(0, at - then.get(loop, at)) for loop, at in positions.items())
        return read / (now_s - then_s) if now_s > then_s else 0.0


def _state(health: Health | None, child: Child | None, *, has_answered: bool) -> State:
    if child is not None and not child.is_running:
        return "left alone" if child.is_left_alone else "ended"
    if health is None:
        return "does not answer" if has_answered or child is None else "starts"
    phases = {facts.phase for facts in health.loops}
    return next((phase for phase in PHASES if phase in phases), "has not started")


def _role(loops: tuple[LoopFacts, ...]) -> Literal["owner", "standby", "both", ""]:
    roles = {facts.role for facts in loops}
    return "both" if len(roles) > 1 else next(iter(roles), "")


def _known_of(child: Child) -> dict[str, int | None]:
    return {"pid": child.pid, "restarts": child.restarts, "exit_code": child.exit_code}


def _end_of(child: Child) -> str:
    return child.last_end if child.is_running else child.how_it_ended()
