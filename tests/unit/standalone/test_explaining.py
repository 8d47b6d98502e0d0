"""Why it did that, in a person's words and as data."""

import asyncio
from itertools import pairwise

import pytest
from msgspec.structs import replace

from marea.messages.portfolio import PositionClosed
from marea.testing.examples import example
from marea.testing.market_examples import BUILD, TRADE
from marea.testing.trading_examples import DECISION, ENTRY, FILL, INTENT, SIGNAL
from services.standalone import explaining
from services.standalone.explaining import Explanation, Step
from services.standalone.words import Words
from tests.unit.standalone import day

ENGLISH = Words("en")


def explained(name: str, words: Words = ENGLISH) -> Explanation:
    return asyncio.run(explaining.explain(day.whole_day(), "r", name, words))


def step(explanation: Explanation, kind: str) -> Step:
    return next(step for step in explanation.steps if step.type == kind)


def test_order_says_what_it_was_why_and_what_came_of_it() -> None:
    what = explained(ENTRY).what
    assert what.startswith(f"Order {ENTRY} (entry): buy 0.00810 {INTENT.instrument} at 61672.01 or")
    assert (
        "It came about because weighted says buy: score 0.5, confidence 0.625, at 61672.01" in what
    )
    assert "The entry is over: 0.00810 of 0.00810 filled at 61672.01 on average" in what
    assert "closed by profit target" in what
    assert "result 0.00057152 USDT after" in what
    assert what.endswith("Fills: 1; commission 0.00000300 BTC.")


def test_denial_names_the_gate_and_its_number_against_the_limit() -> None:
    told = explained(day.DENIAL.id)
    gates = step(told, "RiskDecision").gates
    assert [(gate.gate, gate.observed, gate.allowed, gate.blocked) for gate in gates] == [
        ("CONFIDENCE", 0.625, 0.5, False),
        ("PROFILE_PCT", None, 5.0, False),
        ("STALE_S", 7.25, 5.0, True),
    ]
    assert "(7.25 against 5)" in told.what
    assert "(7.25 frente a 5)" in explained(day.DENIAL.id, Words("es")).what


def test_steps_stand_in_the_order_of_the_venues_time_with_the_time_between() -> None:
    steps = explained(FILL.id).steps
    assert [each.type for each in steps] == [
        "Quote",
        "Mark",
        "Clock",
        "Bar",
        "FeatureVector",
        "Signal",
        "RiskDecision",
        "OrderIntended",
        "OrderSent",
        "OrderAccepted",
        "Trade",
        "ExecutionReport",
        "OrderFilled",
        "JournalPosted",
        "OrderCompleted",
        "PositionClosed",
    ]
    assert steps[0].gap_ms is None
    for one, other in pairwise(steps):
        assert other.gap_ms == (other.ts_event - one.ts_event) / 1e6 >= 0
    assert [each.id for each in steps if each.is_subject] == [FILL.id]


def test_signal_comes_with_what_each_member_said_and_counted() -> None:
    votes = step(explained(FILL.id), "Signal").votes
    assert [(vote.strategy, vote.action, vote.weight) for vote in votes] == [
        ("baseline", "buy", 1.0),
        ("rsi", "sell", 1.0),
    ]
    assert votes[1].reasons == ("RSI_OVERBOUGHT",)
    assert votes[1].features == {"rsi_14": 75.0}


def test_strategy_that_stands_alone_is_its_own_vote() -> None:
    votes = step(explained(day.BUYER.id), "Signal").votes
    assert [(vote.strategy, vote.weight) for vote in votes] == [("baseline", None)]


def test_what_decided_comes_with_its_build_and_configuration() -> None:
    deciders = explained(ENTRY).deciders
    assert {decider.producer for decider in deciders} == {
        "features/BTC-USDT.BINANCE",
        "risk/main",
        "signals/embedded",
    }
    assert {decider.build for decider in deciders} == {BUILD}
    assert all(decider.config == {"asset_pct_max": 20.0} for decider in deciders)


def test_event_of_the_market_is_told_alone() -> None:
    told = explained(TRADE.id)
    assert [each.type for each in told.steps] == ["Trade"]
    assert told.what == "0.04213 traded at 61672.01; the taker's side was sell."


def test_loss_is_told_with_its_sign() -> None:
    closed = replace(example(PositionClosed), realized_pnl=-57_152)
    bus = day.on_logs(trading=(SIGNAL, DECISION, INTENT, FILL, closed))
    told = asyncio.run(explaining.explain(bus, "r", ENTRY, ENGLISH))
    assert "result -0.00057152 USDT" in told.what


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Filled (buy, "), ("es", "Ejecutado (compra, ")]
)
def test_fill_is_told_in_either_language(language: str, said: str) -> None:
    words = Words("es" if language == "es" else "en")
    assert explained(FILL.id, words).what.startswith(said)
