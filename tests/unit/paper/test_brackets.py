"""Protective orders: they come with what the entry brings, share it, and end with it."""

from tests.unit.features.market import clock, trade
from tests.unit.paper.desk import begin, bracket, cancel, change, place, run, saved_and_restored

ENTRY = bracket("entry", 0, 300, 10_010, stop=9_900, target=10_200)
BOUGHT = [*begin(), ENTRY, clock(100)]
FELL = change(190, bids=[(10_000, 0), (9_990, 0), (9_890, 100), (9_880, 500)])


def test_both_come_as_the_entry_fills_with_what_it_brought_net_of_commission_in_whole_lots() -> (
    None
):
    state, said = run(*BOUGHT)
    assert said == [
        "entry accepted 300",
        "entry filled 300@10010 taker",
        "stop accepted 299",
        "target accepted 299",
    ]
    assert state.balances["BTC"] == 29_970_000


def test_they_grow_with_each_further_fill() -> None:
    _, said = run(
        *begin(asks=[(10_010, 100), (10_020, 500)]),
        bracket("entry", 0, 300, 10_020, 9_900, 10_200),
        clock(100),
    )
    assert said == [
        "entry accepted 300",
        "entry filled 100@10010 taker",
        "stop accepted 99",
        "target accepted 99",
        "entry filled 200@10020 taker",
        "stop amended 299",
        "target amended 299",
    ]


def test_trade_at_the_stop_price_triggers_it_and_what_the_book_lacks_is_sold_as_it_changes() -> (
    None
):
    _, above = run(*BOUGHT, FELL, trade(1, 200, 9_901, 1, "sell"), clock(300))
    assert above[4:] == []
    bid_gone = change(190, bids=[(10_000, 0), (9_990, 0), (9_890, 100)])
    _, said = run(
        *BOUGHT,
        bid_gone,
        trade(1, 200, 9_900, 1, "sell"),
        change(210, bids=[(9_000, 500)]),
        clock(300),
    )
    assert said[4:] == [
        "stop triggered",
        "stop filled 100@9890 taker",
        "target amended 199",
        "stop filled 199@9000 taker",
        "target canceled sibling_filled",
    ]


def test_target_that_fills_in_part_shrinks_the_stop_and_in_whole_ends_it() -> None:
    state, said = run(
        *BOUGHT, trade(1, 200, 10_210, 100, "buy"), trade(2, 210, 10_210, 900, "buy"), clock(300)
    )
    assert said[4:] == [
        "target filled 100@10200 maker",
        "stop amended 199",
        "target filled 199@10200 maker",
        "stop canceled sibling_filled",
    ]
    assert state.brackets == {}
    assert state.entry_of == {}
    assert state.balances["BTC"] == 70_000  # what is below a lot stays


def test_both_lock_what_they_share_once() -> None:
    _, said = run(*BOUGHT, place("more", 100, "sell", 100, 10_500), clock(200))
    assert said[4:] == ["more rejected BALANCE"]


def test_exit_that_replaces_both_frees_what_they_lock() -> None:
    leave = place(
        "exit", 100, "sell", 299, 9_990, reduce_only=True, replaces=("stop", "target"), leg="exit"
    )
    state, said = run(*BOUGHT, leave, clock(200))
    assert said[4:] == [
        "stop canceled replaced",
        "target canceled replaced",
        "exit accepted 299",
        "exit filled 299@10000 taker",
    ]
    assert state.brackets == {}


def test_exit_that_is_rejected_leaves_what_it_would_have_replaced() -> None:
    leave = place("exit", 100, "sell", 300, 9_990, replaces=("stop", "target"))
    state, said = run(*BOUGHT, leave, clock(200))
    assert said[4:] == ["exit rejected BALANCE"]
    assert set(state.orders) == {"stop", "target"}


def test_entry_that_ends_without_a_fill_ends_them_too() -> None:
    _, said = run(
        *begin(),
        bracket("entry", 0, 300, 10_000, 9_900, 10_200),
        clock(100),
        cancel("entry", 100),
        clock(200),
    )
    assert said[1:] == [
        "entry canceled requested",
        "stop canceled entry_ended",
        "target canceled entry_ended",
    ]


def test_entry_canceled_after_a_part_keeps_that_part_protected() -> None:
    state, said = run(
        *begin(),
        bracket("entry", 0, 400, 10_010, 9_900, 10_200),
        clock(100),
        cancel("entry", 100),
        clock(200),
    )
    assert said[-1] == "entry canceled requested"
    assert {name: order.qty for name, order in state.orders.items()} == {"stop": 299, "target": 299}


def test_entry_buys_no_more_once_what_it_bought_is_being_sold() -> None:
    _, said = run(
        *begin(),
        bracket("entry", 0, 400, 10_010, 9_900, 10_200),
        clock(100),
        trade(1, 200, 9_900, 1, "sell"),
        clock(300),
    )
    assert said[4:] == [
        "entry filled 1@10010 maker",
        "stop amended 300",
        "target amended 300",
        "stop triggered",
        "entry canceled sibling_filled",
        "stop filled 300@10000 taker",
        "target canceled sibling_filled",
    ]


def test_protective_order_can_be_canceled_alone_pending_or_working() -> None:
    _, said = run(*BOUGHT, cancel("target", 100), clock(200), trade(1, 210, 9_900, 1, "sell"))
    assert said[4:] == [
        "target canceled requested",
        "stop triggered",
        "stop filled 299@10000 taker",
    ]
    _, said = run(
        *begin(),
        bracket("entry", 0, 300, 10_000, 9_900, 10_200),
        clock(100),
        cancel("target", 100),
        clock(200),
        trade(1, 210, 9_990, 300, "sell"),
    )
    assert said[1:] == [
        "target canceled requested",
        "entry filled 300@10000 maker",
        "stop accepted 299",
    ]


def test_target_that_the_book_already_reaches_takes_at_once() -> None:
    _, said = run(*begin(), bracket("entry", 0, 300, 10_010, 9_900, 9_990), clock(100))
    assert said[3:] == [
        "target accepted 299",
        "target filled 299@10000 taker",
        "stop canceled sibling_filled",
    ]


def test_fill_too_small_for_a_lot_is_not_protected() -> None:
    _, said = run(
        *begin(asks=[(10_010, 1)]), bracket("entry", 0, 51, 10_010, 9_900, 10_200), clock(100)
    )
    assert said == ["entry accepted 51", "entry filled 1@10010 taker"]


def test_state_with_a_bracket_is_kept_whole() -> None:
    state, _ = run(*BOUGHT, place("b", 100, "buy", 100, 9_000))
    assert saved_and_restored(state) == state
