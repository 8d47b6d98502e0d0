"""When does the breaker open, when does it end, and from where is the next fall measured?"""

from collections.abc import Sequence

from marea.messages.envelope import Message
from marea.messages.portfolio import BreakerEnded, BreakerTripped, PortfolioValued
from tests.unit.risk.desk import COIN, HOUR, MS, Desk, approved, config, denied, of, only

ALL_IN = config(position_e8_max=90_000_000, asset_e8_max=10**8, sector_e8_max=10**8)
HOUR_MS = HOUR // MS


def bought() -> Desk:
    """A desk with 90 % of its equity in one instrument, bought at 60,000."""
    desk = Desk.ready(ALL_IN)
    desk.enter()
    desk.wait(100 * MS)
    return desk


def falls(desk: Desk, pct: int, at_ms: int) -> list[Message]:
    """What is said as the price has come so far below 60,000 by then."""
    desk.now = at_ms * MS
    return [*desk.mark(bid=6_000_000 * (100 - pct) // 100), *desk.wait(0)]


def levels(said: Sequence[Message], kind: type[BreakerTripped] | type[BreakerEnded]) -> list[int]:
    return [each.level for each in of(kind, said)]


def test_levels_trip_one_by_one_as_equity_falls() -> None:
    desk = bought()
    assert levels(falls(desk, 5, 200), BreakerTripped) == []  # of equity that is 4.6 %
    assert levels(falls(desk, 6, 300), BreakerTripped) == [1]
    assert levels(falls(desk, 7, 400), BreakerTripped) == []
    assert levels(falls(desk, 40, 500), BreakerTripped) == [2, 3]


def test_level_ends_by_itself_after_its_time_and_measures_from_the_equity_of_then() -> None:
    desk = bought()
    falls(desk, 7, 300)
    assert levels(falls(desk, 8, HOUR_MS + 299), BreakerEnded) == []
    said = falls(desk, 8, HOUR_MS + 300)
    ended = only(BreakerEnded, said)
    assert (ended.level, ended.cause) == (1, "elapsed")
    assert 9_200 * COIN < ended.reference < 9_300 * COIN  # with 8 % lost of 90 %, and the costs


def test_level_that_ended_trips_again_by_a_further_loss_only() -> None:
    desk = bought()
    falls(desk, 7, 300)
    falls(desk, 7, HOUR_MS + 300)
    assert levels(falls(desk, 7, HOUR_MS + 400), BreakerTripped) == []
    said = falls(desk, 10, HOUR_MS + 500)  # 2.9 % below the reference
    assert levels(said, BreakerTripped) == []
    said = falls(desk, 13, HOUR_MS + 600)  # 5.8 %; 12 % of the peak
    assert levels(said, BreakerTripped) == [1, 2]


def test_higher_level_goes_on_as_a_lower_one_ends() -> None:
    desk = bought()
    falls(desk, 40, 300)
    said = falls(desk, 40, HOUR_MS + 300)
    assert levels(said, BreakerEnded) == [1]
    out = approved(desk.signal("sell"))  # an exit is let through, an entry is not
    assert out.purpose == "exit"
    desk.carry_out(out)
    decision = denied(desk.signal("buy"))
    assert (decision.reason, decision.observed["BREAKER_OPEN"]) == ("BREAKER_OPEN", 3.0)


def test_reset_ends_every_level_and_what_was_lost_does_not_trip_them_again() -> None:
    desk = bought()
    falls(desk, 40, 300)
    desk.said.clear()
    desk.command("reset")
    assert levels(desk.said, BreakerEnded) == [1, 2, 3]
    assert len({ended.reference for ended in of(BreakerEnded, desk.said)}) == 1
    assert levels(falls(desk, 41, 400), BreakerTripped) == []
    assert levels(falls(desk, 47, 500), BreakerTripped) == [1]


def test_drawdown_is_told_from_the_peak_whatever_was_reset() -> None:
    desk = bought()
    falls(desk, 40, 300)
    desk.command("reset")
    valued = only(PortfolioValued, falls(desk, 40, 2_000))
    assert 36.0 < valued.drawdown_pct < 36.2


def test_book_without_a_bid_trips_nothing() -> None:
    desk = bought()
    desk.said.clear()
    desk.wait(200 * MS)
    desk.mark(bid=0, ask=6_000_001, status="BROKEN")
    desk.wait(100 * MS)
    desk.mark(bid=0, ask=0, status="SYNCING")
    desk.wait(100 * MS)
    assert levels(desk.said, BreakerTripped) == []
