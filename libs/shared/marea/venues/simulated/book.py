"""The order book of a simulated instrument: quantities on integer price levels, without queues.

Levels stand under a *key*: the price on the bid side, minus the price on the ask side, so that on
both sides the best level has the highest key and one piece of code serves both.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

LEVELS_MAX = 1000
"""Of a side: as many as a snapshot shows, so that a client that follows the diffs knows them all."""
LEVELS_MIN = 20
"""Of a side: the last ones are neither withdrawn nor taken."""

Level = tuple[int, int]
"""Price and quantity."""


@dataclass(slots=True)
class BookSide:
    """Which quantity rests at which price of one side, and what changed since the last diff."""

    sign: int
    """1: bids, -1: asks; a key is sign x price."""
    qtys: dict[int, int] = field(default_factory=dict)
    """Quantity by key, > 0."""
    keys: list[int] = field(default_factory=list)
    """The keys, rising: the best one stands last."""
    changed: list[int] = field(default_factory=list)
    """Keys as they changed since the last diff; some more than once."""

    def best(self) -> Level:
        """The best price and its quantity."""
        key = self.keys[-1]
        return self.sign * key, self.qtys[key]

    def is_thin(self) -> bool:
        """Whether so few levels are left that they must stay."""
        return len(self.keys) <= LEVELS_MIN

    def levels(self) -> list[Level]:
        """All levels, best first."""
        return [(self.sign * key, self.qtys[key]) for key in reversed(self.keys)]

    def take_changes(self) -> list[Level]:
        """The levels that changed since this was last asked, best first; quantity 0: gone."""
        keys = sorted(dict.fromkeys(self.changed), reverse=True)
        self.changed.clear()
        return [(self.sign * key, self.qtys.get(key, 0)) for key in keys]


@dataclass(slots=True)
class OrderBook:
    """Both sides, and the number of every change: the bids stay below the asks."""

    bids: BookSide = field(default_factory=lambda: BookSide(sign=1))
    asks: BookSide = field(default_factory=lambda: BookSide(sign=-1))
    update_id: int = 0
    """Of the last change."""
    told_id: int = 0
    """Of the last change that a diff has told."""

    def spread(self) -> int:
        """The best ask less the best bid."""
        return -self.asks.keys[-1] - self.bids.keys[-1]

    def put(self, side: BookSide, key: int, qty: int) -> None:
        """Let `qty` > 0 rest at `key` in place of what rested there; the worst level may go."""
        if key not in side.qtys:
            insort(side.keys, key)
        side.qtys[key] = qty
        side.changed.append(key)
        self.update_id += 1
        if len(side.keys) > LEVELS_MAX:
            self.remove(side, side.keys[0])

    def remove(self, side: BookSide, key: int) -> None:
        """Take away the level at `key`, which is there."""
        del side.qtys[key]
        if side.keys[-1] == key:
            side.keys.pop()
        else:
            del side.keys[bisect_left(side.keys, key)]
        side.changed.append(key)
        self.update_id += 1

    def withdraw(self, side: BookSide, distance: int) -> None:
        """Take away the best level and those less than `distance` behind it."""
        end = side.keys[-1] - distance
        while side.keys[-1] > end and not side.is_thin():
            self.remove(side, side.keys[-1])

    def flicker(self, side: BookSide, key: int) -> None:
        """An order comes to `key` and goes: two changes, and nothing is different."""
        side.changed.append(key)
        self.update_id += 2

    def take_diff(self) -> tuple[int, int, list[Level], list[Level]]:
        """What no diff has told: first and last update id, bids, asks; first > last: nothing."""
        first_id, self.told_id = self.told_id + 1, self.update_id
        return first_id, self.update_id, self.bids.take_changes(), self.asks.take_changes()
