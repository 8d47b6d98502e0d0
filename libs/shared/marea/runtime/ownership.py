"""Who of several instances runs a loop's shard, and when does another one take over?

Every instance begins as a standby. The owner tells once a second, on the shard's log of `ownership`,
that it is alive and which inputs it is done with; a standby takes these after it (`Loop.follow`),
so that little is left to recover. A standby that hears nobody for `SILENCE_NS` and a little starts its
loop: its `Started` ends the life of whoever wrote to the same logs before, alive or not. An owner that
is told to end says so there (`OwnerLeft`), and nobody waits; nor does a process that is started again
under its name, where the last that was told there is its own, unless it dies again and again.

Nothing rests on clocks but who acts when. What an older life writes is void for every reader of
the log; what it tells here it has read back from its logs before, so that it is true whenever it is
read; and it does nothing in the world unless it has read back a heartbeat that it sent less than
`LEASE_NS` ago, which is less than a standby waits for silence. Between that check and the send a process
may be paused, and some begin without a silence: for both the venue has its window (architecture, section 8).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from hashlib import blake2b
from typing import Generic

from marea.errors import BadInput, Refused, Unavailable
from marea.messages.envelope import Log, Nanos, Record, Writer
from marea.messages.ids import derived_id
from marea.messages.system import Heartbeat, OwnerLeft, OwnerTold, Started
from marea.runtime.core import State
from marea.runtime.intake import Intake
from marea.runtime.loop import BATCH_RECORDS_MAX, Loop
from marea.runtime.outputs import NO_EPOCH, followed_by

BEAT_EVERY_NS = 1_000_000_000
LEASE_NS = 4_000_000_000
SILENCE_NS = 6_000_000_000
SETTLED_BEATS = 10
"""Who died before so many of its own was not well: its standby has the turn."""
PATIENCE_NS_MAX = 1_000_000_000
"""Each standby waits a share of its own of that, or two that heard the same would begin at once."""
READ_RECORDS_MAX = 1_000


class Begins(Enum):
    """What the first takeover of an instance waits for."""

    AFTER_SILENCE = auto()
    AFTER_ITSELF = auto()
    """Not for silence where the owner was of its process, of which no other is alive."""
    AT_ONCE = auto()
    """Nothing: nobody else is there, or it is decided who runs the shards of this group."""


@dataclass(slots=True, kw_only=True)
class _Reign:
    """One life as the owner."""

    writer: Writer
    next_seq: int = 0
    beat: Record | None = None
    """The last heartbeat, until it is read back."""
    sent_ns: Nanos = 0
    """When it was first sent."""
    tried_ns: Nanos | None = None
    """When it was last sent."""
    proven_ns: Nanos | None = None
    """When the last one that was read back was first sent."""


class Instance(Generic[State]):
    """One of the instances that could run a shard: its owner, or a standby."""

    def __init__(
        self,
        make: Callable[[], Loop[State]],
        name: str,
        now_ns: Callable[[], Nanos],
        *,
        begins: Begins = Begins.AFTER_SILENCE,
        may_take_over: Callable[[], bool] = lambda: True,
        may_step: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin as a standby.

        `make` gives the shard's loop, new, for each life; `name` is no other instance's, up to a #
        that of its process; `now_ns` is a monotonic time, ns; `begins` says what its first takeover
        waits for; `may_take_over` is asked before each, and `may_step` before inputs are taken as
        the owner, for loops that go together.
        """
        self._make = make
        self._name = name
        self._now_ns = now_ns
        drawn = blake2b(name.encode(), digest_size=4).digest()
        self._patience_ns = int.from_bytes(drawn) % PATIENCE_NS_MAX
        self._reign: _Reign | None = None
        self._begin_anew()
        self._log = Log("ownership", self.loop.wiring.name)
        self._intake = Intake(self._log)
        self._position: int | None = None
        self._heard_ns: Nanos = 0
        self._waits_ns = self._silence_ns
        """So long nobody must have been heard before it begins."""
        self._begins = begins
        self._joined_at = 0
        """Where the log ended when it came."""
        self.was_owner = False
        """Whether it ever was the owner."""
        self._may_take_over = may_take_over
        self._may_step = may_step
        self._owner_resumes_at = 0
        self._begun = NO_EPOCH
        """Of the last life that was seen to have begun."""
        self.ended_by: Refused | None = None
        """Why the last life as the owner is over."""

    @property
    def is_owner(self) -> bool:
        """Whether it runs the shard, as far as it knows."""
        return self._reign is not None

    @property
    def epoch(self) -> int:
        """That of this life as the owner; -1 for none."""
        return self._reign.writer.epoch if self._reign is not None else -1

    @property
    def _silence_ns(self) -> Nanos:
        return SILENCE_NS + self._patience_ns

    async def turn(self, limit: int = BATCH_RECORDS_MAX) -> int:
        """Take at most `limit` inputs, as the owner or after it; give how many, with those brought.

        0 means that there is nothing to do until time passes or a log grows. An owner that another
        one has followed, or that may not act any more, becomes a standby again.

        Raises as `Loop.step` does, but for `Refused`; the next turn then begins from the log.
        """
        try:
            if self._reign is not None:
                return await self._own(self._reign, limit)
            return await self._stand_by(limit)
        except Refused as err:
            self.ended_by = err
            # Or two would take over from each other for ever.
            self._heard_ns, self._waits_ns = self._now_ns(), self._silence_ns
            self._begin_anew()
            return 0
        finally:
            if self.loop.has_stopped:
                self._begin_anew()

    def _begin_anew(self) -> None:
        self._reign = None
        self.loop = self._make()
        self.loop.ports = replace(self.loop.ports, may_act=self._check)

    # The owner

    async def _own(self, reign: _Reign, limit: int) -> int:
        await self._beat(reign)
        await self._listen()
        # Who does nothing in the world may go on: what it writes is void once it was followed.
        may_step = self.is_proven or not self.loop.ports.effects
        return await self.loop.step(limit) if may_step and self._may_step() else 0

    async def _beat(self, reign: _Reign) -> None:
        now = self._now_ns()
        if reign.tried_ns is not None and now - reign.tried_ns < BEAT_EVERY_NS:
            return
        if reign.beat is None:
            try:
                await self.loop.confirm()
            except Unavailable:
                return  # it can't tell yet that it is done with anything
            reign.beat, reign.sent_ns = self._told(reign, Heartbeat), now
        reign.tried_ns = now
        await self.loop.ports.bus.append(self._log, [reign.beat])

    def _told(self, reign: _Reign, kind: type[OwnerTold]) -> Record:
        service, epoch, seq = self.loop.core.service, reign.writer.epoch, reign.next_seq
        reign.next_seq += 1
        told = f"{self._name}:{epoch}:{seq}"
        message = kind(
            id=derived_id(service, self._log, kind.__name__, "", told),
            ts_event=self.loop.now,
            service=service,
            instance=self._name,
            producer_epoch=epoch,
            resumes_at=self._done_with(),
        )
        known = self.loop.now
        return Record(
            message=message, writer=reign.writer, seq=seq, ts_known=known, ts_origin=known
        )

    def _done_with(self) -> int:
        # What it took early may never be on record: whoever follows would take something else there.
        position, confirmed = self.loop.position, self.loop.ports.confirmed
        return position if confirmed is None else min(position, confirmed())

    async def leave(self) -> None:
        """Tell that this owner ends, so that a standby begins at once; it must take no turn any more.

        Nothing is told where not all that it wrote can be read back: then a standby waits.
        """
        if self._reign is not None:
            bus = self.loop.ports.bus
            with suppress(Unavailable, Refused):
                await self.loop.confirm()
                await bus.append(self._log, [self._told(self._reign, OwnerLeft)])
                await bus.flush()

    @property
    def is_proven(self) -> bool:
        """Whether it is the owner, and has read back lately that it is."""
        reign = self._reign
        return (
            reign is not None
            and reign.proven_ns is not None
            and self._now_ns() - reign.proven_ns < LEASE_NS
        )

    def _check(self) -> None:
        if not self.is_proven:
            raise Refused(
                f"{self.loop.wiring.name} at {self._name} has read back no heartbeat of the last "
                f"{LEASE_NS // 1_000_000_000} s: another may have taken over, it does nothing more"
            )

    # A standby

    async def _stand_by(self, limit: int) -> int:
        asked_ns = self._now_ns()  # what is heard after that counts, however late it is read
        await self._listen()
        taken = await self.loop.follow(self._owner_resumes_at, limit)
        may_begin = self._begins is Begins.AT_ONCE or asked_ns - self._heard_ns >= self._waits_ns
        if taken == 0 and may_begin and self._may_take_over():
            await self._take_over()
        return taken

    async def _take_over(self) -> None:
        wiring = self.loop.wiring
        epoch = await self.loop.start(self._name)
        writer = Writer(producer=wiring.name, epoch=epoch, build=wiring.build)
        self._reign, self.was_owner = _Reign(writer=writer), True
        self._begins = Begins.AFTER_SILENCE

    # What is told

    async def _listen(self) -> None:
        bus = self.loop.ports.bus
        if self._position is None:  # who beat before is not known, and so may be alive
            self._joined_at = (await bus.ends(self._log)).get(self._log, 0)
            self._position = await self._last_kept(self._joined_at)
            self._heard_ns = self._now_ns()
        while records := await bus.read(self._log, self._position, READ_RECORDS_MAX):
            for record in records:
                is_of_a_life = await self._is_of_a_life(record)
                position, self._position = self._position, self._position + 1
                if not is_of_a_life:
                    continue
                for _, taken in self._intake.take(position, record):
                    if isinstance(taken.message, OwnerTold):
                        self._hear(position, taken, taken.message)

    async def _last_kept(self, end: int) -> int:
        last = max(0, end - 1)
        try:
            await self.loop.ports.bus.read(self._log, last, 1)
        except BadInput:
            return end  # all of it is too old to be kept
        return last

    async def _is_of_a_life(self, record: Record) -> bool:
        told, writer = record.message, record.writer
        if not isinstance(told, OwnerTold) or writer.epoch != told.producer_epoch:
            return False
        return writer.producer == self.loop.wiring.name and await self._has_begun(writer.epoch)

    async def _has_begun(self, epoch: int) -> bool:
        # Lives don't begin on this log, but with a `Started` at that place on the loop's first log.
        if epoch < 0:
            return False
        if epoch not in (self.epoch, self._begun):
            log, producer = next(iter(self.loop.wiring.outputs.items()))
            with suppress(BadInput):  # what stood there is kept no more: it is believed
                found = await self.loop.ports.bus.read(log, epoch, 1)
                if not any(_is_begin(record, producer) for record in found):
                    return False
            self._begun = epoch
        return True

    def _hear(self, position: int, record: Record, told: OwnerTold) -> None:
        self._heard_ns = self._now_ns()
        if isinstance(told, OwnerLeft):
            self._waits_ns = self._patience_ns
        else:
            is_over = self._is_own_past(position, record, told)
            self._waits_ns = 0 if is_over else self._silence_ns
        self._owner_resumes_at = max(self._owner_resumes_at, told.resumes_at)
        reign = self._reign
        if reign is None:
            return
        epoch, own = told.producer_epoch, reign.writer.epoch
        if epoch > own:
            raise followed_by(reign.writer.producer, own, epoch)
        if epoch == own and reign.beat is not None and record.seq == reign.beat.seq:
            reign.beat, reign.proven_ns = None, reign.sent_ns

    def _is_own_past(self, position: int, record: Record, told: Heartbeat) -> bool:
        return (
            self._begins is Begins.AFTER_ITSELF
            and position < self._joined_at
            and process_of(told.instance) == process_of(self._name)
            and record.seq + 1 >= SETTLED_BEATS
        )


def process_of(instance: str) -> str:
    """The process that an instance is of, by its name."""
    return instance.partition("#")[0]


def _is_begin(record: Record, producer: str) -> bool:
    return type(record.message) is Started and record.writer.producer == producer
