"""The one loop: read, decide, apply, append, and remember the position.

A start is a recovery, and there is no other way to start. The loop restores its latest readable
snapshot, claims each output log with a `Started` whose position is its epoch, and takes its inputs
again from the snapshot on. What a log already holds for an input is applied as it stands, and what
is decided now is only compared with it; a difference is told as `CoreDiverged`. Where the record
ends, the loop goes on by itself.

A loop may follow another life of itself before it starts: it takes the inputs that the other is
done with, in the same way, and writes nothing. Its start is then the recovery of what is left.

A loop that writes to the log it reads is that log's owner: once it has read all of it, it tells the
time there and brings what comes from outside. What it must do in the world about an output it does
when it reads that output back, under its own epoch: then the output is on the log, and nobody else
has taken over before it.

It knows no service and does no I/O of its own: every `await` is a call of a port, so a simulated
world can delay, stop or kill it at each. A step that fails leaves the loop unusable: only a new
start, from the log, knows what became of it.
"""

from collections.abc import Sequence
from typing import Generic, Literal

import msgspec

from marea.errors import BadInput, Broken, Refused, Unavailable
from marea.messages import codec
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.ids import market_id
from marea.messages.system import Clock, Started
from marea.runtime.core import Core, State
from marea.runtime.intake import Intake
from marea.runtime.outputs import NO_EPOCH, Outputs, followed_by, is_output, named, unlike
from marea.runtime.recorded import Recorded, refuse_overtaken
from marea.runtime.snapshot import OutputPlace, Snapshot, encode, latest_readable, schema_hash
from marea.runtime.told import Told
from marea.runtime.wiring import Ports, Wiring

BATCH_RECORDS_MAX = 1_000
DIVERGENCES_TOLD_MAX = 100
CLOCK_EVERY_NS = 60_000_000_000

_Phase = Literal["has not started", "follows", "runs", "has stopped"]


class Loop(Generic[State]):
    """Runs one core between one input log and its output logs."""

    def __init__(self, core: Core[State], wiring: Wiring, ports: Ports) -> None:
        self.state = core.initial()
        self.position = 0
        """How many inputs were read."""
        self.now: Nanos = 0
        """The core's time: the last `Clock` of its log, ns UTC."""
        self.divergence_count = 0
        self.core = core
        self.wiring = wiring
        self.ports = ports
        self._intake = Intake(wiring.input_log)
        self._self_on_input = wiring.outputs.get(wiring.input_log)
        self._outputs = Outputs(core.service, wiring, ports)
        self._recorded: dict[Log, Recorded] = {}
        self._told = Told(core, wiring.config)
        self._schema = schema_hash(core.state_type)
        self._effects: list[Record] = []
        """Outputs that the shell must act on once this step's are appended."""
        self._snapshot_due: Nanos = 0
        self._phase: _Phase = "has not started"

    async def follow(self, until: int, limit: int = BATCH_RECORDS_MAX) -> int:
        """Take at most `limit` of the inputs before position `until`; give how many there were.

        The owner of the output logs must be done with those inputs, and all that it said about them
        must stand there. Nothing is written, and nothing is done in the world.

        Raises as `step` does, and `Overtaken`.
        """
        await self._enter("has not started", "follows")
        taken = await self._follow(min(limit, until - self.position))
        self._phase = "follows"
        return taken

    async def start(self, instance: str = "") -> int:
        """Claim the output logs, and find what earlier lives left on them; give the epoch.

        The epoch is that of the first of the logs. `instance` tells apart those that may start at
        the same place. What was followed is kept, or else the latest snapshot is restored. Raises
        `Overtaken`, and as `step` does.
        """
        await self._enter("has not started", "follows")
        ends = await self.ports.bus.ends(*self.wiring.outputs)
        started = Started(
            ts_event=self.now,
            service=self.core.service,
            build=self.wiring.build,
            config=self.wiring.config,
            resumes_at=self.position,
        )
        for log, recorded in self._recorded.items():
            end = ends.get(log, 0)
            recorded.check(end)
            recorded.until = await self._outputs.claim(log, end, started, instance)
            await recorded.head()
        refuse_overtaken(self.wiring.name, *self._recorded.values())
        self._recorded = {log: each for log, each in self._recorded.items() if each.holds_more}
        self._told.resumes_at = self.position
        self._phase = "runs"
        return self._outputs.epoch(next(iter(self.wiring.outputs)))

    async def step(self, limit: int = BATCH_RECORDS_MAX) -> int:
        """Take at most `limit` inputs; give how many there were, with what was brought; 0: nothing.

        Raises `Broken` when the core failed on one, and what the ones before it led to is appended;
        `Refused` when another life has taken over; `Unavailable` or `BadInput` when a log is away.
        """
        await self._enter("runs")
        telemetry, name = self.ports.telemetry, self.wiring.name
        begun_ns = telemetry.now_ns()
        records = await self.ports.source.read(self.wiring.input_log, self.position, limit)
        read_ns = telemetry.now_ns()
        failure = await self._take_all(records)
        taken_ns = telemetry.now_ns()
        await self._outputs.append(self.now)
        await self._act()
        telemetry.hop(name, "read", read_ns - begun_ns, len(records))
        telemetry.hop(name, "decide", taken_ns - read_ns, len(records))
        telemetry.hop(name, "append", telemetry.now_ns() - taken_ns, len(records))
        if failure is not None:
            raise failure
        brought = await self._hear_outside() if len(records) < limit else 0
        await self._snapshot_if_due(records[-1].ts_known if records else 0)
        self._phase = "runs"
        return len(records) + brought

    async def bring(self, messages: Sequence[Message]) -> None:
        """Append messages from outside to the input log, which must be one of the outputs.

        They are taken when they are read back, like all that stands there. Nobody knows which of
        them are there when that fails, so the loop has stopped then, as after a step that fails.
        """
        await self._enter("runs")
        await self._bring(messages)
        self._phase = "runs"

    async def confirm(self) -> None:
        """Have what was appended on the logs, and read them back to their ends.

        Raises `Refused` where another life has begun on one of them: from there on nothing counts;
        `Unavailable` where not all that was appended stands there or can be read yet.
        """
        await self._outputs.confirm()

    async def _bring(self, messages: Sequence[Message]) -> None:
        now = self.ports.venue_time
        for message in messages:
            known = now() if now is not None else max(self.now, message.ts_event)
            self._outputs.bring(self.wiring.input_log, message, known)
        await self._outputs.append(self.now)

    @property
    def intake(self) -> Intake:
        """What was dropped, waits or is missing on the input log."""
        return self._intake

    @property
    def has_stopped(self) -> bool:
        """Whether it was not begun, or a step of it failed: only a new life goes on."""
        return self._phase in ("has not started", "has stopped")

    @property
    def is_recovering(self) -> bool:
        """Whether an output log still holds what earlier lives said about the inputs to come."""
        return bool(self._recorded)

    # Start

    async def _follow(self, limit: int) -> int:
        if limit <= 0:
            return 0
        ends = await self.ports.bus.ends(*self.wiring.outputs)
        for log, recorded in self._recorded.items():
            recorded.until = ends.get(log, 0)
        records = await self.ports.source.read(self.wiring.input_log, self.position, limit)
        failure = await self._take_all(records)
        self._effects.clear()  # the owner's
        refuse_overtaken(self.wiring.name, *self._recorded.values())
        if failure is not None:
            raise failure
        return len(records)

    async def _enter(self, *phases: _Phase) -> None:
        # Whatever is begun and not ended leaves a loop that has stopped.
        phase, self._phase = self._phase, "has stopped"
        if phase not in phases:
            self._phase = phase
            raise Broken(f"{self.wiring.name} {phase}; start it anew")
        if phase == "has not started":
            kept = await self._restore()
            for log, producer in self.wiring.outputs.items():
                self._recorded[log] = Recorded(
                    self.ports.bus, log, producer, self.position, kept.get(log)
                )

    async def _restore(self) -> dict[Log, OutputPlace]:
        snapshot = latest_readable(await self.ports.snapshots.load(self.wiring.name), self._schema)
        if snapshot is None:
            return {}
        self.state = msgspec.msgpack.decode(snapshot.state, type=self.core.state_type)
        self.position = snapshot.position
        self.now = snapshot.now
        self._snapshot_due = snapshot.now + self.wiring.snapshot_every_ns
        self._intake = Intake(self.wiring.input_log, snapshot.intake)
        return {Log(place.channel, place.partition): place for place in snapshot.outputs}

    # What comes from outside

    async def _hear_outside(self) -> int:
        venue_time, arrivals = self.ports.venue_time, self.ports.arrivals
        if venue_time is None and arrivals is None:
            return 0
        # Only at the end of the log does the state know all that was brought before; a read may
        # give less than there is.
        log = self.wiring.input_log
        if self.position < (await self.ports.bus.ends(log)).get(log, 0):
            return 0
        now = venue_time() if venue_time is not None else self.now
        messages = list(await arrivals(self.state, now)) if arrivals is not None else []
        if now > self.now and (messages or self._is_time_due(now)):
            stream = log.partition
            clock = Clock(id=market_id(stream, "clock", now), ts_event=now, stream=stream)
            messages.insert(0, clock)  # the time is told before what comes at it
        if messages:
            await self._bring(messages)
        return len(messages)

    def _is_time_due(self, now: Nanos) -> bool:
        due = self.core.next_deadline(self.state) if self.core.next_deadline else None
        return now - self.now >= CLOCK_EVERY_NS or (due is not None and self.now < due <= now)

    async def _act(self) -> None:
        effects, self._effects = self._effects, []
        for record in effects:
            if self.ports.may_act is not None:
                self.ports.may_act()
            answer = await self.ports.effects[type(record.message)](record)
            if answer:
                await self._bring(answer)

    # Inputs

    async def _take_all(self, records: Sequence[Record]) -> Broken | None:
        expects, take, hears = self._intake.expects, self._take, self.core.hears
        is_plain = not self._recorded and self._self_on_input is None and self._told.is_over
        for record in records:
            position, taken = self.position, record
            try:
                if not expects(record):
                    for position, taken in self._intake.take(self.position, record):
                        await self._take_with_care(position, taken)
                elif hears is not None and type(record.message) not in hears:
                    await self._told.before(self.state, position, self._recorded.values())
                elif is_plain:
                    take(position, record)
                else:
                    await self._take_with_care(position, record)
            except (BadInput, Unavailable, Refused):
                raise  # a log can't be read, or is another's: no fault of the core
            except Exception as err:  # noqa: BLE001 # the runner: a core that fails stops its shard
                return self._fail(position, taken, err)
            self.position += 1
        return None

    async def _take_with_care(self, position: int, record: Record) -> None:
        if record.writer.producer == self._self_on_input:
            if is_output(record.message):
                self._read_back(record)
                return  # it was applied at its input's place
            self._refuse_successor(position, record)
        if not self._told.is_over:
            await self._told.before(self.state, position, self._recorded.values())
        if self._recorded:
            await self._take_again(position, record)
        else:
            self._take(position, record)

    def _read_back(self, record: Record) -> None:
        own_epoch = self._outputs.epoch(self.wiring.input_log)
        if record.writer.epoch == own_epoch and type(record.message) in self.ports.effects:
            self._effects.append(record)

    def _refuse_successor(self, position: int, record: Record) -> None:
        own_epoch = self._outputs.epoch(self.wiring.input_log)
        if type(record.message) is Started and NO_EPOCH < own_epoch < position:
            raise followed_by(self.wiring.name, own_epoch, position)

    def _fail(self, position: int, record: Record, err: Exception) -> Broken:
        # Nothing of an input that could not be taken whole is published or acted upon.
        self._outputs.discard(position)
        self._effects = [found for found in self._effects if found.input_offset != position]
        failure = Broken(
            f"{self.wiring.name} stopped at {self.wiring.input_log} position {position}, "
            f"{type(record.message).__name__} {record.message.id}: {type(err).__name__}: {err}"
        )
        failure.__cause__ = err
        return failure

    def _decide(self, message: Message) -> Sequence[Message]:
        if type(message) is Clock and message.ts_event > self.now:
            self.now = message.ts_event
        outputs = self.core.decide(self.state, message)
        self.core.apply(self.state, message)
        return outputs

    def _take(self, position: int, record: Record) -> None:
        outputs = self._decide(record.message)
        for output in outputs:
            self._say(position, record, *self._addressed(record, output))
        if len(outputs) > 1:
            self._outputs.refuse_twins(position)

    def _addressed(self, cause: Record, output: Message) -> tuple[Log, Message]:
        log = self.wiring.route(output)
        return log, named(self.core.service, log, cause.message, output, self.now)

    def _say(self, position: int, cause: Record, log: Log, message: Message) -> None:
        if message is not cause.message:
            self.core.apply(self.state, message)
        record = self._outputs.add(log, position, cause, message, self.now)
        if self._self_on_input is None and type(message) in self.ports.effects:
            self._effects.append(record)

    # Inputs whose outputs are on record

    async def _take_again(self, position: int, record: Record) -> None:
        # What the logs hold for an input is applied; only what a log breaks off before is said.
        said = [self._addressed(record, output) for output in self._decide(record.message)]
        on_record = await self._on_record(position, record)
        found_on = [(self.wiring.route(each.message), name) for name, each in on_record.items()]
        stays = set(self._recorded) | unlike(self.wiring.outputs, said, found_on)
        for log, message in said:
            found = on_record.pop(message.id, None)
            if found is not None:
                if codec.encode(found.message) != codec.encode(message):
                    self._diverge(log, found.message, message)
                self._take_over(found, record)
            elif log in stays:
                self._diverge(log, None, message)
            else:
                self._say(position, record, log, message)
        for found in on_record.values():
            self._diverge(self.wiring.route(found.message), found.message, None)
            self._take_over(found, record)

    def _take_over(self, found: Record, cause: Record) -> None:
        if found.message.id == cause.message.id:
            return  # the input itself, which was passed on, and is applied
        self.core.apply(self.state, found.message)
        if self._self_on_input is None and type(found.message) in self.ports.effects:
            self._effects.append(found)

    async def _on_record(self, position: int, cause: Record) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for log, recorded in list(self._recorded.items()):
            while output := await recorded.take(position, cause.message):
                found[output.message.id] = output
            if self._outputs.epoch(log) != NO_EPOCH and await recorded.head() is None:
                del self._recorded[log]
        return found

    def _diverge(self, log: Log, recorded: Message | None, decided: Message | None) -> None:
        self.divergence_count += 1
        if self.divergence_count <= DIVERGENCES_TOLD_MAX:
            self._outputs.diverge(log, recorded, decided, self.now)

    async def _snapshot_if_due(self, known: Nanos) -> None:
        now = self.now or known  # a log without a clock has its writers' times
        if now < self._snapshot_due or not self._told.is_over or self._intake.is_waiting:
            return  # who restores one does not see what its life was told: the state must know it
        if self._snapshot_due and self.ports.may_act is not None:
            try:  # or the state could hold what no reader of the log will take
                await self.confirm()
            except Unavailable:
                return  # at the next step, then
        is_first = self._snapshot_due == 0
        if now:
            self._snapshot_due = now + self.wiring.snapshot_every_ns
        if is_first:
            return
        snapshot = Snapshot(
            name=self.wiring.name,
            build=self.wiring.build,
            state_schema=self._schema,
            position=self.position,
            now=self.now,
            intake=self._intake.state,
            outputs=self._outputs.places(),
            state=msgspec.msgpack.encode(self.state),
        )
        await self.ports.snapshots.save(self.wiring.name, self.position, encode(snapshot))
