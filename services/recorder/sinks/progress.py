"""What of a log counts, and how far a store has come with it?

What counts is what every reader of the log takes: nothing twice, and nothing of a life that was over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from marea.messages.envelope import Log
from marea.runtime.intake import Intake, IntakeState, Taken
from services.recorder.sink import Batch, Kept


class Saved(Struct, frozen=True, kw_only=True):
    """How far a log is in a store, as it is kept there."""

    channel: str
    partition: str
    end: int
    intake: IntakeState
    """What its readers remember there."""


def unread(log: Log, end: int = 0) -> Saved:
    """What is kept of a log of which nothing was read, and that is taken from there on."""
    return Saved(channel=log.channel, partition=log.partition, end=end, intake=IntakeState())


class Progress:
    """How far one log is in a store."""

    def __init__(self, saved: Saved) -> None:
        self.log = Log(saved.channel, saved.partition)
        self.end = saved.end
        self._intake = Intake(self.log, saved.intake)

    def take(self, several: Sequence[Kept]) -> Iterator[Taken]:
        """What counts of these, each with its position; what was taken before is left aside."""
        for kept in several:
            offset, record = kept.raw.offset, kept.record
            if offset < self.end:
                continue
            if offset > self.end:
                self._intake.miss(offset)
            self.end = offset + 1
            if self._intake.expects(record):
                yield offset, record
            else:
                yield from self._intake.take(offset, record)

    def saved(self) -> Saved | None:
        """What to keep of it; None while a record waits for one before it, and would be lost."""
        if self._intake.is_waiting:
            return None
        log = self.log
        return Saved(
            channel=log.channel, partition=log.partition, end=self.end, intake=self._intake.state
        )


class Progresses:
    """How far the logs are in a store."""

    def __init__(self, kept: Iterable[Saved] = ()) -> None:
        """`kept` is what the store holds of each."""
        progresses = map(Progress, kept)
        self._all = {progress.log: progress for progress in progresses}

    def ends(self) -> Mapping[Log, int]:
        """The position of each log."""
        return {log: progress.end for log, progress in self._all.items()}

    def of(self, log: Log) -> Progress:
        """The progress of a log, from its begin where nothing is known of it."""
        if log not in self._all:
            self._all[log] = Progress(unread(log))
        return self._all[log]

    def news(self, batches: Sequence[Batch]) -> Mapping[Log, bytes]:
        """What the store is to keep of the logs of these, where that may be kept now."""
        found = {batch.log: self.of(batch.log).saved() for batch in batches}
        return {log: encode(saved) for log, saved in found.items() if saved is not None}


decode = msgspec.json.Decoder(Saved).decode
encode = msgspec.json.Encoder().encode
