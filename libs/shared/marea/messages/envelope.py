"""What every event carries: what was said (`Message`), and how it was written down (`Record`).

A message is what its writer says: its id, its time, what it followed from, and its body. Two runs
that decide the same say equal messages; the canonical form and its hash are about messages alone.
A record is a message as it stands on a log: who wrote it, in which epoch, on what input, when it
arrived. On the wire both are one: the fields of the record, with the message's id, time and
parents, form the envelope.
"""

from typing import Annotated, ClassVar, NamedTuple, TypeAlias

from msgspec import Meta, Struct

Nanos: TypeAlias = int
"""A time in nanoseconds since 1970-01-01 UTC."""


class Log(NamedTuple):
    """The name of one ordered log: one partition of a channel of `schemas/channels.yaml`."""

    channel: str
    partition: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.partition}"


class Message(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What was said. These three fields are fixed for ever: bodies grow at their own end."""

    schema_version: ClassVar[int] = 1
    """Rises by one with each field that is added; the files of `schemas/released` tell which."""
    discriminator: ClassVar[tuple[str, ...]] = ()
    """The fields that tell apart several messages of this type that follow from one input."""
    outside: ClassVar[bool] = False
    """Whether it comes from outside (a venue, a person, a clock) and so is a root of lineage."""
    canonical: ClassVar[bool] = True
    """Whether it counts in a log's hash. What a start or a recovery itself writes does not."""

    reckoning: ClassVar[tuple[str, ...]] = ()
    """The fields that only say what it was decided by: where no other differs, nothing else is done."""

    id: Annotated[str, Meta(description="unique for ever; derived, never drawn")] = ""
    ts_event: Annotated[Nanos, Meta(description="when it happened, ns UTC")] = 0
    parents: Annotated[
        tuple[str, ...], Meta(description="ids of the messages it followed from; none on a root")
    ] = ()


class Writer(Struct, frozen=True, kw_only=True, gc=False):
    """One life of a producer: what all records that it writes have in common."""

    producer: str
    """The service and its shard or instrument: `features/BTC-USDT.BINANCE`."""
    epoch: int
    """The position of the `Started` that began this life on the log it writes to; of that `Started`
    itself -1, for nobody knows it before, or what a source found it to be."""
    build: str
    """The version and the hash of the code."""
    input_log: Log | None = None
    """The log it decides on; none where it reads a venue."""


NOBODY = Writer(producer="", epoch=-1, build="")
"""Who wrote what can't be read: such a record holds its place on the log, and is void."""


class Record(Struct, kw_only=True, gc=False):
    """A message as it stands on a log."""

    message: Message
    writer: Writer
    seq: int
    """Contiguous from 0 per producer and epoch, on each log that the producer writes to."""
    input_offset: int = -1
    """The position on `writer.input_log` of what was decided on; -1 where there is none."""
    ts_known: Nanos = 0
    """When it was known to us, on the venue's clock: arrival less the estimated offset."""
    ts_origin: Nanos = 0
    """When the market event at its root was known to us, on the venue's clock."""
    trace: str = ""
    """The root's trace id; empty on a root, whose own id gives it (`ids.trace_id`)."""
