"""What holds of ingestion's core whatever a venue sends."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from marea.domain.book import HELD_DELTAS_MAX
from marea.messages.market import BookStatusChanged, MarketMessage, RequestSnapshot
from marea.messages.system import Clock, DeadLetter, QualityCheckFailed
from services.ingestion.core import IngestionInput, IngestionState, decide
from services.ingestion.core.changes import BESTS_KEPT_MAX, IDS_KEPT_MAX, QUOTES_KEPT_MAX
from tests.unit.ingestion.generated import EVENTS
from tests.unit.ingestion.playing import Play


def encoded(state: IngestionState) -> bytes:
    return msgspec.msgpack.encode(state)


def said_of(events: Sequence[IngestionInput], saved_every: int) -> tuple[list[object], bytes]:
    """All outputs, the state saved and restored after every so many events, and the last state."""
    play = Play()
    said: list[object] = []
    for count, event in enumerate(events, 1):
        said.append(list(play.take(event)))
        if count % saved_every == 0:
            play.state = msgspec.msgpack.decode(encoded(play.state), type=IngestionState)
    return said, encoded(play.state)


@given(events=EVENTS, saved_every=st.integers(1, 7))
def test_core_that_is_saved_and_restored_says_what_it_would_have_said(
    events: list[IngestionInput], saved_every: int
) -> None:
    assert said_of(events, saved_every) == said_of(events, len(events) + 1)


@given(events=EVENTS)
def test_decide_changes_nothing(events: list[IngestionInput]) -> None:
    play = Play()
    for event in events:
        before = encoded(play.state)
        said = decide(play.state, event)
        assert encoded(play.state) == before
        assert decide(play.state, event) == said
        play.take(event)


@given(events=EVENTS)
def test_every_message_is_passed_on_first_or_is_a_duplicate_or_a_dead_letter(
    events: list[IngestionInput],
) -> None:
    play = Play()
    passed = Counter[str]()
    for event in events:
        said = play.take(event)
        is_passed_on = bool(said) and said[0] is event
        assert is_passed_on or not said
        assert all(output is not event for output in said[1:])
        if isinstance(event, MarketMessage) and is_of_venue(event) and is_passed_on:
            passed[event.id] += 1
    of_venue = [each for each in events if is_of_venue(each)]
    assert play.state.taken_count == sum(play.counts) == len(of_venue)
    assert play.counts[2] == sum(isinstance(each, DeadLetter) for each in events)
    assert not passed or max(passed.values()) == 1


def is_of_venue(event: IngestionInput) -> bool:
    return type(event).__name__ not in ("InstrumentChanged", "Clock", "ClockOffset", "GapFound")


@given(events=EVENTS)
def test_status_that_was_said_last_is_the_status_of_the_book(
    events: list[IngestionInput],
) -> None:
    play = Play()
    status: dict[str, str] = {}
    for event in events:
        for output in play.take(event):
            if isinstance(output, BookStatusChanged):
                status[output.instrument] = output.status
        assert status == {name: each.book.status for name, each in play.state.streams.items()}


@given(events=EVENTS)
def test_snapshot_is_awaited_exactly_while_the_book_is_not_live(
    events: list[IngestionInput],
) -> None:
    play = Play()
    for event in events:
        play.take(event)
        for stream in play.state.streams.values():
            assert bool(stream.ts_requested) == (stream.book.status != "LIVE")


@given(events=EVENTS)
def test_snapshot_is_never_asked_for_twice_within_ten_seconds_without_a_reason(
    events: list[IngestionInput],
) -> None:
    play = Play()
    asked: dict[str, int] = {}
    for event in events:
        for output in play.take(event):
            if isinstance(output, RequestSnapshot):
                if output.reason == "unanswered":
                    assert output.ts_event - asked[output.instrument] >= 10_000_000_000
                asked[output.instrument] = output.ts_event


@given(events=EVENTS)
def test_failed_checks_are_counted_and_each_says_once_what_keeps_failing(
    events: list[IngestionInput],
) -> None:
    play = Play()
    counts = Counter[str]()
    for event in events:
        failing = {name: list(each.failing) for name, each in play.state.streams.items()}
        said = [each for each in play.take(event) if isinstance(each, QualityCheckFailed)]
        for failed in said:
            counts[failed.check] += 1
            is_of_book = failed.detail.startswith("book:")
            assert is_of_book or failed.check not in failing[failed.instrument]
        assert len({failed.check for failed in said}) == len(said)
    assert play.state.failed_counts == counts


@given(events=EVENTS)
def test_what_is_kept_is_bounded_and_compared_no_more_than_once(
    events: list[IngestionInput],
) -> None:
    play = Play()
    for event in events:
        play.take(event)
    for stream in play.state.streams.values():
        assert stream.agreed_count <= stream.compared_count
        assert not stream.quotes.keys() & stream.bests.keys()
        assert len(stream.quotes) <= QUOTES_KEPT_MAX
        assert len(stream.bests) <= BESTS_KEPT_MAX
        assert len(stream.ids) <= IDS_KEPT_MAX
        assert len(stream.book.held) <= HELD_DELTAS_MAX
        assert len(stream.failing) == len(set(stream.failing))


@given(events=EVENTS)
def test_time_of_a_stream_never_goes_back_and_no_other_stamp_moves_it(
    events: list[IngestionInput],
) -> None:
    play = Play()
    for event in events:
        before = {name: each.clock for name, each in play.state.streams.items()}
        play.take(event)
        for name, ts in before.items():
            moved = play.state.streams[name].clock
            is_told = isinstance(event, Clock) and event.stream == name
            assert moved == max(ts, event.ts_event if is_told else 0)
