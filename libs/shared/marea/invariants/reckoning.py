"""What did a match move, and what is in each account? Reckoned anew, in plain whole numbers.

Neither `marea.domain.ledger` nor `marea.domain.money` has a part in it: ours and the paper venue's
books are both made with those, and a mistake there would be on both sides of every comparison.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from marea.messages.portfolio import JournalPosted

PLACES = 8
"""Of every amount that is reckoned here; what has fewer is told with zeros."""
WALLET = "wallet"
VENUE = "venue"
CROSS = "cross"

Amounts = dict[str, int]
"""By asset, in units of 10^-`PLACES`."""
Books = dict[tuple[str, str], int]
"""By account and asset, in units of 10^-`PLACES`."""


class Match(Protocol):
    """A fill as we or the paper venue tell it."""

    @property
    def side(self) -> str: ...
    @property
    def price_scale(self) -> int: ...
    @property
    def qty_scale(self) -> int: ...
    @property
    def last_qty(self) -> int: ...
    @property
    def last_price(self) -> int: ...
    @property
    def asset_scale(self) -> int: ...
    @property
    def commission(self) -> int: ...
    @property
    def commission_asset(self) -> str: ...


class Told(Protocol):
    """The balances of an account, as somebody tells them."""

    @property
    def balances(self) -> Mapping[str, int]: ...
    @property
    def asset_scale(self) -> int: ...


class Line(NamedTuple):
    """One line of a transaction."""

    account: str
    asset: str
    units: int


def whole(places: int) -> int:
    """How many units of 10^-places make one."""
    return int("1" + "0" * places)


def units_of(amount: int, places: int) -> int:
    """An amount of that many places, in units of 10^-`PLACES`; beyond them, rounded down."""
    return amount * whole(PLACES) // whole(places)


def balances_of(told: Told) -> Amounts:
    """What somebody tells that an account holds."""
    return {asset: units_of(units, told.asset_scale) for asset, units in told.balances.items()}


def worth(price: int, qty: int, places: int) -> int:
    """What a quantity costs at a price that have so many places together, rounded down."""
    return units_of(price * qty, places)


def moved(match: Match, base: str, quote: str) -> Amounts:
    """What a match brings into the wallet, its commission included; below 0 it takes it out."""
    sign = 1 if match.side == "buy" else -1
    cost = worth(match.last_price, match.last_qty, match.price_scale + match.qty_scale)
    found = {base: sign * units_of(match.last_qty, match.qty_scale), quote: -sign * cost}
    if match.commission:
        paid = units_of(match.commission, match.asset_scale)
        found[match.commission_asset] = found.get(match.commission_asset, 0) - paid
    return found


def add(to: Amounts, amounts: Mapping[str, int]) -> None:
    """Add these amounts, asset by asset."""
    for asset, units in amounts.items():
        to[asset] = to.get(asset, 0) + units


def lines_of(journal: JournalPosted) -> list[Line]:
    """The lines of a transaction; those that one of the three lists lacks are left out."""
    lines = zip(journal.accounts, journal.assets, journal.amounts, strict=False)
    places = journal.asset_scale
    return [Line(account, asset, units_of(amount, places)) for account, asset, amount in lines]


def imbalance(lines: Iterable[Line]) -> Amounts:
    """By how much each asset of a transaction misses 0; empty for one that is in order."""
    totals: Amounts = {}
    for line in lines:
        add(totals, {line.asset: line.units})
    return {asset: total for asset, total in totals.items() if total}


def book(books: Books, lines: Iterable[Line]) -> None:
    """Add the lines of a transaction to their accounts."""
    for line in lines:
        place = (line.account, line.asset)
        books[place] = books.get(place, 0) + line.units
