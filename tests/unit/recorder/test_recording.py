"""Every sink gets every record, in order, whatever becomes of it or of the others."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from marea.bus.memory import MemoryBus
from marea.bus.raw import Raw
from marea.errors import BadInput, Broken, Refused, Unavailable
from marea.messages.envelope import NOBODY, Log
from marea.messages.system import DeadLetter
from marea.runtime.facts import health_of
from marea.testing.builders import quote_record
from marea.testing.raw import RawView
from services.recorder.config import Pace
from services.recorder.shell.copying import Feed
from services.recorder.shell.recording import Recorder
from services.recorder.shell.tail import Direct, Tail
from tests.unit.recorder.running import drained, feeds, until, while_running
from tests.unit.recorder.stores import QUICK, A, B, ListSink, figures, filled, ids


def test_every_sink_gets_every_record_in_order() -> None:
    async def run() -> None:
        bus = await filled(95, A, B)
        one, other = ListSink("one"), ListSink("other")
        await drained(Recorder(feeds(RawView(bus), one, other), figures()))
        for sink in (one, other):
            assert sink.ids(A) == await ids(bus, A)
            assert sink.ids(B) == await ids(bus, B)
            assert not sink.is_open

    asyncio.run(run())


def test_log_that_is_new_while_it_runs_is_taken_too() -> None:
    async def run() -> None:
        bus, sink = await filled(3, A), ListSink()

        async def act() -> None:
            await until(lambda: len(sink.ids(A)) == 3)
            await bus.append(B, [quote_record(seq) for seq in range(5)])
            await until(lambda: len(sink.ids(B)) == 5)

        await while_running(Recorder(feeds(RawView(bus), sink), figures()), act)

    asyncio.run(run())


def test_sink_that_is_away_holds_up_no_other_and_catches_up_when_it_is_back() -> None:
    async def run() -> None:
        bus, told = await filled(30, A), CapturingLogger()
        here, away = ListSink("here"), ListSink("away")
        away.is_away = True
        recorder = Recorder(feeds(RawView(bus), here, away), figures(told))

        async def act() -> None:
            await until(lambda: len(here.ids(A)) == 30)
            assert away.ids(A) == []
            facts = {fact.loop: fact for fact in recorder.facts()}
            assert facts["recorder/away"].last_error == "Unavailable: away is away"
            assert facts["recorder/away"].phase == "has not started"
            assert facts["recorder/away"].lag == 30
            assert facts["recorder/here"].phase == "runs"
            assert facts["recorder/here"].lag == 0
            away.is_away = False
            await until(lambda: len(away.ids(A)) == 30)

        await while_running(recorder, act)
        assert away.ids(A) == await ids(bus, A)
        assert [call.method_name for call in told.calls] == ["warning", "info"]

    asyncio.run(run())


def test_write_whose_position_was_lost_is_done_again_and_stands_there_once() -> None:
    async def run() -> None:
        bus, sink = await filled(25, A), ListSink()
        sink.dies_after_rows = True
        await drained(
            Recorder(feeds(RawView(bus), sink), figures())
        )  # it was told to end: no retry
        assert sink.ends == {}
        await drained(Recorder(feeds(RawView(bus), sink), figures()))
        assert sink.ids(A) == await ids(bus, A)

    asyncio.run(run())


def test_sink_that_fails_for_good_stops_alone_and_is_told() -> None:
    async def run() -> None:
        bus, told = await filled(30, A), CapturingLogger()
        broken, whole = ListSink("broken"), ListSink("whole")
        broken.fails = [ValueError("no such column")]
        recorder = Recorder(feeds(RawView(bus), broken, whole), figures(told))
        with pytest.raises(Broken, match=r"of 2 sinks 1 ended early .broken: ValueError: no such"):
            await drained(recorder)
        assert whole.ids(A) == await ids(bus, A)
        assert [call.method_name for call in told.calls] == ["error"]
        why = health_of("recorder", "a", tuple(recorder.facts())).why
        assert "recorder/broken: ValueError: no such column" in why

    asyncio.run(run())


def test_sink_that_fails_as_it_is_closed_stops_no_other() -> None:
    async def run() -> None:
        bus, told = await filled(30, A), CapturingLogger()
        broken, whole = ListSink("broken"), ListSink("whole")
        broken.fails = [ValueError("no such column")]
        broken.fails_to_close = [ValueError("not open")]
        recorder = Recorder(feeds(RawView(bus), broken, whole), figures(told))

        async def act() -> None:
            await until(lambda: not broken.fails_to_close)
            await bus.append(A, [quote_record(seq) for seq in range(30, 35)])
            await until(lambda: len(whole.ids(A)) == 35)

        with pytest.raises(Broken, match=r"of 2 sinks 1 ended early .broken: ValueError: no such"):
            await while_running(recorder, act)
        assert [call.method_name for call in told.calls] == ["error", "warning"]

    asyncio.run(run())


def test_recorder_ends_when_no_sink_is_left() -> None:
    async def run() -> None:
        sink = ListSink()
        sink.fails = [ValueError("no")]
        recorder = Recorder(feeds(RawView(await filled(3, A)), sink), figures())
        with pytest.raises(Broken, match="of 1 sinks 1 ended early"):
            await asyncio.wait_for(recorder.run(asyncio.Event()), 20)

    asyncio.run(run())


@pytest.mark.parametrize(("log", "end"), [(A, 3), (B, 0)])
def test_store_of_another_log_is_refused_and_left_as_it_is(log: Log, end: int) -> None:
    async def run() -> None:
        sink = ListSink()
        sink.ends = {log: 4}
        recorder = Recorder(feeds(RawView(await filled(3, A)), sink), figures())
        with pytest.raises(
            Refused,
            match=rf"list holds {log} up to 4 and the log ends at {end}, .*: bring back .*, or give",
        ):
            await drained(recorder)
        assert sink.ends == {log: 4}

    asyncio.run(run())


def test_log_that_the_sink_is_not_fed_with_any_more_is_left_alone() -> None:
    async def run() -> None:
        sink = ListSink()
        sink.ends = {Log("gone", "x"): 4}
        await drained(Recorder(feeds(RawView(await filled(3, A)), sink), figures()))
        assert len(sink.ids(A)) == 3

    asyncio.run(run())


def test_sinks_that_end_by_bad_settings_end_the_recorder_as_these_do() -> None:
    async def run() -> None:
        sinks = [ListSink("one"), ListSink("other")]
        for sink in sinks:
            sink.fails = [BadInput("mend postgres.dsn")]
        recorder = Recorder(feeds(RawView(await filled(3, A)), *sinks), figures())
        with pytest.raises(BadInput, match=r"of 2 sinks 2 ended early .*mend postgres\.dsn"):
            await drained(recorder)

    asyncio.run(run())


class SlowSink(ListSink):
    """A store that is never done with a write, and takes its time when that is called off."""

    calls_off = 0

    async def write(self, _: Sequence[Any]) -> int:
        self.calls_off = 0
        for self.calls_off in range(1, 3):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        raise ValueError("it was called off twice")


def test_drain_takes_no_longer_than_that_of_other_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.recorder.shell.copying.CANCEL_S", 0.01)

    async def run() -> None:
        told, slow = CapturingLogger(), SlowSink("slow")
        recorder = Recorder(feeds(RawView(await filled(3, A)), slow), figures(told), drain_s=0.01)
        with pytest.raises(Broken, match="called off twice"):
            await while_running(recorder, lambda: until(lambda: slow.calls_off == 1))
        assert not slow.is_open
        cut = told.calls[0]
        assert cut.kwargs == {"event": "sink not drained", "sink": "slow", "left": 3}

    asyncio.run(run())


def test_backlog_is_caught_up_in_larger_writes_and_then_in_small_ones() -> None:
    async def run() -> None:
        bus, sink = await filled(200, A), ListSink()

        async def act() -> None:
            await until(lambda: len(sink.ids(A)) == 200)
            await bus.append(A, [quote_record(seq) for seq in range(200, 230)])
            await until(lambda: len(sink.ids(A)) == 230)

        await while_running(Recorder(feeds(RawView(bus), sink), figures()), act)
        assert sink.write_sizes == [10, 20, 40, 40, 40, 40, 10, 10, 20]

    asyncio.run(run())


def test_little_waits_for_more_and_much_does_not() -> None:
    async def run() -> None:
        bus, sink = await filled(3, A), ListSink()
        pace = Pace(wait_ms=600_000, enough_records=10, records_max=10, behind_records_max=10)

        async def act() -> None:
            await until(lambda: len(sink.ids(A)) == 3)  # the first is written at once
            await bus.append(A, [quote_record(seq) for seq in range(3, 7)])
            await asyncio.sleep(0.5)
            assert len(sink.ids(A)) == 3
            await bus.append(A, [quote_record(seq) for seq in range(7, 13)])
            await until(lambda: len(sink.ids(A)) == 13)
            await bus.append(A, [quote_record(13)])

        await while_running(Recorder(feeds(RawView(bus), sink, pace=pace), figures()), act)
        assert len(sink.ids(A)) == 14  # the end waits for nothing

    asyncio.run(run())


class ShortPages(RawView):
    """Logs that give few records at a time, as an archive of small objects does."""

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        return await super().read_raw(log, position, min(limit, 7))


def test_sink_with_a_slow_pace_takes_all_there_is_each_time_it_writes() -> None:
    async def run() -> None:
        bus, sink = await filled(95, A), ListSink()
        pace = Pace(wait_ms=600_000, enough_records=0, records_max=30, behind_records_max=60)
        feed = Feed(sink=sink, reading=Direct(ShortPages(bus)), pace=pace)
        await while_running(
            Recorder([feed], figures()), lambda: until(lambda: len(sink.ids(A)) == 95)
        )
        assert sink.write_sizes == [30, 60, 5]

    asyncio.run(run())


def test_sink_that_opens_and_takes_nothing_is_tried_ever_more_seldom() -> None:
    async def run() -> None:
        bus, sink = await filled(5, A), ListSink()
        sink.fails = [Unavailable("its disk is full")] * 5
        pace = Pace(wait_ms=101, enough_records=0, records_max=10, behind_records_max=10)
        began_s = asyncio.get_running_loop().time()
        await while_running(
            Recorder(feeds(RawView(bus), sink, pace=pace), figures()),
            lambda: until(lambda: len(sink.ids(A)) == 5),
        )
        assert asyncio.get_running_loop().time() - began_s > 0.1 + 0.2 + 0.4 + 0.8 + 1.6

    asyncio.run(run())


def test_short_logs_do_not_wait_behind_a_long_one() -> None:
    async def run() -> None:
        bus, sink = await filled(500, A), ListSink()
        await bus.append(B, [quote_record(seq) for seq in range(3)])
        recorder = Recorder(feeds(RawView(bus), sink), figures())
        seen: list[int] = []
        write = sink.write

        async def watched(batches: Sequence[Any]) -> int:
            rows = await write(batches)
            seen.append(len(sink.ids(B)))
            return rows

        sink.write = watched  # type: ignore[method-assign] # looks at each write
        await drained(recorder)
        assert seen[0] == 3

    asyncio.run(run())


def test_records_that_retention_took_are_told_and_the_rest_is_taken() -> None:
    async def run() -> None:
        bus, sink, told = await filled(30, A), ListSink(), CapturingLogger()
        logs = RawView(bus)
        logs.begins[A] = 12
        recorder = Recorder(feeds(logs, sink), figures(told))
        await drained(recorder)
        assert sink.ids(A) == (await ids(bus, A))[12:]
        assert recorder.facts()[0].missing == 12
        (call,) = told.calls
        assert (call.method_name, call.kwargs["count"]) == ("error", 12)

    asyncio.run(run())


def test_what_can_not_be_read_holds_its_place_as_a_dead_letter_by_nobody() -> None:
    async def run() -> None:
        bus, sink = await filled(3, A), ListSink()
        logs = RawView(bus, {(A, 0): b"no frame", (A, 1): None})
        await drained(Recorder(feeds(logs, sink), figures()))
        first, second, third = (sink.kept[A][offset] for offset in range(3))
        assert first.writer == second.writer == NOBODY != third.writer
        assert isinstance(first.message, DeadLetter)
        assert first.message.payload == b"no frame"
        assert first.message.reason == "unreadable"

    asyncio.run(run())


def test_sink_takes_only_the_channels_that_it_is_fed() -> None:
    async def run() -> None:
        bus, sink = await filled(3, A), ListSink()
        feed = Feed(sink=sink, reading=Direct(RawView(bus)), pace=QUICK, channels=("trading",))
        await drained(Recorder([feed], figures()))
        assert sink.ids(A) == []

    asyncio.run(run())


class CountedLogs(RawView):
    def __init__(self, bus: MemoryBus) -> None:
        super().__init__(bus)
        self.given = 0
        self.fails = 0

    async def raw_ends(self) -> Mapping[Log, int]:
        if self.fails:
            self.fails -= 1
            raise Unavailable("no broker")
        return await super().raw_ends()

    async def read_raw(self, log: Log, position: int, limit: int) -> Sequence[Raw]:
        found = await super().read_raw(log, position, limit)
        self.given += len(found)
        return found


def test_logs_are_read_once_for_all_sinks_that_are_near_the_end() -> None:
    async def run() -> None:
        bus = await filled(100, A, B)
        logs = CountedLogs(bus)
        sinks = [ListSink(name) for name in "xyz"]
        await drained(Recorder(feeds(logs, *sinks), figures()))
        assert logs.given == 200
        assert [sink.ids(B) for sink in sinks] == [await ids(bus, B)] * 3

    asyncio.run(run())


def test_sink_behind_the_tail_reads_for_itself() -> None:
    async def run() -> None:
        bus = await filled(100, A)
        head, behind = CountedLogs(bus), CountedLogs(bus)
        tail = Tail(head, behind, kept_bytes_max=2_000)
        last = await tail.read(A, 60, 40)
        assert [kept.raw.offset for kept in last] == list(range(60, 100))
        assert [kept.raw.offset for kept in await tail.read(A, 0, 7)] == list(range(7))
        assert behind.given == 7
        assert tail.kept_bytes <= 2_000
        assert (await tail.read(A, 100, 5)) == []

    asyncio.run(run())


def test_logs_that_are_away_are_tried_again() -> None:
    async def run() -> None:
        logs, sink = CountedLogs(await filled(9, A)), ListSink()
        logs.fails = 2

        async def act() -> None:
            await until(lambda: len(sink.ids(A)) == 9)

        await while_running(Recorder(feeds(logs, sink), figures()), act)

    asyncio.run(run())
