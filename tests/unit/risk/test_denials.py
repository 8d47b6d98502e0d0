"""Every no: which gate says it, with which number, and how often."""

from collections.abc import Callable
from typing import Any

import pytest

from marea.messages.orders import OrderLookedUp, OrderNotSent, ReconciliationDone
from marea.messages.portfolio import RiskDecision
from marea.messages.signals import Action
from marea.messages.system import CoreDiverged, GapFound
from services.risk.core import reasons
from tests.unit.risk.desk import (
    BTC,
    ETH,
    HOUR,
    MS,
    SECOND,
    T0,
    Desk,
    approved,
    clock,
    config,
    denied,
    instrument,
    of,
    opened,
)


def diverged() -> CoreDiverged:
    return CoreDiverged(id="d", service="features", recorded="a", decided="b", detail="close")


def gap() -> GapFound:
    return GapFound(id="g", producer="signals/x", producer_epoch=0, first_missing=3, last_missing=4)


def reconciled(rounds: int) -> ReconciliationDone:
    return ReconciliationDone(
        id=f"r-{rounds}",
        portfolio="main",
        account="main",
        differences=("BALANCE|BTC|1|2",) if rounds else (),
        rounds=rounds,
    )


def not_opened(desk: Desk) -> None:
    desk.state.portfolio = ""


WIDE = config(position_e8_max=10**8, asset_e8_max=10**8, sector_e8_max=10**8)
CASES: dict[str, Callable[[Desk], object]] = {
    reasons.PORTFOLIO_NOT_OPEN: not_opened,
    reasons.NOT_TRADED: lambda desk: desk.tell(instrument(kind="perpetual")),
    reasons.HALTED: lambda desk: desk.command("halt"),
    reasons.DIVERGED: lambda desk: desk.tell(diverged()),
    reasons.BOOK_NOT_LIVE: lambda desk: desk.mark(status="BROKEN"),
    reasons.PRICE_STALE: lambda desk: desk.wait(5 * SECOND + 1),
    reasons.RECONCILIATION_FROZEN: lambda desk: desk.tell(reconciled(3)),
    reasons.ORDER_WORKING: lambda desk: desk.signal("buy"),
}


@pytest.mark.parametrize("reason", CASES)
def test_each_state_has_the_gate_that_says_no(reason: str) -> None:
    desk = Desk.ready()
    CASES[reason](desk)
    decision = denied(desk.signal("buy"))
    assert decision.reason == reason
    assert list(decision.observed)[-1] == reason
    assert decision.observed[reason] > decision.limits[reason]
    assert decision.qty == decision.stop_price == decision.target_price == 0


def test_gates_come_in_the_order_of_their_list() -> None:
    desk = Desk.ready()
    desk.wait(10 * SECOND)
    desk.command("halt")
    desk.tell(diverged())
    assert denied(desk.signal("buy")).reason == reasons.HALTED
    desk.state.is_halted = False
    assert denied(desk.signal("buy")).reason == reasons.DIVERGED
    desk.command("resume")
    assert denied(desk.signal("buy")).reason == reasons.PRICE_STALE


def test_open_breaker_is_named_with_its_level() -> None:
    desk = Desk.ready(WIDE)
    desk.enter()
    desk.mark(bid=5_300_000)
    desk.wait(100 * MS)
    desk.leave(price=5_300_000)
    decision = denied(desk.signal("buy"))
    assert decision.reason == reasons.BREAKER_OPEN
    assert decision.observed[reasons.BREAKER_OPEN] == 2.0


def test_loss_that_trips_at_the_next_clock_holds_back_at_once() -> None:
    desk = Desk.ready(WIDE, names=(BTC, ETH))
    desk.enter(BTC)
    desk.mark(BTC, bid=5_300_000)
    assert denied(desk.signal("buy", ETH)).reason == reasons.BREAKER_OPEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"confidence": 0.49}, reasons.CONFIDENCE_TOO_LOW),
        ({"ts_expiry": T0}, reasons.SIGNAL_EXPIRED),
        ({"price": 6_120_001}, reasons.COLLAR),
        ({"price": 5_879_999}, reasons.COLLAR),
        ({"price_scale": 3}, reasons.COLLAR),
    ],
)
def test_each_fault_of_a_signal_has_the_gate_that_says_no(
    changes: dict[str, Any], reason: str
) -> None:
    decision = denied(Desk.ready().signal("buy", **changes))
    assert decision.reason == reason
    assert decision.price_scale == 2


def test_signal_at_the_edge_of_each_limit_passes() -> None:
    desk = Desk.ready()
    approved(desk.signal("buy", confidence=0.5, price=6_120_000))
    late = Desk.ready()
    late.wait(5 * SECOND)
    approved(late.signal("buy", ts_expiry=late.state.now + 1))


def test_sale_of_what_is_not_held_is_denied() -> None:
    decision = denied(Desk.ready().signal("sell"))
    assert (decision.reason, decision.side) == (reasons.SHORT_NOT_ALLOWED, "sell")


@pytest.mark.parametrize(
    ("bid", "ask"), [(0, 6_000_000), (6_000_000, 0), (6_000_000, 6_000_000), (0, 0)]
)
def test_market_without_a_bid_below_an_ask_is_not_live(bid: int, ask: int) -> None:
    desk = Desk.ready()
    desk.mark(bid=bid, ask=ask)
    assert denied(desk.signal("buy", price=6_000_000)).reason == reasons.BOOK_NOT_LIVE


def test_instrument_without_a_mark_is_not_live() -> None:
    desk = Desk.ready()
    desk.tell(instrument(ETH))
    assert denied(desk.signal("buy", ETH)).reason == reasons.BOOK_NOT_LIVE


@pytest.mark.parametrize("changes", [{"venue": "OTHER"}, {"quote": "USDC"}, {"kind": "perpetual"}])
def test_only_spot_of_the_portfolios_venue_and_base_asset_is_traded(
    changes: dict[str, Any],
) -> None:
    desk = Desk.ready()
    desk.tell(instrument(**changes))
    assert denied(desk.signal("buy")).reason == reasons.NOT_TRADED


def test_instrument_whose_notionals_need_more_places_than_an_account_has_is_not_traded() -> None:
    desk = Desk()
    desk.tell(clock(0), instrument(price_scale=4), opened())
    assert denied(desk.signal("buy")).reason == reasons.NOT_TRADED


def test_unknown_order_closes_its_instrument_until_it_is_looked_up() -> None:
    desk = Desk.ready(names=(BTC, ETH))
    intent = desk.intend(approved(desk.signal("buy")))
    desk.unknown(intent.client_order_id)
    decision = denied(desk.signal("buy"))
    assert (decision.reason, decision.observed[decision.reason]) == (reasons.ORDER_UNKNOWN, 1.0)
    approved(desk.signal("buy", ETH))
    found = OrderLookedUp(
        id="l",
        portfolio="main",
        instrument=BTC,
        client_order_id=intent.client_order_id,
        attempt=1,
        found=True,
    )
    desk.tell(found)
    assert denied(desk.signal("buy")).reason == reasons.ORDER_WORKING


def test_order_that_was_not_sent_is_known_again() -> None:
    desk = Desk.ready()
    intent = desk.intend(approved(desk.signal("buy")))
    desk.unknown(intent.client_order_id)
    not_sent = OrderNotSent(
        id="n",
        portfolio="main",
        instrument=BTC,
        client_order_id=intent.client_order_id,
        attempt=1,
        reason="late",
    )
    desk.tell(not_sent)
    assert denied(desk.signal("buy")).reason == reasons.ORDER_WORKING


def test_unknown_order_that_the_venue_canceled_is_known_again() -> None:
    desk = Desk.ready()
    decision = approved(desk.signal("buy"))
    order = desk.intend(decision).client_order_id
    desk.unknown(order)
    desk.end(order)
    desk.complete(decision, 0)
    assert desk.state.unknown == {}
    assert approved(desk.signal("buy")).purpose == "entry"


def test_third_difference_in_a_row_freezes_until_one_that_finds_none() -> None:
    desk = Desk.ready()
    desk.tell(reconciled(2))
    desk.try_in_vain()
    desk.tell(reconciled(3))
    assert denied(desk.signal("buy")).reason == reasons.RECONCILIATION_FROZEN
    desk.tell(reconciled(0))
    approved(desk.signal("buy"))


@pytest.mark.parametrize("doubt", [diverged(), gap()])
def test_divergence_and_gap_hold_back_until_a_person_resumes(doubt: CoreDiverged) -> None:
    desk = Desk.ready()
    desk.tell(doubt)
    desk.wait(24 * HOUR)
    desk.mark()
    assert denied(desk.signal("buy")).reason == reasons.DIVERGED
    assert desk.command("resume").accepted
    approved(desk.signal("buy"))


# How often


def test_no_that_stays_the_same_is_said_once_a_minute() -> None:
    desk = Desk.ready()
    for _ in range(181):
        desk.signal("sell")
        desk.wait(SECOND)
    said = of(RiskDecision, desk.said)
    assert [each.ts_event - T0 for each in said] == [0, 60 * SECOND, 120 * SECOND, 180 * SECOND]


@pytest.mark.parametrize("reason", reasons.BOTH_SIDES)
def test_no_that_is_not_about_the_side_is_said_once_a_minute_whichever_is_wanted(
    reason: str,
) -> None:
    desk = Desk.ready()
    desk.said.clear()
    {**CASES, reasons.BREAKER_OPEN: _trip}[reason](desk)
    for place in range(60):
        desk.signal("sell" if place % 2 else "buy")
        desk.wait(SECOND)
    assert [each.reason for each in of(RiskDecision, desk.said)] == [reason]


def _trip(desk: Desk) -> None:
    desk.state.drawdown.levels[0].ts_until = T0 + HOUR


def test_no_of_another_reason_side_or_strategy_is_said_at_once() -> None:
    desk = Desk.ready(config(trades=("a", "b")))
    opinions: tuple[tuple[Action, float], ...] = (
        ("buy", 0.1),
        ("sell", 1.0),
        ("sell", 0.1),
        ("sell", 0.1),
    )
    for action, confidence in opinions:
        bar = desk.name("bar")
        for strategy in ("a", "b"):
            desk.signal(action, strategy=strategy, bar=bar, confidence=confidence)
    said = [(each.strategy, each.side, each.reason) for each in of(RiskDecision, desk.said)]
    low, short = reasons.CONFIDENCE_TOO_LOW, reasons.SHORT_NOT_ALLOWED
    assert said == [
        ("a", "buy", low),
        ("b", "buy", low),
        ("a", "sell", short),
        ("b", "sell", short),
        ("a", "sell", low),
        ("b", "sell", low),
    ]


def test_no_after_an_approval_is_said_anew() -> None:
    desk = Desk.ready()
    assert denied(desk.signal("buy", confidence=0.1)).reason == reasons.CONFIDENCE_TOO_LOW
    desk.try_in_vain()
    assert denied(desk.signal("buy", confidence=0.1)).reason == reasons.CONFIDENCE_TOO_LOW
