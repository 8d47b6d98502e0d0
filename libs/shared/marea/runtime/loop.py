"""The one loop: read, decide, apply, append, and remember the position.

A start is a recovery, and there is no other way to start. The loop restores its latest readable
snapshot, claims each output log with a `Started` whose position is its epoch, and takes its inputs
again from the snapshot on. What a log already holds for an input is applied as it stands, and what
is decided now is only compared with it; a difference is told as `CoreDiverged`. Where the record
ends, the loop goes on by itself.

It knows no service and does no I/O of its own: every `await` is a call of a port, so a simulated
world can delay, stop or kill it at each. A step that fails leaves the loop unusable: only a new
start, from the log, knows what became of it.
"""

from collections.abc import Sequence
from typing import Generic

import msgspec
from msgspec.structs import replace

from marea.errors import BadInput, Broken, Unavailable
from marea.messages import codec
from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.ids import derived_id, market_id, output_id, trace_id
from marea.messages.system import Clock, CoreDiverged, Started
from marea.runtime.core import Core, State
from marea.runtime.intake import Intake
from marea.runtime.recorded import Recorded, difference
from marea.runtime.snapshot import OutputPlace, Snapshot, encode, latest_readable, schema_hash
from marea.runtime.wiring import Ports, Wiring

BATCH_RECORDS_MAX = 1_000
DIVERGENCES_TOLD_MAX = 100
CLOCK_EVERY_NS = 60_000_000_000


class _Sink:
    """One output log in this life: who writes, what comes next, what waits to be appended."""

    __slots__ = ("next_seq", "outbox", "position", "writer")

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.next_seq = 0
        self.position = writer.epoch + 1
        self.outbox: list[Record] = []


class Loop(Generic[State]):
    """Runs one core between one input log and its output logs."""

    def __init__(self, core: Core[State], wiring: Wiring, ports: Ports) -> None:
        self.state = core.initial()
        self.position = 0
        """How many inputs were read."""
        self.now: Nanos = 0
        """The core's time: the last `Clock` of its log, ns UTC."""
        self.divergence_count = 0
        self._core = core
        self._wiring = wiring
        self._ports = ports
        self._intake = Intake(wiring.input_log)
        self._self_on_input = wiring.outputs.get(wiring.input_log)
        self._sinks: dict[Log, _Sink] = {}
        self._recorded: dict[Log, Recorded] = {}
        self._schema = schema_hash(core.state_type)
        self._effects: list[Record] = []
        """Outputs that the shell must act on once they are appended."""
        self._snapshot_due: Nanos = 0
        self._told: Nanos = 0
        """The last `Clock` that it appended itself, ns UTC; perhaps it was not read yet."""
        self._usable = False

    async def start(self) -> None:
        """Restore, claim the output logs, and find what earlier lives left on them."""
        kept = await self._restore()
        ends = await self._ports.bus.ends()
        for log, producer in self._wiring.outputs.items():
            end = ends.get(log, 0)
            recorded = Recorded(self._ports.bus, log, producer, self.position, kept.get(log))
            recorded.check(end)
            recorded.until = await self._claim(log, producer, end)
            if await recorded.head():
                self._recorded[log] = recorded
        self._usable = True

    async def step(self, limit: int = BATCH_RECORDS_MAX) -> int:
        """Take at most `limit` inputs and give how many there were.

        Raises `Broken` when the core failed on one, and what the ones before it led to is appended;
        `Unavailable` or `BadInput` when a log is away or can't be read.
        """
        if not self._usable:
            raise Broken(f"{self._wiring.name} has stopped; start it anew")
        self._usable = False
        if self._ports.venue_time is not None:
            await self._tell_time(self._ports.venue_time())
        telemetry, name = self._ports.telemetry, self._wiring.name
        begun_ns = telemetry.now_ns()
        records = await self._ports.source.read(self._wiring.input_log, self.position, limit)
        read_ns = telemetry.now_ns()
        failure = await self._take_all(records)
        taken_ns = telemetry.now_ns()
        await self._append_all()
        telemetry.hop(name, "read", read_ns - begun_ns, len(records))
        telemetry.hop(name, "decide", taken_ns - read_ns, len(records))
        telemetry.hop(name, "append", telemetry.now_ns() - taken_ns, len(records))
        if failure is not None:
            raise failure
        await self._snapshot_if_due()
        self._usable = True
        return len(records)

    @property
    def intake(self) -> Intake:
        """What was dropped, waits or is missing on the input log."""
        return self._intake

    # Start

    async def _restore(self) -> dict[Log, OutputPlace]:
        bodies = await self._ports.snapshots.load(self._wiring.name)
        snapshot = latest_readable(bodies, self._schema)
        if snapshot is None:
            return {}
        self.state = msgspec.msgpack.decode(snapshot.state, type=self._core.state_type)
        self.position = snapshot.position
        self.now = snapshot.now
        self._snapshot_due = snapshot.now + self._wiring.snapshot_every_ns
        self._intake = Intake(self._wiring.input_log, snapshot.intake)
        return {Log(place.channel, place.partition): place for place in snapshot.outputs}

    async def _claim(self, log: Log, producer: str, end: int) -> int:
        wiring = self._wiring
        started = Started(
            id=derived_id(self._core.service, log, "Started", producer, str(end)),
            ts_event=self.now,
            service=self._core.service,
            build=wiring.build,
            config=wiring.config,
            resumes_at=self.position,
        )
        record = Record(message=started, writer=self._writer(producer, -1), seq=0)
        epoch = await self._ports.bus.append(log, [record])
        self._sinks[log] = _Sink(self._writer(producer, epoch))
        return epoch

    def _writer(self, producer: str, epoch: int) -> Writer:
        build, input_log = self._wiring.build, self._wiring.input_log
        return Writer(producer=producer, epoch=epoch, build=build, input_log=input_log)

    # Time

    async def _tell_time(self, now: Nanos) -> None:
        deadline = self._core.next_deadline(self.state) if self._core.next_deadline else None
        told = max(self.now, self._told)
        is_due = deadline is not None and told < deadline <= now
        if not is_due and now - told < CLOCK_EVERY_NS:
            return
        self._told = now
        log = self._wiring.input_log
        clock = Clock(id=market_id(log.partition, "clock", now), ts_event=now, stream=log.partition)
        sink = self._sinks[log]
        record = Record(message=clock, writer=sink.writer, seq=sink.next_seq, ts_known=now)
        sink.next_seq += 1
        sink.outbox.append(record)
        await self._append_all()

    # Inputs

    async def _take_all(self, records: Sequence[Record]) -> Broken | None:
        expects, take = self._intake.expects, self._take
        is_plain = not self._recorded and self._self_on_input is None
        for record in records:
            position, taken = self.position, record
            try:
                if not expects(record):
                    for position, taken in self._intake.take(self.position, record):
                        await self._take_with_care(position, taken)
                elif is_plain:
                    take(position, record)
                else:
                    await self._take_with_care(position, record)
            except (BadInput, Unavailable):
                raise  # a log can't be read: no fault of the core
            except Exception as err:  # noqa: BLE001 # the runner: a core that fails stops its shard
                return self._fail(position, taken, err)
            self.position += 1
        return None

    async def _take_with_care(self, position: int, record: Record) -> None:
        if self._is_own_output(record):
            return  # it was applied at its input's place
        if self._recorded:
            await self._take_again(position, record)
        else:
            self._take(position, record)

    def _is_own_output(self, record: Record) -> bool:
        return record.writer.producer == self._self_on_input and not record.message.outside

    def _fail(self, position: int, record: Record, err: Exception) -> Broken:
        # Nothing of an input that could not be taken whole is published or acted upon.
        for sink in self._sinks.values():
            while any(output.input_offset == position for output in sink.outbox):
                sink.outbox.pop()
        self._effects = [found for found in self._effects if found.input_offset != position]
        log = self._wiring.input_log
        failure = Broken(
            f"{self._wiring.name} stopped at {log.channel}/{log.partition} position {position}, "
            f"{type(record.message).__name__} {record.message.id}: {type(err).__name__}: {err}"
        )
        failure.__cause__ = err
        return failure

    def _decide(self, message: Message) -> Sequence[Message]:
        if type(message) is Clock and message.ts_event > self.now:
            self.now = message.ts_event
        outputs = self._core.decide(self.state, message)
        self._core.apply(self.state, message)
        return outputs

    def _take(self, position: int, record: Record) -> None:
        outputs = self._decide(record.message)
        for output in outputs:
            self._emit(self._wiring.route(output), position, record, output)
        if len(outputs) > 1:
            self._refuse_twins(position)

    def _emit(self, log: Log, position: int, cause: Record, output: Message) -> None:
        if output is cause.message:
            self._pass_on(log, position, cause)
        else:
            self._say(log, position, self._named(log, cause, output), cause)

    def _pass_on(self, log: Log, position: int, record: Record) -> None:
        sink = self._sinks[log]
        sink.outbox.append(
            Record(
                message=record.message,
                writer=sink.writer,
                seq=sink.next_seq,
                input_offset=position,
                ts_known=record.ts_known,
                ts_origin=record.ts_origin,
                trace=record.trace,
            )
        )
        sink.next_seq += 1

    def _say(self, log: Log, position: int, message: Message, cause: Record) -> None:
        self._core.apply(self.state, message)
        sink = self._sinks[log]
        record = Record(
            message=message,
            writer=sink.writer,
            seq=sink.next_seq,
            input_offset=position,
            ts_known=self.now or cause.ts_known,
            ts_origin=cause.ts_origin,
            trace=trace_id(cause),
        )
        sink.next_seq += 1
        sink.outbox.append(record)
        if type(message) in self._ports.effects:
            self._effects.append(record)

    def _refuse_twins(self, position: int) -> None:
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

    def _named(self, log: Log, cause: Record, output: Message) -> Message:
        parent = cause.message.id
        return replace(
            output,
            id=output_id(self._core.service, log, output, parent),
            ts_event=output.ts_event or self.now or cause.message.ts_event,
            parents=(parent, *output.parents),
        )

    # Inputs whose outputs are on record

    async def _take_again(self, position: int, record: Record) -> None:
        # What the logs hold for an input is applied; only what a log breaks off before is emitted.
        outputs = self._decide(record.message)
        said = [self._addressed(record, output) for output in outputs]
        on_record = await self._on_record(position, record)
        stays = set(self._recorded) | self._unlike(said, on_record)
        for output, (log, message) in zip(outputs, said, strict=True):
            found = on_record.pop(message.id, None)
            if found is not None:
                if codec.encode(found.message) != codec.encode(message):
                    self._diverge(log, found.message, message)
                self._take_over(found, record)
            elif log in stays:
                self._diverge(log, None, message)
            else:
                self._emit(log, position, record, output)
        for found in on_record.values():
            self._diverge(self._wiring.route(found.message), found.message, None)
            self._take_over(found, record)

    def _addressed(self, cause: Record, output: Message) -> tuple[Log, Message]:
        log = self._wiring.route(output)
        return log, output if output is cause.message else self._named(log, cause, output)

    def _unlike(
        self, said: Sequence[tuple[Log, Message]], on_record: dict[str, Record]
    ) -> set[Log]:
        # Logs that hold something else for an input than the begin of what is decided now.
        now = {log: [message.id for at, message in said if at == log] for log in self._sinks}
        kept: dict[Log, list[str]] = {log: [] for log in self._sinks}
        for name, found in on_record.items():
            kept[self._wiring.route(found.message)].append(name)
        return {log for log, names in kept.items() if names != now[log][: len(names)]}

    def _take_over(self, found: Record, cause: Record) -> None:
        if found.message.id == cause.message.id:
            return  # the input itself, which was passed on, and is applied
        self._core.apply(self.state, found.message)
        if type(found.message) in self._ports.effects:
            self._effects.append(found)

    async def _on_record(self, position: int, cause: Record) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for log, recorded in list(self._recorded.items()):
            while output := await recorded.take(position, cause.message):
                found[output.message.id] = output
            if await recorded.head() is None:
                del self._recorded[log]
        return found

    def _diverge(self, log: Log, recorded: Message | None, decided: Message | None) -> None:
        self.divergence_count += 1
        if self.divergence_count > DIVERGENCES_TOLD_MAX:
            return
        told = CoreDiverged(
            service=self._core.service,
            recorded=recorded.id if recorded else "",
            decided=decided.id if decided else "",
            detail=difference(recorded, decided),
        )
        sink = self._sinks[log]
        name = f"{told.decided}:{sink.writer.epoch}"  # each life tells its own
        message = replace(
            told,
            id=derived_id(self._core.service, log, "CoreDiverged", told.recorded, name),
            ts_event=self.now,
            parents=(recorded or decided or told).parents,
        )
        sink.outbox.append(Record(message=message, writer=sink.writer, seq=sink.next_seq))
        sink.next_seq += 1

    # Outputs

    async def _append_all(self) -> None:
        for log, sink in self._sinks.items():
            if sink.outbox:
                records, sink.outbox = sink.outbox, []
                sink.position = await self._ports.bus.append(log, records) + len(records)
        effects, self._effects = self._effects, []
        for record in effects:
            self._ports.effects[type(record.message)](record)

    async def _snapshot_if_due(self) -> None:
        if self.now < self._snapshot_due or self._recorded or self._intake.is_waiting:
            return
        is_first = self._snapshot_due == 0
        if self.now:
            self._snapshot_due = self.now + self._wiring.snapshot_every_ns
        if is_first:
            return
        snapshot = Snapshot(
            name=self._wiring.name,
            build=self._wiring.build,
            state_schema=self._schema,
            position=self.position,
            now=self.now,
            intake=self._intake.state,
            outputs=[
                OutputPlace(
                    channel=log.channel,
                    partition=log.partition,
                    position=sink.position,
                    epoch=sink.writer.epoch,
                    next_seq=sink.next_seq,
                )
                for log, sink in self._sinks.items()
            ],
            state=msgspec.msgpack.encode(self.state),
        )
        await self._ports.snapshots.save(self._wiring.name, self.position, encode(snapshot))
