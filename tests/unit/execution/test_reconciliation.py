"""Ours held against the venue's: exactly, and only where both rest on the same reports."""

import pytest
from msgspec.structs import replace

from marea.messages.orders import OrderIntended, ReconciliationDone, ReportAccount
from marea.messages.system import CoreDiverged, GapFound
from services.execution.core import ExecutionState, begin, next_deadline
from tests.unit.execution.trading import (
    CONFIG,
    Told,
    account,
    clock,
    command,
    decision,
    instrument,
    mark,
    of,
    only,
    opened,
    play,
    ready,
    started,
    ts,
)

USDT = 10_000 * 10**8
BOUGHT = {"BTC": 799_200, "USDT": USDT - 800 * 6_000_000 * 10}
"""After 0.008 BTC at 60,000.00, the commission paid in BTC."""


def bought() -> tuple[ExecutionState, OrderIntended]:
    """A position of 799 whose stop and target work, after 4 reports."""
    state, told = ready(), Told()
    entry = only(OrderIntended, play(state, [decision()]))
    play(
        state,
        [
            told.sent(entry),
            told.accepted(entry.client_order_id, 800),
            told.filled(entry.client_order_id, 800),
            told.accepted(entry.stop_order_id, 799),
            told.accepted(entry.target_order_id, 799),
        ],
    )
    return state, entry


def open_orders(entry: OrderIntended) -> tuple[str, ...]:
    return tuple(sorted((entry.stop_order_id, entry.target_order_id)))


def test_account_is_asked_for_at_the_first_clock_and_equal_is_said() -> None:
    state = begin(CONFIG)
    said = play(state, [opened(), instrument(), mark(), clock(0)])
    assert only(ReportAccount, said).account == "main"
    done = only(ReconciliationDone, play(state, [account()]))
    assert (done.differences, done.rounds) == ((), 0)


def test_account_is_asked_for_every_30_seconds_and_at_each_own_start() -> None:
    state = ready()
    assert next_deadline(state) == ts(30_000)
    assert play(state, [clock(29_999)]) == []
    assert len(of(ReportAccount, play(state, [clock(30_000)]))) == 1
    assert len(of(ReportAccount, play(state, [started()]))) == 1


def test_equal_to_the_last_unit_after_fills() -> None:
    state, entry = bought()
    done = only(ReconciliationDone, play(state, [account(4, BOUGHT, open_orders(entry))]))
    assert done.differences == ()


def test_figures_that_rest_on_other_reports_are_not_compared_but_asked_for_again() -> None:
    state, _ = bought()
    assert play(state, [account(5, {})]) == []
    assert play(state, [account(3, {})]) == []
    assert next_deadline(state) == ts(1000)


def test_each_difference_is_told_with_its_evidence() -> None:
    state, entry = bought()
    wrong = {**BOUGHT, "USDT": BOUGHT["USDT"] - 1, "BNB": 5}
    said = play(state, [account(4, wrong, (entry.stop_order_id, "stranger"))])
    assert only(ReconciliationDone, said).differences == (
        "BALANCE|BNB|0|5",
        f"BALANCE|USDT|{BOUGHT['USDT']}|{BOUGHT['USDT'] - 1}",
        f"ORDER|{entry.target_order_id}|working|",
        "ORDER|stranger||working",
    )
    assert state.balances == BOUGHT


def test_order_that_the_venue_lists_and_never_reported_is_a_difference() -> None:
    state = ready()
    entry = only(OrderIntended, play(state, [decision()]))
    said = play(state, [account(0, None, (entry.client_order_id,))])
    assert only(ReconciliationDone, said).differences == (
        f"ORDER|{entry.client_order_id}|intended|working",
    )


def test_rounds_count_differences_in_a_row() -> None:
    state = ready()
    said = play(state, [account(0, {}), account(0, {}), account(), account(0, {})])
    assert [each.rounds for each in of(ReconciliationDone, said)] == [1, 2, 0, 1]


def test_venue_that_does_not_answer_for_a_minute_is_a_difference() -> None:
    state = ready()
    said = play(state, [clock(30_000 + 5000 * step) for step in range(12)])
    assert {type(each) for each in said} == {ReportAccount}
    told = only(ReconciliationDone, play(state, [clock(90_000)]))
    assert told.differences == ("NO_ANSWER|main|asked|",)
    assert told.rounds == 1


def test_order_that_nobody_answers_for_in_a_minute_is_a_difference() -> None:
    state, told = ready(), Told()
    entry = only(OrderIntended, play(state, [decision()]))
    play(state, [told.unknown(entry), clock(59_999)])
    assert only(ReconciliationDone, play(state, [account()])).differences == ()
    play(state, [clock(60_000)])
    assert only(ReconciliationDone, play(state, [account()])).differences == (
        f"UNSETTLED|{entry.client_order_id}|unknown|",
    )


def test_report_that_can_not_be_is_told_once_and_its_money_counts() -> None:
    state, told = ready(), Told()
    entry = only(OrderIntended, play(state, [decision()]))
    name = entry.client_order_id
    play(state, [told.sent(entry), told.accepted(name, 800), told.accepted(name, 800)])
    assert state.orders[name].status == "working"
    said = play(state, [account(2, None, (name,)), account(2, None, (name,))])
    assert [each.differences for each in of(ReconciliationDone, said)] == [
        (f"MISFIT|{name}|working|accepted",),
        (),
    ]


def test_fill_of_an_order_that_is_not_known_is_booked() -> None:
    state = ready()
    assert play(state, [Told().filled("stranger", 800)]) == []
    assert state.balances == BOUGHT


def test_fill_of_an_instrument_that_was_never_told_stops_the_core() -> None:
    state = begin(CONFIG)
    play(state, [opened(), clock(0)])
    with pytest.raises(ValueError, match=r"instrument is 'BTC-USDT\.SIM': expected an Instrument"):
        play(state, [Told().filled("stranger", 800)])


def test_account_of_another_portfolio_is_not_ours() -> None:
    state = ready()
    play(state, [replace(opened(), portfolio="other", account="other")])
    assert state.account == "main"


@pytest.mark.parametrize(
    "doubt",
    [
        GapFound(id="gap", producer="risk/main", producer_epoch=0, first_missing=3, last_missing=4),
        CoreDiverged(id="diverged", service="risk", recorded="a", decided="b", detail="qty"),
    ],
    ids=["gap", "divergence"],
)
def test_log_that_can_not_be_trusted_opens_nothing_until_an_operator_resumes(
    doubt: GapFound | CoreDiverged,
) -> None:
    state = ready(doubt)
    [refusal] = play(state, [decision()])
    assert getattr(refusal, "reason", "") == "FROZEN"
    play(state, [command("resume")])
    assert only(OrderIntended, play(state, [decision("d2")])).decision_id == "d2"


def test_start_of_old_that_names_no_producer_holds_nothing_back() -> None:
    old = replace(started("risk", "old"), build="older")
    state = ready(old, replace(old, id="ours", build="test", producer="execution/main"))
    assert only(OrderIntended, play(state, [decision()])).decision_id == "d1"


def test_services_of_two_builds_open_nothing_until_they_agree_or_an_operator_resumes() -> None:
    other = replace(started("signals", "other"), build="newer", producer="signals/embedded")
    state = ready(other, replace(other, id="ours", build="test", producer="execution/main"))
    [refusal] = play(state, [decision()])
    assert getattr(refusal, "reason", "") == "BUILDS_DIFFER"
    play(state, [replace(other, id="again", build="test")])
    assert only(OrderIntended, play(state, [decision("d2")])).decision_id == "d2"
    state = ready(other, replace(other, id="ours", build="test", producer="execution/main"))
    play(state, [command("resume")])
    assert only(OrderIntended, play(state, [decision("d3")])).decision_id == "d3"
