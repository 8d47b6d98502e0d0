"""What each strategy says of situations that a trader would recognise."""

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.signals.strategies import STRATEGIES
from services.signals.strategies.strategy import trending
from tests.unit.signals.speaking import draw_values

SITUATIONS: dict[str, tuple[str, dict[str, float], tuple[float, float, str]]] = {
    "a trend upwards": (
        "baseline",
        {"ema_20": 110.0, "ema_50": 108.0, "atr_14": 1.0, "adx_14": 50.0},
        (0.5, 0.75, "EMA_20_ABOVE_EMA_50"),
    ),
    "a trend downwards that is all it can be": (
        "baseline",
        {"ema_20": 100.0, "ema_50": 108.0, "atr_14": 1.0, "adx_14": 90.0},
        (-1.0, 1.0, "EMA_20_BELOW_EMA_50"),
    ),
    "means apart without a trend": (
        "baseline",
        {"ema_20": 110.0, "ema_50": 108.0, "atr_14": 1.0, "adx_14": 20.0},
        (0.5, 0.0, "EMA_20_ABOVE_EMA_50"),
    ),
    "means that cross here": (
        "baseline",
        {"ema_20": 108.0, "ema_50": 108.0, "atr_14": 1.0, "adx_14": 50.0},
        (0.0, 0.0, "EMA_20_AT_EMA_50"),
    ),
    "a market that does not move": (
        "baseline",
        {"ema_20": 110.0, "ema_50": 108.0, "atr_14": 0.0, "adx_14": 50.0},
        (0.0, 0.0, "EMA_20_AT_EMA_50"),
    ),
    "oversold in a range": (
        "rsi",
        {"rsi_14": 20.0, "adx_14": 30.0},
        (0.5, 0.75, "RSI_OVERSOLD"),
    ),
    "oversold in a strong trend": (
        "rsi",
        {"rsi_14": 5.0, "adx_14": 60.0},
        (1.0, 0.0, "RSI_OVERSOLD"),
    ),
    "overbought in a range": (
        "rsi",
        {"rsi_14": 75.0, "adx_14": 10.0},
        (-0.25, 1.0, "RSI_OVERBOUGHT"),
    ),
    "neither": ("rsi", {"rsi_14": 70.0, "adx_14": 10.0}, (0.0, 0.0, "RSI_NEUTRAL")),
    "momentum that grows": (
        "macd",
        {"macd": 3.0, "macd_histogram": 0.5, "atr_14": 1.0},
        (0.5, 0.5, "MACD_RISING"),
    ),
    "a turn upwards below zero": (
        "macd",
        {"macd": -3.0, "macd_histogram": 0.5, "atr_14": 1.0},
        (0.5, 0.25, "MACD_TURNING_UP"),
    ),
    "momentum that falls": (
        "macd",
        {"macd": -3.0, "macd_histogram": -2.0, "atr_14": 1.0},
        (-1.0, 1.0, "MACD_FALLING"),
    ),
    "a turn downwards above zero": (
        "macd",
        {"macd": 3.0, "macd_histogram": -2.0, "atr_14": 1.0},
        (-1.0, 0.5, "MACD_TURNING_DOWN"),
    ),
    "MACD on its signal line": (
        "macd",
        {"macd": 3.0, "macd_histogram": 0.0, "atr_14": 1.0},
        (0.0, 0.0, "MACD_FLAT"),
    ),
    "below the lower band in a range": (
        "bollinger",
        {"bollinger_20_percent_b": -0.25, "adx_14": 20.0},
        (0.5, 1.0, "BELOW_LOWER_BAND"),
    ),
    "above the upper band, with a trend": (
        "bollinger",
        {"bollinger_20_percent_b": 1.25, "adx_14": 50.0},
        (-0.5, 0.25, "ABOVE_UPPER_BAND"),
    ),
    "between the bands": (
        "bollinger",
        {"bollinger_20_percent_b": 0.9, "adx_14": 20.0},
        (0.0, 0.0, "INSIDE_BANDS"),
    ),
    "above its mean, reaching upwards": (
        "sma",
        {"mid": 104.0, "sma_20": 100.0, "atr_14": 1.0, "adx_14_plus_di": 30.0}
        | {"adx_14_minus_di": 10.0},
        (0.5, 0.5, "PRICE_ABOVE_SMA"),
    ),
    "below its mean, reaching downwards": (
        "sma",
        {"mid": 98.0, "sma_20": 100.0, "atr_14": 1.0, "adx_14_plus_di": 0.0}
        | {"adx_14_minus_di": 10.0},
        (-0.25, 1.0, "PRICE_BELOW_SMA"),
    ),
    "above its mean, reaching downwards": (
        "sma",
        {"mid": 104.0, "sma_20": 100.0, "atr_14": 1.0, "adx_14_plus_di": 10.0}
        | {"adx_14_minus_di": 30.0},
        (0.5, 0.0, "SMA_NOT_CONFIRMED"),
    ),
    "at its mean": (
        "sma",
        {"mid": 100.0, "sma_20": 100.0, "atr_14": 1.0, "adx_14_plus_di": 10.0}
        | {"adx_14_minus_di": 30.0},
        (0.0, 0.0, "PRICE_AT_SMA"),
    ),
    "buyers in the book and with trades": (
        "flow",
        {"order_flow_imbalance": 7.5, "trade_sign_imbalance": 0.75, "book_imbalance_10": 0.5},
        (0.75, 0.75, "BUYERS_PRESS"),
    ),
    "sellers in the book and with trades": (
        "flow",
        {"order_flow_imbalance": -0.1, "trade_sign_imbalance": -1.0, "book_imbalance_10": -1.0},
        (-1.0, 1.0, "SELLERS_PRESS"),
    ),
    "buyers who trade into a heavy ask": (
        "flow",
        {"order_flow_imbalance": 7.5, "trade_sign_imbalance": 1.0, "book_imbalance_10": -0.5},
        (0.5, 0.25, "FLOW_MIXED"),
    ),
    "nobody": (
        "flow",
        {"order_flow_imbalance": 0.0, "trade_sign_imbalance": 0.0, "book_imbalance_10": 0.0},
        (0.0, 0.0, "FLOW_BALANCED"),
    ),
}


@pytest.mark.parametrize(("name", "values", "expected"), SITUATIONS.values(), ids=SITUATIONS)
def test_strategy_says_what_a_trader_would(
    name: str, values: dict[str, float], expected: tuple[float, float, str]
) -> None:
    strategy = STRATEGIES[name]
    score, confidence, reason = strategy.judge([values[each] for each in strategy.features])
    assert (score, confidence, strategy.reasons[reason]) == expected


def test_every_reason_of_every_strategy_is_given_in_some_situation() -> None:
    given_reasons = {expected[2] for _, _, expected in SITUATIONS.values()}
    assert given_reasons == {code for each in STRATEGIES.values() for code in each.reasons}


def test_a_trend_is_surer_the_stronger_it_is() -> None:
    assert [trending(adx) for adx in (0.0, 20.0, 30.0, 40.0, 60.0, 100.0)] == [
        0.0,
        0.0,
        0.25,
        0.5,
        1.0,
        1.0,
    ]


numbers = st.one_of(
    st.floats(min_value=-1e15, max_value=1e15),
    st.floats(min_value=-1e-300, max_value=1e-300),
    st.sampled_from([0.0, -0.0, 1.0, 30.0, 70.0, 100.0]),
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(STRATEGIES)), st.lists(numbers, min_size=5, max_size=5))
def test_any_finite_features_give_a_score_a_confidence_and_a_reason_within_bounds(
    name: str, row: list[float]
) -> None:
    strategy = STRATEGIES[name]
    score, confidence, reason = strategy.judge(row[: len(strategy.features)])
    assert isfinite(score)
    assert -1.0 <= score <= 1.0
    assert 0.0 <= confidence <= 1.0
    assert 0 <= reason < len(strategy.reasons)


@pytest.mark.parametrize("name", STRATEGIES)
def test_scores_vary_and_confidences_are_now_above_and_now_below_a_half(name: str) -> None:
    strategy = STRATEGIES[name]
    opinions = [
        strategy.judge([values[each] for each in strategy.features])
        for values in draw_values(2_000, seed=11)
    ]
    scores = {score for score, _, _ in opinions}
    assert len(scores) > 50
    assert min(scores) < 0.0 < max(scores)
    sure = sum(confidence >= 0.5 for _, confidence, _ in opinions)
    assert 0 < sure < len(opinions)
