"""What does the recorder show of its sinks while it runs?"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter
from structlog.stdlib import BoundLogger

from marea.messages.envelope import Log
from marea.runtime.telemetry import Telemetry
from services.recorder.sink import Batch

PREFIX = "recorder/"


class Figures:
    """Counts and tells what becomes of the sinks, each by its name."""

    def __init__(
        self, telemetry: Telemetry, log: BoundLogger, registry: CollectorRegistry | None = None
    ) -> None:
        """Without a registry the counts of rows and bytes are shown to nobody."""
        self.now_ns = telemetry.now_ns
        self._hop = telemetry.hop
        self._log = log
        registry = registry or CollectorRegistry()
        self._rows = Counter(
            "marea_sink_rows", "Rows that a sink wrote", ("sink",), registry=registry
        )
        self._bytes = Counter(
            "marea_sink_bytes",
            "Bytes of the records that a sink took",
            ("sink",),
            registry=registry,
        )
        self._away = Counter(
            "marea_sink_away", "How often a sink was found away", ("sink",), registry=registry
        )

    def wrote(self, sink: str, batches: Sequence[Batch], rows: int, spent_ns: int) -> None:
        """A sink took these batches and made that many rows of them."""
        self._hop(PREFIX + sink, "write", spent_ns, sum(len(batch.kept) for batch in batches))
        self._rows.labels(sink).inc(rows)
        self._bytes.labels(sink).inc(
            sum(kept.size_bytes for batch in batches for kept in batch.kept)
        )

    def away(self, sink: str, error: Exception) -> None:
        """A sink, or the logs, could not be reached: it is tried again."""
        self._away.labels(sink).inc()
        self._log.warning("sink away", sink=sink, error=str(error))

    def back(self, sink: str) -> None:
        """A sink that was away takes records again."""
        self._log.info("sink back", sink=sink)

    def missing(self, sink: str, log: Log, count: int) -> None:
        """Records were gone from a log before the sink could take them."""
        self._log.error("records missing", sink=sink, log=str(log), count=count)

    def cut(self, sink: str, left: int) -> None:
        """A sink was told to stop, and did not end by itself in time: it goes on at the next start."""
        self._log.warning("sink not drained", sink=sink, left=left)

    def ended(self, sink: str, error: Exception) -> None:
        """A sink stopped for good."""
        self._log.error("sink ended", sink=sink, error=f"{type(error).__name__}: {error}")
