"""Which partition of its channel's topic is a log's own?

Partitions are given away by claims, one after another in a partition of their own. The first claim
that names a log, or takes a number, counts; one that contradicts it is void. So all who read them
know the same, and two that claim at once learn from the log who was first.
"""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from marea.errors import BadInput
from marea.messages.envelope import Log

NUMBERS_MAX = 2**31
"""Kafka numbers partitions below that; how many a topic has is another matter."""


class Claim(Struct, frozen=True, kw_only=True):
    """A log wants a partition: JSON on the topic, with the log's name as the key."""

    channel: str
    partition: str
    """The name of the log within its channel, which is no number."""
    number: int

    @property
    def log(self) -> Log:
        """Which log wants it."""
        return Log(self.channel, self.partition)


_decode = msgspec.json.Decoder(Claim).decode
encode_claim = msgspec.json.Encoder().encode


class Directory:
    """The claims that count, as far as they were read."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """`counts` gives the partitions of each channel."""
        self._counts = counts
        self._numbers: dict[Log, int] = {}
        self._taken: set[tuple[str, int]] = set()
        self.position = 0
        """How many claims were read."""

    def __iter__(self) -> Iterator[Log]:
        """All logs of these channels that have a partition."""
        return iter([log for log in self._numbers if log.channel in self._counts])

    def number(self, log: Log) -> int | None:
        """The log's partition; None where it has none. Raises `BadInput` for an unknown channel."""
        if log.channel not in self._counts:
            raise BadInput(
                f"channel {log.channel} is unknown: take one of {', '.join(self._counts)}"
            )
        return self._numbers.get(log)

    def free_number(self, channel: str) -> int:
        """The first partition of a channel that no log has. Raises `BadInput` where none is left."""
        for number in range(self._counts[channel]):
            if (channel, number) not in self._taken:
                return number
        raise BadInput(
            f"all {self._counts[channel]} partitions of {channel} belong to other logs: raise "
            f"partitions of {channel} in schemas/channels.yaml and create the topics again"
        )

    def take(self, value: bytes | None) -> Log | None:
        """Read the next claim; give the log that has a partition by it."""
        self.position += 1
        try:
            claim = _decode(value or b"")
        except msgspec.DecodeError:
            return None  # whoever wrote it, it claims nothing
        log, place = claim.log, (claim.channel, claim.number)
        is_number = 0 <= claim.number < NUMBERS_MAX
        if not is_number or log in self._numbers or place in self._taken:
            return None  # the same for all who read it, however many partitions they know of
        self._numbers[log] = claim.number
        self._taken.add(place)
        return log
