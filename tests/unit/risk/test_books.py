"""The books: what a fill moves, whose it is, when a position is over, what all is worth."""

import pytest
from msgspec.structs import replace

from marea.invariants.reckoning import imbalance, lines_of
from marea.messages.orders import OrderFilled
from marea.messages.portfolio import JournalPosted, PortfolioValued, PositionClosed
from marea.messages.signals import Signal
from tests.unit.risk.desk import (
    BTC,
    COIN,
    MS,
    SECOND,
    T0,
    Desk,
    approved,
    config,
    denied,
    instrument,
    of,
    only,
    opened,
)

TWO = config(trades=("a", "b"))


def test_opening_is_booked_once() -> None:
    desk = Desk.ready()
    posted = only(JournalPosted, desk.said)
    assert (posted.cause, posted.accounts) == ("opening", ("wallet", "opening"))
    assert posted.amounts == (10_000 * COIN, -10_000 * COIN)
    assert desk.tell(opened()) == []
    assert desk.wallet("USDT") == 10_000 * COIN


def test_buy_moves_both_assets_and_pays_its_commission_in_what_it_gets() -> None:
    desk = Desk.ready()
    decision = desk.enter()
    posted = of(JournalPosted, desk.said)[-1]
    assert posted.strategy == "weighted"
    assert imbalance(lines_of(posted)) == {}
    assert desk.wallet("BTC") == decision.qty * 1000 - 833
    assert desk.wallet("USDT") == 10_000 * COIN - 833 * 6_000_000 * 10
    assert desk.held() == desk.wallet("BTC")


def test_fill_that_comes_twice_is_booked_once() -> None:
    desk = Desk.ready()
    desk.enter()
    before = desk.wallet("BTC")
    order = of(OrderFilled, desk.told)[-1].client_order_id
    assert desk.fill(order, 833, number=desk.report_number) == []
    assert desk.wallet("BTC") == before


def test_sale_ends_the_position_and_leaves_the_dust_to_the_next() -> None:
    desk = Desk.ready()
    decision = desk.enter()
    dust = desk.held() % 1000
    desk.wait(SECOND)
    closed = only(PositionClosed, desk.leave(price=6_030_000))
    assert (closed.side, closed.qty, closed.exit_reason) == ("buy", decision.qty, "exit")
    assert (closed.entry_price, closed.exit_price) == (6_000_000, 6_030_000)
    assert closed.ts_opened == T0
    assert desk.held() == desk.wallet("BTC") == dust
    fees = desk.state.fees
    assert closed.fees == fees > 0
    # what came of it is what cash gained, and the dust is kept at its cost
    gained = desk.wallet("USDT") - 10_000 * COIN
    assert closed.realized_pnl == gained + desk.state.positions["weighted"][BTC].cost


def test_exit_sells_all_that_can_be_sold_down_to_the_collar_below_the_mid() -> None:
    desk = Desk.ready()
    desk.enter()
    decision = approved(desk.signal("sell"))
    assert (decision.purpose, decision.side, decision.qty) == ("exit", "sell", 832)
    assert decision.collar_price == 5_880_000
    assert decision.stop_price == decision.target_price == 0


def test_exit_sells_no_lower_than_the_collar_by_a_fraction_of_a_price() -> None:
    desk = Desk.ready()
    desk.enter()
    desk.mark(bid=6_000_010, ask=6_000_012)
    decision = approved(desk.signal("sell"))
    assert decision.collar_price == 5_880_011  # 98 % of 6,000,011 is 5,880,010.78


def test_exit_passes_what_only_guards_openings() -> None:
    desk = Desk.ready()
    desk.enter()
    desk.command("halt")
    desk.wait(100 * SECOND)
    desk.mark(status="BROKEN")
    approved(desk.signal("sell"))


def test_exit_needs_a_bid_and_an_ask() -> None:
    desk = Desk.ready()
    desk.enter()
    desk.mark(bid=0, ask=0)
    assert denied(desk.signal("sell", price=6_000_000)).reason == "BOOK_NOT_LIVE"


def test_strategy_that_holds_what_it_wants_asks_for_nothing() -> None:
    desk = Desk.ready()
    desk.enter()
    assert desk.signal("buy") == []
    assert desk.signal("sell", confidence=0.1) != []  # denied: it is not sure
    assert desk.state.working == {}


def test_stop_and_target_name_themselves_as_the_reason_of_the_end() -> None:
    for leg in ("stop", "target"):
        desk = Desk.ready()
        desk.enter()
        order = next(name for name in desk.state.orders if name.endswith(leg))
        assert only(PositionClosed, desk.fill(order, 832)).exit_reason == leg


def test_position_that_is_sold_in_parts_is_closed_once_even_where_the_last_is_dust() -> None:
    desk = Desk.ready()
    decision = desk.enter()
    order = next(name for name in desk.state.orders if name.endswith("stop"))
    assert of(PositionClosed, desk.fill(order, 827, leaves=5)) == []
    said = desk.fill(order, 5)  # worth 3 USDT, less than the venue takes
    assert only(PositionClosed, said).qty == decision.qty
    assert desk.complete(decision, 832, "stop") == []


def test_sale_that_ends_before_the_last_dust_closes_the_position_when_it_is_told_so() -> None:
    desk = Desk.ready()
    decision = desk.enter()
    for name in list(desk.state.orders):
        if name.endswith("target"):
            desk.end(name, "sibling_filled")
    order = next(name for name in desk.state.orders if name.endswith("stop"))
    desk.fill(order, 827, leaves=5)
    desk.end(order)
    assert desk.state.approvals == {}
    assert only(PositionClosed, desk.complete(decision, 827, "stop")).exit_reason == "stop"


# Until when an order may fill


def test_stop_of_one_child_outlives_that_of_another() -> None:
    desk = Desk.ready()
    decision = approved(desk.signal("buy"))
    first, second = desk.intend(decision, 0), desk.intend(decision, 1)
    desk.fill(first.client_order_id, 400, leaves=433)
    desk.end(first.client_order_id)
    desk.fill(second.client_order_id, 433)
    desk.complete(decision, 833)
    desk.fill(first.stop_order_id, 399)
    desk.complete(decision, 399, "stop")
    assert desk.fill(second.stop_order_id, 432)
    assert desk.held() < 10 * 1000


@pytest.mark.parametrize("reason", ["DUPLICATE_ID", "TIMESTAMP"])
def test_order_of_which_another_request_was_refused_may_still_fill(reason: str) -> None:
    desk = Desk.ready()
    order = desk.intend(approved(desk.signal("buy"))).client_order_id
    desk.end(order, reason)
    desk.fill(order, 833)
    assert desk.held() == 833_000 - 833


def test_nothing_is_remembered_of_a_decision_that_is_over() -> None:
    desk = Desk.ready()
    for _ in range(3):
        desk.try_in_vain()  # its orders ended without a report of ours
    decision = approved(desk.signal("buy"))
    rejected = desk.intend(decision).client_order_id
    desk.end(rejected, "BALANCE")
    desk.complete(decision, 0)
    desk.refuse(approved(desk.signal("buy")))
    desk.enter()
    for name in list(desk.state.orders):
        desk.end(name, "replaced")
    desk.leave()
    state = desk.state
    assert not state.orders
    assert not state.approvals
    assert not state.working


def test_fill_of_an_order_that_was_never_intended_stops_the_loop() -> None:
    with pytest.raises(ValueError, match=r"client_order_id is 'x-entry-0': expected one that was"):
        Desk.ready().fill("x-entry-0", 10)


def test_instrument_that_changes_its_scales_stops_the_loop() -> None:
    desk = Desk.ready()
    with pytest.raises(ValueError, match=r"BTC-USDT.SIM changed its scales from 2, 5 to 1, 5: tr"):
        desk.tell(instrument(price_scale=1))


# Several strategies


def test_nothing_is_decided_before_all_have_spoken_of_the_bar() -> None:
    desk = Desk.ready(TWO)
    assert desk.signal("buy", strategy="a", bar="1") == []
    assert desk.signal("buy", strategy="b", bar="2") == []
    assert desk.signal("buy", strategy="a", bar="2") != []


def test_what_all_want_is_one_order_and_its_fills_are_shared_to_the_last_unit() -> None:
    desk = Desk.ready(TWO)
    decision = approved(desk.bar(a="buy", b="buy"))
    assert (decision.strategy, decision.shares) == ("a+b", (833, 833))
    assert len(decision.parents) == 2
    order = desk.intend(decision).client_order_id
    said = desk.fill(order, 1, leaves=1665) + desk.fill(order, 1665, 5_999_999)
    assert [each.strategy for each in of(JournalPosted, said)] == ["a", "a", "b"]
    assert [desk.state.positions[name][BTC].bought_qty for name in "ab"] == [833_000, 833_000]
    assert desk.held("a") + desk.held("b") == desk.wallet("BTC")
    costs = sum(desk.state.positions[name][BTC].cost for name in "ab")
    assert costs == 10_000 * COIN - desk.wallet("USDT")


def test_each_gets_what_it_wants_however_small_the_fills_are() -> None:
    desk = Desk.ready(TWO)
    decision = approved(desk.bar(a="buy", b="buy"))
    order = desk.intend(decision).client_order_id
    for left in reversed(range(decision.qty)):
        desk.fill(order, 1, leaves=left)
    assert [desk.state.positions[name][BTC].bought_qty for name in "ab"] == [833_000, 833_000]


def test_who_leaves_sells_to_who_enters_at_the_mark_and_no_order_is_made() -> None:
    desk = Desk.ready(TWO)
    enter_alone(desk)
    cash = desk.wallet("USDT")
    said = desk.bar(a="sell", b="buy")
    posted = of(JournalPosted, said)
    assert [(each.strategy, each.cause) for each in posted] == [("a", "cross"), ("b", "cross")]
    signals = of(Signal, desk.told)[-2:]
    assert posted[0].parents == (signals[1].id, signals[0].id)
    assert posted[1].parents == (signals[1].id,)
    assert all(imbalance(lines_of(each)) == {} for each in posted)
    assert posted[0].amounts[0] == -posted[1].amounts[0] == -832_000
    assert posted[0].amounts[2] == -posted[1].amounts[2] == 832 * 60_000_005 // 10 * 10
    closed = only(PositionClosed, said)
    assert (closed.strategy, closed.exit_reason) == ("a", "cross")
    assert desk.held("b") == 832_000
    assert desk.wallet("USDT") == cash


def enter_alone(desk: Desk) -> None:
    """Strategy a holds 833 less its fee, b nothing."""
    decision = approved(desk.bar(a="buy", b="hold"))
    desk.carry_out(decision)


def test_difference_of_a_cross_that_is_too_small_for_an_order_is_denied() -> None:
    desk = Desk.ready(TWO)
    enter_alone(desk)
    decision = denied(desk.bar(a="sell", b="buy"))
    assert (decision.reason, decision.strategy) == ("BELOW_MINIMUM", "b")
    assert decision.observed["BELOW_MINIMUM"] < decision.limits["BELOW_MINIMUM"] == 5.0


def test_stop_of_who_has_sold_to_another_sells_what_that_one_holds() -> None:
    desk = Desk.ready(TWO)
    enter_alone(desk)
    desk.bar(a="sell", b="buy")
    stop = next(name for name in desk.state.orders if name.endswith("stop"))
    said = desk.fill(stop, 832)
    assert [each.strategy for each in of(PositionClosed, said)] == ["b"]
    assert desk.held("a") + desk.held("b") == desk.wallet("BTC")


def test_own_stop_of_who_has_lost_its_stops_sells_nothing_of_another() -> None:
    desk = Desk.ready(TWO)
    decision = approved(desk.bar(a="buy", b="hold"))
    entry = desk.intend(decision)
    desk.fill(entry.client_order_id, 833)
    desk.complete(decision, 833)
    desk.carry_out(approved(desk.bar(a="hold", b="buy")))
    desk.end(entry.stop_order_id)
    desk.end(entry.target_order_id)
    own = {"id": "own", "leg": "stop", "client_order_id": "own-stop", "side": "sell"}
    desk.tell(replace(entry, **own, child=2, stop_order_id="", target_order_id=""))
    said = desk.fill("own-stop", 832)
    assert [each.strategy for each in of(JournalPosted, said)] == ["a"]
    assert desk.held("b") == 833_000 - 833


def test_sale_of_more_than_all_hold_stops_the_loop() -> None:
    desk = Desk.ready()
    desk.enter()
    stop = next(name for name in desk.state.orders if name.endswith("stop"))
    with pytest.raises(ValueError, match=r"qty is 167833 more than is held of BTC-USDT.SIM in all"):
        desk.fill(stop, 1000)


# Worth


def test_portfolio_is_valued_once_a_second() -> None:
    desk = Desk.ready()
    desk.said.clear()
    for _ in range(30):
        desk.wait(100 * MS)
    assert [each.ts_event - T0 for each in of(PortfolioValued, desk.said)] == [
        SECOND,
        2 * SECOND,
        3 * SECOND,
    ]


def test_equity_is_cash_and_what_is_held_at_the_mid() -> None:
    desk = Desk.ready()
    desk.enter()
    desk.mark(bid=6_100_000, ask=6_100_002)
    valued = only(PortfolioValued, desk.wait(SECOND))
    held = desk.held() * 6_100_001 // 100
    assert (valued.asset, valued.asset_scale) == ("USDT", 8)
    assert valued.exposure == held
    assert valued.equity == valued.cash + held
    assert valued.realized_pnl + valued.unrealized_pnl == valued.equity - 10_000 * COIN


def test_what_loses_its_bid_keeps_its_last_value() -> None:
    desk = Desk.ready()
    desk.enter()
    before = only(PortfolioValued, desk.wait(SECOND))
    desk.mark(bid=0, ask=0)
    after = only(PortfolioValued, desk.wait(SECOND))
    assert (after.equity, after.unrealized_pnl) == (before.equity, before.unrealized_pnl)


def test_what_is_worth_an_order_at_the_bid_and_none_at_the_collar_is_dust() -> None:
    desk = Desk.ready()
    desk.enter()
    market = desk.state.markets[BTC]
    worth_at_bid, worth_at_collar = 832 * 6_000_000 // 10**5, 832 * 5_880_000 // 10**5
    market.instrument = replace(market.instrument, notional_min=worth_at_bid)
    assert denied(desk.signal("sell")).purpose == "entry"  # nothing to sell: it would be short
    market.instrument = replace(market.instrument, notional_min=worth_at_collar)
    assert approved(desk.signal("sell")).qty == 832
