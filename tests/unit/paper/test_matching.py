"""Orders against the book and the trades: how much, at which price, when."""

from msgspec.structs import replace

from services.paper.core import PaperState, apply, decide
from tests.unit.features.market import clock, delta, gap, snapshot, trade, ts
from tests.unit.paper.desk import (
    ASKS,
    BIDS,
    CASH,
    CONFIG,
    UNIT,
    begin,
    cancel,
    change,
    opened,
    place,
    play,
    run,
    saved_and_restored,
)


def test_order_meets_the_book_as_it_was_before_the_first_event_at_or_after_its_arrival() -> None:
    _, early = run(*begin(), place("a", 0, "buy", 300, 10_010), change(50, asks=[(10_010, 0)]))
    _, late = run(
        *begin(), place("a", 0, "buy", 300, 10_010), change(49, asks=[(10_010, 0)]), clock(60)
    )
    assert early == ["a accepted 300", "a filled 300@10010 taker"]
    assert late == ["a accepted 300"]


def test_taker_walks_the_levels_one_report_each_and_the_rest_rests() -> None:
    state, said = run(*begin(), place("a", 0, "buy", 1000, 10_020), clock(100))
    assert said == ["a accepted 1000", "a filled 300@10010 taker", "a filled 500@10020 taker"]
    assert state.orders["a"].leaves_qty == 200


def test_what_was_taken_is_not_taken_again_until_the_venue_tells_the_level_anew() -> None:
    history = [
        *begin(),
        place("a", 0, "buy", 200, 10_010),
        clock(100),
        place("b", 100, "buy", 300, 10_010),
        clock(200),
    ]
    _, said = run(*history)
    assert said[2:] == ["b accepted 300", "b filled 100@10010 taker"]
    _, said = run(*history, change(210, asks=[(10_020, 400)]), clock(300))
    assert said[4:] == []
    _, said = run(*history, change(210, asks=[(10_010, 300)]), clock(300))
    assert said[4:] == ["b filled 200@10010 maker"]


def test_level_that_is_told_as_an_order_arrives_is_as_the_venue_tells_it() -> None:
    _, said = run(
        *begin(),
        place("a", 0, "buy", 300, 10_010),
        change(60, asks=[(10_010, 300)]),
        place("b", 60, "buy", 300, 10_010),
        clock(200),
    )
    assert said[2:] == ["b accepted 300", "b filled 300@10010 taker"]


def test_snapshot_after_a_gap_gives_all_levels_back() -> None:
    _, said = run(
        *begin(),
        place("a", 0, "buy", 300, 10_010),
        clock(100),
        delta(150, first_update_id=140),
        snapshot(160, BIDS, ASKS),
        delta(161),
        place("b", 161, "buy", 300, 10_010),
        clock(300),
    )
    assert said[2:] == ["b accepted 300", "b filled 300@10010 taker"]


def test_resting_order_waits_for_what_was_visible_before_it() -> None:
    resting = [*begin(), place("a", 0, "buy", 300, 10_000), clock(100)]
    _, said = run(*resting, trade(1, 110, 10_000, 500, "sell"))
    assert said == ["a accepted 300"]
    _, said = run(*resting, trade(1, 110, 10_000, 600, "sell"))
    assert said[1:] == ["a filled 100@10000 maker"]
    _, said = run(*resting, trade(1, 110, 10_000, 400, "sell"), trade(2, 120, 10_000, 200, "sell"))
    assert said[1:] == ["a filled 100@10000 maker"]


def test_trade_of_a_buyer_at_the_price_of_a_bid_fills_it_not() -> None:
    _, said = run(
        *begin(), place("a", 0, "buy", 300, 10_000), clock(100), trade(1, 110, 10_000, 900, "buy")
    )
    assert said == ["a accepted 300"]


def test_queue_is_never_longer_than_what_is_visible_now() -> None:
    _, said = run(
        *begin(),
        place("a", 0, "buy", 300, 10_000),
        clock(100),
        change(110, bids=[(10_000, 50)]),
        change(120, bids=[(10_000, 900)]),
        trade(1, 130, 10_000, 60, "sell"),
    )
    assert said[1:] == ["a filled 10@10000 maker"]


def test_trade_through_the_price_fills_up_to_what_was_traded() -> None:
    resting = [*begin(), place("a", 0, "buy", 300, 10_000), clock(100)]
    _, said = run(*resting, trade(1, 110, 9_990, 200, "sell"), trade(2, 120, 9_990, 200, "sell"))
    assert said[1:] == ["a filled 200@10000 maker", "a filled 100@10000 maker"]


def test_one_trade_fills_several_orders_no_further_than_it_reached_the_better_price_first() -> None:
    _, said = run(
        *begin(),
        place("low", 0, "buy", 200, 9_990),
        place("high", 0, "buy", 200, 10_000),
        clock(100),
        trade(1, 110, 9_980, 300, "sell"),
    )
    assert said[2:] == ["high filled 200@10000 maker", "low filled 100@9990 maker"]


def test_ask_that_comes_to_a_resting_bid_fills_it_at_its_own_price() -> None:
    _, said = run(
        *begin(),
        place("a", 0, "buy", 300, 10_000),
        clock(100),
        change(110, bids=[(10_000, 0)], asks=[(9_995, 100), (10_000, 150)]),
        clock(200),
        clock(300),
    )
    assert said[1:] == ["a filled 100@10000 maker", "a filled 150@10000 maker"]


def test_fill_by_the_book_is_stamped_when_the_book_changed() -> None:
    state = PaperState(config=CONFIG)
    history = [*begin(), place("a", 0, "buy", 300, 10_000), clock(100)]
    history += [change(110, bids=[(10_000, 0)], asks=[(10_000, 900)]), clock(200)]
    *_, filled = play(state, history)
    assert filled.ts_event == ts(110)
    assert filled.ts_arrives == ts(160)


def test_trade_that_is_no_ordinary_match_changes_nothing() -> None:
    _, said = run(
        *begin(),
        place("a", 0, "buy", 300, 10_000),
        clock(100),
        trade(1, 110, 9_000, 900, "sell", "ADL"),
    )
    assert said == ["a accepted 300"]


def test_fill_moves_both_assets_and_its_commission_to_the_last_unit() -> None:
    state, _ = run(*begin(), place("a", 0, "buy", 300, 10_010), clock(100))
    assert state.balances == {
        "BTC": 30_000_000 - 30_000,  # 0.3 BTC less 0.1 %
        "USDT": CASH - 3_003_000_000,  # 0.3 at 100.10
    }
    state, _ = run(*begin(BTC=UNIT, USDT=0), place("a", 0, "sell", 333, 10_000), clock(100))
    assert state.balances == {"BTC": UNIT - 33_300_000, "USDT": 3_330_000_000 - 3_330_000}


def test_commission_is_rounded_up() -> None:
    config = replace(CONFIG, taker_e8=33)
    state, _ = run(*begin(), place("a", 0, "buy", 51, 10_010), clock(100), config=config)
    assert state.balances["BTC"] == 5_100_000 - 2  # 1.683 units


def test_working_order_locks_what_it_may_cost_and_its_end_frees_it() -> None:
    history = [*begin(USDT=40 * UNIT), place("a", 0, "buy", 300, 10_000), clock(100)]
    _, said = run(*history, place("b", 100, "buy", 300, 9_990), clock(200))
    assert said[1:] == ["b rejected BALANCE"]
    _, said = run(
        *history, cancel("a", 100), clock(200), place("b", 200, "buy", 300, 9_990), clock(300)
    )
    assert said[1:] == ["a canceled requested", "b accepted 300"]


def test_reports_are_numbered_and_arrive_in_their_order() -> None:
    config = replace(CONFIG, latency_spread_ns=40_000_000)
    state = PaperState(config=config)
    orders = [place(f"o{n}", n, "buy", 100, 9_990 - 10 * n) for n in range(20)]
    reports = play(state, [*begin(), *orders, clock(200), clock(300)])
    assert [each.number for each in reports] == list(range(20))
    arrivals = [each.ts_arrives for each in reports]
    assert arrivals == sorted(arrivals)
    assert len(set(arrivals)) > 5


def test_latency_is_drawn_from_the_seed_and_the_order() -> None:
    def arrival(name: str, seed: int) -> int:
        config = replace(CONFIG, latency_spread_ns=10_000_000, seed=seed)
        state = PaperState(config=config)
        play(state, [*begin(), place(name, 0, "buy", 100, 9_990)])
        return state.on_way[0].ts_arrival - ts(0)

    assert arrival("a", 1) == arrival("a", 1)
    drawn = {arrival(name, seed) for name in "abcdefgh" for seed in (1, 2)}
    assert len(drawn) == 16
    assert min(drawn) >= 40_000_000
    assert max(drawn) <= 60_000_000


def test_stamp_far_ahead_of_the_clock_is_no_time() -> None:
    state, said = run(*begin(), place("a", 0, "buy", 300, 10_010), trade(1, 60_000, 10_010))
    assert said == []
    assert state.ts == ts(1)


def test_time_never_goes_back() -> None:
    state, _ = run(*begin(), clock(100), trade(1, 50), clock(90))
    assert state.ts == ts(100)


def test_gap_is_told_and_changes_nothing() -> None:
    state, _ = run(*begin())
    missing = gap(10)
    before = saved_and_restored(state)
    assert decide(state, missing) == (missing,)
    apply(state, missing)
    assert state == before


def test_market_of_an_instrument_that_was_not_told_of_changes_nothing() -> None:
    _, said = run(opened(), clock(0), trade(1, 10), delta(20), clock(100))
    assert said == []
