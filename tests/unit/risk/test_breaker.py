"""When does the breaker open, when does it end, and from where is the next fall measured?"""

from marea.messages.portfolio import BreakerEnded, BreakerTripped, PortfolioValued, RiskDecision
from services.risk.core import RiskOutput
from tests.unit.execution.trading import of
from tests.unit.risk.play import Desk, approved, clock, mark

ALL_IN = {
    "risk__profiles_pct_max__moderate": "90",
    "risk__asset_pct_max": "100",
    "risk__sector_pct_max": "100",
}
HOUR_MS = 3_600_000


def bought() -> Desk:
    """A desk with 90 % of its equity in one instrument, bought at 60,000."""
    desk = Desk(ALL_IN)
    desk.bought(approved(desk.signals(weighted=1.0)))
    desk.tell(clock(100))
    return desk


def falls(desk: Desk, pct: int, at_ms: float) -> list[RiskOutput]:
    """What is said as the price has come so far below 60,000 by then."""
    bid = 6_000_000 * (100 - pct) // 100
    return desk.tell(mark(bid, bid + 1), clock(at_ms))


def levels(said: list[RiskOutput], kind: type[BreakerTripped] | type[BreakerEnded]) -> list[int]:
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
    (ended,) = of(BreakerEnded, said)
    assert (ended.level, ended.cause) == (1, "elapsed")
    assert 9_200 * 10**8 < ended.reference < 9_300 * 10**8  # with 8 % lost of 90 %, and the costs


def test_level_that_ended_trips_again_by_a_further_loss_only() -> None:
    desk = bought()
    falls(desk, 7, 300)
    falls(desk, 7, HOUR_MS + 300)
    assert levels(falls(desk, 7, HOUR_MS + 400), BreakerTripped) == []
    assert levels(falls(desk, 10, HOUR_MS + 500), BreakerTripped) == []  # 2.9 % below the reference
    assert levels(falls(desk, 13, HOUR_MS + 600), BreakerTripped) == [
        1,
        2,
    ]  # 5.8 %; 12 % of the peak


def test_higher_level_goes_on_as_a_lower_one_ends() -> None:
    desk = bought()
    falls(desk, 40, 300)
    said = falls(desk, 40, HOUR_MS + 300)
    assert levels(said, BreakerEnded) == [1]
    (denied,) = of(RiskDecision, sells_and_buys(desk))
    assert (denied.reason, denied.observed["BREAKER_OPEN"]) == ("BREAKER_OPEN", 3.0)


def sells_and_buys(desk: Desk) -> list[RiskOutput]:
    """What an opening is answered once nothing is held: an exit is let through, an entry is not."""
    out = approved(desk.signals(weighted=-1.0))
    assert out.purpose == "exit"
    intent = desk.intend(out)
    desk.sold(intent.client_order_id, out.qty)
    desk.tell(desk.completed(out, "exit", out.qty))
    return desk.signals(weighted=1.0)


def test_reset_ends_every_level_and_what_was_lost_does_not_trip_them_again() -> None:
    desk = bought()
    falls(desk, 40, 300)
    said = desk.command("reset")
    assert levels(said, BreakerEnded) == [1, 2, 3]
    assert len({ended.reference for ended in of(BreakerEnded, said)}) == 1
    assert levels(falls(desk, 41, 400), BreakerTripped) == []
    assert levels(falls(desk, 47, 500), BreakerTripped) == [1]


def test_drawdown_is_told_from_the_peak_whatever_was_reset() -> None:
    desk = bought()
    falls(desk, 40, 300)
    desk.command("reset")
    (valued,) = of(PortfolioValued, falls(desk, 40, 2_000))
    assert 36.0 < valued.drawdown_pct < 36.2


def test_book_without_a_bid_trips_nothing() -> None:
    desk = bought()
    assert levels(desk.tell(mark(0, 6_000_001, "BROKEN"), clock(300)), BreakerTripped) == []
    assert levels(desk.tell(mark(0, 0, "SYNCING"), clock(400)), BreakerTripped) == []
