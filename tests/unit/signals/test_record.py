"""The virtual record that weights rest on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.signals.core.record import VirtualRecord, profit_factor, take


def played(*closes: tuple[float, int]) -> VirtualRecord:
    """A record after these scores, each at its close."""
    record = VirtualRecord()
    for score, price in closes:
        take(record, score, price)
    return record


def test_trade_opens_above_zero_and_closes_at_zero_or_below() -> None:
    record = played((-0.1, 90), (0.3, 100), (0.1, 130), (0.0, 110), (-0.5, 50))
    assert (record.closed_trades, record.entry_price) == (1, 0)
    assert record.gains == pytest.approx(0.1)
    assert record.losses == 0.0


def test_open_trade_counts_once_it_is_closed() -> None:
    assert profit_factor(played((0.3, 100), (0.3, 500))) == 1.0
    assert profit_factor(played((0.3, 100), (0.3, 500), (0.0, 90))) == 0.1


def test_profit_factor_is_gains_over_losses() -> None:
    record = played((1.0, 100), (0.0, 130), (1.0, 100), (0.0, 85))
    assert profit_factor(record) == pytest.approx(0.3 / 0.15)


@pytest.mark.parametrize(
    ("gains", "losses", "factor"),
    [(0.0, 0.0, 1.0), (0.5, 0.0, 10.0), (0.0, 0.5, 0.1), (5.0, 0.01, 10.0), (0.01, 5.0, 0.1)],
)
def test_profit_factor_is_bounded_and_one_without_gains_and_losses(
    gains: float, losses: float, factor: float
) -> None:
    assert profit_factor(VirtualRecord(0, 3, gains, losses)) == factor


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-1.0, 1.0), st.integers(1, 10**12)), max_size=60))
def test_record_equals_one_made_of_whole_trades(closes: list[tuple[float, int]]) -> None:
    record = played(*closes)
    trades: list[float] = []
    entry = None
    for score, price in closes:
        if entry is None and score > 0.0:
            entry = price
        elif entry is not None and score <= 0.0:
            trades.append(price / entry - 1.0)
            entry = None
    assert record.closed_trades == len(trades)
    assert record.entry_price == (entry or 0)
    assert record.gains == pytest.approx(sum(each for each in trades if each > 0.0))
    assert record.losses == pytest.approx(-sum(each for each in trades if each < 0.0))
    assert 0.1 <= profit_factor(record) <= 10.0
