"""Recorded tapes through feed and ingestion, as a run takes them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages.envelope import Log, Message
from marea.messages.market import BookStatusChanged, InstrumentChanged, RequestSnapshot
from marea.messages.system import Clock, ClockOffset, DeadLetter, QualityCheckFailed, Started
from marea.runtime.settings import find_config_dir, list_instruments, load_settings
from marea.runtime.wiring import Ports
from services.ingestion.core import IngestionState
from services.ingestion.main import ingestion_config, ingestion_loop
from services.ingestion.shell.markets import TapeMarket
from tests.unit.ingestion.playing import shown

SETTINGS = load_settings(find_config_dir(None, {}), {})
ALL = 10_000_000
NOT_OF_VENUE = (
    InstrumentChanged,
    Clock,
    ClockOffset,
    Started,
    BookStatusChanged,
    RequestSnapshot,
)


class Run(NamedTuple):
    """What came of a tape."""

    state: IngestionState
    frame_count: int
    logs: dict[Log, list[Message]]

    def of_venue(self, instrument: str) -> list[Message]:
        """What the venue said of an instrument, as it was passed on."""
        return [
            each
            for each in self.logs[Log("market", instrument)]
            if not isinstance(each, NOT_OF_VENUE)
        ]

    def told(self, instrument: str) -> list[str]:
        """The statuses of the book, the requests and the failed checks, in their order."""
        return [
            shown(each)
            for log in sorted(self.logs)
            for each in self.logs[log]
            if isinstance(each, BookStatusChanged | RequestSnapshot | QualityCheckFailed)
            and each.instrument == instrument
        ]

    @property
    def letters(self) -> list[DeadLetter]:
        """What could not be read."""
        return [each for log in self.logs.values() for each in log if isinstance(each, DeadLetter)]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Passed on, duplicates, dead letters."""
        state = self.state
        return state.passed_count, state.duplicate_count, state.dead_letter_count


def market_of(files: Sequence[Path]) -> TapeMarket:
    """A tape at its begin."""
    return TapeMarket(files, list_instruments(SETTINGS))


def run(*files: Path) -> Run:
    """Take a tape from its begin to its end."""
    return asyncio.run(_run(market_of(files)))


async def _run(market: TapeMarket) -> Run:
    bus = MemoryBus()
    ports = Ports(source=market.feed, bus=bus, snapshots=MemorySnapshots())
    loop = ingestion_loop(ingestion_config(SETTINGS), market.plan, ports, "test", 60_000_000_000)
    await loop.start()
    while await loop.step():
        pass
    logs = {
        log: [record.message for record in await bus.read(log, 0, ALL)] for log in await bus.ends()
    }
    return Run(loop.state, market.feed.frame_count, logs)
