"""How does a run of any length fit a picture of one width, in memory of one size?

Both containers take points one by one and never hold more than a fixed number of them: a `Series`
widens its buckets, a `Thinned` list keeps every second, fourth, … of what came.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from marea.messages.envelope import Nanos

T = TypeVar("T")

POINTS_MAX = 1_500
"""More than the pixels that a chart is wide."""
WIDTH_NS_MIN = 100_000_000
"""The first width of a bucket: a window of the market."""
THINNED_MAX = 600
"""More marks than this on one chart hide one another."""


@dataclass(slots=True)
class Bucket:
    """What a quantity did in one stretch of time: its lowest, its highest and its last."""

    ts: Nanos
    """Of the last."""
    low: float
    high: float
    last: float


@dataclass(slots=True)
class Series:
    """A quantity over time, in at most `POINTS_MAX` buckets of one width; extremes are never lost."""

    width_ns: int = WIDTH_NS_MIN
    buckets: list[Bucket] = field(default_factory=list)

    def add(self, ts: Nanos, reading: float) -> None:
        """Take the next reading; one that is stamped before the last bucket goes into it."""
        last = self.buckets[-1] if self.buckets else None
        if last is not None and ts // self.width_ns <= last.ts // self.width_ns:
            _join(last, Bucket(max(ts, last.ts), reading, reading, reading))
            return
        self.buckets.append(Bucket(ts, reading, reading, reading))
        while len(self.buckets) > POINTS_MAX:
            self._widen()

    def _widen(self) -> None:
        self.width_ns *= 2
        wider = self.buckets[:1]
        for bucket in self.buckets[1:]:
            if bucket.ts // self.width_ns == wider[-1].ts // self.width_ns:
                _join(wider[-1], bucket)
            else:
                wider.append(bucket)
        self.buckets = wider


@dataclass(slots=True)
class Thinned(Generic[T]):
    """A list of marks that keeps at most `THINNED_MAX`, evenly, and knows how many there were."""

    count: int = 0
    stride: int = 1
    """One of so many is kept."""
    kept: list[T] = field(default_factory=list)

    def add(self, mark: T) -> None:
        """Take the next mark, or leave it out where its turn is not."""
        if self.count % self.stride == 0:
            self.kept.append(mark)
            if len(self.kept) > THINNED_MAX:
                self.stride *= 2
                self.kept = self.kept[::2]
        self.count += 1


def _join(bucket: Bucket, later: Bucket) -> None:
    bucket.ts = later.ts
    bucket.low = min(bucket.low, later.low)
    bucket.high = max(bucket.high, later.high)
    bucket.last = later.last
