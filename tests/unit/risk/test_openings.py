"""What an opening may be: how large, at which prices, with which protection."""

import pytest

from marea.messages.portfolio import RiskDecision
from services.risk.core.reasons import GATES
from services.risk.core.sizing import kelly
from services.risk.core.state import Record
from tests.unit.risk.desk import (
    BTC,
    COIN,
    ETH,
    SECOND,
    T0,
    Desk,
    approved,
    config,
    denied,
    instrument,
    of,
)

NO_CAP = {"position_e8_max": 10**8, "asset_e8_max": 10**8, "sector_e8_max": 10**8}


def worth(decision: RiskDecision) -> int:
    """At the ask, at 8 places."""
    return decision.qty * decision.ask_price * 10


def test_opening_is_as_large_as_the_profile_allows_on_the_increment() -> None:
    decision = approved(Desk.ready().signal("buy"))
    assert decision.qty == 833  # 500 USDT at 60,000.01
    assert (decision.bid_price, decision.ask_price) == (6_000_000, 6_000_001)
    assert (decision.side, decision.purpose, decision.leg) == ("buy", "entry", "signal")
    assert decision.shares == (833,)


def test_opening_names_every_gate_it_passed_in_their_order_with_number_and_limit() -> None:
    decision = approved(Desk.ready().signal("buy"))
    passed = [code for code in GATES if code not in ("KELLY_NOT_POSITIVE", "BELOW_MINIMUM")]
    assert list(decision.observed) == list(decision.limits) == passed
    assert decision.observed["PROFILE_CAP"] == pytest.approx(499.8000833)
    assert decision.limits["PROFILE_CAP"] == 500.0
    assert decision.limits["ASSET_CAP"] == 2000.0
    assert decision.limits["SECTOR_CAP"] == 4000.0


def test_opening_may_cost_the_collar_above_the_mid_and_holds_as_long_as_its_signal() -> None:
    decision = approved(Desk.ready().signal("buy"))
    assert decision.collar_price == 6_120_000  # 60,000.00 and 2 %
    assert decision.ts_expiry == T0 + 5 * SECOND


def test_stop_lies_two_atr_below_the_mid_and_the_target_three_above() -> None:
    decision = approved(Desk.ready().signal("buy"))
    assert decision.stop_price == 6_000_000 - 4_000
    assert decision.target_price == 6_000_000 + 6_000


def test_stop_loses_no_more_and_the_target_comes_no_sooner_than_meant_by_a_fraction_of_a_price() -> (
    None
):
    decision = approved(Desk.ready().signal("buy", features={"atr_14": 20.0025}))
    assert decision.stop_price == 6_000_000 - 4_000  # 4,000.5 below is 5,995,999.5
    assert decision.target_price == 6_000_000 + 6_001  # 6,000.75 above is 6,006,000.75


def test_stop_and_target_are_rounded_up_to_the_price_increment() -> None:
    desk = Desk.ready()
    desk.tell(instrument(price_increment=700))
    decision = approved(desk.signal("buy"))
    assert (decision.stop_price, decision.target_price) == (5_996_200, 6_006_000)
    assert decision.stop_price % 700 == decision.target_price % 700 == 0


def test_stop_is_never_at_or_above_the_best_bid_nor_the_target_within_the_spread() -> None:
    desk = Desk.ready()
    desk.mark(bid=6_000_000, ask=6_001_000)
    decision = approved(desk.signal("buy", features={"atr_14": 0.5}))
    assert decision.stop_price == 5_999_999
    assert decision.target_price == 6_001_001


@pytest.mark.parametrize("atr", [None, 0.0, -1.0, float("nan"), float("inf"), 1e300, 30_000.0])
def test_nothing_is_opened_where_no_stop_can_be_set(atr: float | None) -> None:
    features = {} if atr is None else {"atr_14": atr}
    decision = denied(Desk.ready().signal("buy", features=features))
    assert decision.reason == "STOP_IMPOSSIBLE"
    assert decision.observed["STOP_IMPOSSIBLE"] == decision.limits["STOP_IMPOSSIBLE"] == 100.0


def test_opening_is_as_small_as_what_the_asset_still_allows() -> None:
    desk = Desk.ready(config(trades=("a", "b"), asset_e8_max=7_000_000))
    both = desk.signal("buy", strategy="a", bar="1") + desk.signal("buy", strategy="b", bar="1")
    assert approved(both).shares == (833, 333)  # 5 % and what is left of 7 %


def test_what_the_sector_holds_of_another_asset_counts() -> None:
    desk = Desk.ready(config(sector_e8_max=7_000_000), names=(BTC, ETH))
    desk.enter(BTC)
    assert worth(approved(desk.signal("buy", ETH))) <= 201 * COIN


def test_asset_without_a_sector_is_a_sector_of_its_own() -> None:
    desk = Desk.ready(config(sector_e8_max=7_000_000, sectors={}), names=(BTC, ETH))
    desk.enter(BTC)
    assert worth(approved(desk.signal("buy", ETH))) > 499 * COIN


def test_what_works_counts_as_if_it_were_held() -> None:
    desk = Desk.ready(config(sector_e8_max=7_000_000), names=(BTC, ETH))
    approved(desk.signal("buy", BTC))  # nothing of it is filled
    decision = approved(desk.signal("buy", ETH))
    assert worth(decision) <= 191 * COIN  # 700 less 500 at the collar price


def test_opening_leaves_enough_to_pay_the_collar_price() -> None:
    desk = Desk.ready(config(**NO_CAP))
    decision = approved(desk.signal("buy"))
    assert decision.qty * decision.collar_price * 10 <= 10_000 * COIN
    assert worth(decision) > 9_800 * COIN


def test_record_counts_among_the_caps_once_enough_positions_are_closed() -> None:
    desk = Desk.ready(config(kelly_trades_min=2))
    for won in (True, False):
        desk.enter()
        desk.leave(price=6_600_000 if won else 5_940_000)
    decision = approved(desk.signal("buy"))
    assert decision.limits["KELLY_NOT_POSITIVE"] > decision.limits["PROFILE_CAP"]
    fewer = Desk.ready(config(kelly_trades_min=3))
    for _ in range(2):
        fewer.enter()
        fewer.leave(price=6_600_000)
    assert "KELLY_NOT_POSITIVE" not in approved(fewer.signal("buy")).limits


def test_record_that_promises_no_gain_opens_nothing() -> None:
    desk = Desk.ready(config(kelly_trades_min=2))
    for _ in range(2):
        desk.enter()
        desk.leave()  # at the same price, less two fees
    decision = denied(desk.signal("buy"))
    assert decision.reason == "KELLY_NOT_POSITIVE"
    assert decision.limits["KELLY_NOT_POSITIVE"] == 0.0
    assert decision.qty == decision.stop_price == 0


@pytest.mark.parametrize(
    ("record", "share"),
    [
        (Record(), 0.0),
        (Record(won=1, lost=1, gained=200, paid=100), 0.25),  # p 1/2, b 2
        (Record(won=2, lost=2, gained=100, paid=100), 0.0),  # even odds
        (Record(won=1, lost=3, gained=100, paid=300), 0.0),  # below 0
        (Record(won=4, lost=0, gained=100), 1.0),
        (Record(won=3, lost=1, gained=100), 0.75),  # the one that lost cost nothing
        (Record(lost=5, paid=10), 0.0),
    ],
)
def test_kelly_share_is_that_of_the_formula(record: Record, share: float) -> None:
    assert kelly(record) == pytest.approx(share)


def test_cap_that_leaves_less_than_an_order_is_named_with_what_it_leaves() -> None:
    decision = denied(Desk.ready(config(asset_e8_max=30_000)).signal("buy"))
    assert decision.reason == "ASSET_CAP"
    assert (decision.observed["ASSET_CAP"], decision.limits["ASSET_CAP"]) == (5.0, 3.0)


def test_increment_that_is_worth_too_much_is_below_the_minimum() -> None:
    desk = Desk.ready()
    desk.tell(instrument(qty_increment=1000))
    decision = denied(desk.signal("buy"))  # 0.01 is worth 600, and the profile allows 500
    assert decision.reason == "PROFILE_CAP"
    assert decision.observed["PROFILE_CAP"] == pytest.approx(600.0001)
    desk.tell(instrument(qty_increment=500, notional_min=45_000))
    decision = denied(desk.signal("buy"))  # 0.005 is worth 300, and 450 must be
    assert decision.reason == "BELOW_MINIMUM"
    assert decision.observed["BELOW_MINIMUM"] == pytest.approx(300.00005)
    assert decision.limits["BELOW_MINIMUM"] == 450.0


def test_number_of_positions_is_bounded() -> None:
    desk = Desk.ready(config(positions_max=1), names=(BTC, ETH))
    desk.enter(BTC)
    decision = denied(desk.signal("buy", ETH))
    assert decision.reason == "POSITIONS_MAX"
    assert (decision.observed["POSITIONS_MAX"], decision.limits["POSITIONS_MAX"]) == (2.0, 1.0)
    desk.leave(BTC)
    approved(desk.signal("buy", ETH))


def test_orders_of_a_second_and_of_a_minute_are_bounded() -> None:
    desk = Desk.ready(config(orders_per_s_max=3, orders_per_min_max=4))
    for _ in range(2):
        desk.try_in_vain()
    decision = denied(desk.signal("buy"))
    assert decision.reason == "ORDERS_PER_S"  # two were, and it may become two
    assert (decision.observed["ORDERS_PER_S"], decision.limits["ORDERS_PER_S"]) == (4.0, 3.0)
    desk.wait(SECOND)
    desk.try_in_vain()
    desk.wait(SECOND)
    assert denied(desk.signal("buy")).reason == "ORDERS_PER_MIN"
    desk.wait(60 * SECOND)
    desk.mark()
    approved(desk.signal("buy"))


def test_approval_counts_as_the_orders_it_may_become_before_they_are_intended() -> None:
    desk = Desk.ready(config(orders_per_s_max=3), names=(BTC, ETH))
    decision = approved(desk.signal("buy", BTC))
    for child in (0, 1):
        assert denied(desk.signal("buy", ETH)).observed["ORDERS_PER_S"] == 4.0
        desk.intend(decision, child)
        desk.state.denials.clear()
    desk.wait(SECOND)
    desk.mark(ETH)
    assert approved(desk.signal("buy", ETH)).observed["ORDERS_PER_S"] == 2.0


def test_strategy_that_is_not_traded_decides_nothing() -> None:
    desk = Desk.ready()
    assert desk.signal("buy", strategy="rsi") == []
    assert desk.signal("hold") == []
    assert of(RiskDecision, desk.said) == []
