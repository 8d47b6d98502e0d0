"""The position follows its fills: quantity, cost and gain, to the last unit."""

from copy import deepcopy
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.domain.ledger import Fill
from marea.domain.money import Rounding, fee
from marea.domain.position import (
    Position,
    apply_fill,
    entry_price,
    exit_price,
    is_flat,
    successor,
)

LOT = 1_000
"""0.00001 BTC, at 8 places."""


def fill(side: str, lots: int, price: int, commission: int = 0, asset: str = "") -> Fill:
    """So many lots of 0.00001 BTC at a price in cents."""
    assert side in ("buy", "sell")
    return Fill(
        side="buy" if side == "buy" else "sell",
        base="BTC",
        quote="USDT",
        qty=lots * LOT,
        notional=lots * price * 10,
        commission=commission,
        commission_asset=asset or ("BTC" if side == "buy" else "USDT"),
    )


ENTRY = fill("buy", 810, 6_167_201, 810)
EXIT = fill("sell", 809, 6_179_561, 49_992_649)


def after(*fills: Fill) -> Position:
    position = Position()
    for ts, each in enumerate(fills, start=7):
        apply_fill(position, each, ts)
    return position


def test_buy_holds_what_is_left_of_it_at_all_that_it_cost() -> None:
    position = after(ENTRY)
    assert (position.net_qty, position.cost) == (809_190, 49_954_328_100)
    assert position.fees == 49_954_329  # 0.0000081 BTC at 61672.01 is 0.499543281 USDT, rounded up
    assert position.ts_opened == 7


def test_sell_realizes_its_share_of_the_cost_after_its_commission() -> None:
    position = after(ENTRY, EXIT)
    assert (
        position.realized_pnl == 57_152
    )  # the cost of 809,000 of 809,190 is 49,942,598,688.69, to the nearest
    assert position.net_qty == 190
    assert position.fees == 49_954_329 + 49_992_649
    assert position.ts_opened == 7


def test_position_is_flat_once_less_than_an_increment_is_held() -> None:
    assert is_flat(Position(), LOT)
    assert not is_flat(after(ENTRY), LOT)
    assert is_flat(after(ENTRY, EXIT), LOT)
    assert not is_flat(after(fill("buy", 1, 6_167_201)), LOT)


def test_dust_goes_to_the_next_position_at_its_cost() -> None:
    closed = after(ENTRY, EXIT)
    following = successor(closed)
    assert following == Position(net_qty=190, cost=closed.cost)
    apply_fill(following, ENTRY, 99)
    assert following.net_qty == 809_380
    assert following.ts_opened == 99
    assert entry_price(following, 2) == 6_167_201


def test_average_prices_are_of_all_that_was_bought_and_sold() -> None:
    position = after(
        fill("buy", 10, 100), fill("buy", 20, 103), fill("sell", 15, 110), fill("sell", 5, 106)
    )
    assert (entry_price(position, 2), exit_price(position, 2)) == (102, 109)
    assert entry_price(position, 4) == 10_200
    assert (entry_price(Position(), 2), exit_price(Position(), 2)) == (0, 0)


def test_commission_in_the_quote_asset_counts_when_bought_and_when_sold() -> None:
    position = after(fill("buy", 10, 100, 10, "USDT"), fill("sell", 10, 100, 10))
    assert position.realized_pnl == -20
    assert position.fees == 20
    assert position.cost == 0


def test_commission_in_the_base_asset_leaves_with_what_is_sold() -> None:
    position = after(fill("buy", 10, 100), fill("sell", 9, 100, LOT, "BTC"))
    assert position.net_qty == 0
    assert position.realized_pnl == -1_000
    assert position.fees == 1_000


@pytest.mark.parametrize(
    ("refused", "text"),
    [
        (fill("sell", 810, 6_179_561), "qty is 810000: expected at most the 809190 that is held"),
        (
            fill("buy", 1, 100, 1, "BNB"),
            "commission_asset is 'BNB': expected BTC or USDT",
        ),
    ],
)
def test_fill_that_cannot_be_is_refused_and_leaves_no_trace(refused: Fill, text: str) -> None:
    position = after(ENTRY)
    before = deepcopy(position)
    with pytest.raises(ValueError, match=text):
        apply_fill(position, refused, 9)
    assert position == before


amounts = st.tuples(st.integers(1, 10**7), st.integers(1, 10**8), st.integers(0, 1_000))


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), amounts, st.booleans()), max_size=30))
def test_position_is_the_sum_of_its_fills_and_gain_is_what_came_less_what_went(
    drawn: list[tuple[str, tuple[int, int, int], bool]],
) -> None:
    position = Position()
    qty = cash = 0
    for side, (lots, price, commission), in_base in drawn:
        asset = "BTC" if in_base else "USDT"
        taken = fill(side, lots, price, commission, asset)
        if side == "sell" and taken.qty + commission * in_base > position.net_qty:
            taken = replace(taken, side="buy")
        apply_fill(position, taken, 1)
        sign = 1 if taken.side == "buy" else -1
        qty += sign * taken.qty - commission * in_base
        cash -= sign * taken.notional + commission * (not in_base)
        assert position.net_qty == qty >= 0
        assert position.realized_pnl - position.cost == cash
        assert position.net_qty or not position.cost
    body = msgspec.msgpack.encode(position)
    assert msgspec.msgpack.decode(body, type=Position) == position


def with_fee(side: str, lots: int, price: int, rate_e8: int) -> Fill:
    """A fill that pays a rate of what it receives, rounded up as venues do."""
    received = lots * LOT if side == "buy" else lots * price * 10
    return fill(side, lots, price, fee(received, rate_e8, Rounding.UP))


def booked(position: Position, *fills: Fill) -> tuple[Position, int, int]:
    """The position after these fills, what they brought in cash, and what they paid of their asset."""
    after_them = deepcopy(position)
    for each in fills:
        apply_fill(after_them, each, 9)
    gained = after_them.realized_pnl - after_them.cost - position.realized_pnl + position.cost
    return after_them, gained, sum(each.commission for each in fills)


@given(
    bought=st.lists(st.tuples(st.integers(2, 10**6), st.integers(1, 10**7)), min_size=1),
    price=st.integers(1, 10**7),
    first_pct=st.integers(1, 99),
    rate_e8=st.integers(0, 10**6),
    side=st.sampled_from(["buy", "sell"]),
)
def test_split_fill_leaves_quantity_and_cash_equal_but_for_one_unit_of_fee_and_of_cost(
    bought: list[tuple[int, int]], price: int, first_pct: int, rate_e8: int, side: str
) -> None:
    before = after(*(with_fee("buy", lots, each, rate_e8) for lots, each in bought))
    lots = before.net_qty // LOT if side == "sell" else bought[0][0]
    first = lots * first_pct // 100
    if not 0 < first < lots:
        return
    parts = (first, lots - first)
    whole, cash, paid = booked(before, with_fee(side, lots, price, rate_e8))
    split, split_cash, split_paid = booked(
        before, *(with_fee(side, part, price, rate_e8) for part in parts)
    )
    more = split_paid - paid
    assert 0 <= more <= 1
    in_base, in_quote = (more, 0) if side == "buy" else (0, more)
    assert split.net_qty == whole.net_qty - in_base
    assert split_cash == cash - in_quote
    assert (split.bought_qty, split.bought_notional) == (whole.bought_qty, whole.bought_notional)
    assert (split.sold_qty, split.sold_notional) == (whole.sold_qty, whole.sold_notional)
    # Half a unit at each of the two divisions.
    assert abs(split.cost - whole.cost) <= 1
