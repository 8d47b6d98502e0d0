"""The ledger against fractions: what went in, came out and was paid, in whole assets."""

from collections import Counter
from copy import deepcopy
from fractions import Fraction
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from marea.domain import ledger as books
from marea.domain.ledger import ASSET_SCALE, Entry, Ledger
from marea.domain.money import AMOUNT_MAX, AmountRangeError, BadAmountError
from marea.messages.market import Side
from marea.messages.orders import OrderFilled
from marea.testing.examples import example


class Market(NamedTuple):
    base: str
    quote: str
    price_scale: int
    qty_scale: int


MARKETS = st.sampled_from(
    [
        Market("BTC", "USDT", 2, 5),
        Market("ETH", "USDT", 2, 4),
        Market("ETH", "BTC", 5, 3),  # what one pays in the other one trades
        Market("SHIB", "USDT", 8, 0),
    ]
)
ASSETS = ("BTC", "BNB", "ETH", "SHIB", "USDT")
SIDES: st.SearchStrategy[Side] = st.sampled_from(["buy", "sell"])
PAID_IN = st.sampled_from(["base", "quote", "BNB"])
SCALES = st.integers(0, ASSET_SCALE)
FIGURES = st.integers(1, 10**7)


def whole(units: int, scale: int = ASSET_SCALE) -> Fraction:
    return Fraction(units, 10**scale)


class LedgerMachine(RuleBasedStateMachine):
    """Matches of any size in markets that share assets, rebates, and transactions that can't be."""

    @initialize(balances=st.dictionaries(st.sampled_from(ASSETS), st.integers(0, 10**15)))
    def account_is_opened(self, balances: dict[str, int]) -> None:
        self.ledger = Ledger()
        self.account = dict(balances)
        books.post(self.ledger, books.transaction_of_opening(balances))
        self.held = {asset: whole(units) for asset, units in balances.items()}
        self.opened = dict(self.held)
        self.paid: dict[str, Fraction] = {}

    @rule(
        market=MARKETS,
        side=SIDES,
        figures=st.tuples(FIGURES, FIGURES),
        paid_in=PAID_IN,
        commission=st.tuples(st.integers(-5, 10**5), SCALES),
    )
    def match_is_booked(
        self,
        market: Market,
        side: Side,
        figures: tuple[int, int],
        paid_in: str,
        commission: tuple[int, int],
    ) -> None:
        asset = {"base": market.base, "quote": market.quote}.get(paid_in, paid_in)
        fill = books.fill_of(match(market, side, figures, commission, asset), *market[:2])
        entries = books.transaction_of_fill(fill)
        assert books.imbalance(entries) == {}
        books.post(self.ledger, entries)
        books.settle(self.account, fill)
        price, qty = figures
        sign = 1 if side == "buy" else -1
        worth = whole(price, market.price_scale) * whole(qty, market.qty_scale)
        self.gain(market.base, sign * whole(qty, market.qty_scale))
        self.gain(market.quote, -sign * worth)
        self.gain(asset, -whole(*commission))
        self.paid[asset] = self.paid.get(asset, Fraction(0)) + whole(*commission)

    def gain(self, asset: str, amount: Fraction) -> None:
        self.held[asset] = self.held.get(asset, Fraction(0)) + amount

    @rule(market=MARKETS, side=SIDES, more=st.integers(1, 3))
    def match_that_would_have_to_be_rounded_is_refused(
        self, market: Market, side: Side, more: int
    ) -> None:
        finer = market._replace(qty_scale=ASSET_SCALE - market.price_scale + more)
        with pytest.raises(BadAmountError, match="expected at most 8"):
            books.fill_of(match(finer, side, (1, 1), (0, 8), "USDT"), *market[:2])

    @rule(asset=st.sampled_from(ASSETS), units=st.integers(1, 10**9), missing=st.integers(1, 9))
    def transaction_that_makes_or_loses_something_is_refused(
        self, asset: str, units: int, missing: int
    ) -> None:
        entries = [Entry("wallet", asset, units), Entry("venue", asset, missing - units)]
        self.refused(ValueError, "its entries must sum to 0 by asset", entries)

    @rule(asset=st.sampled_from(ASSETS))
    def balance_that_no_account_can_hold_is_refused_with_all_of_its_transaction(
        self, asset: str
    ) -> None:
        there = books.balance(self.ledger, asset)
        sign = -1 if there < 0 else 1
        entries = books.transaction_of_opening({"AAA": 1, asset: sign * AMOUNT_MAX})
        if there:
            self.refused(AmountRangeError, "is beyond", entries)

    def refused(self, error: type[Exception], text: str, entries: list[Entry]) -> None:
        before = deepcopy(self.ledger)
        with pytest.raises(error, match=text):
            books.post(self.ledger, entries)
        assert self.ledger == before

    @rule()
    def core_is_saved_and_restored(self) -> None:
        saved = msgspec.msgpack.encode(self.ledger)
        self.ledger = msgspec.msgpack.decode(saved, type=Ledger)
        assert msgspec.msgpack.encode(self.ledger) == saved

    @invariant()
    def wallet_and_fees_are_what_the_matches_made_and_nothing_came_from_nowhere(self) -> None:
        assert {asset: whole(units) for asset, units in self.account.items()} == self.held
        totals: Counter[str] = Counter()
        for account, balances in self.ledger.balances.items():
            totals.update(balances)
            if account == books.OPENING:
                shown = {asset: -whole(units) for asset, units in balances.items()}
                assert shown == self.opened
        assert set(totals.values()) <= {0}
        for asset in ASSETS:
            assert whole(books.balance(self.ledger, asset)) == self.held.get(asset, 0)
            fees = self.ledger.balances.get(books.FEES, {}).get(asset, 0)
            assert whole(fees) == self.paid.get(asset, 0)


def match(
    market: Market, side: Side, figures: tuple[int, int], commission: tuple[int, int], asset: str
) -> OrderFilled:
    """A report of a match: price and quantity, and a commission with its places, in units."""
    price, qty = figures
    return replace(
        example(OrderFilled),
        side=side,
        price_scale=market.price_scale,
        qty_scale=market.qty_scale,
        last_price=price,
        last_qty=qty,
        commission=commission[0],
        asset_scale=commission[1],
        commission_asset=asset,
    )


TestLedgerHoldsToTheUnitWhatTheMatchesMade = LedgerMachine.TestCase
TestLedgerHoldsToTheUnitWhatTheMatchesMade.settings = settings(
    max_examples=120, stateful_step_count=30, deadline=None
)
