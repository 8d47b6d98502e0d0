"""Whose is a fill? Orders outlive what they were made for, and no match may stay unbooked."""

from marea.domain.ledger import ASSET_SCALE
from marea.messages.portfolio import JournalPosted, PositionClosed
from tests.unit.execution.trading import of
from tests.unit.risk.play import BTC, Desk, approved, held

TWO = {"signals__trades": '["weighted", "voting"]'}
UNITS = 10 ** (ASSET_SCALE - 5)
"""Of the ledger in one of the instrument's quantity."""


def test_stop_that_ends_while_its_entry_still_works_leaves_the_entry_its_owner() -> None:
    desk = Desk()
    decision = approved(desk.signals(weighted=1.0))
    entry = desk.intend(decision)
    desk.tell(desk.told.filled(entry.client_order_id, 200, decision.qty - 200))
    desk.sold(entry.stop_order_id, 199)
    desk.tell(desk.completed(decision, "stop", 199))
    rest = decision.qty - 200
    (posted,) = of(JournalPosted, desk.tell(desk.told.filled(entry.client_order_id, rest)))
    assert posted.strategy == "weighted"
    assert held(desk) == (decision.qty - 199) * UNITS - desk.state.ledger.balances["fees"]["BTC"]


def test_position_goes_on_while_its_stop_still_sells_what_is_worth_less_than_the_minimum() -> None:
    desk = Desk()
    decision = approved(desk.signals(weighted=1.0))
    desk.bought(decision)
    stop = f"stop-{decision.id}"
    first = desk.sold(stop, decision.qty - 4, leaves=3)  # 3 are worth 1.80, the minimum is 5
    assert not of(PositionClosed, first)
    (closed,) = of(PositionClosed, desk.sold(stop, 3))
    assert (closed.qty, closed.exit_reason) == (decision.qty, "stop")
    assert desk.state.records["weighted"].lost == 1


def test_part_that_is_worth_less_than_the_minimum_is_booked_when_its_stop_sells_it() -> None:
    desk = Desk()
    decision = approved(desk.signals(weighted=1.0))
    desk.bought(decision, qty=4)
    assert of(JournalPosted, desk.sold(f"stop-{decision.id}", 3))
    assert held(desk) == 1 * UNITS - desk.state.ledger.balances["fees"]["BTC"]


def test_stop_of_a_part_outlives_the_next_position() -> None:
    desk = Desk()
    part = approved(desk.signals(weighted=1.0))
    desk.bought(part, qty=4)
    whole = approved(desk.signals(weighted=1.0))
    desk.bought(whole)
    desk.sold(f"stop-{whole.id}", whole.qty - 1)
    assert of(JournalPosted, desk.sold(f"stop-{part.id}", 3))


def test_stop_sells_what_a_cross_made_anothers() -> None:
    desk = Desk(TWO)
    decision = approved(desk.signals(weighted=1.0, voting=0.0))
    desk.bought(decision)
    desk.signals(weighted=-1.0, voting=1.0)
    assert desk.state.positions["voting"][BTC].net_qty > 0
    said = desk.sold(f"stop-{decision.id}", decision.qty - 1)
    assert [posted.strategy for posted in of(JournalPosted, said)][-1] == "voting"
    assert held(desk) < UNITS


def test_lot_of_two_strategies_dust_is_sold_for_both() -> None:
    desk = Desk(TWO)
    first = approved(desk.signals(weighted=1.0, voting=0.0))
    desk.bought(first, qty=600)  # 599.4 after the commission
    desk.sold(f"stop-{first.id}", 599)
    second = approved(desk.signals(weighted=0.0, voting=1.0))
    desk.bought(second, qty=300)  # 299.7
    said = desk.sold(f"stop-{second.id}", 300)
    assert {posted.strategy for posted in of(JournalPosted, said)} == {"weighted", "voting"}
    assert held(desk) == UNITS // 10


def test_orders_are_forgotten_once_none_can_fill_any_more() -> None:
    desk = Desk()
    decision = approved(desk.signals(weighted=1.0))
    desk.bought(decision)
    desk.sold(f"stop-{decision.id}", decision.qty - 1)
    assert decision.id in desk.state.approvals
    desk.tell(desk.told.canceled(f"target-{decision.id}", "sibling_filled"))
    assert (desk.state.orders, desk.state.approvals) == ({}, {})
