"""When a level of the breaker opens and who ends it, the time, and commands that change nothing."""

import pytest

from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    CommandAction,
    PortfolioValued,
)
from services.risk.core import next_deadline
from tests.unit.risk.desk import (
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


@pytest.mark.parametrize("action", ["resume", "reset"])
def test_command_that_would_change_nothing_says_so(action: CommandAction) -> None:
    taken = Desk.ready().command(action)
    assert (taken.accepted, taken.reason) == (False, "NO_EFFECT")


def test_second_halt_says_that_it_changes_nothing() -> None:
    desk = Desk.ready()
    desk.command("halt")
    assert desk.command("halt").reason == "NO_EFFECT"
