"""marea.domain.money compiled: the same function objects, the same results, the same errors."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from marea.domain import money
from marea.domain.money import (
    AMOUNT_MAX,
    DIVISOR_MAX,
    Rounding,
    add,
    average_price,
    fee,
    notional,
    qty_for_notional,
    rescale,
    round_to_increment,
    split,
)

TEXT = {"parse_amount", "format_amount", "_parse_any"}  # text stays outside of compiled loops
ROWS = 40_000
REFUSED = -AMOUNT_MAX - 1  # no function gives it
SEED = 20_240_808

for name, function in inspect.getmembers(money, inspect.isfunction):
    if name not in TEXT:
        register_jitable(function)

COMPILED: dict[Callable[..., Any], Callable[..., Any]] = {
    function: njit(function)
    for function in (
        *(add, rescale, round_to_increment, notional, qty_for_notional, average_price, fee, split),
    )
}

units = st.one_of(
    st.integers(-AMOUNT_MAX, AMOUNT_MAX),
    st.integers(-1000, 1000),
    st.sampled_from(
        [
            *(AMOUNT_MAX, -AMOUNT_MAX, AMOUNT_MAX - 1, REFUSED, 1 << 31, 1 << 32, 1 << 62),
            *(DIVISOR_MAX, DIVISOR_MAX + 1, DIVISOR_MAX // 2, 3_037_000_499, 3_037_000_500),
        ]
    ),
)
scales = st.integers(-1, 19)
roundings = st.sampled_from(Rounding)


def outcome(function: Callable[..., Any], *arguments: object) -> object:
    try:
        return function(*arguments)
    except (money.AmountRangeError, money.BadAmountError) as error:
        return type(error), str(error)


def agree(function: Callable[..., Any], *arguments: object) -> None:
    assert outcome(COMPILED[function], *arguments) == outcome(function, *arguments)


@given(units, units, roundings, scales, scales, scales)
@settings(max_examples=400, deadline=None)
def test_compiled_result_or_error_is_the_plain_one(
    left: int, right: int, rounding: Rounding, scale_1: int, scale_2: int, scale_3: int
) -> None:
    agree(add, left, right)
    agree(fee, left, right, rounding)
    agree(round_to_increment, left, right, rounding)
    agree(rescale, left, scale_1, scale_2, rounding)
    agree(notional, left, right, scale_1, scale_2, scale_3, rounding)
    agree(qty_for_notional, left, right, scale_1, scale_2, scale_3, rounding)
    agree(average_price, left, right, scale_1, scale_2, scale_3, rounding)


@given(units, st.lists(units, min_size=3, max_size=3), st.lists(st.integers(0, 9), min_size=3))
@settings(max_examples=200, deadline=None)
def test_compiled_shares_are_the_plain_ones(whole: int, wild: list[int], small: list[int]) -> None:
    for weights in (wild, small):
        assert outcome(COMPILED[split], whole, np.array(weights)) == outcome(split, whole, weights)


def rows(most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Integers of every length up to `most`, of both signs."""
    bits = generator.integers(0, 63, ROWS)
    magnitudes = generator.integers(0, AMOUNT_MAX, ROWS, endpoint=True) >> (62 - bits)
    signs: NDArray[np.int64] = generator.choice(np.array([-1, 1]), ROWS)
    signed: NDArray[np.int64] = np.minimum(magnitudes, most) * signs
    return signed


def over_rows(function: Callable[..., int]) -> Callable[..., None]:
    def loop(
        results: NDArray[np.int64],
        left: NDArray[np.int64],
        right: NDArray[np.int64],
        rounding: NDArray[np.int64],
    ) -> None:
        for row in range(len(results)):
            try:
                results[row] = function(left[row], right[row], rounding[row])
            except Exception:  # noqa: BLE001 # the one form that compiles
                results[row] = REFUSED

    return loop


def add_row(left: int, right: int, rounding: Rounding) -> int:
    return add(left, right)


def rescale_row(left: int, right: int, rounding: Rounding) -> int:
    return rescale(left, right % 19, left % 19, rounding)


def increment_row(left: int, right: int, rounding: Rounding) -> int:
    return round_to_increment(left, abs(right), rounding)


def notional_row(left: int, right: int, rounding: Rounding) -> int:
    return notional(left, right, 8, 8, 6, rounding)


def qty_row(left: int, right: int, rounding: Rounding) -> int:
    return qty_for_notional(left, abs(right), 6, 8, 8, rounding)


def price_row(left: int, right: int, rounding: Rounding) -> int:
    return average_price(left, abs(right), 8, 5, 2, rounding)


def split_row(left: int, right: int, rounding: Rounding) -> int:
    shares = split(left, (abs(right), 1, rounding))
    return shares[0] - shares[1] + shares[2] // 3


@pytest.mark.parametrize(
    "row",
    [
        *(add_row, rescale_row, increment_row, notional_row, qty_row, price_row, fee, split_row),
    ],
)
def test_compiled_loop_over_many_amounts_equals_the_plain_loop(row: Callable[..., int]) -> None:
    generator = np.random.default_rng(SEED)
    left, right = rows(AMOUNT_MAX, generator), rows(DIVISOR_MAX, generator)
    rounding = generator.integers(0, 3, ROWS)
    compiled, plain = np.zeros(ROWS, np.int64), [0] * ROWS
    njit(over_rows(njit(row)))(compiled, left, right, rounding)
    over_rows(row)(plain, left.tolist(), right.tolist(), rounding.tolist())
    assert compiled.tolist() == plain
    assert plain.count(REFUSED) < ROWS // 2
