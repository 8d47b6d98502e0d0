"""Whose is a fill? Orders outlive what they were made for, and no match may stay unbooked."""

from marea.domain.ledger import ASSET_SCALE
from marea.messages.portfolio import JournalPosted, PositionClosed, RiskDecision
from tests.unit.risk.desk import BTC, Desk, approved, config, of, only, order_of

TWO = config(trades=("weighted", "voting"))
UNITS = 10 ** (ASSET_SCALE - 5)
"""Of the ledger in one of the instrument's quantity."""


def held(desk: Desk) -> int:
    """All that the strategies hold, which is all that the wallet holds."""
    units = sum(each[BTC].net_qty for each in desk.state.positions.values() if BTC in each)
    assert units == desk.wallet("BTC")
    return units


def stop_of(decision: RiskDecision) -> str:
    """What protects its entry."""
    return f"{order_of(decision)}-stop"


def test_stop_that_ends_while_its_entry_still_works_leaves_the_entry_its_owner() -> None:
    desk = Desk.ready()
    decision = approved(desk.signal("buy"))
    entry = desk.intend(decision)
    desk.fill(entry.client_order_id, 200, leaves=decision.qty - 200)
    desk.fill(entry.stop_order_id, 199)
    desk.complete(decision, 199, "stop")
    rest = decision.qty - 200
    posted = only(JournalPosted, desk.fill(entry.client_order_id, rest))
    assert posted.strategy == "weighted"
    assert held(desk) == (decision.qty - 199) * UNITS - desk.state.ledger.balances["fees"]["BTC"]


def test_position_goes_on_while_its_stop_still_sells_what_is_worth_less_than_the_minimum() -> None:
    desk = Desk.ready()
    decision = desk.enter()
    stop = stop_of(decision)
    first = desk.fill(stop, decision.qty - 4, leaves=3)  # 3 are worth 1.80, the minimum is 5
    assert not of(PositionClosed, first)
    closed = only(PositionClosed, desk.fill(stop, 3))
    assert (closed.qty, closed.exit_reason) == (decision.qty, "stop")
    assert desk.state.records["weighted"].lost == 1


def test_part_that_is_worth_less_than_the_minimum_is_booked_when_its_stop_sells_it() -> None:
    desk = Desk.ready()
    decision = approved(desk.signal("buy"))
    desk.carry_out(decision, 4)
    assert of(JournalPosted, desk.fill(stop_of(decision), 3))
    assert held(desk) == 1 * UNITS - desk.state.ledger.balances["fees"]["BTC"]


def test_stop_of_a_part_outlives_the_next_position() -> None:
    desk = Desk.ready()
    part = approved(desk.signal("buy"))
    desk.carry_out(part, 4)
    whole = desk.enter()
    desk.fill(stop_of(whole), whole.qty - 1)
    assert of(JournalPosted, desk.fill(stop_of(part), 3))


def test_stop_sells_what_a_cross_made_anothers() -> None:
    desk = Desk.ready(TWO)
    decision = approved(desk.bar(weighted="buy", voting="hold"))
    desk.carry_out(decision)
    desk.bar(weighted="sell", voting="buy")
    assert desk.held("voting") > 0
    said = desk.fill(stop_of(decision), decision.qty - 1)
    assert [posted.strategy for posted in of(JournalPosted, said)][-1] == "voting"
    assert held(desk) < UNITS


def test_lot_of_two_strategies_dust_is_sold_for_both() -> None:
    desk = Desk.ready(TWO)
    first = approved(desk.bar(weighted="buy", voting="hold"))
    desk.carry_out(first, 600)  # 599.4 after the commission
    desk.fill(stop_of(first), 599)
    second = approved(desk.bar(weighted="hold", voting="buy"))
    desk.carry_out(second, 300)  # 299.7
    said = desk.fill(stop_of(second), 300)
    assert {posted.strategy for posted in of(JournalPosted, said)} == {"weighted", "voting"}
    assert held(desk) == UNITS // 10


def test_orders_are_forgotten_once_none_can_fill_any_more() -> None:
    desk = Desk.ready()
    decision = desk.enter()
    desk.fill(stop_of(decision), decision.qty - 1)
    assert decision.id in desk.state.approvals
    desk.end(f"{order_of(decision)}-target", "sibling_filled")
    assert (desk.state.orders, desk.state.approvals) == ({}, {})
