"""What a feed makes of frames: streams with a time of their own, and dead letters."""

from collections.abc import Iterator

import pytest

from marea.messages.envelope import Message
from marea.messages.market import BookDelta, BookSnapshot, InstrumentChanged, Quote, Trade
from marea.messages.system import Clock, ClockOffset, DeadLetter
from marea.venues.feed import WINDOWS_AHEAD_MAX, Feed, Window, windows_of
from marea.venues.tape import BadTape, Frame
from tests.unit.venues.binance import samples
from tests.unit.venues.binance.samples import BTC
from tests.unit.venues.feeding import (
    BTC_FILE,
    ETH,
    FILE,
    MS,
    PLAN,
    T0,
    feed_of,
    frames,
    messages,
    of_kind,
    payload,
    quote,
    read,
    read_all,
    trade,
)

BEHIND_MS = -1271
"""How far the recorder's clock stood behind the venue's on the tapes of 2024."""


def kinds(told: list[Message]) -> list[str]:
    """The type of each, and whose it is."""
    names = {BTC.id: "BTC", ETH.id: "ETH"}
    return [
        f"{type(each).__name__} {names[getattr(each, 'instrument', '') or getattr(each, 'stream', '')]}"
        for each in told
    ]


def times(told: list[Message], stream: str = BTC.id) -> list[float]:
    """The clocks of a stream, ms after T0."""
    return [(each.ts_event - T0) / MS for each in of_kind(Clock, told) if each.stream == stream]


# Windows


def spans(*at_ms: float) -> list[tuple[int, int]]:
    """The windows of frames at these times: begin, ms after T0, and the count of frames."""
    return [
        ((ts - T0) // MS, len(inside))
        for ts, inside in windows_of(frames(*((at, b"") for at in at_ms)))
    ]


def test_windows_lie_on_the_grid_of_our_clock() -> None:
    assert spans(3, 99.999999, 100, 250) == [(0, 2), (100, 1), (200, 1)]


def test_quiet_time_has_no_windows() -> None:
    assert spans(0, 50_010, 50_090, 86_400_000) == [(0, 1), (50_000, 2), (86_400_000, 1)]


def test_frame_from_before_its_window_stays_in_it() -> None:
    assert spans(150, 20, 199, 90, 200, 150) == [(100, 4), (200, 2)]


def test_market_without_a_frame_is_empty() -> None:
    feed = feed_of([])
    assert read_all(feed) == []
    assert (feed.end, feed.frame_count) == (0, 0)


# Streams


def test_stream_begins_with_its_instrument_and_the_time_when_its_first_message_comes() -> None:
    told = messages(frames((5, trade(7, 0)), (6, quote(9, "ETHUSDT")), (7, trade(8, 2))))
    assert kinds(told) == [
        "InstrumentChanged BTC",
        "Clock BTC",
        "Trade BTC",
        "InstrumentChanged ETH",
        "Clock ETH",
        "Quote ETH",
        "Trade BTC",
    ]


def test_each_window_begins_with_the_time_of_every_stream_that_has_begun() -> None:
    told = messages(
        frames((5, trade(7, 0)), (105, trade(8, 100)), (205, quote(1, "ETHUSDT")), (305, quote(2)))
    )
    assert [kind for kind in kinds(told) if kind.split()[0] not in ("Trade", "ClockOffset")] == [
        "InstrumentChanged BTC",
        "Clock BTC",
        "Clock BTC",
        "Clock BTC",
        "InstrumentChanged ETH",
        "Clock ETH",
        "Quote ETH",
        "Clock BTC",
        "Clock ETH",
        "Quote BTC",
    ]
    assert times(told) == [-5, 95, 195, 295]
    assert times(told, ETH.id) == [195, 295]


def test_instrument_is_described_as_it_is_listed_from_the_first_clock_on() -> None:
    changed, clock, *_ = messages(frames((0, trade(7, BEHIND_MS))))
    assert isinstance(changed, InstrumentChanged)
    assert (changed.venue_symbol, changed.kind, changed.base, changed.quote) == (
        "BTCUSDT",
        "spot",
        "BTC",
        "USDT",
    )
    assert (changed.price_scale, changed.qty_scale) == (BTC.price_scale, BTC.qty_scale)
    assert changed.book_sequencing == "contiguous"
    assert changed.ts_event == changed.valid_from == clock.ts_event


def test_every_message_and_every_clock_has_an_id_of_its_own() -> None:
    tape = frames(*((at, trade(at, at - 2, venue)) for at in range(0, 500, 7) for venue in NAMES))
    ids = [message.id for message in messages(tape)]
    assert len(set(ids)) == len(ids)


NAMES = ("BTCUSDT", "ETHUSDT")


# Time


def test_time_of_arrival_is_by_the_venues_clock() -> None:
    tape = frames((0, trade(7, -BEHIND_MS)), (40, quote(1)), (90, trade(8, -BEHIND_MS + 89)))
    records = [each for each in read_all(feed_of(tape)) if isinstance(each.message, Trade | Quote)]
    assert [(each.ts_known - T0) / MS + BEHIND_MS for each in records] == [0, 40, 90]
    assert all(each.ts_origin == each.ts_known for each in records)
    assert [(each.message.ts_event - T0) / MS + BEHIND_MS for each in records] == [0, 40, 89]


def test_first_clock_stands_on_the_venues_time() -> None:
    assert times(messages(frames((30, trade(7, 30 - BEHIND_MS))))) == [-BEHIND_MS]


def test_first_clock_stands_on_the_venues_time_where_the_first_frames_carry_no_stamp() -> None:
    noise = Frame(FILE, 1, T0, b"# begin", "no_stamp", "begins with #")
    quotes = frames(*((at, quote(at)) for at in range(0, 4900, 10)))
    told = messages([noise, *quotes, *frames((4930, b"{"), (4940, trade(7, 4938 - BEHIND_MS)))])
    assert times(told) == [at - BEHIND_MS - 2 for at in range(0, 5000, 100)]
    assert {each.ts_event for each in of_kind(InstrumentChanged, told)} == {told[1].ts_event}


def test_our_clock_is_taken_where_no_frame_carries_a_stamp() -> None:
    told = messages(frames(*((at, quote(at)) for at in range(5, 700, 10))))
    assert times(told) == list(range(0, 700, 100))
    assert not of_kind(ClockOffset, told)


@pytest.mark.parametrize(("ahead_ms", "expected"), [(-1271, [0, 1371]), (1271, [0, 0])])
def test_stamp_that_comes_late_moves_the_clock_forward_only(
    ahead_ms: int, expected: list[float]
) -> None:
    last_ms = WINDOWS_AHEAD_MAX * 100
    quotes = [(at, quote(at)) for at in range(0, last_ms, 100)]
    stamped = [(last_ms, trade(1, last_ms - ahead_ms)), (last_ms + 100, quote(last_ms))]
    told = times(messages(frames(*quotes, *stamped)))
    assert told[: WINDOWS_AHEAD_MAX + 1] == list(range(0, last_ms + 1, 100))
    assert told[-1] == last_ms + expected[1]


def test_offset_is_told_to_every_stream_before_the_clock_that_it_moves() -> None:
    told = messages(
        frames(
            (0, trade(1, 1271)),
            *((10 + number, trade(number, 1272 + number, "ETHUSDT")) for number in range(1, 9)),
            (100, trade(2, 1373)),
            (200, trade(3, 1473)),
        )
    )
    assert kinds(told)[13:17] == ["ClockOffset BTC", "Clock BTC", "ClockOffset ETH", "Clock ETH"]
    first, second = of_kind(ClockOffset, told[:17])
    assert (first.offset_ns, first.uncertainty_ns, first.sample_count) == (-1271 * MS, 8 * MS, 9)
    assert (second.offset_ns, second.ts_event) == (first.offset_ns, first.ts_event)
    assert times(told) == [1271, 1371, 1473]
    assert [each.offset_ns // MS for each in of_kind(ClockOffset, told[17:])] == [-1273, -1273]


def test_clock_waits_where_our_clock_is_set_back_and_where_the_offset_rises() -> None:
    set_back = [(at - (800 if at >= 500 else 0), trade(at, at)) for at in range(0, 2000, 50)]
    gaining = [(at + 4 * (at // 1000), trade(at, at)) for at in range(2000, 250_000, 500)]
    told = messages(frames(*set_back, *gaining))
    offsets = [each.offset_ns // MS for each in of_kind(ClockOffset, told)]
    assert offsets[:2] == [0, -800]
    assert max(offsets) > 0
    clocks = times(told)
    assert clocks == sorted(clocks)


@pytest.mark.parametrize("wrong_at", [0, 20, 80, 500])
@pytest.mark.parametrize("ahead_ms", [1_000, 20_000, 3_600_000, 86_000_000])
def test_one_stamp_from_the_future_does_not_move_the_clocks(wrong_at: int, ahead_ms: int) -> None:
    sent = [(at + 3, at + (ahead_ms if at == wrong_at else 0)) for at in range(0, 2000, 20)]
    tape = frames(*((at, trade(number, stamp)) for number, (at, stamp) in enumerate(sent)))
    assert times(messages(tape)) == [at - 3 for at in range(0, 2000, 100)]


def test_recorder_in_whole_milliseconds_has_a_steady_offset() -> None:
    tape = frames(*((at + 3 + at % 4, trade(at, at)) for at in range(0, 400_000, 97)))
    offsets = [each.offset_ns // MS for each in of_kind(ClockOffset, messages(tape))]
    assert offsets == [3] * 7


def test_line_that_can_not_be_read_does_not_move_the_clock() -> None:
    unread = Frame(FILE, 1, T0, trade(7, 900_000), "no_stamp", "begins with {")
    told = messages([unread, *frames((10, trade(8, 10)), (110, trade(9, 110)))])
    assert kinds(told[1:3]) == ["InstrumentChanged BTC", "Clock BTC"]
    assert times(told) == [0, 100]


# What can't be read


BAD_TRADE = payload(samples.SPOT_TRADE | {"p": "NaN"}, "btcusdt@trade")


@pytest.mark.parametrize(
    ("sent", "reason", "detail"),
    [
        (b"", "not_json", "Input data was truncated"),
        (trade(1, 0)[:-9], "not_json", "Input data was truncated"),
        (b"\xff\x00", "not_json", "JSON is malformed"),
        (b"[]", "ill_typed", "Expected `object`, got `array`"),
        (b"{}", "unknown_event", "expected one of"),
        (BAD_TRADE, "bad_amount", "NaN"),
        (payload(samples.SPOT_TRADE, "ethusdt@trade"), "foreign_symbol", "s BTCUSDT on stream eth"),
        (trade(1, 0, "BNBUSDT"), "unknown_instrument", "s BNBUSDT: expected one of BTCUSDT, ETH"),
        (payload(samples.SPOT_SNAPSHOT), "no_symbol", "a bare snapshot, and nothing says whose"),
    ],
)
def test_payload_that_can_not_be_read_becomes_a_dead_letter_with_its_bytes_and_its_place(
    sent: bytes, reason: str, detail: str
) -> None:
    tape = frames((0, trade(6, 0)), (20, sent), (30, trade(7, 28)))
    feed = feed_of(tape)
    told = [record.message for record in read_all(feed)]
    assert kinds([*told[:3], *told[4:]])[2:] == ["Trade BTC", "Trade BTC"]
    letter = told[3]
    assert isinstance(letter, DeadLetter)
    assert (letter.source, letter.place, letter.payload) == ("BINANCE", "tape.raw:2", sent)
    assert letter.reason == reason
    assert detail in letter.detail
    assert letter.ts_event == T0 + 20 * MS
    assert feed.frame_count == 3


@pytest.mark.parametrize("at_ms", [-T0 // MS, -86_400_001, 86_400_001, 8_000_000_000_000])
def test_stamp_far_from_its_arrival_is_not_believed(at_ms: int) -> None:
    told = messages(frames((0, trade(1, at_ms)), (1, trade(2, 0)), (101, trade(3, 100))))
    assert [type(each) for each in told[:4]] == [DeadLetter, InstrumentChanged, Clock, Trade]
    (letter,) = of_kind(DeadLetter, told)
    assert letter.reason == "bad_time"
    assert letter.detail == f"stamp {T0 + at_ms * MS}: expected within a day of its arrival {T0}"
    assert times(told) == [-1, 99]


@pytest.mark.parametrize("at_ms", [-86_400_000, 86_400_000])
def test_recorder_may_be_a_day_wrong(at_ms: int) -> None:
    assert times(messages(frames((0, trade(1, at_ms))))) == [at_ms]


@pytest.mark.parametrize(
    "line", [trade(7, 0), b"noise", str(T0).encode()], ids=["valid JSON", "noise", "no payload"]
)
def test_line_that_can_not_be_read_becomes_a_dead_letter_whatever_its_bytes_say(
    line: bytes,
) -> None:
    unread = Frame(FILE, 4, T0 + 10 * MS, line, "no_stamp", "begins with …")
    feed = feed_of([*frames((10, trade(6, 10))), unread])
    told = [record.message for record in read_all(feed)]
    assert [type(each) for each in told[2:]] == [Trade, DeadLetter]
    letter = told[3]
    assert isinstance(letter, DeadLetter)
    assert (letter.place, letter.payload) == ("tape.raw:4", line)
    assert (letter.reason, letter.detail) == ("no_stamp", "begins with …")
    assert feed.frame_count == 2


def test_equal_bad_lines_are_dead_letters_of_their_own() -> None:
    letters = of_kind(DeadLetter, messages(frames((0, b"{"), (0, b"{"), (0, b"{"))))
    assert [letter.place for letter in letters] == ["tape.raw:1", "tape.raw:2", "tape.raw:3"]
    assert len({letter.id for letter in letters}) == 3


def test_market_that_can_not_be_read_at_all_is_dead_letters_without_a_stream() -> None:
    told = messages(frames(*((at, trade(at, at, "BNBUSDT")) for at in range(0, 8000, 40))))
    assert {each.reason for each in of_kind(DeadLetter, told)} == {"unknown_instrument"}
    assert len(told) == len(of_kind(DeadLetter, told)) == 200


def test_bare_snapshot_belongs_to_the_one_instrument_of_its_file() -> None:
    told = messages(frames((0, payload(samples.SPOT_SNAPSHOT)), file=BTC_FILE))
    assert [each.instrument for each in of_kind(BookSnapshot, told)] == [BTC.id]


def test_delta_and_snapshot_come_as_what_they_are() -> None:
    delta = payload(samples.SPOT_DELTA | {"E": T0 // MS}, "btcusdt@depth@100ms")
    snapshot = payload(samples.SPOT_SNAPSHOT, "btcusdt@restDepthSnapshot")
    told = messages(frames((0, delta), (1, snapshot)))
    assert of_kind(BookDelta, told)[0].last_update_id == 160
    assert of_kind(BookSnapshot, told)[0].last_update_id == 160


# Reads


def test_read_gives_the_rest_of_the_window_that_holds_the_position() -> None:
    feed = feed_of(frames((0, trade(1, 0)), (10, trade(2, 10)), (100, trade(3, 100))))
    assert [len(read(feed, position)) for position in (0, 1, 3, 4, 6, 7, 99)] == [
        4,
        3,
        1,
        3,
        1,
        0,
        0,
    ]
    assert [len(read(feed, position, 2)) for position in (0, 1, 3, 4, 6, 7, 99)] == [
        2,
        2,
        1,
        2,
        1,
        0,
        0,
    ]


def test_place_of_a_feed_is_the_window_it_has_come_to() -> None:
    feed = feed_of(frames((0, trade(1, 0)), (110, trade(2, 110))))
    assert (feed.end, feed.ts_local, feed.frame_count) == (0, 0, 0)
    read(feed, 0)
    assert (feed.end, feed.ts_local, feed.frame_count) == (3, T0, 1)
    read(feed, 3)
    assert (feed.end, feed.ts_local, feed.frame_count) == (6, T0 + 100 * MS, 2)
    read(feed, 0)
    assert (feed.end, feed.ts_local, feed.frame_count) == (3, T0, 1)


def test_tape_that_breaks_off_stops_the_feed_with_what_the_tape_says() -> None:
    def broken() -> Iterator[Window]:
        yield Window(T0, frames((0, trade(1, 0))))
        raise BadTape(FILE, 1, "the compressed data end too early", "fetch the file again")

    feed = Feed(PLAN, broken)
    assert len(read(feed, 0)) == 3
    with pytest.raises(BadTape, match=r"tape\.raw, line 1: the compressed data end too early; f"):
        read(feed, 3)


@pytest.mark.parametrize("set_by_s", [3_600, -3_600, 60, -60])
def test_clock_of_ours_that_is_set_moves_no_clock_of_a_stream(set_by_s: int) -> None:
    def windows() -> Iterator[Window]:
        for place in range(30):
            wrong_ms = set_by_s * 1_000 if 10 <= place < 20 else 0
            [frame] = frames((place * 100 + wrong_ms + 1, trade(1 + place, place * 100)))
            yield Window(T0 + (place * 100 + wrong_ms) * MS, [frame])

    told = [each.message for each in read_all(Feed(PLAN, windows))]
    found = times(told)
    assert found == sorted(set(found))
    assert max(abs(ts - place * 100) for place, ts in enumerate(found)) <= 200
    assert [each.first_trade_id for each in of_kind(Trade, told)] == list(range(1, 31))
