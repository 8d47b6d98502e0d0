"""Where does the time go? Hooks that a loop calls; they change nothing that it decides."""

from typing import Protocol


class Telemetry(Protocol):
    """What a loop reports to."""

    def now_ns(self) -> int:
        """A monotonic time, ns."""
        ...

    def hop(self, name: str, hop: str, spent_ns: int, records: int) -> None:
        """One step of the loop `name` spent that long in a hop (read, decide, append) on that many records."""
        ...


class NoTelemetry:
    """A telemetry that measures nothing."""

    def now_ns(self) -> int:
        """Always 0: nothing is measured."""
        return 0

    def hop(self, name: str, hop: str, spent_ns: int, records: int) -> None:
        """Nothing is kept."""
