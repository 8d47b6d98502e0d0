"""The ledger books every unit twice, and the position follows the fills: both exactly."""

import re
from copy import deepcopy
from dataclasses import replace

import pytest
from msgspec import structs

from marea.domain.ledger import (
    ASSET_SCALE,
    Entry,
    Fill,
    Ledger,
    balance,
    check_scales,
    fill_of,
    post,
    settle,
    transaction_of_fill,
    transaction_of_opening,
)
from marea.domain.money import AMOUNT_MAX, AmountRangeError, BadAmountError
from marea.messages.orders import OrderFilled
from marea.testing.examples import example

BUY = Fill(
    side="buy",
    base="BTC",
    quote="USDT",
    qty=300_000,
    notional=18_501_603_000,
    commission=300,
    commission_asset="BTC",
)
SELL = Fill(
    side="sell",
    base="BTC",
    quote="USDT",
    qty=299_000,
    notional=18_439_931_000,
    commission=18_439_931,
    commission_asset="USDT",
)


def test_buy_pays_the_quote_and_receives_the_base_less_its_commission() -> None:
    ledger = Ledger()
    post(ledger, transaction_of_opening({"USDT": 1_000_000_000_000}))
    post(ledger, transaction_of_fill(BUY))
    assert balance(ledger, "BTC") == 299_700
    assert balance(ledger, "USDT") == 981_498_397_000
    assert ledger.balances["fees"] == {"BTC": 300}
    assert ledger.balances["opening"] == {"USDT": -1_000_000_000_000}


def test_sell_pays_the_base_and_receives_the_quote_less_its_commission() -> None:
    ledger = Ledger()
    post(ledger, transaction_of_opening({"BTC": 299_700}))
    post(ledger, transaction_of_fill(SELL))
    assert balance(ledger, "BTC") == 700
    assert balance(ledger, "USDT") == 18_421_491_069
    assert balance(ledger, "ETH") == 0


def test_opening_is_booked_in_the_order_of_the_assets_names() -> None:
    assert transaction_of_opening({"USDT": 2, "BTC": 1}) == [
        Entry("wallet", "BTC", 1),
        Entry("opening", "BTC", -1),
        Entry("wallet", "USDT", 2),
        Entry("opening", "USDT", -2),
    ]


def test_fill_without_a_commission_has_four_entries() -> None:
    assert len(transaction_of_fill(replace(BUY, commission=0))) == 4


def test_report_of_a_fill_is_brought_to_the_scale_of_the_ledger() -> None:
    assert fill_of(example(OrderFilled), "BTC", "USDT") == BUY


def test_commission_with_fewer_places_is_scaled_up() -> None:
    report = structs.replace(example(OrderFilled), asset_scale=6, commission=3)
    assert fill_of(report, "BTC", "USDT").commission == 300


def test_instrument_with_more_places_than_the_ledger_is_refused() -> None:
    check_scales(3, 5)
    with pytest.raises(BadAmountError, match=r"price_scale \+ qty_scale is 9: expected at most 8"):
        check_scales(4, 5)
    with pytest.raises(BadAmountError, match=r"price_scale \+ qty_scale is 9: expected at most 8"):
        fill_of(structs.replace(example(OrderFilled), price_scale=4), "BTC", "USDT")


def test_commission_with_more_places_than_the_ledger_is_refused() -> None:
    report = structs.replace(example(OrderFilled), asset_scale=9)
    with pytest.raises(BadAmountError, match="asset_scale is 9: expected at most 8"):
        fill_of(report, "BTC", "USDT")


def test_transaction_that_does_not_sum_to_0_is_refused_and_leaves_no_trace() -> None:
    ledger = Ledger()
    post(ledger, transaction_of_opening({"USDT": 5}))
    before = deepcopy(ledger)
    entries = [Entry("wallet", "BTC", 3), Entry("venue", "BTC", -2), Entry("wallet", "USDT", -1)]
    text = re.escape("a transaction leaves {'BTC': 1, 'USDT': -1}: its entries must sum to 0")
    with pytest.raises(ValueError, match=text):
        post(ledger, entries)
    assert ledger == before


def test_balance_beyond_64_bits_is_refused_and_leaves_no_trace() -> None:
    ledger = Ledger()
    post(ledger, transaction_of_opening({"USDT": AMOUNT_MAX}))
    before = deepcopy(ledger)
    with pytest.raises(AmountRangeError, match=f"is beyond ±{AMOUNT_MAX}"):
        post(ledger, transaction_of_opening({"BTC": 1, "USDT": 1}))
    assert ledger == before


def test_account_is_settled_by_what_a_fill_brings_it() -> None:
    balances = {"USDT": 1_000_000_000_000, "ETH": 1}
    settle(balances, BUY)
    assert balances == {"USDT": 981_498_397_000, "ETH": 1, "BTC": 299_700}
    with pytest.raises(AmountRangeError, match=f"is beyond ±{AMOUNT_MAX}"):
        settle({"BTC": AMOUNT_MAX}, BUY)


def test_places_of_the_ledger_are_those_of_the_messages_examples() -> None:
    assert example(OrderFilled).asset_scale == ASSET_SCALE
