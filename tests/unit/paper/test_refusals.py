"""What the venue does not take, and that it takes nothing twice."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.paper.core import PaperState, apply, changes
from tests.unit.features.market import clock, delta, instrument, trade, ts
from tests.unit.paper.desk import (
    CONFIG,
    UNIT,
    begin,
    bracket,
    cancel,
    change,
    opened,
    place,
    play,
    run,
    saved_and_restored,
)


@pytest.mark.parametrize(
    ("reason", "side", "changed"),
    [
        ("PRICE_TICK", "buy", {"price": 0}),
        ("PRICE_TICK", "buy", {"price_scale": 3}),
        ("PRICE_TICK", "buy", {"stop_order_id": "s", "stop_price": 0}),
        ("LOT_SIZE", "buy", {"qty": 0}),
        ("LOT_SIZE", "buy", {"qty_scale": 4}),
        ("MIN_NOTIONAL", "buy", {"qty": 49}),
        ("MIN_NOTIONAL", "buy", {"qty": 50, "stop_order_id": "s", "stop_price": 9_999}),
        ("BALANCE", "buy", {"qty": 101_000}),
        ("BALANCE", "buy", {"qty": 1 << 60}),
        ("BALANCE", "sell", {"qty": 1_001}),
        ("REDUCE_ONLY", "sell", {"qty": 1_001, "reduce_only": True}),
        ("REDUCE_ONLY", "buy", {"reduce_only": True}),
        ("REDUCE_ONLY", "sell", {"stop_order_id": "s", "stop_price": 10_100}),
        ("POST_ONLY", "buy", {"price": 10_010, "post_only": True}),
        ("POST_ONLY", "sell", {"post_only": True}),
        ("UNKNOWN_INSTRUMENT", "buy", {"instrument": "ETH-USDT.SIM"}),
        ("TIMESTAMP", "buy", {"ts_sign": ts(-4_951)}),
        ("TIMESTAMP", "buy", {"ts_sign": ts(1_051)}),
        ("DUPLICATE_ID", "buy", {"stop_order_id": "a", "stop_price": 9_000}),
    ],
)
def test_order_is_rejected(reason: str, side: Any, changed: dict[str, Any]) -> None:
    order = replace(place("a", 0, side, 100, 10_000), **changed)
    state, said = run(*begin(BTC=UNIT, USDT=10_000 * UNIT), order, clock(100))
    assert said == [f"a rejected {reason}"]
    assert state.orders == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"qty": 50},
        {"price": 10_000, "post_only": True},
        {"ts_sign": ts(-4_950)},
        {"ts_sign": ts(1_050)},
    ],
)
def test_order_on_the_edge_is_taken(changed: dict[str, Any]) -> None:
    _, said = run(*begin(), replace(place("a", 0, "buy", 100, 10_000), **changed), clock(100))
    assert said[0].startswith("a accepted")


@pytest.mark.parametrize(
    "facts",
    [
        replace(instrument(), kind="perpetual"),
        instrument(price_scale=4, qty_scale=5),
    ],
)
def test_instrument_that_is_no_spot_or_not_exact_is_not_traded(facts: Any) -> None:
    _, said = run(opened(), facts, clock(0), place("a", 0, "buy", 100, 10_000), clock(100))
    assert said == ["a rejected UNKNOWN_INSTRUMENT"]


def test_nothing_is_taken_while_the_book_is_not_live() -> None:
    _, said = run(
        *begin(), delta(20, first_update_id=9), place("a", 20, "buy", 100, 10_000), clock(100)
    )
    assert said == ["a rejected MARKET_CLOSED"]


def test_book_that_is_lost_is_no_empty_queue() -> None:
    _, said = run(
        *begin(),
        place("a", 0, "buy", 100, 10_000),
        clock(100),
        delta(200, first_update_id=190),
        trade(1, 210, 10_000, 500, "sell"),
    )
    assert said == ["a accepted 100"]


def test_copy_of_a_request_makes_no_second_order_before_during_or_after_its_life() -> None:
    order = place("a", 0, "buy", 300, 10_010)
    late = replace(order, ts_event=ts(300))
    state, said = run(*begin(), order, order, clock(100), late, clock(400), clock(500))
    assert said == ["a accepted 300", "a filled 300@10010 taker"]
    assert state.orders == {}


def test_id_of_an_order_is_used_up_for_ever_and_so_are_its_protective_ones() -> None:
    entry = bracket("a", 0, 300, 10_010, 9_900, 10_200)
    again = replace(entry, ts_sign=ts(100), ts_event=ts(100))
    history = [*begin(), entry, clock(100), again, place("stop", 100, "buy", 100, 10_000)]
    state, said = run(*history, clock(200))
    assert said[4:] == ["a rejected DUPLICATE_ID", "stop rejected DUPLICATE_ID"]
    assert set(state.orders) == {"stop", "target"}


def test_rejected_request_may_be_sent_anew_and_its_copy_may_not() -> None:
    order = place("a", 0, "buy", 100, 10_010, post_only=True)
    moved = change(110, asks=[(10_010, 0)])
    _, said = run(*begin(), order, clock(100), moved, replace(order, ts_event=ts(120)), clock(300))
    assert said == ["a rejected POST_ONLY"]
    anew = replace(order, ts_event=ts(120), ts_sign=ts(120))
    _, said = run(*begin(), order, clock(100), moved, anew, clock(300))
    assert said == ["a rejected POST_ONLY", "a accepted 100"]


def test_cancel_of_what_does_not_work_is_rejected() -> None:
    order = place("a", 0, "buy", 300, 10_010)
    _, said = run(*begin(), order, clock(100), cancel("a", 100), cancel("b", 100), clock(200))
    assert said[2:] == ["a cancel_rejected ENDED", "b cancel_rejected UNKNOWN_ORDER"]


def test_cancel_that_comes_twice_is_answered_once() -> None:
    order = place("a", 0, "buy", 300, 10_000)
    _, said = run(*begin(), order, clock(100), cancel("a", 100), cancel("a", 100), clock(200))
    assert said[1:] == ["a canceled requested"]


def test_account_is_opened_once() -> None:
    state, _ = run(*begin(), replace(opened(USDT=5), id="again"))
    assert state.balances["USDT"] == 10_000 * UNIT


def test_instrument_that_changes_its_increments_goes_on() -> None:
    coarser = replace(instrument(), price_increment=100, qty_increment=10, notional_min=0)
    _, said = run(
        *begin(),
        coarser,
        place("a", 0, "buy", 100, 10_010),
        place("b", 0, "buy", 101, 10_000),
        clock(100),
    )
    assert said == ["a rejected PRICE_TICK", "b rejected LOT_SIZE"]


def test_instrument_that_changes_its_scales_is_refused() -> None:
    state, _ = run(*begin())
    with pytest.raises(
        ValueError, match="changed its scales from 2, 3 to 1, 3: open a new account"
    ):
        apply(state, instrument(price_scale=1))


def test_report_of_an_order_that_nobody_asked_for_is_refused() -> None:
    state, _ = run(*begin())
    reports = play(saved_and_restored(state), [place("a", 0, "buy", 100, 10_000), clock(100)])
    with pytest.raises(ValueError, match="a report names a: no request of it has arrived"):
        apply(PaperState(config=CONFIG, markets=state.markets), reports[0])


def test_account_at_another_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="asset_scale is 2: write every balance with 8 places"):
        apply(PaperState(config=CONFIG), replace(opened(), asset_scale=2))


def test_oldest_ids_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "IDS_KEPT_MAX", 2)
    taken = [place(name, 0, "buy", 50, 10_000) for name in "abc"]
    refused = [place(name, 0, "buy", 0, 10_000) for name in "xyz"]
    state, _ = run(*begin(), *taken, *refused, clock(100))
    assert list(state.ordered) == ["b", "c"]
    assert list(state.refused) == ["y", "z"]
