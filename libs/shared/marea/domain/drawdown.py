"""How far has equity fallen, and which levels of the breaker does that trip?

Reported drawdown is measured from the peak. Each level has a reference of its own: the peak until
it trips, and from its end on the peak since then, so that a loss that was paid for with a pause
does not trip it again at once (GAP-17 of the requirements).
"""

from dataclasses import dataclass, field

from marea.domain.money import E8

CLOSED = -1
"""`ts_until` of a level that lets openings through."""
NEVER = (1 << 63) - 1
"""`ts_until` of a level that does not end by itself."""


@dataclass(slots=True, kw_only=True)
class Level:
    """One level of the breaker."""

    drawdown_e8_max: int
    """Of the reference, in units of 10^-8."""
    pause_ns: int
    reference: int = 0
    """Equity that its fall is measured from."""
    ts_until: int = CLOSED
    """When it ends by itself; `CLOSED`: it is not open."""


@dataclass(slots=True, kw_only=True)
class Drawdown:
    """The equity's peak, and the levels, the lowest limit first."""

    peak: int = 0
    levels: list[Level] = field(default_factory=list)


def observe(drawdown: Drawdown, equity: int) -> None:
    """Take an equity: the peak, and the reference of every level that is not open, may rise."""
    drawdown.peak = max(drawdown.peak, equity)
    for level in drawdown.levels:
        if not is_open(level):
            level.reference = max(level.reference, equity)


def is_open(level: Level) -> bool:
    """Does this level stop openings?"""
    return level.ts_until != CLOSED


def fall_pct(reference: int, equity: int) -> float:
    """How far is equity below a reference, in percent of it? 0 where it is not below, or there is none."""
    return max(0, reference - equity) / reference * 100.0 if reference > 0 else 0.0


def tripping(drawdown: Drawdown, equity: int) -> list[int]:
    """Which levels, from 0, does this equity trip? Those whose fall is greater than their limit."""
    return [
        place
        for place, level in enumerate(drawdown.levels)
        if not is_open(level)
        and (max(level.reference, equity) - equity) * E8
        > level.drawdown_e8_max * max(level.reference, equity)
    ]


def trip(drawdown: Drawdown, place: int, ts_until: int) -> None:
    """Open a level until then."""
    drawdown.levels[place].ts_until = ts_until


def ending(drawdown: Drawdown, now: int) -> list[int]:
    """Which levels, from 0, have run their time?"""
    return [
        place
        for place, level in enumerate(drawdown.levels)
        if is_open(level) and level.ts_until <= now
    ]


def end(drawdown: Drawdown, place: int, equity: int) -> None:
    """Close a level: from here on its fall is measured from this equity."""
    drawdown.levels[place].ts_until = CLOSED
    drawdown.levels[place].reference = equity


def highest_open(drawdown: Drawdown) -> int:
    """Which is the highest level that is open, counted from 1? 0: none."""
    return max((n for n, level in enumerate(drawdown.levels, 1) if is_open(level)), default=0)
