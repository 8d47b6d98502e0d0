"""How does a process fare? What its loops show of themselves, and what follows for its health."""

from typing import Any, Literal

from msgspec import Struct

from marea.runtime.ownership import Instance

LAG_READY_MAX = 10_000
"""A loop that is further behind, in records, is not ready."""

Phase = Literal["has not started", "follows", "recovers", "runs"]


class LoopFacts(Struct, frozen=True, kw_only=True):
    """What can be told of one loop, or of one sink of the recorder, at a moment."""

    loop: str
    phase: Phase
    role: Literal["owner", "standby"]
    lag: int
    """Records on its input that it has not taken."""
    position: int
    epoch: int = -1
    """Of this life as the owner; -1 for none."""
    is_degraded: bool = False
    """Whether the record of an output log is too far behind what was said."""
    divergences: int = 0
    void: int = 0
    """Records of its input that were of a life that was over."""
    duplicates: int = 0
    missing: int = 0
    last_error: str = ""


class Health(Struct, frozen=True, kw_only=True):
    """Whether a process should go on, whether it does its work, and if not, why."""

    service: str
    instance: str
    live: bool
    ready: bool
    why: tuple[str, ...]
    loops: tuple[LoopFacts, ...]


def facts_of(instance: Instance[Any], lag: int, last_error: str = "") -> LoopFacts:
    """What an instance of a loop shows."""
    loop = instance.loop
    intake = loop.intake.state
    backlog = loop.ports.backlog
    backlogs = map(backlog, loop.wiring.outputs) if backlog is not None else ()
    return LoopFacts(
        loop=loop.wiring.name,
        phase=_phase(instance),
        role="owner" if instance.is_owner else "standby",
        lag=lag,
        position=loop.position,
        epoch=instance.epoch,
        is_degraded=any(each is not None and each.is_degraded for each in backlogs),
        divergences=loop.divergence_count,
        void=intake.outdated_count,
        duplicates=intake.duplicate_count,
        missing=intake.missing_count,
        last_error=last_error,
    )


def health_of(
    service: str,
    instance: str,
    loops: tuple[LoopFacts, ...],
    *,
    ends_because: str = "",
    waits_for: tuple[str, ...] = (),
) -> Health:
    """The health of a process with these loops.

    `ends_because` says why it should not go on, and so is not live; `waits_for` what else than its
    loops keeps it from its work.
    """
    ending = (ends_because,) if ends_because else ()
    why = (*ending, *waits_for, *(reason for facts in loops for reason in _not_ready(facts)))
    return Health(
        service=service, instance=instance, live=not ending, ready=not why, why=why, loops=loops
    )


def _phase(instance: Instance[Any]) -> Phase:
    if instance.is_owner:
        return "recovers" if instance.loop.is_recovering else "runs"
    return "has not started" if instance.loop.has_stopped else "follows"


def _not_ready(facts: LoopFacts) -> list[str]:
    reasons = []
    if facts.phase in ("has not started", "recovers"):
        reasons.append(f"{facts.loop} {facts.phase}")
    if facts.lag > LAG_READY_MAX:
        reasons.append(f"{facts.loop} is {facts.lag} records behind")
    if reasons and facts.last_error:
        reasons.append(f"{facts.loop}: {facts.last_error}")
    return reasons
