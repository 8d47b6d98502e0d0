"""Why nothing was traded: strategy by strategy, gate by gate."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from marea.errors import BadInput
from marea.messages.envelope import Message
from marea.messages.orders import ApprovalRefused, OrderAccepted, OrderCanceled, OrderFilled
from marea.messages.portfolio import BreakerEnded, BreakerTripped, CommandTaken, PositionClosed
from marea.messages.signals import Signal
from marea.messages.system import Started
from marea.testing.examples import example
from marea.testing.market_examples import BTC, CLOCK, MS, T0
from marea.testing.trading_examples import DECISION, ENTRY, FILL, INTENT, MARK, STOP
from services.standalone.whynot import WhyNot, why_not
from services.standalone.words import Words
from tests.unit.standalone import day

RULES = {"trades": ["weighted"], "confidence_min": 0.5, "stale_ns_max": 5000 * MS}
AT = T0 + 3000 * MS
ENSEMBLE = day.ENSEMBLE
HALT = replace(example(CommandTaken), ts_event=T0)
TRIPPED = replace(example(BreakerTripped), ts_event=T0)
LATER = replace(CLOCK, id="later", ts_event=T0 + 9000 * MS)
ALL_FILLED = replace(FILL, cum_qty=810, leaves_qty=0)


def told(**rules: Any) -> Started:
    config = json.dumps(RULES | rules)
    return replace(
        example(Started), ts_event=0, service="risk", producer="risk/main", config=config
    )


def asked(*trading: Message, at: int = AT) -> WhyNot:
    begin = replace(CLOCK, ts_event=T0)
    bus = day.on_logs(market=day.ON_MARKET, trading=(told(), begin, *trading, LATER))
    return asyncio.run(why_not(bus, "r", (BTC, at), Words("en")))


def ensemble(**fields: Any) -> Signal:
    return replace(ENSEMBLE, **fields)


@pytest.mark.parametrize(
    ("trading", "conclusion", "said"),
    [
        ((MARK,), "not_spoken", "no ensemble that trades had spoken yet"),
        (
            (MARK, ensemble(action="hold", score=0.0, reasons=("WEIGHTED_BALANCED",))),
            "blocked",
            "weighted says hold (score +0.000): weighed, they cancel out",
        ),
        (
            (MARK, ensemble(confidence=0.4)),
            "blocked",
            "the confidence of weighted is 0.400, and it is acted on from 0.5",
        ),
        (
            (MARK, ensemble(ts_expiry=AT)),
            "blocked",
            "the signal of weighted holds until 2024-08-08T23:54:18.000Z",
        ),
        ((HALT, MARK, ENSEMBLE), "blocked", "you halted trading at 2024-08-08T23:54:15.000Z"),
        (
            (TRIPPED, MARK, ENSEMBLE),
            "blocked",
            "breaker 1 is in force until 2024-08-09T01:54:15.000Z: the drawdown was 5.01 %, allowed 5 %",
        ),
        ((ENSEMBLE,), "blocked", "no price is known yet"),
        (
            (replace(MARK, book_status="BROKEN"), ENSEMBLE),
            "blocked",
            "the order book is not to be trusted (BROKEN)",
        ),
        (
            (replace(MARK, ts_quote=AT - 6_000 * MS), ENSEMBLE),
            "blocked",
            "the best bid and ask are 6.000 s old, allowed 5 s",
        ),
        (
            (MARK, ENSEMBLE, INTENT),
            "blocked",
            f"orders that work: entry {ENTRY}",
        ),
        (
            (MARK, ENSEMBLE, INTENT, ALL_FILLED),
            "blocked",
            "held of the base asset: 0.00299700",
        ),
        (
            (MARK, ensemble(action="sell", score=-0.5)),
            "blocked",
            "only what is held can be sold, and held of the base asset is 0.00000000",
        ),
        ((MARK, ENSEMBLE, replace(day.DENIAL, ts_event=AT)), "denied", "(7.25 against 5)"),
        (
            (MARK, replace(day.DENIAL, ts_event=T0, parents=("older",)), ENSEMBLE),
            "denied_before",
            "nothing had changed since risk denied it at 2024-08-08T23:54:15.000Z",
        ),
        (
            (MARK, ENSEMBLE, DECISION, replace(example(ApprovalRefused), ts_event=AT - 9 * MS)),
            "refused",
            "risk approved, and execution made no order, its time is over",
        ),
        ((MARK, ENSEMBLE, DECISION), "traded", f"risk approved the buy, decision {DECISION.id}"),
        ((MARK, ENSEMBLE), "no_decision", "what weighted asked for changed nothing"),
    ],
)
def test_first_gate_that_was_shut_decides(
    trading: tuple[Message, ...], conclusion: str, said: str
) -> None:
    why = asked(*[replace(each, ts_event=min(each.ts_event, AT - 9 * MS)) for each in trading])
    assert why.conclusion == conclusion
    assert said in why.what


def test_every_strategy_is_shown_with_what_it_said_last() -> None:
    again = replace(day.BUYER, id="again", score=0.75, ts_event=T0 + 2250 * MS)
    why = asked(MARK, *day.SPOKEN, again)
    shown = [(vote.strategy, vote.score, vote.weight) for vote in why.votes]
    assert shown == [("baseline", 0.75, 1.0), ("rsi", -0.25, 1.0), ("weighted", 0.5, None)]


def test_what_came_after_the_time_asked_for_was_not_known_then() -> None:
    late = replace(ENSEMBLE, ts_event=AT + MS)
    assert asked(MARK, late).conclusion == "not_spoken"


def test_halt_and_breaker_that_ended_block_nothing_and_neither_blocks_an_exit() -> None:
    resumed = replace(HALT, id="resumed", action="resume")
    ended = replace(example(BreakerEnded), ts_event=T0)
    assert asked(HALT, resumed, TRIPPED, ended, MARK, ENSEMBLE).conclusion == "no_decision"
    filled = (INTENT, ALL_FILLED)
    sale = ensemble(action="sell", score=-0.5)
    assert asked(*filled, HALT, TRIPPED, MARK, sale).conclusion == "no_decision"


def test_order_that_ended_does_not_work_and_a_stop_that_waits_is_no_obstacle() -> None:
    accepted = replace(example(OrderAccepted), client_order_id=STOP)
    canceled = replace(example(OrderCanceled), client_order_id=ENTRY, ts_event=T0)
    why = asked(MARK, ENSEMBLE, INTENT, accepted, canceled)
    assert why.conclusion == "no_decision"
    assert why.checks[-1].text == "protective orders that wait: 1"


def test_position_that_closed_is_none_though_dust_stays() -> None:
    closed = replace(example(PositionClosed), ts_event=T0)
    assert asked(MARK, ENSEMBLE, INTENT, ALL_FILLED, closed).conclusion == "no_decision"


def test_sale_lessens_what_is_held() -> None:
    fill: OrderFilled = replace(
        ALL_FILLED, id="sold", side="sell", last_qty=100, commission_asset="USDT"
    )
    why = asked(MARK, ENSEMBLE, INTENT, ALL_FILLED, fill)
    assert "held of the base asset: 0.00199700" in why.what


def test_last_decision_is_shown_gate_by_gate() -> None:
    why = asked(MARK, ENSEMBLE, DECISION)
    assert why.last_decision == DECISION.id
    assert [gate.gate for gate in why.gates] == ["CONFIDENCE", "PROFILE_PCT", "STALE_S"]


def test_time_outside_the_run_is_refused_with_its_begin_and_end() -> None:
    told = r"the run decides from 2024-08-08T23:54:15\.009Z to 2024-08-08T23:54:24\.009Z: name a"
    for at in (T0 - MS, T0 + 10_000 * MS):
        with pytest.raises(BadInput, match=told):
            asked(MARK, at=at)


def test_rules_are_those_that_risk_was_told_at_its_last_start() -> None:
    strict, later = told(confidence_min=0.99), replace(CLOCK, id="after", ts_event=AT + MS)
    assert asked(MARK, ENSEMBLE, later, strict).conclusion == "no_decision"
    what = asked(MARK, strict, ENSEMBLE).what
    assert "it is acted on from 0.99" in what


def test_rules_of_another_build_are_refused_with_its_name() -> None:
    with pytest.raises(BadInput, match=r"risk/main .* can't read .*use the build that it ran as"):
        asked(told(trades=7), MARK)


def test_instrument_that_the_run_has_not_is_refused_with_those_it_has() -> None:
    bus = day.whole_day()
    with pytest.raises(
        BadInput, match=r"is 'ETH', and the run has none such; take one of BTC-USDT"
    ):
        asyncio.run(why_not(bus, "r", ("ETH", AT), Words("en")))


def test_run_without_decisions_is_refused() -> None:
    bus = day.on_logs(market=day.ON_MARKET)
    with pytest.raises(BadInput, match="the run has no decisions on its log"):
        asyncio.run(why_not(bus, "r", (BTC, AT), Words("en")))
