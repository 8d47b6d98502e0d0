"""What does this code decide on recorded inputs, and where is it not what was decided then?

A replay feeds one core its recorded inputs as its loop fed them, and applies what the logs hold for
each. What the core decides now is only compared with it, by id: the state always follows the
record, so each difference stands alone, and none is the consequence of another. It appends nothing,
and of the record it holds no more than one batch of each log.
"""

from collections.abc import Mapping, Sequence
from typing import Generic

from msgspec import Struct, field

from marea.bus.port import Bus
from marea.errors import BadInput, Broken, Unavailable
from marea.messages import codec
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.system import Clock
from marea.runtime.core import State
from marea.runtime.intake import Intake
from marea.runtime.loop import BATCH_RECORDS_MAX, Loop
from marea.runtime.outputs import is_output, named, unlike
from marea.runtime.recorded import Recorded, difference
from marea.runtime.told import Told

DIFFERENCES_KEPT_MAX = 100
"""Of each type with another outcome, and of each without; more are only counted."""


class CannotFollow(Broken):
    """A core failed on its own record: this code, or these settings, can't take what it holds."""


class Difference(Struct, frozen=True, kw_only=True):
    """An output that is decided now otherwise than it stands on record, or only one of the two."""

    loop: str
    log: Log
    input_log: Log
    position: int
    """Of the input that it followed from, on its log."""
    ts: Nanos
    """The core's time then, ns UTC."""
    recorded: Message | None
    decided: Message | None
    detail: str
    """The first field that differs, with both values."""

    @property
    def message(self) -> Message:
        """The one on record; where there is none, the one that is decided."""
        message = self.recorded or self.decided
        assert message is not None, "one of the two is there"
        return message

    @property
    def is_other_outcome(self) -> bool:
        """Whether something else would be done, and not only for other numbers."""
        if self.recorded is None or self.decided is None:
            return True
        reckoned = {"parents", *self.message.reckoning}
        names = [name for name in self.message.__struct_fields__ if name not in reckoned]
        return any(getattr(self.recorded, n) != getattr(self.decided, n, None) for n in names)


class Tally(Struct, kw_only=True):
    """How many outputs were held against the record."""

    identical: int = 0
    different: int = 0


class Comparison(Struct, kw_only=True):
    """How a core's decisions stand against its record."""

    by_type: dict[str, Tally] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    """The first of each type, of those with another outcome and of the others, as they were met."""
    _kept: dict[tuple[str, bool], int] = field(default_factory=dict)
    other_outcome_count: int = 0
    """Of those that differ: something else would be done."""
    beyond_count: int = 0
    """Outputs that are decided after the end of a record that was cut off: nothing to hold them
    against."""

    def agree(self, message: Message) -> None:
        """Count an output that is decided as it stands on record."""
        self._tally(message).identical += 1

    def differ(self, difference: Difference) -> None:
        """Count one that isn't, and keep it if it is among the first of its type."""
        tally = self._tally(difference.message)
        tally.different += 1
        self.other_outcome_count += difference.is_other_outcome
        kept = (type(difference.message).__name__, difference.is_other_outcome)
        self._kept[kept] = self._kept.get(kept, 0) + 1
        if self._kept[kept] <= DIFFERENCES_KEPT_MAX:
            self.differences.append(difference)

    def _tally(self, message: Message) -> Tally:
        return self.by_type.setdefault(type(message).__name__, Tally())


class Replay(Generic[State]):
    """One core over its recorded inputs."""

    def __init__(
        self, loop: Loop[State], bus: Bus, *, is_whole: bool, follows_lives: bool = False
    ) -> None:
        """Compare what the core of a loop decides with what is on the bus; the loop isn't started.

        `is_whole` says that the run came to its end: then what is decided after the last output on
        record is a difference too, and otherwise nobody knows. One that follows the lives on record
        decides under the configuration that each of them was told, and otherwise under the loop's.
        """
        self.comparison = Comparison()
        self._core = loop.core
        self._wiring = loop.wiring
        self._source = loop.ports.source
        self._bus = bus
        self._is_whole = is_whole
        self._state = loop.core.initial()
        self._now: Nanos = 0
        self._position = 0
        self._position_last = 0
        self._intake = Intake(loop.wiring.input_log)
        self._self_on_input = loop.wiring.outputs.get(loop.wiring.input_log)
        self._told = Told(loop.core, loop.wiring.config)
        self._told.is_over = not follows_lives
        self._lived: list[Recorded] = []
        """All output logs."""
        self._recorded: dict[Log, Recorded] = {}
        """Output logs that hold more."""
        self._awaited: dict[Log, int] = {}
        """For each, the position of the input that its next output followed from."""

    async def start(self) -> None:
        """Find what is on record. Raises `BadInput` or `Unavailable` where it can't be read."""
        ends = await self._bus.ends(*self._wiring.outputs)
        for log, producer in self._wiring.outputs.items():
            recorded = Recorded(self._bus, log, producer, 0, None)
            recorded.until = ends.get(log, 0)
            self._recorded[log] = recorded
            self._lived.append(recorded)
            await self._look_ahead(log, recorded)
            await self._find_last(log, producer, recorded.until)

    async def step(self, limit: int = BATCH_RECORDS_MAX) -> int:
        """Take at most `limit` inputs and give how many there were; 0 at the end.

        Raises `CannotFollow` where the core fails, `Broken` where an output log has lost records,
        `BadInput` or `Unavailable` where a log can't be read.
        """
        if not self._recorded and not self._is_whole:
            return 0
        records = await self._source.read(self._wiring.input_log, self._position, limit)
        for record in records:
            if self._intake.expects(record):
                await self._take(self._position, record)
            else:
                for position, taken in self._intake.take(self._position, record):
                    await self._take(position, taken)
            self._position += 1
        if not records:
            await self._leave_behind()
        return len(records)

    @property
    def progress(self) -> float:
        """How much of the record is compared, in 0…1."""
        return min(1.0, self._position / (self._position_last + 1))

    # The record

    async def _look_ahead(self, log: Log, recorded: Recorded) -> None:
        head = await recorded.head()
        if head is None:
            self._recorded.pop(log)
            self._awaited.pop(log, None)
        else:
            self._awaited[log] = head.input_offset

    async def _find_last(self, log: Log, producer: str, end: int) -> None:
        first = max(0, end - BATCH_RECORDS_MAX)
        for record in await self._bus.read(log, first, end - first):
            if record.writer.producer == producer:
                self._position_last = max(self._position_last, record.input_offset)

    async def _on_record(self, position: int, cause: Message) -> dict[str, tuple[Log, Message]]:
        found: dict[str, tuple[Log, Message]] = {}
        for log in [log for log, at in self._awaited.items() if at == position]:
            recorded = self._recorded[log]
            while output := await recorded.take(position, cause):
                found[output.message.id] = (log, output.message)
            await self._look_ahead(log, recorded)
        return found

    async def _leave_behind(self) -> None:
        # What is left followed from inputs that are not there.
        for log, recorded in list(self._recorded.items()):
            while head := await recorded.head():
                cause = head.message.parents[0] if head.message.parents else head.message.id
                told = f"followed from {cause} at position {head.input_offset}, which is not there"
                self._differ(log, head.input_offset, (head.message, None), told)
                await recorded.take(head.input_offset, head.message)
            await self._look_ahead(log, recorded)

    # Decisions

    async def _take(self, position: int, record: Record) -> None:
        message = record.message
        if record.writer.producer == self._self_on_input and is_output(message):
            return  # it was applied at its input's place
        try:
            if not self._told.is_over:
                await self._told.before(self._state, position, self._lived)
            said = self._decide(message)
            found = await self._on_record(position, message)
            if said or found:
                self._compare(position, message, said, found)
        except (BadInput, Unavailable, Broken):
            raise  # a log can't be read, or has lost records: no fault of the core
        except Exception as err:  # a runner: whatever it is, this core can't go on
            log = self._wiring.input_log
            raise CannotFollow(
                f"{self._wiring.name} can't follow its record at {log} position {position}, "
                f"{type(message).__name__} {message.id}: {type(err).__name__}: {err}"
            ) from err

    def _decide(self, message: Message) -> list[tuple[Log, Message]]:
        if type(message) is Clock and message.ts_event > self._now:
            self._now = message.ts_event
        outputs = self._core.decide(self._state, message)
        self._core.apply(self._state, message)
        return [self._addressed(message, output) for output in outputs]

    def _addressed(self, cause: Message, output: Message) -> tuple[Log, Message]:
        log = self._wiring.route(output)
        return log, named(self._core.service, log, cause, output, self._now)

    def _compare(
        self,
        position: int,
        cause: Message,
        said: list[tuple[Log, Message]],
        found: dict[str, tuple[Log, Message]],
    ) -> None:
        over = self._over(said, found)
        misplaced = _misplaced(said, found)
        for log, decided in said:
            if decided.id in found:
                _, recorded = found.pop(decided.id)
                self._hold(log, position, (recorded, decided), misplaced.get(decided.id, ""))
                self._apply(cause, recorded)
            elif log in over:
                self.comparison.beyond_count += 1
                self._apply(cause, decided)
            else:
                self._differ(log, position, (None, decided), difference(None, decided))
        for log, recorded in found.values():
            self._differ(log, position, (recorded, None), difference(recorded, None))
            self._apply(cause, recorded)

    def _over(
        self, said: list[tuple[Log, Message]], found: dict[str, tuple[Log, Message]]
    ) -> set[Log]:
        # Logs of which nobody knows what would stand there next: the run was cut off.
        if self._is_whole:
            return set()
        kept = [(log, name) for name, (log, _) in found.items()]
        return (
            set(self._wiring.outputs)
            - set(self._recorded)
            - unlike(self._wiring.outputs, said, kept)
        )

    def _apply(self, cause: Message, output: Message) -> None:
        if output.id != cause.id:  # the input itself, passed on, is applied
            self._core.apply(self._state, output)

    def _hold(self, log: Log, position: int, both: tuple[Message, Message], misplaced: str) -> None:
        recorded, decided = both
        if codec.encode(recorded) != codec.encode(decided):
            self._differ(log, position, both, difference(recorded, decided))
        elif misplaced:
            self._differ(log, position, both, misplaced)
        else:
            self.comparison.agree(recorded)

    def _differ(
        self, log: Log, position: int, both: tuple[Message | None, Message | None], detail: str
    ) -> None:
        found = Difference(
            loop=self._wiring.name,
            log=log,
            input_log=self._wiring.input_log,
            position=position,
            ts=self._now,
            recorded=both[0],
            decided=both[1],
            detail=detail,
        )
        self.comparison.differ(found)


def _misplaced(
    said: Sequence[tuple[Log, Message]], found: Mapping[str, tuple[Log, Message]]
) -> dict[str, str]:
    # Of the outputs that are both decided and on record, those at another place of their log.
    told: dict[str, str] = {}
    for log in dict.fromkeys(log for log, _ in said):
        decided = [message.id for at, message in said if at == log and message.id in found]
        recorded = [name for name, (at, _) in found.items() if at == log and name in decided]
        for place, (was, now) in enumerate(zip(recorded, decided, strict=True), 1):
            if was != now:
                told[now] = (
                    f"order: recorded as output {recorded.index(now) + 1} of its input, decided as "
                    f"{place}"
                )
    return told
