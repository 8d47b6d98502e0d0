"""What does a loop stand between: whose logs, and which world?"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from marea.bus.port import Bus, Snapshots
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.runtime.telemetry import NoTelemetry, Telemetry


class Source(Protocol):
    """Where a loop's inputs come from: a bus, or a feed."""

    async def read(self, log: Log, position: int, limit: int) -> Sequence[Record]:
        """At most `limit` records from a position on, in order; none when there are no more now."""
        ...


Effect: TypeAlias = Callable[[Record], Awaitable[Sequence[Message]]]
"""What the shell does in the world about an output, and what came of it: messages from outside,
with their ids and times, for the log that the loop reads."""


class Backlog(NamedTuple):
    """How far the record of a log is behind what was appended to it."""

    is_degraded: bool
    """Whether that is too far to open anything on it."""
    waiting: int
    """Records that the log has not acknowledged."""
    waited_ns: Nanos
    """How long the oldest of them waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that a loop touches of the world."""

    source: Source
    bus: Bus
    snapshots: Snapshots
    telemetry: Telemetry = field(default_factory=NoTelemetry)
    effects: Mapping[type[Message], Effect] = field(default_factory=dict)
    """By the type of the output. An output on the loop's own input log is acted on once, when it is
    read back in the life that wrote it; any other as soon as it is appended, and once more where a
    start finds it on record."""
    venue_time: Callable[[], Nanos] | None = None
    """The venue's time, ns UTC, for a loop that tells its input log the time and stamps what it
    writes; None: others do."""
    may_act: Callable[[], None] | None = None
    """Raises `Refused` where this life may no longer act on the world; asked right before each
    effect. None: it is the only one that could."""
    arrivals: Callable[[Any, Nanos], Awaitable[Sequence[Message]]] | None = None
    """What has come from outside by now and is not on the input log yet. It is asked when all of
    the log is in the state, and from the state alone (`Any`, as each
    core has its own) it knows what was brought before."""
    backlog: Callable[[Log], Backlog | None] | None = None
    """How far the record of an output log is behind, for a bus that does not wait for it; the loop
    tells on that log when it is too far, and when no longer. None: such a log is always on record."""
    confirmed: Callable[[], int] | None = None
    """How many of the inputs that the source gave are known to be on record; None: all of them."""


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


def wired_to_one(
    name: str, input_log: Log, output: Log, config: object, build: str, snapshot_every_ns: Nanos
) -> Wiring:
    """How is a loop wired that says everything on one log, under its own name?

    `config` is what its core is told at its start. What the log's channel may not hold is refused
    with `BadInput`.
    """
    channels = load_channels()

    @cache
    def log_of(kind: type[Message]) -> Log:
        return Log(channels.channel_of(kind.__name__, (output.channel,)), output.partition)

    return Wiring(
        name=name,
        input_log=input_log,
        outputs={output: name},
        route=lambda message: log_of(type(message)),
        build=build,
        config=msgspec.json.encode(config, order="sorted").decode(),
        snapshot_every_ns=snapshot_every_ns,
    )
