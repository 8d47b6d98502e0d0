"""The local order book: does it hold what the venue holds, and what would a change do to it?

A book begins SYNCING and holds deltas back until a snapshot comes. It is LIVE from the first delta
that fits the snapshot on, and BROKEN once a delta is missing or its sides cross; a later snapshot
synchronises it again. Prices and quantities are integers in the instrument's units.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeAlias

HELD_DELTAS_MAX = 1000
"""Deltas held back for a snapshot; beyond it the oldest goes, and a newer snapshot is needed."""
LEVELS_MAX = 20_000
"""Levels of a side; beyond it the worst are forgotten, as if the snapshot had not reached them."""
NO_UPDATE = -1

BookStatus: TypeAlias = Literal["SYNCING", "LIVE", "BROKEN"]

Sequencing: TypeAlias = Literal["contiguous", "linked"]
"""How deltas follow each other: by the number after the last one's, or by naming the last one's."""

Effect: TypeAlias = Literal[
    "ignored", "held", "loaded", "synchronised", "applied", "too_old", "gap", "crossed"
]
"""What a delta or a snapshot does.

ignored: the book covers it already; held: kept until a snapshot comes; loaded: the snapshot waits
for its first delta; synchronised: from here on the book is the venue's; applied: it still is;
too_old: the snapshot ends before the deltas begin, a newer one is needed; gap: deltas are missing,
a snapshot is needed; crossed: a bid is at or above an ask, a snapshot is needed.
"""

STATUS_AFTER: Mapping[Effect, BookStatus] = MappingProxyType(
    {
        "loaded": "SYNCING",
        "too_old": "SYNCING",
        "synchronised": "LIVE",
        "applied": "LIVE",
        "gap": "BROKEN",
        "crossed": "BROKEN",
    }
)
"""The status that each effect leaves; an effect that is not in it leaves what it finds."""


class Delta(Protocol):
    """Levels that changed: each quantity replaces the old one, 0 removes the level."""

    @property
    def first_update_id(self) -> int: ...
    @property
    def last_update_id(self) -> int: ...
    @property
    def prev_update_id(self) -> int: ...
    @property
    def bid_prices(self) -> Sequence[int]: ...
    @property
    def bid_qtys(self) -> Sequence[int]: ...
    @property
    def ask_prices(self) -> Sequence[int]: ...
    @property
    def ask_qtys(self) -> Sequence[int]: ...


class Snapshot(Protocol):
    """The levels of both sides as they were after the change `last_update_id`."""

    @property
    def last_update_id(self) -> int: ...
    @property
    def bid_prices(self) -> Sequence[int]: ...
    @property
    def bid_qtys(self) -> Sequence[int]: ...
    @property
    def ask_prices(self) -> Sequence[int]: ...
    @property
    def ask_qtys(self) -> Sequence[int]: ...


@dataclass(slots=True, kw_only=True)
class HeldDelta:
    """A delta that waits for its snapshot."""

    first_update_id: int
    last_update_id: int
    prev_update_id: int
    bid_prices: tuple[int, ...]
    bid_qtys: tuple[int, ...]
    ask_prices: tuple[int, ...]
    ask_qtys: tuple[int, ...]


@dataclass(slots=True)
class Side:
    """One side. A level's key is its price on the bid side and its negated price on the ask side:
    on both the best key is the greatest, and insertions near it move little of the list.
    """

    qtys: dict[int, int] = field(default_factory=dict)
    """By key; every quantity is positive."""
    keys: list[int] = field(default_factory=list)
    """Sorted, the best last."""


@dataclass(slots=True, kw_only=True)
class Book:
    """All that the next delta's effect depends on."""

    sequencing: Sequencing
    status: BookStatus = "SYNCING"
    last_update_id: int = NO_UPDATE
    """Of the last change in it; `NO_UPDATE`: neither a snapshot nor a delta is in it."""
    bids: Side = field(default_factory=Side)
    asks: Side = field(default_factory=Side)
    held: list[HeldDelta] = field(default_factory=list)
    """Without a gap among them, oldest first."""


class Levels(NamedTuple):
    """Levels of both sides, the best first: prices and quantities in parallel."""

    bid_prices: list[int]
    bid_qtys: list[int]
    ask_prices: list[int]
    ask_qtys: list[int]


def sequencing_of(code: str) -> Sequencing:
    """Which sequencing does a message's code name? Raises `ValueError` for one that there isn't."""
    match code:
        case "contiguous" | "linked":
            return code
        case _:
            raise ValueError(f"book_sequencing is '{code}': expected contiguous or linked")


def best_bid(book: Book) -> tuple[int, int] | None:
    """The highest bid and its quantity; None where no bid is known."""
    keys = book.bids.keys
    return (keys[-1], book.bids.qtys[keys[-1]]) if keys else None


def best_ask(book: Book) -> tuple[int, int] | None:
    """The lowest ask and its quantity; None where no ask is known."""
    keys = book.asks.keys
    return (-keys[-1], book.asks.qtys[keys[-1]]) if keys else None


def top(book: Book, level_count: int) -> Levels:
    """The `level_count` best levels of each side, fewer where fewer are known."""
    bids = book.bids.keys[: -level_count - 1 : -1]
    asks = book.asks.keys[: -level_count - 1 : -1]
    bid_qtys, ask_qtys = book.bids.qtys, book.asks.qtys
    return Levels(
        bids,
        [bid_qtys[key] for key in bids],
        [-key for key in asks],
        [ask_qtys[key] for key in asks],
    )


def is_crossed(book: Book) -> bool:
    """Is the best bid at or above the best ask?"""
    bids, asks = book.bids.keys, book.asks.keys
    return bool(bids and asks) and bids[-1] + asks[-1] >= 0


def foresee_delta(book: Book, delta: Delta) -> Effect:
    """What `apply_delta` would do with this delta; changes nothing."""
    effect = _place_of(book, delta)
    if effect in ("applied", "synchronised") and _would_cross(book, delta):
        return "crossed"
    return effect


def apply_delta(book: Book, delta: Delta) -> Effect:
    """Take the delta into the book, and say what that did."""
    effect = _place_of(book, delta)
    if effect in ("applied", "synchronised"):
        _change(book.bids, delta.bid_prices, delta.bid_qtys)
        _change(book.asks, [-price for price in delta.ask_prices], delta.ask_qtys)
        book.last_update_id = delta.last_update_id
        if is_crossed(book):
            effect = "crossed"
            _forget(book)
    elif effect != "ignored":
        if effect != "held":
            _forget(book)
        _hold(book, delta)
    book.status = STATUS_AFTER.get(effect, book.status)
    return effect


def foresee_snapshot(book: Book, snapshot: Snapshot) -> Effect:
    """What `apply_snapshot` would do with this snapshot; changes nothing.

    It tries it on a copy: snapshots are few.
    """
    if _covers(book, snapshot):
        return "ignored"
    return apply_snapshot(Book(sequencing=book.sequencing, held=list(book.held)), snapshot)


def apply_snapshot(book: Book, snapshot: Snapshot) -> Effect:
    """Begin anew from the snapshot and the held deltas that it does not cover, and say how it went.

    A LIVE book needs no snapshot and ignores it.
    """
    if _covers(book, snapshot):
        return "ignored"
    book.last_update_id = snapshot.last_update_id
    book.bids = _side(snapshot.bid_prices, snapshot.bid_qtys)
    book.asks = _side([-price for price in snapshot.ask_prices], snapshot.ask_qtys)
    outcome: Effect = "loaded"
    if is_crossed(book):
        outcome = "crossed"
        _forget(book)
    book.status = STATUS_AFTER[outcome]
    held, book.held = book.held, []
    for delta in held:
        effect = apply_delta(book, delta)
        if effect in ("synchronised", "too_old", "crossed"):
            outcome = effect
    return outcome


def _covers(book: Book, snapshot: Snapshot) -> bool:
    return book.status == "LIVE" or snapshot.last_update_id <= book.last_update_id


def _place_of(book: Book, delta: Delta) -> Effect:
    last = book.last_update_id
    if book.status == "LIVE":
        if delta.last_update_id <= last:
            return "ignored"
        return "applied" if _follows(book, delta, last) else "gap"
    if last == NO_UPDATE:
        held = book.held
        return "ignored" if held and delta.last_update_id <= held[-1].last_update_id else "held"
    # The snapshot is there and this may be its first delta: the rules that venues give for it.
    joint = last + 1 if book.sequencing == "contiguous" else last
    if delta.last_update_id < joint:
        return "ignored"
    return "synchronised" if delta.first_update_id <= joint else "too_old"


def _follows(book: Book, delta: Delta, last_update_id: int) -> bool:
    if book.sequencing == "linked":
        return delta.prev_update_id == last_update_id
    return delta.first_update_id <= last_update_id + 1


def _hold(book: Book, delta: Delta) -> None:
    held = book.held
    if held and not _follows(book, delta, held[-1].last_update_id):
        held.clear()  # only a snapshot beyond the gap can help, and it covers all before the gap
    if len(held) == HELD_DELTAS_MAX:
        del held[0]
    held.append(
        HeldDelta(
            first_update_id=delta.first_update_id,
            last_update_id=delta.last_update_id,
            prev_update_id=delta.prev_update_id,
            bid_prices=tuple(delta.bid_prices),
            bid_qtys=tuple(delta.bid_qtys),
            ask_prices=tuple(delta.ask_prices),
            ask_qtys=tuple(delta.ask_qtys),
        )
    )


def _forget(book: Book) -> None:
    book.last_update_id = NO_UPDATE
    book.bids = Side()
    book.asks = Side()


def _side(keys: Sequence[int], qtys: Sequence[int]) -> Side:
    side = Side()
    _change(side, keys, qtys)
    return side


def _change(side: Side, keys: Sequence[int], qtys: Sequence[int]) -> None:
    known, ordered = side.qtys, side.keys
    for key, qty in zip(keys, qtys, strict=True):
        if qty:
            if key not in known:
                insort(ordered, key)
            known[key] = qty
        elif key in known:
            del known[key]
            del ordered[bisect_left(ordered, key)]
    if len(ordered) > LEVELS_MAX:
        for key in ordered[:-LEVELS_MAX]:
            del known[key]
        del ordered[:-LEVELS_MAX]


def _would_cross(book: Book, delta: Delta) -> bool:
    bids, asks = book.bids.keys, book.asks.keys
    bid = max(delta.bid_prices, default=None)
    ask = min(delta.ask_prices, default=None)
    # Most deltas touch no price inside the other side: nothing can cross, and this is cheap.
    if (
        (bid is None or not asks or bid < -asks[-1])
        and (ask is None or not bids or bids[-1] < ask)
        and (bid is None or ask is None or bid < ask)
    ):
        return False
    best_bid_key = _best_after(book.bids, delta.bid_prices, delta.bid_qtys)
    best_ask_key = _best_after(book.asks, [-price for price in delta.ask_prices], delta.ask_qtys)
    return (
        best_bid_key is not None and best_ask_key is not None and best_bid_key + best_ask_key >= 0
    )


def _best_after(side: Side, keys: Sequence[int], qtys: Sequence[int]) -> int | None:
    changed = dict(zip(keys, qtys, strict=True))
    best = max(compress(changed, changed.values()), default=None)
    for key in reversed(side.keys):
        if best is not None and key <= best:
            break
        if key not in changed:
            return key
    return best
