"""Why did it do that? From any event back to the market, and on to what came of it."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from msgspec import Struct

from marea.bus.port import Bus
from marea.domain.money import format_amount
from marea.messages.envelope import Message
from marea.messages.orders import ApprovalRefused, OrderCompleted, OrderFilled, OrderRejected
from marea.messages.paper import ExecutionReport
from marea.messages.portfolio import PositionClosed, RiskDecision
from marea.messages.signals import Signal
from marea.messages.system import Started
from services.standalone.aftermath import aftermath
from services.standalone.history import Placed, read_before
from services.standalone.lineage import ancestry, find
from services.standalone.moments import time_text
from services.standalone.words import Words

SPOKEN_TOGETHER_MAX = 64
"""Signals that rest on one vector stand on the log side by side, never so many."""
FLOW = ("market", "features", "trading")
"""Channels in the order of the flow; the others come behind."""


class Vote(Struct, frozen=True, kw_only=True):
    """What one strategy said, and what it counted."""

    strategy: str
    action: str
    score: float
    confidence: float
    weight: float | None
    """In the ensemble that asked for this; None where it is no member of one."""
    reasons: tuple[str, ...]
    features: dict[str, float]


class Gate(Struct, frozen=True, kw_only=True):
    """One thing that risk looked at: the number against the limit."""

    gate: str
    observed: float | None
    allowed: float | None
    blocked: bool


class Step(Struct, frozen=True, kw_only=True):
    """One event of the chain."""

    type: str
    id: str
    log: str
    position: int
    at: str
    """When it happened, by the venue's clock, ISO 8601."""
    ts_event: int
    ts_known: int
    gap_ms: float | None
    """Since the step before; None on the first."""
    is_subject: bool
    text: str
    parents: tuple[str, ...]
    producer: str
    epoch: int
    votes: list[Vote]
    gates: list[Gate]


class Decider(Struct, frozen=True, kw_only=True):
    """One life of a producer: which code decided, under which configuration."""

    producer: str
    epoch: int
    build: str
    config: Any


class Explanation(Struct, frozen=True, kw_only=True):
    """Why an event came about, and what came of it."""

    run: str
    id: str
    what: str
    steps: list[Step]
    deciders: list[Decider]


async def explain(bus: Bus, run: str, name: str, words: Words) -> Explanation:
    """Why the order or the event of this name came about.

    Raises `BadInput` where there is none of this name, or more than one.
    """
    subject = await find(bus, name, run)
    before = await ancestry(bus, subject)
    after = await aftermath(bus, subject, before)
    chain = {placed.record.message.id: placed for placed in [*before, subject, *after]}
    ordered = sorted(chain.values(), key=_in_time)
    decided = [placed for placed in ordered if not placed.record.message.outside]
    return Explanation(
        run=run,
        id=subject.record.message.id,
        what=" ".join(_what(subject, before, after, words)),
        steps=[step async for step in _steps(bus, ordered, subject, words)],
        deciders=await _deciders(bus, decided),
    )


async def lineage_of(bus: Bus, subject: Placed, words: Words) -> list[Step]:
    """What an event rests on, from the market to the event itself."""
    ordered = sorted([*await ancestry(bus, subject), subject], key=_in_time)
    return [step async for step in _steps(bus, ordered, subject, words)]


def _in_time(placed: Placed) -> tuple[int, int, str, int]:
    log, position, record = placed
    if isinstance(record.message, ExecutionReport):
        place = 1  # what we are told of it comes after
    else:
        place = FLOW.index(log.channel) if log.channel in FLOW else len(FLOW)
    return record.message.ts_event, place, log.partition, position


async def _steps(
    bus: Bus, ordered: Sequence[Placed], subject: Placed, words: Words
) -> AsyncIterator[Step]:
    last: int | None = None
    for placed in ordered:
        message = placed.record.message
        gap_ms = None if last is None else (message.ts_event - last) / 1e6
        last = message.ts_event
        yield Step(
            type=type(message).__name__,
            id=message.id,
            log=f"{placed.log.channel}/{placed.log.partition}",
            position=placed.position,
            at=time_text(message.ts_event),
            ts_event=message.ts_event,
            ts_known=placed.record.ts_known,
            gap_ms=gap_ms,
            is_subject=message.id == subject.record.message.id,
            text=words.sentence(placed.record),
            parents=message.parents,
            producer=placed.record.writer.producer,
            epoch=placed.record.writer.epoch,
            votes=await _votes(bus, placed),
            gates=gates_of(message) if isinstance(message, RiskDecision) else [],
        )


async def _votes(bus: Bus, placed: Placed) -> list[Vote]:
    message = placed.record.message
    if not isinstance(message, Signal):
        return []
    end = placed.position + SPOKEN_TOGETHER_MAX
    near = await read_before(bus, placed.log, end, 2 * SPOKEN_TOGETHER_MAX)
    beside = [each.record.message for each in near[::-1]]
    members = [
        signal
        for signal in beside
        if isinstance(signal, Signal)
        and signal.parents == message.parents
        and signal.strategy in message.votes
    ]
    return [vote_of(member, message) for member in members or [message]]


def vote_of(signal: Signal, ensemble: Signal | None) -> Vote:
    """What a strategy said, with what it counted in an ensemble."""
    return Vote(
        strategy=signal.strategy,
        action=signal.action,
        score=signal.score,
        confidence=signal.confidence,
        weight=ensemble.weights.get(signal.strategy) if ensemble else None,
        reasons=signal.reasons,
        features=signal.features,
    )


def gates_of(decision: RiskDecision) -> list[Gate]:
    """Each thing that risk looked at, the one that said no last."""
    gates = [
        Gate(
            gate=gate,
            observed=decision.observed.get(gate),
            allowed=decision.limits.get(gate),
            blocked=gate == decision.reason,
        )
        for gate in dict.fromkeys([*decision.observed, *decision.limits])
    ]
    return sorted(gates, key=lambda gate: gate.blocked)


async def _deciders(bus: Bus, decided: Sequence[Placed]) -> list[Decider]:
    lives = {(p.record.writer.producer, p.record.writer.epoch): p for p in decided}
    found = []
    for (producer, epoch), placed in lives.items():
        started = await bus.read(placed.log, epoch, 1)
        message = started[0].message if started else None
        config = message.config if isinstance(message, Started) else "null"
        build = placed.record.writer.build
        found.append(
            Decider(
                producer=producer, epoch=epoch, build=build, config=json.loads(config or "null")
            )
        )
    return found


def _what(
    subject: Placed, before: Sequence[Placed], after: Sequence[Placed], words: Words
) -> Iterator[str]:
    # One plain sentence each: what it is, why it was, what came of it.
    yield f"{_capital(words.sentence(subject.record))}."
    kinds = [placed.record for placed in before]
    if not isinstance(subject.record.message, Signal):
        for record in kinds:
            if isinstance(record.message, Signal):
                yield words.phrase("because", sentence=words.sentence(record))
                break
    for placed in after:
        message = placed.record.message
        if _tells_the_end(message):
            yield f"{_capital(words.sentence(placed.record))}."
    yield from _filled(after, words)


def _tells_the_end(message: Message) -> bool:
    return isinstance(message, (ApprovalRefused, OrderRejected, OrderCompleted, PositionClosed))


def _filled(after: Sequence[Placed], words: Words) -> Iterator[str]:
    fills = [p.record.message for p in after if isinstance(p.record.message, OrderFilled)]
    if not fills:
        return
    spent: dict[str, int] = {}
    for fill in fills:
        spent[fill.commission_asset] = spent.get(fill.commission_asset, 0) + fill.commission
    scale = fills[0].asset_scale
    fees = ", ".join(f"{format_amount(units, scale)} {asset}" for asset, units in spent.items())
    yield words.phrase("fills", count=len(fills), fees=fees)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
