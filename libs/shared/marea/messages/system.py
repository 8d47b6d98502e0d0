"""What Marea says of itself: starts, divergences, gaps, quality, what could not be read."""

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta

from marea.messages.envelope import Message


class Clock(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The time of a stream, on the venue's clock: the only time that a core knows.

    `ts_event` is the time.
    """

    outside: ClassVar[bool] = True

    stream: Annotated[str, Meta(description="the partition whose time it is")]


class ClockOffset(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """How far our clock stands from the venue's; it is subtracted from every stamp of arrival."""

    outside: ClassVar[bool] = True

    stream: Annotated[str, Meta(description="the partition it is estimated for")]
    offset_ns: Annotated[int, Meta(description="our clock less the venue's, ns")]
    uncertainty_ns: Annotated[int, Meta(description="spread of the samples, ns")]
    sample_count: Annotated[int, Meta(description="stamped messages that it rests on")]


class Started(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A producer's new life. Its position on the log is the epoch of all that it writes after."""

    outside: ClassVar[bool] = True
    canonical: ClassVar[bool] = False

    service: Annotated[str, Meta(description="which service")]
    build: Annotated[str, Meta(description="version and hash of the code")]
    config: Annotated[str, Meta(description="the core's configuration, JSON with sorted keys")]
    resumes_at: Annotated[int, Meta(description="position on its input that it goes on from")]
    producer: Annotated[str, Meta(description="who begins: service, and shard or instrument")] = ""


class Heartbeat(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The owner of a shard is alive, and done with all inputs before a position.

    What it said about them stands on its logs, and no other life began before that. `ts_event` is
    the time that its core knows.
    """

    outside: ClassVar[bool] = True
    canonical: ClassVar[bool] = False

    service: Annotated[str, Meta(description="whose shard it is")]
    instance: Annotated[str, Meta(description="which of those that could own the shard")]
    producer_epoch: Annotated[int, Meta(description="its life, on the first log it writes to")]
    resumes_at: Annotated[int, Meta(description="position on its input that it goes on from")]


class OwnerLeft(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The owner of a shard was told to end: it has written its last, and nobody need wait for it.

    All that a heartbeat says holds here too.
    """

    outside: ClassVar[bool] = True
    canonical: ClassVar[bool] = False

    service: Annotated[str, Meta(description="whose shard it is")]
    instance: Annotated[str, Meta(description="which of those that could own the shard")]
    producer_epoch: Annotated[int, Meta(description="its life, on the first log it wrote to")]
    resumes_at: Annotated[
        int, Meta(description="position on its input that the next one goes on from")
    ]


OwnerTold: TypeAlias = Heartbeat | OwnerLeft
"""What an owner says of itself, under an epoch that began on another log."""


class CoreDiverged(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """The log holds another output than the code gives now; what is recorded stands."""

    canonical: ClassVar[bool] = False
    discriminator: ClassVar[tuple[str, ...]] = ("recorded", "decided")

    service: Annotated[str, Meta(description="which service")]
    recorded: Annotated[str, Meta(description="id of the output on the log; empty: none")]
    decided: Annotated[str, Meta(description="id of the output of today's code; empty: none")]
    detail: Annotated[str, Meta(description="the first field that differs, with both values")]


class GapFound(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """Records of a producer are missing from a log and did not come in time."""

    discriminator: ClassVar[tuple[str, ...]] = ("producer", "first_missing")

    producer: Annotated[str, Meta(description="whose records are missing")]
    producer_epoch: Annotated[int, Meta(description="in which of its lives")]
    first_missing: Annotated[int, Meta(description="seq")]
    last_missing: Annotated[int, Meta(description="seq")]


class Degraded(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a producer writes comes too late to the record of its stream, or no longer does.

    Each life of a producer tells first how it stands; from then on what changes.
    """

    outside: ClassVar[bool] = True
    canonical: ClassVar[bool] = False

    stream: Annotated[str, Meta(description="the partition that it stands on")]
    producer: Annotated[str, Meta(description="whose records come late")]
    is_over: Annotated[bool, Meta(description="whether the record has caught up")]
    behind_count: Annotated[int, Meta(description="records that the log has not acknowledged")]
    behind_ms: Annotated[int, Meta(description="how long the oldest of them waits, ms")]


class QualityCheckFailed(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A check of incoming data did not hold; said once per episode."""

    discriminator: ClassVar[tuple[str, ...]] = ("check",)

    instrument: Annotated[str, Meta(description="BASE-QUOTE.VENUE")]
    check: Annotated[
        str, Meta(description="a code: sequence, crossed, jump, stale, skew, agreement")
    ]
    observed: Annotated[float, Meta(description="what was seen, in the unit of the limit")]
    limit: Annotated[float, Meta(description="what is allowed, in the unit its name ends with")]
    detail: Annotated[str, Meta(description="code with parameters")]


class DeadLetter(Message, frozen=True, kw_only=True, array_like=True, gc=False):
    """A message that could not be read or taken, whole, with the reason."""

    outside: ClassVar[bool] = True

    source: Annotated[str, Meta(description="where it came from: the venue or the tape")]
    place: Annotated[str, Meta(description="where it stands there: file and line, or arrival")]
    reason: Annotated[str, Meta(description="code: not_json, bad_amount, unknown_instrument, …")]
    detail: Annotated[str, Meta(description="the field, the value and what was expected")]
    payload: Annotated[bytes, Meta(description="the original bytes")]
