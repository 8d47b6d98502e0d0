"""What the order book and the trades say, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.kernels.kernel import Row, State, is_warm
from marea.kernels.registry import KERNELS

QUOTE = [100.0, 3.0, 100.2, 1.0]
NO_BID = [0.0, 0.0, 100.2, 1.0]
NO_ASK = [100.0, 3.0, 100.2, 0.0]

prices = st.floats(min_value=1e-6, max_value=1e9)
qtys = st.floats(min_value=1e-8, max_value=1e12)


def after(name: str, *rows: Row, **parameters: float) -> State:
    """The outputs of a kernel after its last row."""
    kernel = KERNELS[name]
    state = kernel.start(**parameters)
    for row in rows:
        kernel.step(state, row)
    assert is_warm(state)
    return kernel.read(state)


def test_spread_mid_and_microprice_of_a_quote() -> None:
    assert after("spread", QUOTE) == pytest.approx([0.2, 0.2 / 100.1 * 1e4])
    assert after("mid", QUOTE) == pytest.approx([100.1])
    assert after("microprice", QUOTE) == pytest.approx([100.15])


@given(prices, prices, qtys, qtys)
def test_microprice_stands_between_bid_and_ask(
    one: float, other: float, bid_qty: float, ask_qty: float
) -> None:
    bid, ask = min(one, other), max(one, other)
    (price,) = after("microprice", [bid, bid_qty, ask, ask_qty])
    assert bid <= price <= ask * (1 + 1e-15)


def test_locked_book_has_no_spread_and_a_crossed_one_a_negative_one() -> None:
    assert after("spread", [100.0, 1.0, 100.0, 1.0]) == [0.0, 0.0]
    assert after("spread", [101.0, 1.0, 100.0, 1.0])[0] == -1.0


@pytest.mark.parametrize("name", ["spread", "mid", "microprice"])
@pytest.mark.parametrize("one_sided", [NO_BID, NO_ASK])
def test_kernel_of_both_sides_is_cold_while_one_is_empty(name: str, one_sided: Row) -> None:
    kernel = KERNELS[name]
    state = kernel.start()
    assert not is_warm(state)
    kernel.step(state, QUOTE)
    kernel.step(state, one_sided)
    assert not is_warm(state)
    kernel.step(state, QUOTE)
    assert is_warm(state)


def test_book_imbalance_takes_the_best_levels_only() -> None:
    book = [3.0, 2.0, 1.0, 1.0, 1.0, 4.0]
    assert after("book_imbalance", book, levels=3) == [0.0]
    assert after("book_imbalance", [3.0, 2.0, 1.0, 1.0], levels=2) == [pytest.approx(3 / 7)]


def test_book_imbalance_of_an_empty_side_is_whole_and_of_two_is_cold() -> None:
    kernel = KERNELS["book_imbalance"]
    assert after("book_imbalance", [3.0, 2.0, 0.0, 0.0], levels=2) == [1.0]
    assert after("book_imbalance", [0.0, 0.0, 0.5, 0.0], levels=2) == [-1.0]
    state = kernel.start(levels=2)
    kernel.step(state, [3.0, 2.0, 0.0, 0.0])
    kernel.step(state, [0.0] * 4)
    assert not is_warm(state)


@pytest.mark.parametrize(
    ("quote", "flow"),
    [
        (QUOTE, 0.0),
        ([100.0, 5.0, 100.2, 1.0], 2.0),  # 2 joined the bid
        ([100.0, 1.0, 100.2, 1.0], -2.0),  # 2 left the bid
        ([100.1, 4.0, 100.2, 1.0], 4.0),  # a better bid of 4
        ([99.9, 7.0, 100.2, 1.0], -3.0),  # the bid of 3 is gone
        ([100.0, 3.0, 100.2, 2.5], -1.5),  # 1.5 joined the ask
        ([100.0, 3.0, 100.1, 6.0], -6.0),  # a better ask of 6
        ([100.0, 3.0, 100.3, 6.0], 1.0),  # the ask of 1 is gone
        (NO_BID, -3.0),
        (NO_ASK, 1.0),
    ],
)
def test_flow_is_what_joined_the_bid_or_left_the_ask(quote: Row, flow: float) -> None:
    assert after("order_flow_imbalance", QUOTE, quote) == [flow, flow]


def test_first_quote_adds_no_flow_and_a_side_that_comes_back_adds_all_it_has() -> None:
    assert after("order_flow_imbalance", QUOTE) == [0.0, 0.0]
    assert after("order_flow_imbalance", NO_BID, QUOTE) == [3.0, 3.0]
    assert after("order_flow_imbalance", NO_ASK, QUOTE) == [-1.0, -1.0]


def test_flow_adds_up_over_the_running_bar_and_begins_anew_with_the_next() -> None:
    kernel = KERNELS["order_flow_imbalance"]
    state = kernel.start()
    for bid_qty in (3.0, 4.0, 6.0):
        kernel.step(state, [100.0, bid_qty, 100.2, 1.0])
    assert kernel.read(state) == [3.0, 2.0]
    kernel.reset(state)
    assert kernel.read(state) == [0.0, 0.0]
    assert is_warm(state)
    kernel.step(state, [100.0, 5.0, 100.2, 1.0])
    assert kernel.read(state) == [-1.0, -1.0]


def test_sign_imbalance_is_net_over_total_and_0_without_trades() -> None:
    kernel = KERNELS["trade_sign_imbalance"]
    state = kernel.start()
    assert is_warm(state)
    assert kernel.read(state) == [0.0]
    kernel.step(state, [0.0, 1.0])
    assert kernel.read(state) == [0.0]
    kernel.step(state, [3.0, 1.0])
    assert kernel.read(state) == [1.0]
    kernel.step(state, [5.0, -1.0])
    assert kernel.read(state) == [-0.25]
    kernel.reset(state)
    assert kernel.read(state) == [0.0]
