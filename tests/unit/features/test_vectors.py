"""Vectors: when there is one, what it holds, and what it is called."""

import pytest

from marea.kernels.registry import KERNELS
from marea.messages.system import Degraded
from marea.runtime.settings import IndicatorSettings, find_config_dir, load_settings
from services.features.config import FeaturesConfig, Indicator
from services.features.core import FeaturesInput, FeaturesState, begin
from services.features.core.vector import set_version
from services.features.main import features_config
from tests.unit.features.market import (
    INSTRUMENT,
    bars_in,
    clock,
    clocks,
    config,
    delta,
    gap,
    indicator,
    instrument,
    live_book,
    play,
    quote,
    snapshot,
    trade,
    ts,
    vectors_in,
)

SPREAD = indicator("spread")
SMALL_SET = (
    indicator("sma_2", "sma", period=2),
    SPREAD,
    indicator("imbalance", "book_imbalance", levels=2),
    indicator("flow", "order_flow_imbalance"),
    indicator("signs", "trade_sign_imbalance"),
)
NAMES = ["sma_2", "spread", "spread_bps", "imbalance", "flow", "flow_order_flow", "signs"]


def started(given: FeaturesConfig) -> FeaturesState:
    """An instrument with a LIVE book, at the begin of a minute."""
    state = begin(given)
    play(state, [instrument(), clock(0), *live_book(10)])
    return state


def warm() -> FeaturesState:
    """The small set after two bars of 1 s, closed at 2,250 ms."""
    state = started(config(*SMALL_SET))
    play(state, [trade(1, 100, 500), trade(2, 1100, 600), clock(1250), clock(2250)])
    return state


def test_vector_holds_every_value_by_name_in_the_order_of_the_set() -> None:
    state = started(config(*SMALL_SET))
    events: list[FeaturesInput] = [
        trade(1, 100, 500),
        trade(2, 1100, 600),
        clock(1250),
        clock(2250),
    ]
    [vector] = vectors_in(play(state, events))
    assert list(vector.values) == NAMES
    assert vector.values["sma_2"] == 5.5
    assert (vector.interval_s, vector.book_status) == (1, "LIVE")
    assert vector.set_version == set_version(state.config)


@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_value_is_named_by_its_indicator_and_one_of_several_by_its_output_too(kernel: str) -> None:
    outputs = KERNELS[kernel].outputs
    state = started(config(indicator("mine", kernel)))
    events: list[FeaturesInput] = []
    for bar in range(40):
        events += [trade(bar, 1000 * bar + 100, 6_000_000 + 7 * (bar % 5)), clock(1000 * bar + 250)]
    vectors = vectors_in(play(state, events))
    expected = {
        "spread": ["mine", "mine_bps"],
        "macd": ["mine", "mine_signal", "mine_histogram"],
        "adx": ["mine", "mine_plus_di", "mine_minus_di"],
        "order_flow_imbalance": ["mine", "mine_order_flow"],
        "stochastic": ["mine_k", "mine_d"],
        "bollinger": [f"mine_{output}" for output in outputs],
    }
    assert list(vectors[-1].values) == expected.get(kernel, ["mine"])
    assert len(outputs) == len(vectors[-1].values)


def test_settings_that_marea_comes_with_name_their_values_so() -> None:
    given = features_config(load_settings(find_config_dir(None, {}), {}), "any")
    state = started(given)
    events: list[FeaturesInput] = []
    for bar in range(60):
        events += [trade(bar, 1000 * bar + 100), clock(1000 * bar + 250)]
    vectors = vectors_in(play(state, events))
    assert " ".join(vectors[-1].values) == (
        "sma_20 ema_20 ema_50 rsi_14 macd macd_signal macd_histogram bollinger_20_upper "
        "bollinger_20_middle bollinger_20_lower bollinger_20_percent_b bollinger_20_bandwidth "
        "atr_14 adx_14 adx_14_plus_di adx_14_minus_di stochastic_14_k stochastic_14_d obv vwap "
        "volatility_20 spread spread_bps mid microprice book_imbalance_10 order_flow_imbalance "
        "order_flow_imbalance_order_flow trade_sign_imbalance"
    )


def test_each_closed_bar_has_its_vector_and_each_period_between_has_one_at_most() -> None:
    state = started(config(SPREAD, vector_period_ms=300))
    events: list[FeaturesInput] = [trade(1, 50)]
    for ms in range(100, 4000, 100):
        events += [quote(100 + ms, (5_999_900 + ms % 70, 100)), clock(ms)]
    answers = play(state, events)
    assert [each.bar_id for each in vectors_in(answers) if each.bar_id] == [
        bar.id for bar in bars_in(answers)
    ]
    said = [(each.ts_event - ts(0)) // 1_000_000 for each in vectors_in(answers)]
    assert said == [
        *(100, 400, 700, 1000),
        *(1300, 1600, 1900, 2200),
        *(2300, 2600, 2900, 3200),
        *(3300, 3600, 3900),
    ]


def test_clocks_faster_than_the_period_bring_no_more_vectors() -> None:
    state = started(config(SPREAD))
    events: list[FeaturesInput] = []
    for ms in range(10, 1000, 10):
        events += [quote(100 + ms, (5_999_900 + ms % 70, 100)), clock(ms)]
    said = [(each.ts_event - ts(0)) // 1_000_000 for each in vectors_in(play(state, events))]
    assert said == [10, 110, 210, 310, 410, 510, 610, 710, 810, 910]


def test_no_vector_comes_between_two_bars_where_nothing_changed() -> None:
    state = warm()
    assert vectors_in(play(state, clocks(2300, 3200))) == []


@pytest.mark.parametrize(
    "change",
    [
        quote(50, (5_999_990, 1)),
        trade(3, 2260),
        delta(12, bids=[(5_999_998, 900)]),
    ],
    ids=["quote", "trade", "delta"],
)
def test_anything_that_a_vector_would_show_brings_one_at_the_next_clock(
    change: FeaturesInput,
) -> None:
    state = warm()
    [vector] = vectors_in(play(state, [change, *clocks(2350, 3150)]))
    assert (vector.ts_event, vector.bar_id) == (ts(2350), "")


def test_what_no_vector_would_show_brings_none() -> None:
    state = warm()
    old_quote, other_kind = quote(9), trade(3, 2260, condition="ADL")
    assert vectors_in(play(state, [old_quote, other_kind, gap(2300), clock(2350)])) == []


def test_no_vector_comes_before_every_indicator_is_warm_and_each_is_counted() -> None:
    state = started(config(indicator("sma", period=3), SPREAD))
    answers = play(state, [trade(1, 100), *clocks(100, 3200)])
    assert (vectors_in(answers), state.not_warm_count) == ([], 2)
    answers = play(state, [clock(3300)])
    assert [each.bar_id for each in vectors_in(answers)] == [bars_in(answers)[0].id]
    assert (state.not_warm_count, state.vector_count, state.bar_count) == (2, 1, 3)


def test_no_vector_comes_before_the_first_trade_where_bars_feed_an_indicator() -> None:
    state = started(config(indicator("obv"), SPREAD))
    assert play(state, [quote(20), *clocks(100, 5000)]) == []
    assert (state.not_warm_count, state.not_live_count) == (0, 0)


def test_no_vector_comes_before_the_book_is_live_and_each_bar_without_is_counted() -> None:
    state = begin(config(SPREAD))
    events: list[FeaturesInput] = [
        instrument(),
        clock(0),
        trade(1, 100),
        quote(20),
        *clocks(100, 2300),
    ]
    assert vectors_in(play(state, events)) == []
    assert (state.not_live_count, state.not_warm_count) == (2, 0)
    answers = play(state, [snapshot(10), clock(2400), delta(11), clock(2500), clock(3300)])
    assert [each.ts_event for each in vectors_in(answers)] == [ts(2500), ts(3300)]
    assert state.not_live_count == 2


def test_no_vector_comes_while_the_book_is_broken() -> None:
    state = warm()
    answers = play(state, [delta(14), quote(50), *clocks(2300, 5300)])
    assert (vectors_in(answers), state.not_live_count) == ([], 3)
    answers = play(state, [snapshot(20), delta(21), clock(5400)])
    assert [each.book_status for each in vectors_in(answers)] == ["LIVE"]


def test_no_vector_comes_while_the_book_has_no_bid_or_no_ask() -> None:
    state = warm()
    empty = delta(12, asks=[(6_000_001, 0), (6_000_002, 0)])
    assert vectors_in(play(state, [empty, *clocks(2300, 3300)])) == []
    assert state.not_live_count == 1
    [vector] = vectors_in(play(state, [delta(13, asks=[(6_000_005, 10)]), clock(3400)]))
    assert vector.values["spread"] == pytest.approx(0.06)


def test_no_vector_comes_of_an_empty_book_though_a_quote_is_known() -> None:
    state = warm()
    cleared = delta(
        12,
        bids=[(5_999_999, 0), (5_999_998, 0)],
        asks=[(6_000_001, 0), (6_000_002, 0)],
    )
    assert vectors_in(play(state, [cleared, quote(13), *clocks(2300, 3300)])) == []
    assert (state.not_warm_count, state.not_live_count) == (1, 1)


def test_vector_between_bars_has_the_last_bars_indicators_and_the_newest_of_the_rest() -> None:
    state = started(config(*SMALL_SET))
    early: list[FeaturesInput] = [trade(1, 100, 500), trade(2, 1100, 600), clock(1250), clock(2250)]
    [at_bar] = vectors_in(play(state, early))
    later: list[FeaturesInput] = [
        trade(3, 2260, 900, 3000, taker_side="sell"),
        trade(4, 2270, 900, 1000),
        quote(50, (5_999_990, 4000), (6_000_010, 2000)),
        delta(12, bids=[(5_999_999, 1000), (5_999_998, 1000)], asks=[(6_000_001, 300)]),
        clock(2350),
    ]
    [between] = vectors_in(play(state, later))
    assert between.values["sma_2"] == at_bar.values["sma_2"] == 5.5
    assert between.values["spread"] == 60_000.10 - 59_999.90
    assert between.values["imbalance"] == (2.0 - 1.0) / (2.0 + 1.0)
    assert between.values["flow"] == -3.0 + 1.0
    assert between.values["signs"] == (1.0 - 3.0) / (1.0 + 3.0)


def test_order_flow_and_trade_signs_begin_anew_with_each_bar() -> None:
    state = warm()
    events: list[FeaturesInput] = [
        trade(3, 2300, 900, 1000),
        quote(50, (6_000_000, 4000), (6_000_001, 1000)),
        clock(3250),
        trade(4, 3260, 900, 2000, taker_side="sell"),
        quote(51, (6_000_000, 4500), (6_000_001, 1000)),
        clock(3350),
        clock(4250),
        clock(5250),
    ]
    vectors = vectors_in(play(state, events))
    assert [each.values["flow"] for each in vectors] == [4.0, 0.5, 0.5, 0.0]
    assert [each.values["signs"] for each in vectors] == [1.0, -1.0, -1.0, 0.0]


def test_bars_that_close_at_one_clock_have_a_vector_each_and_share_no_flow() -> None:
    state = warm()
    events: list[FeaturesInput] = [
        trade(3, 2300, 700),
        quote(50, (6_000_000, 4000), (6_000_001, 1000)),
        clock(5250),
    ]
    answers = play(state, events)
    vectors = vectors_in(answers)
    assert [each.bar_id for each in vectors] == [bar.id for bar in bars_in(answers)]
    assert [each.values["sma_2"] for each in vectors] == [6.5, 7.0, 7.0]
    assert [each.values["flow"] for each in vectors] == [4.0, 0.0, 0.0]
    assert [each.values["signs"] for each in vectors] == [1.0, 0.0, 0.0]


def test_bar_of_another_interval_has_no_vector() -> None:
    state = started(config(SPREAD, vector_interval_s=60))
    answers = play(state, [trade(1, 100), quote(20), clock(60_250)])
    [vector] = vectors_in(answers)
    assert vector.bar_id == bars_in(answers, 60)[0].id
    assert (vector.interval_s, len(bars_in(answers))) == (60, 60)


def test_vector_follows_from_its_clock_bar_quote_book_and_trade() -> None:
    state = started(config(SPREAD))
    bought, told, changed = trade(1, 100), quote(20), delta(12)
    answers = play(state, [bought, told, changed, clock(1250)])
    [bar], [vector] = bars_in(answers), vectors_in(answers)
    assert vector.parents == (clock(1250).id, bar.id, bought.id, told.id, changed.id)


def test_vector_names_no_trade_where_none_came_since_the_last_bar() -> None:
    state = started(config(SPREAD))
    play(state, [trade(1, 100), clock(1250)])
    told = quote(20)
    [vector] = vectors_in(play(state, [told, clock(1350)]))
    assert vector.parents == (clock(1350).id, told.id, delta(11).id)


def test_vector_names_the_book_once_where_it_told_the_best_bid_and_ask_too() -> None:
    state = started(config(SPREAD))
    told = delta(12, bids=[(6_000_000, 5)])
    [vector] = vectors_in(play(state, [told, clock(100)]))
    assert vector.parents == (clock(100).id, told.id)


def variants() -> list[tuple[str, FeaturesConfig]]:
    ema, sma = indicator("ema", period=5), indicator("sma", period=5)
    return [
        ("parameter", config(indicator("ema", period=6), sma)),
        ("kernel", config(indicator("ema", "sma", period=5), sma)),
        ("name", config(indicator("mean", "ema", period=5), sma)),
        ("order", config(sma, ema)),
        ("fewer", config(ema)),
        ("interval", config(ema, sma, vector_interval_s=60)),
    ]


@pytest.mark.parametrize(("_change", "other"), variants())
def test_version_of_a_set_changes_with_whatever_changes_its_values(
    _change: str, other: FeaturesConfig
) -> None:
    usual = config(indicator("ema", period=5), indicator("sma", period=5))
    assert set_version(usual) != set_version(other)


def test_version_of_a_set_does_not_change_with_what_its_values_do_not_depend_on() -> None:
    one = Indicator(name="macd", kernel="macd", parameters={"fast": 3.0, "slow": 5.0})
    two = Indicator(name="macd", kernel="macd", parameters={"slow": 5.0, "fast": 3.0})
    assert set_version(config(one)) == set_version(config(two, vector_period_ms=500))


def test_number_means_the_same_set_with_and_without_a_point() -> None:
    settings = load_settings(find_config_dir(None, {}), {})
    versions = [
        set_version(features_config(settings.model_copy(update={"indicators": given}), "any"))
        for given in (
            {"sma": IndicatorSettings.model_validate({"kernel": "sma", "period": 20})},
            {"sma": IndicatorSettings.model_validate({"kernel": "sma", "period": 20.0})},
        )
    ]
    assert versions[0] == versions[1]


def test_no_vector_goes_out_of_a_market_that_is_degraded_and_bars_go_on() -> None:
    def degraded(*, is_over: bool) -> Degraded:
        return Degraded(
            id=f"degraded-{is_over}",
            stream=INSTRUMENT,
            producer=f"ingestion/{INSTRUMENT}",
            is_over=is_over,
            behind_count=3,
            behind_ms=2_001,
        )

    state = started(config(indicator("mine", "ema", period=1)))
    seconds: list[list[FeaturesInput]] = [
        [trade(at, 1000 * at + 100), clock(1000 * at + 250)] for at in range(1, 5)
    ]
    first, second, third, fourth = seconds
    play(state, first)
    play(state, [degraded(is_over=False)])
    answers = play(state, [*second, *third])
    assert (len(bars_in(answers)), vectors_in(answers)) == (2, [])
    assert state.not_live_count == 2
    play(state, [degraded(is_over=True)])
    assert vectors_in(play(state, fourth))
