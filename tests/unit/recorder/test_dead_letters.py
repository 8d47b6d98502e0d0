"""What nobody can read is told once, with its bytes, whatever happens to the recorder meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest

from marea.bus.kafka.appender import VALUE_BYTES_MAX
from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.framing import frame
from marea.messages.system import DeadLetter, Started
from marea.testing.builders import quote_record
from marea.testing.raw import RawView
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.dead_letters import LOG, PAYLOAD_BYTES_MAX, DeadLetterSink
from tests.unit.recorder.stores import A, filled
from tests.unit.recorder.test_kills import copy

BAD = {(A, 3): b"no frame", (A, 4): b"\0\0\0\0\1x", (A, 9): None}


class LossyBus(MemoryBus):
    """A bus whose answer to an append may be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.loses = 0

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        position = await super().append(log, records)
        if self.loses and type(records[0].message) is DeadLetter:
            self.loses -= 1
            raise Unavailable("no answer")
        return position


class Place:
    """Logs with what nobody can read, and the sink that tells of it."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.logs = RawView(bus, BAD)
        self.snapshots = MemorySnapshots()

    def sink(self, instance: str = "one") -> DeadLetterSink:
        return DeadLetterSink(self.bus, self.snapshots, "build", instance)

    async def told(self) -> list[Record]:
        return list(await self.bus.read(LOG, 0, 1_000))


def letters(told: Sequence[Record]) -> list[DeadLetter]:
    return [record.message for record in told if isinstance(record.message, DeadLetter)]


def test_every_void_record_is_told_with_its_bytes_and_place() -> None:
    async def run() -> None:
        place = Place(await filled(12, A))
        await copy(place.logs, place.sink(), 5)
        started, *told = await place.told()
        assert isinstance(started.message, Started)
        assert [letter.payload for letter in letters(told)] == [b"no frame", b"\0\0\0\0\1x", b""]
        assert letters(told)[0].source == "market/BTC-USDT.SIM"
        assert letters(told)[0].ts_event == quote_record(3).ts_known // 1_000_000 * 1_000_000
        assert [record.seq for record in told] == [0, 1, 2]
        assert {record.writer.epoch for record in told} == {0}

    asyncio.run(run())


def test_of_what_is_larger_than_a_record_may_be_the_begin_is_told() -> None:
    async def run() -> None:
        place = Place(await filled(2, A))
        place.logs.planted = {(A, 1): b"x" * (PAYLOAD_BYTES_MAX + 7)}
        await copy(place.logs, place.sink(), 5)
        [letter] = letters(await place.told())
        assert letter.payload == b"x" * PAYLOAD_BYTES_MAX
        size = PAYLOAD_BYTES_MAX + 7
        assert letter.detail.endswith(f"(the first {PAYLOAD_BYTES_MAX} of {size} bytes)")
        assert len(frame(Record(message=letter, writer=NOBODY, seq=0))) <= VALUE_BYTES_MAX

    asyncio.run(run())


def test_nothing_is_said_where_everything_can_be_read() -> None:
    async def run() -> None:
        place = Place(await filled(3, A))
        await copy(place.logs, place.sink(), 5)
        assert await place.told() == []

    asyncio.run(run())


def test_what_was_told_before_a_kill_is_not_told_again() -> None:
    async def run() -> None:
        place = Place(await filled(12, A))
        sink = place.sink()
        await sink.open()
        raws = await place.logs.read_raw(A, 0, 12)
        await sink.write([Batch(A, [Kept(A, raw) for raw in raws[:5]])])
        place.snapshots = MemorySnapshots()  # as if the last of its snapshots had never been taken
        await copy(place.logs, place.sink("two"), 12)
        told = await place.told()
        assert len(letters(told)) == 3
        assert [type(record.message) for record in told].count(Started) == 2
        assert told[-1].writer.epoch == 3
        assert told[-1].seq == 0

    asyncio.run(run())


def test_answer_that_was_lost_doubles_nothing() -> None:
    async def run() -> None:
        bus = LossyBus()
        await bus.append(A, [quote_record(seq) for seq in range(12)])
        place = Place(bus)
        bus.loses = 1
        sink = place.sink()
        with pytest.raises(Unavailable, match="no answer"):
            await copy(place.logs, sink, 12)
        await copy(place.logs, sink, 12)  # the recorder opens it anew
        assert len(letters(await place.told())) == 3

    asyncio.run(run())


def test_start_goes_on_where_the_last_one_was() -> None:
    async def run() -> None:
        place = Place(await filled(12, A))
        sink = place.sink()
        await copy(place.logs, sink, 5)
        await sink.close()
        again = place.sink("two")
        await again.open()
        assert await again.positions() == {A: 12}

    asyncio.run(run())
