"""What people who only watch see follows from the log, in its order."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from marea.messages.envelope import Message
from marea.messages.features import Bar
from marea.messages.orders import OrderCanceled, OrderFilled, OrderIntended
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Mark,
    PortfolioOpened,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.testing.examples import example
from services.recorder.sinks import watched
from services.recorder.sinks.watched import Known, Shown, Sight, take

FILL = replace(example(OrderFilled), last_qty=810, cum_qty=810, leaves_qty=0, commission=810)
INTENT = example(OrderIntended)


def seen(*messages: Message) -> Sight:
    """What is shown once these were said."""
    known, sight = Known(), Sight()
    for message in messages:
        take(known, message, sight)
    return sight


def entry(*messages: Message) -> Shown:
    """The last entry that these lead to."""
    return seen(*messages).entries[-1][1]


def fill(number: int, **fields: Any) -> OrderFilled:
    return replace(FILL, number=number, **fields)


def test_signal_is_shown_with_its_strength_and_its_members() -> None:
    [(stream, shown)] = seen(example(Signal)).entries
    assert stream == "trading_signals"
    assert shown["symbol"] == "BTC-USDT.BINANCE"
    assert (shown["direction"], shown["strength"]) == ("buy", "50.0")
    assert (shown["timeframe"], shown["price"]) == ("1s", "61672.01")
    assert json.loads(shown["contributing_signals"])["macd"] == {"score": 0.5, "weight": 1.0}


def test_decision_is_shown_with_each_gate_and_its_signal() -> None:
    [(stream, shown)] = seen(example(RiskDecision)).entries
    assert stream == "risk_decisions"
    assert (shown["action"], shown["approved"], shown["position_size"]) == (
        "buy",
        "true",
        "0.00810",
    )
    assert json.loads(shown["limits_checked"])["STALE_S"] == {"observed": 1.179, "limit": 5.0}
    assert shown["signal_id"] == example(Signal).id
    assert shown["breaker_level"] == "0"


def test_decision_of_no_signal_names_none() -> None:
    assert entry(replace(example(RiskDecision), leg="halt"))["signal_id"] == ""


def test_decision_tells_the_highest_breaker_that_is_open() -> None:
    tripped, ended = example(BreakerTripped), example(BreakerEnded)
    first, second = (replace(tripped, level=level) for level in (1, 2))
    decision = example(RiskDecision)
    assert entry(first, second, decision)["breaker_level"] == "2"
    assert entry(first, second, replace(ended, level=2), decision)["breaker_level"] == "1"


def test_fill_is_shown_with_what_its_intent_and_its_portfolio_say() -> None:
    shown = entry(example(PortfolioOpened), INTENT, replace(FILL, last_price=6_173_368))
    assert shown["mode"] == "paper"
    assert shown["risk_decision_id"] == INTENT.decision_id
    assert (shown["strategy"], shown["leg"]) == ("weighted", "entry")
    assert shown["slippage_bps"] == "9.9997"


def test_fill_of_a_stop_is_held_against_where_it_was_to_trigger() -> None:
    stopped = fill(9, client_order_id=INTENT.stop_order_id, side="sell", last_price=6_152_802)
    shown = entry(INTENT, FILL, stopped)
    assert (shown["leg"], shown["slippage_bps"]) == ("stop", "10.0001")


def test_fill_whose_intent_is_gone_is_shown_without_it() -> None:
    shown = entry(FILL)
    assert (shown["slippage_bps"], shown["risk_decision_id"], shown["mode"]) == ("", "", "")


def test_fill_that_is_told_twice_is_shown_once() -> None:
    sight = seen(FILL, replace(FILL, id="again"))
    assert len(sight.entries) == 1
    [held] = sight.positions.values()
    assert held is not None
    assert held["qty"] == "0.00809190"  # the commission is paid in what was bought


def test_position_is_shown_until_it_is_flat() -> None:
    assert (FILL.commission_asset, FILL.asset_scale) == ("BTC", 8)
    free = replace(FILL, commission=0)
    half = fill(8, commission=0, side="sell", last_qty=405, last_price=6_200_000)
    rest = fill(9, commission=0, side="sell", last_qty=405, last_price=6_200_000)
    key = ("main", "BTC-USDT.BINANCE")
    shown = seen(free, half).positions[key]
    assert shown is not None
    assert (shown["qty"], shown["avg_price"]) == ("0.00405000", "61672.01000000")
    assert shown["realized_pnl"] == "1.32835950"
    assert seen(free, half, rest).positions == {key: None}


def test_position_that_was_bought_before_the_log_begins_is_shown_from_the_next_purchase() -> None:
    sold = fill(7, side="sell")
    key = ("main", "BTC-USDT.BINANCE")
    assert seen(sold).positions == {key: None}
    shown = seen(sold, fill(8)).positions[key]
    assert shown is not None
    assert shown["qty"] == "0.00809190"


def test_orders_that_ended_are_forgotten_and_no_more_are_known_than_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watched, "ORDERS_KNOWN_MAX", 4)
    known, sight = Known(), Sight()
    take(known, INTENT, sight)
    assert len(known.orders) == 3  # with its stop and its target
    take(known, FILL, sight)
    take(known, replace(example(OrderCanceled), client_order_id=INTENT.stop_order_id), sight)
    assert list(known.orders) == [INTENT.target_order_id]
    for number in range(10):
        again = replace(INTENT, client_order_id=f"o{number}", stop_order_id="", target_order_id="")
        take(known, again, sight)
    assert list(known.orders) == ["o6", "o7", "o8", "o9"]


def test_last_bar_and_last_mark_are_shown_by_instrument() -> None:
    bar, mark = example(Bar), example(Mark)
    sight = seen(bar, mark, replace(mark, bid_price=6_167_200), replace(bar, interval_s=60))
    assert list(sight.latest) == [
        "market_data:BTC-USDT.BINANCE:1s:latest",
        "market_state:BTC-USDT.BINANCE",
        "market_data:BTC-USDT.BINANCE:1m:latest",
    ]
    state = sight.latest["market_state:BTC-USDT.BINANCE"]
    assert (state["bid_price"], state["book_status"]) == ("61672.00", mark.book_status)
    shown = sight.latest["market_data:BTC-USDT.BINANCE:1s:latest"]
    assert shown["timestamp_utc"].endswith("+00:00")
    assert float(shown["low"]) <= float(shown["close"]) <= float(shown["high"])
