"""Who may open nothing, and until when: breakers, and what people order."""

import pytest

from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandAction,
    CommandTaken,
    PortfolioValued,
    RiskDecision,
)
from services.risk.core import next_deadline
from tests.unit.risk.desk import (
    BTC,
    COIN,
    HOUR,
    MS,
    SECOND,
    T0,
    Desk,
    approved,
    config,
    denied,
    of,
    only,
)

WIDE = config(position_e8_max=10**8, asset_e8_max=10**8, sector_e8_max=10**8)


def fallen(bid: int, **more: str) -> Desk:
    """A desk that holds as much as it can pay for, and whose price went to this from 60,000.00."""
    desk = Desk.ready(WIDE, **more)
    desk.enter()
    desk.mark(bid=bid)
    desk.wait(100 * MS)
    return desk


def test_fall_beyond_a_level_trips_it_with_its_reference_and_its_time() -> None:
    desk = fallen(5_650_000)
    tripped = only(BreakerTripped, desk.said)
    assert (tripped.level, tripped.drawdown_pct_max) == (1, 5.0)
    assert tripped.reference == 10_000 * COIN
    assert tripped.drawdown_pct == pytest.approx(100 - tripped.equity / tripped.reference * 100)
    assert tripped.ts_until == T0 + 100 * MS + HOUR
    valued = only(PortfolioValued, desk.wait(SECOND))
    assert valued.drawdown_pct == pytest.approx(tripped.drawdown_pct)


def test_crash_trips_all_levels_at_one_clock() -> None:
    tripped = of(BreakerTripped, fallen(5_000_000).said)
    assert [(each.level, each.ts_until - T0 - 100 * MS) for each in tripped] == [
        (1, HOUR),
        (2, 4 * HOUR),
        (3, 24 * HOUR),
    ]


def test_level_ends_at_its_time_and_measures_from_the_equity_then() -> None:
    desk = fallen(5_650_000)
    desk.wait(HOUR - 1)
    assert of(BreakerEnded, desk.said) == []
    ended = only(BreakerEnded, desk.wait(1))
    assert (ended.level, ended.cause) == (1, "elapsed")
    assert ended.reference == only(BreakerTripped, desk.said).equity
    desk.mark(bid=5_500_000)  # 2.7 % below, and 8 % below the peak
    assert of(BreakerTripped, desk.wait(100 * MS)) == []
    desk.mark(bid=5_360_000)  # 5.1 % below
    levels = [each.level for each in of(BreakerTripped, desk.wait(100 * MS))]
    assert levels == [1, 2]


def test_highest_level_of_a_live_portfolio_waits_for_an_admin() -> None:
    desk = fallen(5_000_000, mode="live")
    desk.wait(48 * HOUR)
    assert [each.level for each in of(BreakerEnded, desk.said)] == [1, 2]
    desk.mark(bid=5_000_000)
    desk.leave(price=5_000_000)
    assert denied(desk.signal("buy")).observed["BREAKER_OPEN"] == 3.0
    assert desk.command("reset").accepted
    approved(desk.signal("buy"))


def test_no_level_trips_before_the_portfolio_is_open() -> None:
    desk = Desk(WIDE)
    assert desk.wait(SECOND) == []


def test_time_never_goes_back() -> None:
    desk = Desk.ready()
    desk.wait(SECOND)
    desk.wait(-SECOND // 2)
    assert desk.state.now == T0 + SECOND
    assert T0 + SECOND < next_deadline(desk.state) <= T0 + SECOND + 100 * MS


# Commands


def test_halt_holds_openings_back_until_it_is_resumed() -> None:
    desk = Desk.ready()
    taken = desk.command("halt", role="user")
    assert (taken.accepted, taken.reason, taken.actor) == (True, "APPROVED", "you")
    assert denied(desk.signal("buy")).reason == "HALTED"
    assert desk.command("resume", role="user").accepted
    approved(desk.signal("buy"))


def test_reset_ends_every_level_that_is_open() -> None:
    desk = fallen(5_000_000)
    desk.command("reset")
    ended = of(BreakerEnded, desk.said)
    assert [(each.level, each.cause) for each in ended] == [
        (1, "reset"),
        (2, "reset"),
        (3, "reset"),
    ]
    assert of(BreakerTripped, desk.wait(100 * MS)) == []


@pytest.mark.parametrize(
    ("action", "role"),
    [("reset", "user"), ("reset", "viewer"), ("halt", "viewer"), ("resume", ""), ("halt", "root")],
)
def test_role_orders_only_what_it_may(action: CommandAction, role: str) -> None:
    desk = fallen(5_000_000)
    taken = desk.command(action, role=role)
    assert (taken.accepted, taken.reason) == (False, "ROLE_NOT_ALLOWED")
    assert not desk.state.is_halted
    assert of(BreakerEnded, desk.said) == []


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_command_without_a_reason_is_not_taken(reason: str) -> None:
    taken = Desk.ready().command("halt", reason=reason)
    assert (taken.accepted, taken.reason) == (False, "REASON_MISSING")


def test_key_counts_once_whatever_it_orders() -> None:
    desk = Desk.ready()
    assert desk.command("halt", key="k").accepted
    again = desk.command("resume", key="k")
    assert (again.accepted, again.reason) == (False, "DUPLICATE")
    assert desk.state.is_halted


@pytest.mark.parametrize("action", ["resume", "reset"])
def test_command_that_would_change_nothing_says_so(action: CommandAction) -> None:
    taken = Desk.ready().command(action)
    assert (taken.accepted, taken.reason) == (False, "NO_EFFECT")


def test_second_halt_says_that_it_changes_nothing() -> None:
    desk = Desk.ready()
    desk.command("halt")
    assert desk.command("halt").reason == "NO_EFFECT"


def test_halt_leaves_what_is_held_and_its_exit() -> None:
    desk = Desk.ready()
    desk.enter()
    desk.command("halt")
    assert of(RiskDecision, desk.leave(BTC)) == []
    assert desk.held() < 1000
    assert len(of(CommandTaken, desk.said)) == 1
