"""What does a loop stand between: whose logs, and which world?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.runtime.telemetry import NoTelemetry, Telemetry


class Source(Protocol):
    """Where a loop's inputs come from: a bus, or a feed."""

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on, in order; none when there are no more now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that a loop touches of the world."""

    source: Source
    bus: Bus
    snapshots: Snapshots
    telemetry: Telemetry = field(default_factory=NoTelemetry)
    effects: Mapping[type[Message], Callable[[Record], None]] = field(default_factory=dict)
    """What the shell does about an output of the core once it is appended; at least once, and once
    more where a start finds the output on record."""
    venue_time: Callable[[], Nanos] | None = None
    """The venue's time, ns UTC, for a loop that tells its input log the time; None: another does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Which logs a loop reads and writes, and as whom."""

    name: str
    """The loop's own: its service, and its shard, instrument or venue."""
    input_log: Log
    outputs: Mapping[Log, str]
    """Each log it writes to, and the producer it is there: `features/BTC-USDT.BINANCE`."""
    route: Callable[[Message], Log]
    """Which of the output logs a message goes to."""
    build: str
    config: str
    """The core's configuration as JSON with sorted keys; each `Started` carries it."""
    snapshot_every_ns: Nanos = 60_000_000_000
    """Of the log's own time."""
