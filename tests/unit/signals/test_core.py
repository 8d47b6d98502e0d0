"""Features in, signals out."""

import random
from pathlib import Path

import msgspec
import pytest

from marea.domain.bars import SECOND_NS
from marea.messages import codec
from marea.messages.features import BarCorrection
from marea.messages.signals import Signal
from marea.messages.system import CoreDiverged, Degraded, GapFound, Started
from marea.testing.builders import INSTRUMENT
from services.signals.core import SignalsInput, SignalsState, begin, decide
from services.signals.core.ensembles import ENSEMBLES
from services.signals.core.speech import (
    ABSTAIN_DEGRADED,
    ABSTAIN_MISSING_BAR,
    ABSTAIN_MISSING_FEATURE,
    RECORDS_TOO_SHORT,
)
from services.signals.strategies import STRATEGIES
from tests.unit.signals.speaking import (
    bar,
    by_name,
    config,
    draw_values,
    history,
    play,
    signals_of,
    vector,
)

OTHER = "ETH-USDT.SIM"
WHOLE = draw_values(1, seed=3)[0]


def test_everybody_speaks_at_a_bars_close_and_whoever_is_acted_on_speaks_last() -> None:
    order = [each.strategy for each in signals_of(config(), [bar(0), vector(0, WHOLE)])]
    assert order == [*STRATEGIES, "combiner", "voting", "confidence", "best", "weighted"]
    order = [
        each.strategy
        for each in signals_of(config(trades=["voting", "rsi"]), [bar(0), vector(0, WHOLE)])
    ]
    assert order[-2:] == ["rsi", "voting"]
    assert sorted(order) == sorted([*STRATEGIES, *ENSEMBLES])


def test_only_the_strategies_that_are_chosen_speak() -> None:
    said = signals_of(config(["sma", "rsi"]), [bar(0), vector(0, WHOLE)])
    assert [each.strategy for each in said[:2]] == ["sma", "rsi"]
    assert list(by_name(said)["voting"].votes) == ["sma", "rsi"]


def test_signal_carries_price_expiry_reason_and_the_values_it_rests_on() -> None:
    said = by_name(signals_of(config(), [bar(0, 6_183_763), vector(0, WHOLE)]))
    rsi = said["rsi"]
    assert (rsi.price, rsi.price_scale, rsi.interval_s) == (6_183_763, 2, 1)
    assert rsi.ts_expiry == rsi.ts_event + 5 * SECOND_NS
    assert rsi.features == {name: WHOLE[name] for name in ("rsi_14", "adx_14")}
    assert rsi.parents == (f"vector:{INSTRUMENT}:0", f"bar:{INSTRUMENT}:1:0")
    score, confidence, reason = STRATEGIES["rsi"].judge([WHOLE["rsi_14"], WHOLE["adx_14"]])
    assert (rsi.score, rsi.confidence) == (score, confidence)
    assert rsi.reasons == (STRATEGIES["rsi"].reasons[reason],)


def test_action_is_the_side_of_the_score() -> None:
    for signal in signals_of(config(), history(300, seed=3)):
        side = "buy" if signal.score > 0 else "sell" if signal.score < 0 else "hold"
        assert signal.action == side


def test_ensembles_show_votes_and_weights_and_what_whoever_acts_needs() -> None:
    said = by_name(signals_of(config(trades=["weighted", "rsi"]), [bar(0), vector(0, WHOLE)]))
    for name in ENSEMBLES:
        assert said[name].votes == {each: said[each].score for each in STRATEGIES}
        assert said[name].features == {"atr_14": WHOLE["atr_14"], "mid": WHOLE["mid"]}
    assert set(said["weighted"].weights.values()) == {1.0}
    assert said["confidence"].weights == {each: said[each].confidence for each in STRATEGIES}
    assert list(said["rsi"].features) == ["rsi_14", "adx_14", "atr_14", "mid"]


def test_vector_between_two_bars_says_nothing() -> None:
    assert play(begin(config()), [bar(0), vector(0, WHOLE, bar_id="")]) == []


def test_bars_of_another_length_are_none_of_its_business() -> None:
    said = signals_of(config(), [bar(0, 100), bar(0, 999, interval_s=60), vector(0, WHOLE)])
    assert {each.price for each in said} == {100}


@pytest.mark.parametrize("number", [None, float("nan"), float("inf")])
def test_strategy_abstains_aloud_where_a_feature_is_missing_or_not_finite(
    number: float | None,
) -> None:
    values = {name: value for name, value in WHOLE.items() if name != "rsi_14"}
    if number is not None:
        values["rsi_14"] = number
    said = by_name(signals_of(config(), [bar(0), vector(0, values)]))
    rsi = said["rsi"]
    assert (rsi.action, rsi.score, rsi.confidence) == ("hold", 0.0, 0.0)
    assert rsi.reasons == (ABSTAIN_MISSING_FEATURE,)
    assert rsi.features == {"adx_14": WHOLE["adx_14"]}
    assert [name for name in STRATEGIES if name not in said["weighted"].votes] == ["rsi"]


def test_ensembles_abstain_where_all_do_or_where_nobody_could_act_on_them() -> None:
    nothing = by_name(signals_of(config(), [bar(0), vector(0, {"atr_14": 1.0, "mid": 9.0})]))
    assert {each.reasons for each in nothing.values()} == {(ABSTAIN_MISSING_FEATURE,)}
    values = {name: value for name, value in WHOLE.items() if name != "mid"}
    said = by_name(signals_of(config(), [bar(0), vector(0, values)]))
    assert said["rsi"].reasons != (ABSTAIN_MISSING_FEATURE,)
    for name in ENSEMBLES:
        assert said[name].reasons == (ABSTAIN_MISSING_FEATURE,)
        assert (said[name].score, said[name].confidence) == (0.0, 0.0)


def test_everybody_abstains_where_the_bar_was_lost_and_price_with_it() -> None:
    events: list[SignalsInput] = [bar(0, 100), vector(0, WHOLE), vector(1, WHOLE)]
    events.append(vector(0, WHOLE, OTHER))
    said = signals_of(config(), events)
    lost, unknown = said[11:22], said[22:]
    assert {each.reasons for each in lost + unknown} == {(ABSTAIN_MISSING_BAR,)}
    assert {(each.price, each.price_scale) for each in lost} == {(100, 2)}
    assert {(each.price, each.price_scale) for each in unknown} == {(0, 0)}
    assert len(unknown) == 11


def degraded(producer: str, *, is_over: bool) -> Degraded:
    return Degraded(
        id=f"{producer}:{is_over}",
        stream="shard",
        producer=producer,
        is_over=is_over,
        behind_count=3,
        behind_ms=2_001,
    )


def test_everybody_abstains_until_no_producer_of_the_shard_is_degraded() -> None:
    one, other = f"features/{INSTRUMENT}", f"features/{OTHER}"
    events: list[SignalsInput] = [degraded(one, is_over=False), degraded(other, is_over=False)]
    events += [bar(0), vector(0, WHOLE), degraded(one, is_over=True), bar(1), vector(1, WHOLE)]
    events += [degraded(other, is_over=True), bar(2), vector(2, WHOLE)]
    said = signals_of(config(), events)
    both, left, none = said[:11], said[11:22], said[22:]
    assert {each.reasons for each in both + left} == {(ABSTAIN_DEGRADED,)}
    assert {each.parents[2:] for each in both} == {(f"{one}:False", f"{other}:False")}
    assert {each.parents[2:] for each in left} == {(f"{other}:False",)}
    assert by_name(none)["rsi"].reasons != (ABSTAIN_DEGRADED,)


def test_abstention_leaves_the_record_as_it_is() -> None:
    state = begin(config(["baseline"]))
    up = {"ema_20": 2.0, "ema_50": 1.0, "atr_14": 1.0, "adx_14": 50.0, "mid": 2.0}
    play(state, [bar(0, 100), vector(0, up), bar(1, 120), vector(1, {}), vector(2, up)])
    record = state.series[INSTRUMENT].records["baseline"]
    assert (record.entry_price, record.closed_trades) == (100, 0)
    down = up | {"ema_20": 0.5}
    play(state, [bar(3, 150), vector(3, down)])
    assert (record.entry_price, record.closed_trades, record.gains) == (0, 1, 0.5)


def test_weights_are_equal_until_every_strategy_has_its_closed_trades() -> None:
    events = history(2_000, seed=11)
    said = signals_of(config(closed_trades_min=5), events)
    weighted = [each for each in said if each.strategy == "weighted"]
    is_short = [RECORDS_TOO_SHORT in each.reasons for each in weighted]
    first = is_short.index(False)
    assert 0 < first < len(weighted)
    assert is_short == [place < first for place in range(len(weighted))]
    for place, signal in enumerate(weighted):
        assert (set(signal.weights.values()) == {1.0}) == (place < first)
        assert all(0.1 <= each <= 10.0 for each in signal.weights.values())
    best = [each for each in said if each.strategy == "best"]
    assert all(each.action == "hold" for each in best[:first])
    assert any(each.action != "hold" for each in best[first:])


def test_records_of_two_instruments_are_kept_apart() -> None:
    alone = signals_of(config(closed_trades_min=2), history(400, seed=11))
    together = signals_of(
        config(closed_trades_min=2), history(400, seed=11, instruments=[INSTRUMENT, OTHER])
    )
    assert [each for each in together if each.instrument == INSTRUMENT] == alone


def test_what_is_acted_on_is_sure_enough_now_and_then_and_not_always() -> None:
    said = [
        each
        for each in signals_of(config(), history(2_000, seed=11))
        if each.strategy == "weighted"
    ]
    buys = sum(each.confidence >= 0.5 and each.action == "buy" for each in said)
    sells = sum(each.confidence >= 0.5 and each.action == "sell" for each in said)
    assert 0.02 < buys / len(said) < 0.4
    assert 0.02 < sells / len(said) < 0.4


def test_gap_is_passed_on_and_what_says_nothing_of_the_market_is_let_go() -> None:
    state = begin(config())
    gap = GapFound(
        id="gap", producer="features/x", producer_epoch=0, first_missing=3, last_missing=4
    )
    diverged = CoreDiverged(id="d", service="features", recorded="", decided="", detail="")
    correction = BarCorrection(
        id="c",
        bar_id="b",
        **{
            name: getattr(bar(0), name)
            for name in BarCorrection.__struct_fields__
            if name not in ("id", "bar_id", "ts_event", "parents")
        },
    )
    started = Started(id="s", service="features", build="test", config="{}", resumes_at=0)
    assert play(state, [gap, diverged, correction, started]) == [gap]
    assert state == begin(config())


def test_decide_changes_nothing_and_says_the_same_twice() -> None:
    state = begin(config(closed_trades_min=2))
    for event in history(120, seed=4):
        before = msgspec.msgpack.encode(state)
        first, second = decide(state, event), decide(state, event)
        assert msgspec.msgpack.encode(state) == before
        assert first == second
        play(state, [event])


@pytest.mark.parametrize("seed", range(5))
def test_state_saved_and_restored_at_a_random_bar_goes_on_the_same(seed: int) -> None:
    events = history(600, seed=11, instruments=[INSTRUMENT, OTHER])
    cut = random.Random(seed).randrange(len(events))
    straight, first_life = begin(config(closed_trades_min=3)), begin(config(closed_trades_min=3))
    expected = play(straight, events)
    found = play(first_life, events[:cut])
    body = msgspec.msgpack.encode(first_life)
    restored = msgspec.msgpack.decode(body, type=SignalsState)
    assert restored == first_life
    found += play(restored, events[cut:])
    assert [codec.encode(each) for each in found] == [codec.encode(each) for each in expected]
    assert restored == straight


def test_every_reason_code_is_told_once_and_explained_in_the_readme(root: Path) -> None:
    tables = [each.reasons for each in STRATEGIES.values()]
    tables += [each.reasons for each in ENSEMBLES.values()]
    codes = [code for table in tables for code in table]
    codes += [ABSTAIN_MISSING_FEATURE, ABSTAIN_MISSING_BAR, ABSTAIN_DEGRADED, RECORDS_TOO_SHORT]
    assert len(set(codes)) == len(codes)
    assert all(code == code.upper() for code in codes)
    page = (root / "services/signals/README.md").read_text(encoding="utf-8")
    assert [code for code in codes if f"`{code}`" not in page] == []


def test_signals_stand_the_way_through_their_written_form() -> None:
    for signal in signals_of(config(), history(3, seed=3)):
        assert codec.decode(Signal.__name__, codec.encode(signal)) == signal
