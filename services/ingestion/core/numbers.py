"""Which trade numbers were seen, which are missing, and is this one new?"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

MISSING_TRADES_MAX = 10_000
"""Numbers that are remembered as missing; the oldest are given up beyond it."""

Verdict: TypeAlias = Literal["next", "gap", "late", "duplicate"]
"""next: nothing is missing before it; gap: something is; late: it was missing until now."""


@dataclass(slots=True)
class TradeNumbers:
    """The venue's numbers of one instrument's trades, which have no holes."""

    last: int = -1
    """The highest number seen; -1: none yet."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Ranges below it that never came, both ends included, oldest first."""


def judge(numbers: TradeNumbers, first: int, last: int) -> Verdict:
    """What are the trades `first` to `last`, given those that were seen?"""
    if first == numbers.last + 1 or numbers.last < 0:
        return "next"
    if first > numbers.last:
        return "gap"
    for begin, end in numbers.missing:
        if begin <= first and last <= end:
            return "late"
    return "duplicate"


def see(numbers: TradeNumbers, first: int, last: int) -> None:
    """Take the trades `first` to `last` as seen."""
    match judge(numbers, first, last):
        case "next":
            numbers.last = last
        case "gap":
            numbers.missing.append((numbers.last + 1, first - 1))
            numbers.last = last
            _forget_oldest(numbers)
        case "late":
            numbers.missing = [
                part for begin, end in numbers.missing for part in _without(begin, end, first, last)
            ]
        case "duplicate":
            pass


def _without(begin: int, end: int, first: int, last: int) -> list[tuple[int, int]]:
    if last < begin or end < first:
        return [(begin, end)]
    parts = [(begin, first - 1), (last + 1, end)]
    return [(low, high) for low, high in parts if low <= high]


def _forget_oldest(numbers: TradeNumbers) -> None:
    count = 0
    for place in range(len(numbers.missing) - 1, -1, -1):
        begin, end = numbers.missing[place]
        count += end - begin + 1
        if count > MISSING_TRADES_MAX:
            kept = end - begin + 1 - (count - MISSING_TRADES_MAX)
            rest = [(end - kept + 1, end)] if kept > 0 else []
            numbers.missing = rest + numbers.missing[place + 1 :]
            return
