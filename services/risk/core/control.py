"""Who may open nothing, and until when: breakers and people's commands."""

from collections.abc import Sequence
from typing import TypeAlias

from marea.domain import drawdown
from marea.domain.ledger import ASSET_SCALE
from marea.messages.envelope import Nanos
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    PortfolioValued,
)
from marea.messages.system import Clock
from services.risk.core import accounts, reasons
from services.risk.core.state import MINUTE_NS, SECOND_NS, RiskState

VALUED_EVERY_NS = SECOND_NS
ROLES = {"halt": ("admin", "user"), "resume": ("admin", "user"), "reset": ("admin",)}
"""Who may order what."""

AtClock: TypeAlias = BreakerTripped | BreakerEnded | PortfolioValued


def at_clock(state: RiskState, clock: Clock) -> Sequence[AtClock]:
    """The levels that end or trip at this time, and what the portfolio is worth."""
    if not state.portfolio:
        return ()
    now = clock.ts_event
    found: list[AtClock] = [
        _ended(state, place, reasons.ELAPSED)
        for place in drawdown.ending(state.drawdown, now)
        if not _needs_a_person(state, place)
    ]
    if state.is_changed:
        found += _tripped(state, now)
    if now - state.ts_valued >= VALUED_EVERY_NS and state.markets:
        found.append(accounts.valued(state))
    return found


def take_clock(state: RiskState, clock: Clock) -> None:
    """Move on to this time: the equity of now may be a new peak."""
    state.now = max(state.now, clock.ts_event)
    if state.portfolio and state.is_changed:
        drawdown.observe(state.drawdown, accounts.equity(state))
        state.is_changed = False
    kept = [ts for ts in state.order_times if ts > state.now - MINUTE_NS]
    state.order_times = kept


def at_command(state: RiskState, command: Command) -> Sequence[CommandTaken | BreakerEnded]:
    """What becomes of a command."""
    reason = _judged(state, command)
    taken = CommandTaken(
        portfolio=command.portfolio,
        action=command.action,
        actor=command.actor,
        accepted=reason == reasons.APPROVED,
        reason=reason,
    )
    if command.action != "reset" or not taken.accepted:
        return (taken,)
    places = [n for n, level in enumerate(state.drawdown.levels) if drawdown.is_open(level)]
    return (taken, *(_ended(state, place, reasons.RESET) for place in places))


def take_command(state: RiskState, taken: CommandTaken) -> None:
    """Do what was accepted."""
    if not taken.accepted:
        return
    if taken.action == "halt":
        state.is_halted = True
    elif taken.action == "resume":
        state.is_halted = state.is_diverged = state.is_frozen = False


def _judged(state: RiskState, command: Command) -> str:
    if command.key in state.command_keys:
        return reasons.DUPLICATE
    if command.role not in ROLES[command.action]:
        return reasons.ROLE_NOT_ALLOWED
    if not command.reason.strip():
        return reasons.REASON_MISSING
    held_back = state.is_halted or state.is_diverged or state.is_frozen
    is_open = drawdown.highest_open(state.drawdown) > 0
    has_effect = {"halt": not state.is_halted, "resume": held_back, "reset": is_open}
    return reasons.APPROVED if has_effect[command.action] else reasons.NO_EFFECT


def _needs_a_person(state: RiskState, place: int) -> bool:
    # With real money the highest level ends by an admin's reset only, and what once stood above it.
    return state.mode == "live" and place >= len(state.config.breakers) - 1


def due(state: RiskState) -> Sequence[int]:
    """Which levels of the configuration, from 0, does the equity of now trip?"""
    found = drawdown.tripping(state.drawdown, accounts.equity(state))
    return [place for place in found if place < len(state.config.breakers)]


def _tripped(state: RiskState, now: Nanos) -> Sequence[BreakerTripped]:
    equity = accounts.equity(state)
    found = []
    for place in due(state):
        level = state.drawdown.levels[place]
        reference = max(level.reference, equity)
        tripped = BreakerTripped(
            portfolio=state.portfolio,
            level=place + 1,
            drawdown_pct=drawdown.fall_pct(reference, equity),
            drawdown_pct_max=level.drawdown_e8_max / 1e6,
            asset=state.base_asset,
            asset_scale=ASSET_SCALE,
            reference=reference,
            equity=equity,
            ts_until=now + level.pause_ns,
        )
        found.append(tripped)
    return found


def _ended(state: RiskState, place: int, cause: str) -> BreakerEnded:
    return BreakerEnded(
        portfolio=state.portfolio,
        level=place + 1,
        cause=cause,
        asset=state.base_asset,
        asset_scale=ASSET_SCALE,
        reference=accounts.equity(state),
    )
