"""What holds of any account in any market."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from marea.domain.order_life import BEGIN, is_final, next_status
from marea.messages import codec
from marea.messages.market import BookDelta, BookSnapshot, Trade
from marea.messages.paper import ExecutionReport, PlaceOrder
from marea.messages.system import Clock
from services.paper.core import PaperInput, PaperState, changes, decide
from services.paper.core.balances import free, locked, protected_qty
from services.paper.core.state import copy
from tests.unit.paper.desk import CONFIG, UNIT, play, saved_and_restored
from tests.unit.paper.drawn import histories

SPREAD = replace(CONFIG, latency_spread_ns=30_000_000)
STEP = 100_000
"""One unit of quantity at the scale of balances."""


def steps(
    events: list[PaperInput],
) -> Iterator[tuple[PaperState, PaperInput, list[ExecutionReport]]]:
    """The state after each input, with the input and its reports."""
    state = PaperState(config=SPREAD)
    for event in events:
        reports = play(state, [event])
        yield state, event, reports


class Shown:
    """What the book showed of each level when it was told last, less what was taken since."""

    def __init__(self) -> None:
        self.left: dict[tuple[str, int], int] = {}

    def take(self, fill: ExecutionReport) -> None:
        level = ("ask" if fill.side == "buy" else "bid", fill.last_price)
        self.left[level] -= fill.last_qty
        assert self.left[level] >= 0

    def tell(self, state: PaperState, event: BookDelta | BookSnapshot) -> None:
        if isinstance(event, BookSnapshot):
            # A LIVE book ignores it; what it does to another one is the book's own matter.
            book = state.markets[event.instrument].book
            self.left = {("bid", key): qty for key, qty in book.bids.qtys.items()}
            self.left |= {("ask", -key): qty for key, qty in book.asks.qtys.items()}
        told = [("bid", price) for price in event.bid_prices]
        told += [("ask", price) for price in event.ask_prices]
        self.left.update(zip(told, (*event.bid_qtys, *event.ask_qtys), strict=True))


def all_reports(events: list[PaperInput]) -> list[ExecutionReport]:
    return [report for _, _, reports in steps(events) for report in reports]


@settings(max_examples=40, deadline=None)
@given(histories())
def test_decide_changes_nothing_and_says_the_same_again(events: list[PaperInput]) -> None:
    state = PaperState(config=SPREAD)
    for event in events:
        before = msgspec.msgpack.encode(state)
        first = [codec.encode(each) for each in decide(state, event)]
        second = [codec.encode(each) for each in decide(state, event)]
        assert msgspec.msgpack.encode(state) == before
        assert first == second
        play(state, [event])


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(1, 7))
def test_state_can_be_saved_and_restored_at_any_point(
    events: list[PaperInput], period: int
) -> None:
    straight, restored = PaperState(config=SPREAD), PaperState(config=SPREAD)
    expected = play(straight, events)
    found: list[ExecutionReport] = []
    for at in range(0, len(events), period):
        found += play(restored, events[at : at + period])
        restored = saved_and_restored(restored)
    assert found == expected
    assert restored == straight


@settings(max_examples=40, deadline=None)
@given(histories())
def test_balances_change_by_fills_and_fees_only_and_nothing_is_owed(
    events: list[PaperInput],
) -> None:
    expected = {"BTC": 2 * UNIT, "USDT": 100 * UNIT}
    for state, _, reports in steps(events):
        for fill in reports:
            if fill.kind == "filled":
                sign = 1 if fill.side == "buy" else -1
                expected["BTC"] += sign * fill.last_qty * STEP
                expected["USDT"] -= sign * fill.last_qty * fill.last_price * (UNIT // 100_000)
                expected[fill.commission_asset] -= fill.commission
        if state.is_open:
            assert state.balances == expected
        for asset in expected:
            assert locked(state, asset) >= 0
            assert free(state, asset) >= 0


@settings(max_examples=40, deadline=None)
@given(histories())
def test_fills_are_no_more_than_ordered_and_never_better_than_the_book_or_worse_than_the_limit(
    events: list[PaperInput],
) -> None:
    limits = {each.client_order_id: each.price for each in events if isinstance(each, PlaceOrder)}
    filled: defaultdict[str, int] = defaultdict(int)
    shown = Shown()
    for state, event, reports in steps(events):
        for fill in [each for each in reports if each.kind == "filled"]:
            name = fill.client_order_id
            filled[name] += fill.last_qty
            assert filled[name] == fill.cum_qty <= fill.qty
            sign = 1 if fill.side == "buy" else -1
            beyond = sign * (fill.last_price - limits.get(name, fill.last_price))
            assert beyond <= 0
            assert beyond == 0 or fill.liquidity == "taker"
            if fill.liquidity == "taker":
                shown.take(fill)
        if isinstance(event, BookDelta | BookSnapshot):
            shown.tell(state, event)


@settings(max_examples=40, deadline=None)
@given(histories())
def test_reports_have_one_order_and_orders_live_as_orders_do(events: list[PaperInput]) -> None:
    reports = all_reports(events)
    assert [report.number for report in reports] == list(range(len(reports)))
    for before, after in pairwise(reports):
        assert before.ts_event <= after.ts_event
        assert before.ts_arrives <= after.ts_arrives
    for report in reports:
        assert report.ts_event + 20_000_000 <= report.ts_arrives
    lives: dict[str, str] = {}
    for report in reports:
        name, kind = report.client_order_id, str(report.kind)
        if kind == "cancel_rejected" or report.reason == "DUPLICATE_ID":
            continue
        if kind == "filled":
            kind = "filled_all" if report.cum_qty == report.qty else "filled_part"
        status = lives.get(name, BEGIN)
        if status == "rejected":
            status = BEGIN  # the request was sent anew
        lives[name] = next_status(status, kind)
    fills = [report.trade_id for report in reports if report.kind == "filled"]
    assert fills == [str(number) for number in range(len(fills))]
    accepted = [report.client_order_id for report in reports if report.kind == "accepted"]
    assert len(set(accepted)) == len(accepted)
    state = PaperState(config=SPREAD)
    play(state, events)
    assert {name for name in accepted if not is_final(lives[name])} == set(state.orders)


@settings(max_examples=40, deadline=None)
@given(histories())
def test_what_an_entry_brought_is_protected_to_the_last_lot_by_each_of_its_orders(
    events: list[PaperInput],
) -> None:
    for state, _, _ in steps(events):
        assert set(state.entry_of.values()) <= set(state.brackets)
        for entry_id, bracket in state.brackets.items():
            market = state.markets[bracket.instrument]
            protected = protected_qty(market, bracket)
            names = [bracket.stop_order_id, bracket.target_order_id]
            working = [state.orders[name] for name in names if name in state.orders]
            assert len({order.leaves_qty for order in working}) <= 1
            if working:
                assert working[0].leaves_qty + sum(order.cum_qty for order in working) <= protected
            if bracket.pending:
                assert protected == 0
                assert entry_id in state.orders


@settings(max_examples=40, deadline=None)
@given(histories())
def test_reports_change_the_state_as_they_changed_the_market_before_their_input(
    events: list[PaperInput],
) -> None:
    state = PaperState(config=SPREAD)
    for event in events:
        before = copy(state)
        reports = play(state, [event])
        if isinstance(event, Trade | BookDelta | BookSnapshot | Clock):
            changes.advance(before, event)
            for report in reports:
                changes.take_report(before, report)
            if state.held is None and not isinstance(event, Clock):
                continue  # the input was taken first, and is in the queues
            assert dataclasses.replace(before, held=state.held) == state
    assert not state.crossed
