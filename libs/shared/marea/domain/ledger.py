"""Where did every unit of every asset come from and go to? Double entry, exact.

Each transaction sums to 0 for each asset, so the whole ledger does. Every amount is an integer of
units of 10^-`ASSET_SCALE` of its asset. Nothing here rounds what was matched: an instrument whose
price and quantity have more places together is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from marea.domain.money import BadAmountError, Rounding, add, notional, rescale

ASSET_SCALE = 8
"""Places of every balance and amount of money, whatever the asset."""

WALLET = "wallet"
"""What we hold."""
VENUE = "venue"
"""The other side of our matches: what they gave is negative, what they took positive."""
FEES = "fees"
"""What was paid in commissions; a rebate lessens it."""
OPENING = "opening"
"""Where the first balances came from."""


@dataclass(slots=True)
class Entry:
    """One line of a transaction: plus is what comes into the account."""

    account: str
    asset: str
    units: int


@dataclass(slots=True)
class Ledger:
    """All balances, by account and then by asset; an account or asset that is not there has 0."""

    balances: dict[str, dict[str, int]] = field(default_factory=dict)


class Match(Protocol):
    """What the ledger takes of a venue's report of a fill; amounts in the scales that it names."""

    @property
    def side(self) -> Literal["buy", "sell"]: ...
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What one match moved; every amount at `ASSET_SCALE`."""

    side: Literal["buy", "sell"]
    base: str
    quote: str
    qty: int
    """Of the base asset, before the commission."""
    notional: int
    """Of the quote asset, before the commission."""
    commission: int
    """Below 0 it is a rebate."""
    commission_asset: str


def check_scales(price_scale: int, qty_scale: int) -> None:
    """Can every match of such an instrument be booked exactly? Raises `BadAmountError` if not."""
    if price_scale + qty_scale > ASSET_SCALE:
        raise BadAmountError(
            "price_scale + qty_scale",
            price_scale + qty_scale,
            f"at most {ASSET_SCALE}, or notionals would have to be rounded",
        )


def notional_of(match: Match) -> int:
    """What is a match worth in the quote asset, before its commission?

    Raises `BadAmountError` where it can't be told exactly, and `AmountRangeError`.
    """
    check_scales(match.price_scale, match.qty_scale)
    scales = (match.price_scale, match.qty_scale, ASSET_SCALE)
    return notional(match.last_price, match.last_qty, *scales, Rounding.DOWN)


def fill_of(match: Match, base: str, quote: str) -> Fill:
    """What did this match move?

    Raises `BadAmountError` where it can't be told exactly, and `AmountRangeError`.
    """
    quote_units = notional_of(match)
    if match.asset_scale > ASSET_SCALE:
        raise BadAmountError("asset_scale", match.asset_scale, f"at most {ASSET_SCALE}")
    return Fill(
        side=match.side,
        base=base,
        quote=quote,
        qty=rescale(match.last_qty, match.qty_scale, ASSET_SCALE, Rounding.DOWN),
        notional=quote_units,
        commission=rescale(match.commission, match.asset_scale, ASSET_SCALE, Rounding.UP),
        commission_asset=match.commission_asset,
    )


def transaction_of_fill(fill: Fill) -> list[Entry]:
    """Which entries book a fill? Its two assets between wallet and venue, its commission to fees."""
    sign = 1 if fill.side == "buy" else -1
    entries = [
        Entry(WALLET, fill.base, sign * fill.qty),
        Entry(VENUE, fill.base, -sign * fill.qty),
        Entry(WALLET, fill.quote, -sign * fill.notional),
        Entry(VENUE, fill.quote, sign * fill.notional),
    ]
    if fill.commission:
        entries.append(Entry(WALLET, fill.commission_asset, -fill.commission))
        entries.append(Entry(FEES, fill.commission_asset, fill.commission))
    return entries


def moved(fill: Fill) -> dict[str, int]:
    """What does a fill bring into the wallet, by asset? Below 0 it takes it out."""
    amounts: dict[str, int] = {}
    for entry in transaction_of_fill(fill):
        if entry.account == WALLET:
            amounts[entry.asset] = amounts.get(entry.asset, 0) + entry.units
    return amounts


def settle(balances: dict[str, int], fill: Fill) -> None:
    """Take a fill into what an account holds, by asset: its wallet, without the other sides of it.

    Raises `AmountRangeError` where a balance would pass 64 bits.
    """
    for asset, units in moved(fill).items():
        balances[asset] = add(balances.get(asset, 0), units)


def transaction_of_opening(balances: Mapping[str, int]) -> list[Entry]:
    """Which entries book what an account begins with? Assets in their own order."""
    entries = []
    for asset in sorted(balances):
        entries.append(Entry(WALLET, asset, balances[asset]))
        entries.append(Entry(OPENING, asset, -balances[asset]))
    return entries


def imbalance(entries: Sequence[Entry]) -> dict[str, int]:
    """By how much does each asset of a transaction miss 0? Empty for one that may be posted."""
    totals: dict[str, int] = {}
    for entry in entries:
        totals[entry.asset] = totals.get(entry.asset, 0) + entry.units
    return {asset: total for asset, total in totals.items() if total}


def post(ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Take a transaction into the balances: all of it, or none where it raises.

    Raises `ValueError` unless it sums to 0 for each asset, `AmountRangeError` where a balance
    would pass 64 bits.
    """
    missing = imbalance(entries)
    if missing:
        raise ValueError(f"a transaction leaves {missing}: its entries must sum to 0 by asset")
    after: dict[tuple[str, str], int] = {}
    for entry in entries:
        place = entry.account, entry.asset
        before = after[place] if place in after else _amount(ledger, *place)
        after[place] = add(before, entry.units)
    for (account, asset), amount in after.items():
        ledger.balances.setdefault(account, {})[asset] = amount


def balance(ledger: Ledger, asset: str) -> int:
    """How much of an asset is in the wallet?"""
    return _amount(ledger, WALLET, asset)


def _amount(ledger: Ledger, account: str, asset: str) -> int:
    return ledger.balances.get(account, {}).get(asset, 0)
