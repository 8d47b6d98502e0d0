"""The logs and the snapshot store of a simulated world, and the ways to them that may fail.

`Cluster` is what really stands on the logs. Each process reaches it over a `Line` of its own, at
whose every call the process may die, stand still or be cut off, and the call may fail before it
took effect, after it, or long before it takes effect after all.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from marea.bus import memory
from marea.errors import Unavailable
from marea.messages.envelope import Log, Nanos, Record
from marea.messages.system import Started
from marea.runtime.snapshot import CHECKSUM_BYTES, Snapshot, encode
from tests.simulation.faults import MS, SECOND, Fault, Faults
from tests.simulation.schedule import Schedule

NEWS_NS: Nanos = 2 * MS
"""From an append to those who wait for it."""
PAUSE_NS_MAX = LATE_NS_MAX = PARTITION_NS_MAX = 20 * SECOND
SLOW_NS_MAX = 5 * SECOND
SHORT_RECORDS_MAX = 20
READING = "crash_reading"
"""What a crash is called that nothing was waiting for."""


class MemorySnapshots(memory.MemorySnapshots):
    """Snapshots that can be taken back."""

    def forget(self, name: str, position: int) -> None:
        """Lose one."""
        self._bodies[name].pop(position, None)


class Crashed(BaseException):
    """The process is gone: nothing in it can handle that, or go on."""


class Cluster(memory.MemoryBus):
    """What stands on the logs, and what a power cut would take."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.snapshots = MemorySnapshots()
        self._schedule = schedule
        self.on_append: Callable[[Log, Sequence[Record]], None] = lambda _log, _records: None
        self._safe_ends: dict[Log, int] = {}
        self._unsafe: list[Callable[[], None]] = []
        """What takes back each append and each snapshot that no flush has followed."""

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Put records at the end of a log, and tell those who wait for it."""
        position = await super().append(log, records)
        self._unsafe.append(lambda: self._shorten(log, position))
        self.on_append(log, records)
        self._schedule.tell(log, NEWS_NS)
        return position

    def _shorten(self, log: Log, end: int) -> None:
        del self._records[log][end:]

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Keep a snapshot; it becomes safe when what was appended before does."""
        await self.snapshots.save(name, position, body)
        self._unsafe.append(lambda: self.snapshots.forget(name, position))

    async def flush(self) -> None:
        """What was appended so far is safe."""
        self._safe_ends = {log: len(records) for log, records in self._records.items()}
        self._unsafe.clear()

    def cut_power(self, share: float) -> None:
        """Lose this share, from the end, of what was not flushed."""
        lost = int(share * (len(self._unsafe) + 1))
        for take_back in reversed(self._unsafe[len(self._unsafe) - lost :]):
            take_back()
        self._unsafe.clear()

    @property
    def logs(self) -> Sequence[Log]:
        """Those that hold anything."""
        return [log for log, records in self._records.items() if records]

    def safe_end_of(self, log: Log) -> int:
        """The position before which all of a log outlives a power cut."""
        return self._safe_ends.get(log, 0)

    def end_of(self, log: Log) -> int:
        """The position after its last record."""
        return len(self._records[log])

    def records_of(self, log: Log) -> Sequence[Record]:
        """All that stands on a log."""
        return self._records[log]

    @property
    def record_count(self) -> int:
        """How many records stand on all logs."""
        return sum(map(len, self._records.values()))


ONE_PROCESS_SPARES = frozenset(
    {
        "zombie",
        "partition",
        "append_lost",
        "append_unknown",
        "append_late",
        "append_twice",
        "append_slow",
        "read_slow",
        "read_short",
    }
)
"""What can't happen to a log on the disk of the only process that uses it."""


class Host:
    """What one life of a process stands on: its faults, and whether it was told to end."""

    def __init__(self, name: str, schedule: Schedule, faults: Faults, is_alone: bool) -> None:
        self.name = name
        self.schedule = schedule
        self.faults = faults
        self.is_alone = is_alone
        """Whether all of Marea is one process, with its log on its own disk."""
        self._active = faults.active - ONE_PROCESS_SPARES if is_alone else faults.active
        self.service = name.partition("/")[0]
        self.cut_off_until: Nanos = 0
        self.on_zombie: Callable[[], None] = lambda: None
        """Whom a paused process is replaced by."""
        self.pump: Callable[[], Awaitable[int]] | None = None
        """Puts on record what waits for it, where records are appended twice."""
        self.works_on = "-"
        """The type of the message that it has to do with, for the story."""

    def strikes(self, kind: str) -> Fault | None:
        """Does a fault strike this process now?"""
        if kind not in self._active:
            return None
        fault = self.faults.strikes(kind, self.name, self.schedule.now)
        if fault is not None:
            self.faults.met[kind, self.service, self.works_on] += 1
        return fault

    async def before(self, crash: str = "crash_before") -> None:
        """All that may happen to a process before a call; raises where the call isn't made."""
        self.schedule.count_step()
        if self.faults.is_over:
            return
        if self.strikes(crash):
            raise Crashed(self.name)
        if pause := self.strikes("pause"):
            await self._stand_still(pause)
        if pause := self.strikes("zombie"):
            self.on_zombie()
            await self._stand_still(pause)
        if cut := self.strikes("partition"):
            self.cut_off_until = self.schedule.now + int(self.faults.size(cut) * PARTITION_NS_MAX)

    def after(self) -> None:
        """All that may happen to a process after a call took effect."""
        if self.strikes("crash_after"):
            raise Crashed(self.name)

    async def sleep(self, ns: Nanos) -> None:
        """Wait because of a fault: at the longest until faults are over."""
        left = self.faults.ends_at - self.schedule.now
        await self.schedule.sleep(max(0, min(ns, left)))

    async def _stand_still(self, pause: Fault) -> None:
        # Most pauses are short; the long ones are what takeovers are about.
        await self.sleep(int(self.faults.size(pause) ** 2 * PAUSE_NS_MAX))

    async def check_line(self) -> None:
        """Fail, after a while, where the process is cut off."""
        if self.schedule.now < self.cut_off_until and not self.faults.is_over:
            await self.sleep(SECOND)
            raise Unavailable(f"{self.name}: no answer in time; try again")


class Line:
    """A process's way to the logs; one for each of its lives."""

    def __init__(self, cluster: Cluster, host: Host) -> None:
        self._cluster = cluster
        self._host = host

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        """Append, if nothing happens to it."""
        host, cluster = self._host, self._cluster
        host.works_on = type(records[0].message).__name__
        await host.before()
        await host.check_line()
        if slow := host.strikes("append_slow"):
            await host.sleep(int(host.faults.size(slow) * SLOW_NS_MAX))
        if host.strikes("append_lost"):
            raise Unavailable(f"{log}: no answer in time")
        if late := host.strikes("append_late"):
            after = int(host.faults.size(late) * LATE_NS_MAX)
            host.schedule.spawn(f"late {log}", self._append_late(log, list(records)), after)
            raise Unavailable(f"{log}: no answer in time")
        position = await cluster.append(log, records)
        # A start is never appended again: its epoch is its position.
        if type(records[0].message) is not Started and host.strikes("append_twice"):
            await cluster.append(log, records)
        if host.strikes("append_unknown"):
            raise Unavailable(f"{log}: no answer in time")
        host.after()
        return position

    async def _append_late(self, log: Log, records: Sequence[Record]) -> None:
        await self._cluster.append(log, records)

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """Read, if nothing happens to it."""
        host = self._host
        await host.before(READING)
        await host.check_line()
        if slow := host.strikes("read_slow"):
            await host.sleep(int(host.faults.size(slow) * SLOW_NS_MAX))
        if short := host.strikes("read_short"):
            limit = min(limit, 1 + int(host.faults.size(short) * SHORT_RECORDS_MAX))
        records = await self._cluster.read(log, position, limit)
        if records:
            host.works_on = type(records[0].message).__name__
        return records

    async def ends(self, *logs: Log) -> Mapping[Log, int]:
        """The ends of the logs."""
        await self._host.before(READING)
        await self._host.check_line()
        return await self._cluster.ends(*logs)

    async def flush(self) -> None:
        """Have what was appended safe."""
        await self._host.before()
        await self._cluster.flush()
        self._host.after()


class Store:
    """A process's way to its snapshots."""

    def __init__(self, cluster: Cluster, host: Host) -> None:
        self._cluster = cluster
        self._host = host

    async def save(self, name: str, position: int, body: bytes) -> None:
        """Save, if nothing happens to it."""
        host = self._host
        await host.before()
        if host.strikes("snapshot_lost"):
            raise Unavailable(f"{name}: the snapshot can't be written")
        if torn := host.strikes("torn_snapshot"):
            body = _torn(body, host.faults.size(torn))
        await self._cluster.save(name, position, body)
        host.after()

    async def load(self, name: str) -> Sequence[bytes]:
        """Load, of an older copy of the store if something happens to it."""
        host = self._host
        await host.before(READING)
        bodies = await self._cluster.snapshots.load(name)
        if old := host.strikes("old_snapshot"):
            return bodies[1 + int(host.faults.size(old) * len(bodies)) :]
        if bodies and host.strikes("foreign_snapshot"):
            return [_foreign(bodies[0]), *bodies[1:]]
        return bodies


def _foreign(body: bytes) -> bytes:
    # As another build keeps it, that calls all fields of its state otherwise.
    try:
        snapshot = msgspec.msgpack.decode(body[CHECKSUM_BYTES:], type=Snapshot)
    except msgspec.DecodeError:
        return body  # one with a cursor beside it, or torn
    return encode(replace(snapshot, state_schema="another", state=msgspec.msgpack.encode({})))


def _torn(body: bytes, share: float) -> bytes:
    at = int(share * (len(body) - 1))
    if share < 0.5:
        return body[:at]
    return body[:at] + bytes([body[at] ^ 0x40]) + body[at + 1 :]


class Released:
    """The feed that ingestion reads, as far as it has come by now."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.records: list[Record] = []

    def at(self, host: Host) -> "Reading":
        """As it is read from a host."""
        return Reading(self, host)


class Reading:
    """A life's way to the feed."""

    def __init__(self, feed: Released, host: Host) -> None:
        self._feed = feed
        self._host = host

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:  # noqa: ARG002 # it is one input
        """What has come by now."""
        await self._host.before(READING)
        return self._feed.records[position : position + limit]
