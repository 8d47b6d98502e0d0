"""Is a venue's order book known here and now? Followed anew from its snapshots and deltas.

`marea.domain.book` has no part in it: every reader of a book uses that, so a mistake there would be
on both sides of every comparison. It costs as much as the levels that change.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from marea.messages.market import BookDelta, BookSnapshot, Price, Qty

HELD_DELTAS_MAX = 1_000
"""Kept back for a snapshot, as many as whoever is judged keeps."""
SPARE_KEYS = 64


@dataclass(slots=True)
class Levels:
    """One side: quantities by key, which is the price of an ask and the negated one of a bid."""

    qtys: dict[int, Qty] = field(default_factory=dict)
    _keys: list[int] = field(default_factory=list)
    """A heap of every key that is there, and of some that are not any more."""

    def change(self, keys: Sequence[int], qtys: Sequence[Qty]) -> None:
        """Set these quantities; 0 removes a level."""
        for key, qty in zip(keys, qtys, strict=True):
            if not qty:
                self.qtys.pop(key, None)
                continue
            if key not in self.qtys:
                heappush(self._keys, key)
            self.qtys[key] = qty
        if len(self._keys) > 2 * len(self.qtys) + SPARE_KEYS:
            self._keys = list(self.qtys)
            heapify(self._keys)

    def best(self) -> int | None:
        """The least key, which is the best price; None: no level is known."""
        while self._keys and self._keys[0] not in self.qtys:
            heappop(self._keys)
        return self._keys[0] if self._keys else None


@dataclass(slots=True)
class FollowedBook:
    """One instrument's book, as far as its numbers tell that nothing is missing."""

    is_linked: bool
    """Whether a delta names the one before it; otherwise their numbers have no hole."""
    is_whole: bool = False
    """Whether it is the venue's: no change is missing since a snapshot, and no bid is at an ask."""
    update_id: int = -1
    """Of the last change in it; -1: neither a snapshot nor a delta is in it."""
    broken_by: str = ""
    """How it was lost last, a code: gap, crossed; empty: it never was."""
    _bids: Levels = field(default_factory=Levels)
    _asks: Levels = field(default_factory=Levels)
    _held: deque[BookDelta] = field(default_factory=lambda: deque(maxlen=HELD_DELTAS_MAX))

    def take_snapshot(self, told: BookSnapshot) -> None:
        """Begin anew from it and from what was held back, unless the book is whole."""
        if self.is_whole or told.last_update_id <= self.update_id:
            return
        held = list(self._held)
        self._forget()
        self.update_id = told.last_update_id
        self._change(told)
        for delta in held:
            self.take_delta(delta)

    def take_delta(self, told: BookDelta) -> None:
        """Take what changed, or hold it back where the book is not known."""
        if self.is_whole:
            if told.last_update_id > self.update_id:
                is_next = self._follows(told, self.update_id)
                self.broken_by = self.broken_by if is_next else "gap"
                self._take_next(told, is_next)
        elif self.update_id < 0:
            self._hold(told)
        else:
            joint = self.update_id if self.is_linked else self.update_id + 1
            if told.last_update_id >= joint:
                self._take_next(told, told.first_update_id <= joint)

    def best(self) -> tuple[Price, Price] | None:
        """The best bid and the best ask; None where the book is not whole, or a side is empty."""
        bid, ask = self._bids.best(), self._asks.best()
        if not self.is_whole or bid is None or ask is None:
            return None
        return -bid, ask

    def _take_next(self, told: BookDelta, is_next: bool) -> None:
        if is_next:
            self._change(told)
            self.update_id = told.last_update_id
            self.is_whole = not self._is_crossed()
            self.broken_by = self.broken_by if self.is_whole else "crossed"
        if not is_next or not self.is_whole:
            self._forget()
            self._hold(told)

    def _follows(self, told: BookDelta, update_id: int) -> bool:
        if self.is_linked:
            return told.prev_update_id == update_id
        return told.first_update_id <= update_id + 1

    def _hold(self, told: BookDelta) -> None:
        held = self._held
        if held and told.last_update_id <= held[-1].last_update_id:
            return
        if held and not self._follows(told, held[-1].last_update_id):
            held.clear()
        held.append(told)

    def _change(self, told: BookDelta | BookSnapshot) -> None:
        self._bids.change([-price for price in told.bid_prices], told.bid_qtys)
        self._asks.change(told.ask_prices, told.ask_qtys)

    def _is_crossed(self) -> bool:
        bid, ask = self._bids.best(), self._asks.best()
        return bid is not None and ask is not None and -bid >= ask

    def _forget(self) -> None:
        self.is_whole = False
        self.update_id = -1
        self._bids, self._asks = Levels(), Levels()
        self._held.clear()
