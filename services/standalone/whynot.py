"""Why was nothing traded then? Strategy by strategy, gate by gate."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from marea.bus.port import Bus
from marea.domain.money import format_amount
from marea.messages.envelope import Nanos
from marea.messages.portfolio import RiskDecision
from marea.messages.signals import Signal
from services.standalone.explaining import Gate, Vote, gates_of, vote_of
from services.standalone.moments import time_text
from services.standalone.situation import ASSET_SCALE, Situation, situation_at
from services.standalone.words import Words


class Check(Struct, frozen=True, kw_only=True):
    """One thing that stood between a signal and an order, or didn't."""

    check: str
    passed: bool
    text: str


class WhyNot(Struct, frozen=True, kw_only=True):
    """Why an instrument was not traded at an instant."""

    run: str
    instrument: str
    at: str
    ts: Nanos
    conclusion: str
    """A code of what decided it."""
    what: str
    votes: list[Vote]
    checks: list[Check]
    last_decision: str | None
    """Its id, for `marea explain RUN ID`."""
    gates: list[Gate]
    """Of that decision."""


async def why_not(bus: Bus, run: str, asked: tuple[str, Nanos], words: Words) -> WhyNot:
    """Why the instrument that is asked for was not traded at the time that is asked for.

    Raises `BadInput` where the run has no such instrument, or nothing of that time.
    """
    situation = await situation_at(bus, *asked)
    traded = next((name for name in situation.rules.trades if name in situation.signals), None)
    signal = situation.signals[traded] if traded else None
    checks = [
        Check(check=check, passed=passed, text=words.phrase(check, **values))
        for check, passed, values in _checks(situation, signal, words)
    ]
    key, values = _conclude(situation, signal, checks, words)
    return WhyNot(
        run=run,
        instrument=situation.instrument,
        at=time_text(situation.ts),
        ts=situation.ts,
        conclusion=key,
        what=words.phrase(key, **values),
        votes=[vote_of(each, signal) for each in situation.signals.values()],
        checks=checks,
        last_decision=situation.decision.id if situation.decision else None,
        gates=gates_of(situation.decision) if situation.decision else [],
    )


_Found: TypeAlias = tuple[str, bool, Mapping[str, object]]


def _checks(situation: Situation, signal: Signal | None, words: Words) -> Iterator[_Found]:
    # In the order in which they stand between a signal and an order.
    if signal is not None:
        yield from _checks_of_signal(situation, signal, words)
    if signal is None or signal.action != "sell":  # a halt and a breaker let exits through
        yield from _checks_of_openings(situation)
    yield from _checks_of_market(situation, words)
    is_sale = signal is not None and signal.action == "sell"
    yield from _checks_of_position(situation, is_sale, words)


def _checks_of_signal(situation: Situation, signal: Signal, words: Words) -> Iterator[_Found]:
    reasons = "; ".join(map(words.code, signal.reasons))
    asks = {"strategy": signal.strategy, "action": words.code(signal.action)}
    score = {"score": f"{signal.score:+.3f}", "reasons": reasons}
    yield "check_action", signal.action != "hold", {**asks, **score}
    sure = {
        "confidence": f"{signal.confidence:.3f}",
        "limit": f"{situation.rules.confidence_min:g}",
    }
    is_sure = signal.confidence >= situation.rules.confidence_min
    yield "check_confidence", is_sure, {"strategy": signal.strategy, **sure}
    until = {"strategy": signal.strategy, "until": time_text(signal.ts_expiry)}
    yield "check_expiry", situation.ts < signal.ts_expiry, until


def _checks_of_openings(situation: Situation) -> Iterator[_Found]:
    halt = situation.halt
    if halt:
        yield "check_halt", False, {"actor": halt.actor, "since": time_text(halt.ts_event)}
    else:
        yield "check_no_halt", True, {}
    for level, breaker in situation.breakers.items():
        values = {"level": level, "drawdown": f"{breaker.drawdown_pct:.2f}"}
        limits = {"limit": f"{breaker.drawdown_pct_max:g}", "until": time_text(breaker.ts_until)}
        yield "check_breaker", False, {**values, **limits}
    if not situation.breakers:
        yield "check_no_breaker", True, {}


def _checks_of_market(situation: Situation, words: Words) -> Iterator[_Found]:
    mark = situation.mark
    if mark is None:
        yield "check_no_mark", False, {}
        return
    is_live = mark.book_status == "LIVE"
    yield "check_book", is_live, {"status": words.code(mark.book_status)}
    limit_s = situation.rules.stale_ns_max / 1e9
    age_s = (situation.ts - mark.ts_quote) / 1e9
    values = {"age": f"{age_s:.3f}", "limit": f"{limit_s:g}"}
    yield "check_age", age_s <= limit_s, values


def _checks_of_position(situation: Situation, is_sale: bool, words: Words) -> Iterator[_Found]:
    held = {"qty": format_amount(situation.net_qty, ASSET_SCALE)}
    if is_sale:
        yield "check_sale", situation.net_qty > 0, held
    else:
        yield "check_position", situation.net_qty == 0, held
    legs = ", ".join(f"{words.code(leg)} {name}" for name, leg in situation.working.items())
    yield "check_working", not legs, {"orders": legs or words.phrase("none")}
    yield "check_protective", True, {"count": len(situation.protective)}


def _conclude(
    situation: Situation, signal: Signal | None, checks: Sequence[Check], words: Words
) -> tuple[str, Mapping[str, object]]:
    decision = situation.decision
    if signal is None:
        return "not_spoken", {}
    if decision is not None and signal.id in decision.parents:
        return _conclude_decided(situation, decision, words)
    failed = next((check for check in checks if not check.passed), None)
    if failed is not None:
        return "blocked", {"check": failed.text}
    if decision is not None and not decision.approved:
        return "denied_before", {"at": time_text(decision.ts_event), **_no(decision, words)}
    return "no_decision", {"strategy": signal.strategy}


def _conclude_decided(
    situation: Situation, decision: RiskDecision, words: Words
) -> tuple[str, Mapping[str, object]]:
    refusal = situation.refusal
    if not decision.approved:
        return "denied", _no(decision, words)
    if refusal is not None and refusal.decision_id == decision.id:
        return "refused", {"reason": words.code(refusal.reason)}
    return "traded", {"side": words.code(decision.side), "id": decision.id}


def _no(decision: RiskDecision, words: Words) -> Mapping[str, object]:
    return {"reason": words.code(decision.reason), "numbers": words.numbers_of(decision)}
