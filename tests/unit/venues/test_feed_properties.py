"""Any frames, read in any way: the same records, every frame among them, and time goes forward."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from marea.domain.clock_offset import WINDOW_NS
from marea.messages.envelope import Record
from marea.messages.market import InstrumentChanged, MarketMessage
from marea.messages.system import Clock, ClockOffset, DeadLetter
from marea.venues.feed import windows_of
from marea.venues.port import UnreadableMessage
from marea.venues.tape import Frame
from tests.unit.venues.binance import samples
from tests.unit.venues.feeding import (
    FILE,
    MS,
    PLAN,
    T0,
    feed_of,
    payload,
    quote,
    read,
    read_all,
    trade,
)

STEPS_MS = st.sampled_from([0, 0, 1, 7, 40, 99, 100, 101, 2_000, 70_000, -1, -30, -900])
"""How long after the frame before each comes: a recorder's clock may be set back."""
DELAYS_MS = st.one_of(st.integers(0, 30), st.integers(-1300, 1300))
"""Our clock less the venue's, and the way a frame took."""
STEADY_DELAYS_MS = st.integers(-120, 120)
"""Of a clock that nobody sets."""
VENUE_SYMBOLS = st.sampled_from(["BTCUSDT", "BTCUSDT", "ETHUSDT", "BNBUSDT"])
UNREADABLE = st.sampled_from(
    [b"", b"{", b"[]", b"\xff", payload(samples.SPOT_SNAPSHOT), trade(1, 90_000_000)]
)


@st.composite
def tapes(draw: st.DrawFn, delays_ms: st.SearchStrategy[int] = DELAYS_MS) -> list[Frame]:
    at_ms, tape = 0, []
    for line in range(1, draw(st.integers(0, 40)) + 1):
        at_ms += draw(STEPS_MS)
        kind = draw(st.sampled_from(["trade", "trade", "quote", "unreadable", "no stamp"]))
        said: dict[str, Any] = {"reason": "no_stamp", "detail": "…"} if kind == "no stamp" else {}
        tape.append(
            Frame(FILE, line, T0 + at_ms * MS, draw(payloads(kind, line, at_ms, delays_ms)), **said)
        )
    return tape


def payloads(
    kind: str, line: int, at_ms: int, delays_ms: st.SearchStrategy[int]
) -> st.SearchStrategy[bytes]:
    if kind == "quote":
        return VENUE_SYMBOLS.map(lambda venue_symbol: quote(line, venue_symbol))
    if kind == "unreadable":
        return UNREADABLE
    return st.builds(
        lambda venue_symbol, delay_ms: trade(line, at_ms - delay_ms, venue_symbol),
        VENUE_SYMBOLS,
        delays_ms,
    )


def is_said_by_the_feed(record: Record) -> bool:
    return isinstance(record.message, InstrumentChanged | Clock | ClockOffset)


@given(tape=tapes(), limits=st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_positions_are_the_same_whatever_the_reads(tape: list[Frame], limits: list[int]) -> None:
    expected = read_all(feed_of(tape))
    assert [record.seq for record in expected] == list(range(len(expected)))
    feed, found = feed_of(tape), list[Record]()
    while records := read(feed, len(found), limits[len(found) % len(limits)]):
        assert len(records) <= limits[len(found) % len(limits)]
        found += records
    assert found == expected
    assert feed.end == len(expected)
    assert feed.frame_count == len(tape)


@given(
    tape=tapes(),
    positions=st.lists(st.integers(0, 99), min_size=1, max_size=6),
    limit=st.integers(1, 50),
)
def test_feed_begins_anew_at_any_position(
    tape: list[Frame], positions: list[int], limit: int
) -> None:
    expected = read_all(feed_of(tape))
    feed = feed_of(tape)
    for position in positions:
        records = read(feed, position, limit)
        assert records == expected[position : position + len(records)]
        assert bool(records) == (position < len(expected))


@given(tape=tapes())
def test_every_frame_is_its_message_or_a_dead_letter_in_the_order_of_the_tape(
    tape: list[Frame],
) -> None:
    records = [each for each in read_all(feed_of(tape)) if not is_said_by_the_feed(each)]
    for frame, record in zip(tape, records, strict=True):
        message = record.message
        if isinstance(message, DeadLetter):
            assert message.payload == frame.payload
            assert message.place == f"tape.raw:{frame.line}"
            assert message.ts_event == record.ts_known
            assert message.reason == (frame.reason or message.reason)
        else:
            assert not frame.reason
            assert message == PLAN.parser.parse(frame.payload, record.ts_known)
    read_by_hand = [frame for frame in tape if is_readable(frame)]
    assert len(read_by_hand) == sum(not isinstance(each.message, DeadLetter) for each in records)


def is_readable(frame: Frame) -> bool:
    if frame.reason or frame.payload == trade(1, 90_000_000):
        return False
    try:
        PLAN.parser.parse(frame.payload, frame.ts_local)
    except UnreadableMessage:
        return False
    return True


@given(tape=tapes())
def test_stream_begins_with_its_instrument_and_the_time_and_its_clock_never_goes_back(
    tape: list[Frame],
) -> None:
    begun: dict[str, int] = {}
    for message in (record.message for record in read_all(feed_of(tape))):
        match message:
            case InstrumentChanged():
                assert message.instrument not in begun
                begun[message.instrument] = 0
            case Clock():
                assert message.ts_event >= begun[message.stream]
                begun[message.stream] = message.ts_event
            case MarketMessage():
                assert begun[message.instrument] > 0


@given(tape=tapes())
def test_arrival_is_less_by_the_offset_that_was_told_last(tape: list[Frame]) -> None:
    records = read_all(feed_of(tape))
    observed = [each for each in records if not is_said_by_the_feed(each)]
    local = {id(record): frame.ts_local for frame, record in zip(tape, observed, strict=True)}
    told: int | None = None
    for record in records:
        if isinstance(record.message, ClockOffset):
            told = record.message.offset_ns
        elif told is not None and id(record) in local:
            assert record.ts_known == local[id(record)] - told


@given(tape=tapes(STEADY_DELAYS_MS))
def test_offset_that_is_told_is_the_least_of_the_stamps_of_two_minutes(tape: list[Frame]) -> None:
    told = {
        int(record.message.id.rpartition(":")[2]): record.message.offset_ns
        for record in read_all(feed_of(tape))
        if isinstance(record.message, ClockOffset)
    }
    minutes: list[list[int]] = [[]]
    ts_minute = 0
    for ts_begin, inside in windows_of(tape):
        seen = [each for minute in minutes[-2:] for each in minute]
        assert told.get(ts_begin) in (None, min(seen, default=None))
        for frame in filter(is_readable, inside):
            message = PLAN.parser.parse(frame.payload, frame.ts_local)
            if type(message) not in PLAN.parser.unstamped:
                if frame.ts_local - ts_minute >= WINDOW_NS:
                    ts_minute = frame.ts_local
                    minutes.append([])
                minutes[-1].append(frame.ts_local - message.ts_event)
