"""A loop that dies and loses all that it knows, again and again, changes nothing of what is said.

`tools/crash_loops.py` does the same with more crashes.
"""

from dataclasses import replace

import pytest

from services.standalone.embedded import MARKET
from tools.crash_loops import SEED, Moment, Outcome, Trial, crash, draw_moments, trial_of

CRASHES = 12
"""Of each loop."""
LOOPS = (
    MARKET,
    "features/BTC-USDT.SIM",
    "features/ETH-USDT.SIM",
    "paper",
    "risk",
    "marks/BTC-USDT.SIM",
    "marks/ETH-USDT.SIM",
    "signals",
    "execution",
)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return trial_of(SEED, 4)


@pytest.fixture(scope="module")
def like(trial: Trial) -> Outcome:
    """The run in which nothing dies."""
    return trial.play({})


def count(outcome: Outcome, kind: str, **told: object) -> int:
    """How many messages of a kind stand on the trading log, and say this."""
    return sum(
        all(each.content[name] == value for name, value in told.items())
        for where, messages in outcome.run.said.items()
        if where[:2] == ("trading/main", kind)
        for each in messages
    )


def test_undisturbed_run_holds_all_that_a_crash_could_spoil(like: Outcome) -> None:
    assert like.troubles == []
    assert tuple(like.calls) == LOOPS
    fills, whole = count(like, "OrderFilled"), count(like, "OrderFilled", leaves_qty=0)
    assert fills > whole > 0
    for kind in ("CancelIntended", "OrderCanceled", "OrderTriggered", "PositionClosed"):
        assert count(like, kind) > 0
    assert count(like, "RiskDecision", approved=True) > 5


@pytest.mark.parametrize("name", LOOPS)
def test_crashes_of_a_loop_leave_the_run_as_it_would_have_been(
    name: str, trial: Trial, like: Outcome
) -> None:
    crashes = crash(trial, like, name, draw_moments(SEED, like, name, CRASHES))
    assert crashes.differences == []
    assert len(crashes.calls) >= CRASHES - 1


def test_market_that_dies_between_two_logs_is_whole_before_anyone_decides(
    trial: Trial, like: Outcome
) -> None:
    second_append = [Moment(window, 2, is_after=False) for window in like.moving[:8]]
    crashes = crash(trial, like, MARKET, second_append)
    assert crashes.calls == ["before append"] * 8
    assert crashes.differences == []


def test_risk_that_must_read_much_again_tells_the_time_before_anyone_decides(
    trial: Trial, like: Outcome
) -> None:
    seldom = trial.settings.snapshots.model_copy(update={"every_s": 86_400})
    settings = trial.settings.model_copy(update={"snapshots": seldom})
    begin = [Moment(window, 0, is_after=False) for window in like.moving[-4:]]
    crashes = crash(replace(trial, settings=settings), like, "risk", begin)
    assert crashes.calls == ["before read"] * 4
    assert crashes.differences == []


def test_orders_that_were_intended_and_not_sent_are_sent_by_the_next_life(
    trial: Trial, like: Outcome
) -> None:
    read_back = [Moment(window, 2, is_after=True) for window in like.moving]
    crashes = crash(trial, like, "execution", read_back)
    assert crashes.calls.count("after read") > 5
    assert crashes.differences == []
