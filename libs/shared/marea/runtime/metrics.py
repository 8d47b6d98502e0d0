"""The figures of a process, for Prometheus: how long each hop of each loop takes, and how it fares.

What is measured on the way costs about a microsecond; what loops show of themselves is asked only
when somebody reads the figures.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from marea.runtime.facts import LoopFacts

HOP_S_BUCKETS = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""From 0.1 ms to 10 s, closest around the targets of 8 ms and 25 ms from a tick to its order."""

_GAUGES: tuple[tuple[str, str, Callable[[LoopFacts], float]], ...] = (
    ("marea_lag_records", "Records on the input that are not taken yet", lambda of: of.lag),
    ("marea_position", "Inputs that were read", lambda of: of.position),
    ("marea_epoch", "Epoch of this life as the owner, -1 for none", lambda of: of.epoch),
    ("marea_is_owner", "1 for the owner, 0 for a standby", lambda of: of.role == "owner"),
    ("marea_is_degraded", "1 while the record is too far behind", lambda of: of.is_degraded),
    ("marea_divergences", "Decisions that differ from the record", lambda of: of.divergences),
    ("marea_void_records", "Inputs of a life that was over", lambda of: of.void),
    ("marea_duplicate_records", "Inputs that were read twice", lambda of: of.duplicates),
    ("marea_missing_records", "Inputs that never came", lambda of: of.missing),
)


class Metrics:
    """What one process measures, in a registry of its own; it is its loops' telemetry."""

    def __init__(self, service: str, loops: Callable[[], Iterable[LoopFacts]]) -> None:
        """`loops` gives the facts of every loop, whenever the figures are read."""
        self.registry = CollectorRegistry()
        self._service = service
        self._hops: dict[tuple[str, str], tuple[Histogram, Counter]] = {}
        self._seconds = Histogram(
            "marea_hop_seconds",
            "Time that one step of a loop spends in a hop",
            ("service", "loop", "hop"),
            buckets=HOP_S_BUCKETS,
            registry=self.registry,
        )
        self._records = Counter(
            "marea_hop_records",
            "Records that went through a hop",
            ("service", "loop", "hop"),
            registry=self.registry,
        )
        self._errors = Counter(
            "marea_errors",
            "Turns of a loop that ended in an error",
            ("service", "loop", "error"),
            registry=self.registry,
        )
        self.registry.register(_LoopGauges(service, loops))
        tasks = Gauge(
            "marea_tasks", "Tasks of the process that have not ended", registry=self.registry
        )
        tasks.set_function(_task_count)
        ProcessCollector(registry=self.registry)

    def now_ns(self) -> int:
        """A monotonic time, ns."""
        return time.perf_counter_ns()

    def hop(self, name: str, hop: str, spent_ns: int, records: int) -> None:
        """Count one step of the loop `name`; a step without records is none."""
        if records == 0:
            return
        try:
            seconds, count = self._hops[name, hop]
        except KeyError:
            labels = (self._service, name, hop)
            seconds, count = self._seconds.labels(*labels), self._records.labels(*labels)
            self._hops[name, hop] = seconds, count
        seconds.observe(spent_ns * 1e-9)
        count.inc(records)

    def count_error(self, name: str, error: BaseException) -> None:
        """Count a turn of the loop `name` that ended in an error, by its class."""
        self._errors.labels(self._service, name, type(error).__name__).inc()


def _task_count() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # nothing runs where it is asked
        return 0


class _LoopGauges(Collector):
    def __init__(self, service: str, loops: Callable[[], Iterable[LoopFacts]]) -> None:
        self._service = service
        self._loops = loops

    def describe(self) -> Iterator[Metric]:
        return self._families(())

    def collect(self) -> Iterator[Metric]:
        return self._families(tuple(self._loops()))

    def _families(self, loops: tuple[LoopFacts, ...]) -> Iterator[Metric]:
        for name, meaning, figure in _GAUGES:
            family = GaugeMetricFamily(name, meaning, labels=("service", "loop"))
            for facts in loops:
                family.add_metric((self._service, facts.loop), figure(facts))
            yield family
