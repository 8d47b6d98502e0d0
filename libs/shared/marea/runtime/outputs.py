"""What one life of a loop writes: named, numbered, and appended to the logs that it goes to."""

from collections.abc import Mapping

from msgspec.structs import replace

from marea.errors import Broken, Refused, Unavailable
from marea.messages import codec
from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.ids import derived_id, output_id, trace_id
from marea.messages.system import CoreDiverged, Degraded, Started
from marea.runtime.recorded import difference
from marea.runtime.snapshot import OutputPlace
from marea.runtime.wiring import Ports, Wiring

NO_EPOCH = -1
READ_RECORDS_MAX = 1_000


class _Sink:
    """One output log in this life: who writes, what comes next, what waits to be appended."""

    __slots__ = ("confirmed", "is_degraded", "next_seq", "outbox", "position", "writer")

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.next_seq = 0
        self.position = writer.epoch + 1
        """The end of what was appended."""
        self.confirmed = writer.epoch
        """The end of what was read back."""
        self.outbox: list[Record] = []
        self.is_degraded: bool | None = None
        """As it was told; None: nothing was told yet."""


class Outputs:
    """The output logs of one loop in one life."""

    def __init__(self, service: str, wiring: Wiring, ports: Ports) -> None:
        """Nothing is written until a log is claimed."""
        self._service = service
        self._wiring = wiring
        self._bus = ports.bus
        self._sinks: dict[Log, _Sink] = {}
        self._untold: list[tuple[Log, Message | None, Message | None, Nanos]] = []
        """Divergences that were met before their log was claimed."""
        self._venue_time = ports.venue_time
        """With which an output is stamped as it is appended; None: with the core's time."""
        self._stamped: Nanos = 0
        self._backlog = ports.backlog

    async def claim(self, log: Log, end: int, started: Started, instance: str) -> int:
        """Begin this life on a log that ends there; give its epoch."""
        producer = self._wiring.outputs[log]
        # Two that claim the same end at once, or one that tries again, say different things.
        told = f"{end}:{instance}:{codec.message_hash(started)}"
        name = derived_id(self._service, log, "Started", producer, told)
        writer = self._writer(producer, NO_EPOCH)
        message = replace(started, id=name, producer=producer)
        record = Record(message=message, writer=writer, seq=0)
        epoch = await self._bus.append(log, [record])
        self._sinks[log] = _Sink(self._writer(producer, epoch))
        untold, self._untold = self._untold, []
        for divergence in untold:
            self.diverge(*divergence)  # those of logs that are not claimed yet wait on
        return epoch

    async def confirm(self) -> None:
        """Have what was appended on the logs, and read them back to their ends.

        Raises `Refused` where another life has begun on one of them, `Unavailable` where not all
        that was appended stands there or can be read yet.
        """
        await self._bus.flush()
        ends = await self._bus.ends(*self._sinks)
        for log, sink in self._sinks.items():
            end = ends.get(log, 0)
            while sink.confirmed < end:
                limit = min(READ_RECORDS_MAX, end - sink.confirmed)
                records = await self._bus.read(log, sink.confirmed, limit)
                if not records:
                    break
                for record in records:
                    self._read_back(sink, record)
            if sink.confirmed < sink.position:
                raise Unavailable(
                    f"{log} can be read up to {sink.confirmed}, and {sink.writer.producer} has "
                    f"written up to {sink.position}: try again"
                )

    def _read_back(self, sink: _Sink, record: Record) -> None:
        position, epoch = sink.confirmed, sink.writer.epoch
        is_own = record.writer.producer == sink.writer.producer
        if is_own and type(record.message) is Started and position > epoch:
            raise followed_by(sink.writer.producer, epoch, position)
        sink.confirmed += 1

    def _writer(self, producer: str, epoch: int) -> Writer:
        build, input_log = self._wiring.build, self._wiring.input_log
        return Writer(producer=producer, epoch=epoch, build=build, input_log=input_log)

    def epoch(self, log: Log) -> int:
        """The epoch of this life on a log; `NO_EPOCH` before it is claimed."""
        sink = self._sinks.get(log)
        return sink.writer.epoch if sink is not None else NO_EPOCH

    def add(self, log: Log, position: int, cause: Record, message: Message, now: Nanos) -> Record:
        """What is said about the input at a position; a message that is the input is passed on."""
        sink = self._sinks[log]
        ts_known, trace = cause.ts_known, cause.trace
        if message is not cause.message:
            ts_known = self._stamp(now or ts_known)
            trace = trace_id(cause)
        record = Record(
            message=message,
            writer=sink.writer,
            seq=sink.next_seq,
            input_offset=position,
            ts_known=ts_known,
            ts_origin=cause.ts_origin,
            trace=trace,
        )
        sink.next_seq += 1
        sink.outbox.append(record)
        return record

    def _stamp(self, now: Nanos) -> Nanos:
        if self._venue_time is None:
            return now
        self._stamped = max(self._stamped, self._venue_time())  # a host's clock may be set back
        return self._stamped

    def bring(self, log: Log, message: Message, ts_known: Nanos) -> None:
        """A message from outside."""
        sink = self._sinks[log]
        record = Record(
            message=message,
            writer=sink.writer,
            seq=sink.next_seq,
            ts_known=ts_known,
            ts_origin=ts_known,
        )
        sink.next_seq += 1
        sink.outbox.append(record)

    def refuse_twins(self, position: int) -> None:
        """Raise `Broken` where two of the outputs of an input have one id."""
        ids: set[str] = set()
        for sink in self._sinks.values():
            for record in reversed(sink.outbox):
                if record.input_offset != position:
                    break
                if record.message.id in ids:
                    raise Broken(
                        f"two outputs have the id {record.message.id}: the discriminator of "
                        f"{type(record.message).__name__} must tell them apart"
                    )
                ids.add(record.message.id)

    def discard(self, position: int) -> None:
        """Take back what was said about an input that could not be taken whole."""
        for sink in self._sinks.values():
            while any(output.input_offset == position for output in sink.outbox):
                sink.outbox.pop()
                sink.next_seq -= 1

    def diverge(
        self, log: Log, recorded: Message | None, decided: Message | None, now: Nanos
    ) -> None:
        """Tell that the log holds another output than what is decided now, once it is claimed."""
        if log not in self._sinks:
            self._untold.append((log, recorded, decided, now))
            return
        told = CoreDiverged(
            service=self._service,
            recorded=recorded.id if recorded else "",
            decided=decided.id if decided else "",
            detail=difference(recorded, decided),
        )
        sink = self._sinks[log]
        name = f"{told.decided}:{sink.writer.epoch}"  # each life tells its own
        message = replace(
            told,
            id=derived_id(self._service, log, "CoreDiverged", told.recorded, name),
            ts_event=now,
            parents=(recorded or decided or told).parents,
        )
        known = self._stamp(now)
        sink.outbox.append(
            Record(message=message, writer=sink.writer, seq=sink.next_seq, ts_known=known)
        )
        sink.next_seq += 1

    async def append(self, now: Nanos) -> None:
        """Append what waits, log by log, and behind it how far the record of a log is behind."""
        self._tell_backlog(now)
        for log, sink in self._sinks.items():
            if sink.outbox:
                records, sink.outbox = sink.outbox, []
                sink.position = await self._bus.append(log, records) + len(records)

    def _tell_backlog(self, now: Nanos) -> None:
        # Once on each log that its record is too far behind, and once that it no longer is.
        for log, sink in self._sinks.items():
            found = self._backlog(log) if self._backlog is not None else None
            if found is None or found.is_degraded == sink.is_degraded:
                continue
            sink.is_degraded = found.is_degraded
            told = f"{sink.writer.producer}:{sink.writer.epoch}:{sink.next_seq}"
            message = Degraded(
                id=derived_id(self._service, log, "Degraded", "", told),
                ts_event=now,
                stream=log.partition,
                producer=sink.writer.producer,
                is_over=not found.is_degraded,
                behind_count=found.waiting,
                behind_ms=found.waited_ns // 1_000_000,
            )
            self.bring(log, message, now)

    def places(self) -> list[OutputPlace]:
        """How far each log goes with what was appended."""
        return [
            OutputPlace(
                channel=log.channel,
                partition=log.partition,
                position=sink.position,
                epoch=sink.writer.epoch,
                next_seq=sink.next_seq,
            )
            for log, sink in self._sinks.items()
        ]


def followed_by(producer: str, epoch: int, successor: int) -> Refused:
    """What a life is told that another one has followed."""
    return Refused(
        f"{producer} of epoch {epoch} has been followed by epoch {successor}: let that one go on"
    )


def is_output(message: Message) -> bool:
    """Is it what a core decided, and not what came from outside or what a loop tells of the core?

    A divergence that a loop tells is an input, of its own core too: it may change what is decided.
    """
    return not message.outside and not isinstance(message, CoreDiverged)


def named(service: str, log: Log, cause: Message, output: Message, now: Nanos) -> Message:
    """The output as it stands on its log: with its id, its time, and its cause before its parents.

    A message that is the input itself stays as it is.
    """
    if output is cause:
        return output
    return replace(
        output,
        id=output_id(service, log, output, cause.id),
        ts_event=output.ts_event or now or cause.ts_event,
        parents=(cause.id, *output.parents),
    )


def unlike(
    logs: Mapping[Log, object], said: list[tuple[Log, Message]], found: list[tuple[Log, str]]
) -> set[Log]:
    """The logs that hold something else for an input than the begin of what is decided now."""
    now = {log: [message.id for at, message in said if at == log] for log in logs}
    kept = {log: [name for at, name in found if at == log] for log in logs}
    return {log for log, names in kept.items() if names != now[log][: len(names)]}
