"""The marks: when one is due, what it rests on, when its market can't be trusted."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from marea.domain.book import BookStatus
from marea.messages.envelope import Message
from marea.messages.ids import market_id
from marea.messages.market import BookStatusChanged, Quote
from marea.messages.portfolio import Mark
from marea.messages.system import Clock, Degraded, GapFound
from services.risk.core.marks import MarksInput, MarksState, apply, decide
from tests.unit.risk.desk import BTC, MS, SECOND, T0, instrument

BID = 6_000_000


def clock(ns: int) -> Clock:
    return Clock(id=market_id(BTC, "clock", T0 + ns), ts_event=T0 + ns, stream=BTC)


def quote(number: int, bid: int = BID, ask: int = -1, ns: int = 0) -> Quote:
    return Quote(
        id=f"quote-{number}",
        ts_event=T0 + ns,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        bid_price=bid,
        bid_qty=1,
        ask_price=bid + 2 if ask < 0 else ask,
        ask_qty=1,
        update_id=number,
    )


def status(said: BookStatus) -> BookStatusChanged:
    return BookStatusChanged(
        id=f"status-{said}", instrument=BTC, status=said, reason="start", update_id=0
    )


def play(state: MarksState, events: Sequence[MarksInput]) -> list[Message]:
    """What is said, taken into the state as the loop does it."""
    said: list[Message] = []
    now = 0
    for event in events:
        decided = decide(state, event)
        apply(state, event)
        now = event.ts_event if isinstance(event, Clock) else now
        for output in decided:
            if output is not event:
                output = replace(output, ts_event=now)  # noqa: PLW2901 # as the loop names it
                apply(state, output)
            said.append(output)
    return said


def marks(*events: MarksInput) -> list[Mark]:
    return [each for each in play(MarksState(BTC), events) if isinstance(each, Mark)]


def test_instrument_is_passed_on_as_it_is() -> None:
    told = instrument()
    assert play(MarksState(BTC), [told]) == [told]


def test_no_mark_before_the_first_quote() -> None:
    assert marks(clock(0), status("LIVE"), clock(SECOND)) == []


def test_mark_is_said_at_a_clock_and_rests_on_quote_and_status() -> None:
    (mark,) = marks(status("LIVE"), quote(1, ns=7), clock(SECOND))
    assert mark.parents == ("quote-1", "status-LIVE")
    assert (mark.bid_price, mark.ask_price, mark.book_status) == (BID, BID + 2, "LIVE")
    assert (mark.ts_quote, mark.ts_event) == (T0 + 7, T0 + SECOND)


def test_mark_is_said_once_a_second_even_where_nothing_changes() -> None:
    clocks = [clock(step * 100 * MS) for step in range(25)]
    assert [each.ts_event - T0 for each in marks(quote(1), *clocks)] == [0, SECOND, 2 * SECOND]


def test_mark_is_said_at_the_first_clock_after_a_move_of_10_bps() -> None:
    small, enough = BID + 5_999, BID + 6_001
    assert len(marks(quote(1), clock(0), quote(2, small), clock(100 * MS))) == 1
    found = marks(quote(1), clock(0), quote(2, enough), clock(100 * MS), clock(200 * MS))
    assert [each.ts_event - T0 for each in found] == [0, 100 * MS]


def test_mark_is_said_at_the_first_clock_after_the_status_changed() -> None:
    found = marks(quote(1), status("LIVE"), clock(0), status("BROKEN"), clock(100 * MS))
    assert [each.book_status for each in found] == ["LIVE", "BROKEN"]


def test_gap_in_the_markets_log_breaks_the_book_until_its_status_is_told() -> None:
    gap = GapFound(id="gap", producer="i", producer_epoch=0, first_missing=1, last_missing=2)
    start = (quote(1), status("LIVE"), clock(0))
    found = marks(*start, gap, clock(100 * MS), status("LIVE"), clock(200 * MS))
    assert [each.book_status for each in found] == ["LIVE", "BROKEN", "LIVE"]
    assert found[1].parents == ("quote-1", "gap")


def degraded(*, is_over: bool) -> Degraded:
    return Degraded(
        id=f"degraded-{is_over}",
        stream=BTC,
        producer=f"ingestion/{BTC}",
        is_over=is_over,
        behind_count=3,
        behind_ms=2_001,
    )


def test_mark_says_broken_while_its_market_is_degraded_and_then_what_the_book_is() -> None:
    begun: list[MarksInput] = [status("LIVE"), quote(1), clock(0)]
    begun += [degraded(is_over=False), clock(100 * MS)]
    found = marks(*begun, degraded(is_over=True), clock(200 * MS))
    assert [each.book_status for each in found] == ["LIVE", "BROKEN", "LIVE"]
    assert found[1].parents == ("quote-1", "status-LIVE", "degraded-False")
    assert found[2].parents == found[0].parents


def test_status_that_is_told_while_the_market_is_degraded_opens_nothing() -> None:
    found = marks(quote(1), degraded(is_over=False), status("LIVE"), clock(0))
    assert [each.book_status for each in found] == ["BROKEN"]


def test_state_can_be_saved_and_restored() -> None:
    state = MarksState(BTC)
    play(state, [instrument(), status("LIVE"), quote(1), clock(0)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=MarksState) == state
