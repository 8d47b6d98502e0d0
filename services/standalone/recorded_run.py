"""A run of its own folder, as what is replayed."""

from collections.abc import Sequence
from typing import Any

from marea.bus.memory import MemorySnapshots
from marea.bus.port import Bus
from marea.runtime.loop import Loop
from marea.runtime.settings import Settings
from marea.runtime.telemetry import NoTelemetry
from services.ingestion.shell.markets import Market
from services.standalone import demo
from services.standalone.embedded import Embedded, this_build
from services.standalone.history import RunHistory
from services.standalone.replaying import Part
from services.standalone.runs import RunFolder
from services.standalone.stages import Ingesting, Stores, remind


class RecordedRun:
    """What `run.json` says of a run, and its log."""

    def __init__(self, folder: RunFolder) -> None:
        """Raises `BadInput` where the run's settings can't be used."""
        self.run = folder.read()
        self.history = RunHistory(folder)
        self.settings = demo.settings_of(self.run)
        self.place = f"the settings of run {self.run.id}"
        self.is_whole = self.run.status == "done"
        self.decisions_hash = self.run.result.decisions_hash if self.run.result else None

    async def recorded_by(self, _: Bus) -> str:
        """The build that began it."""
        return self.run.build

    async def compose(self, bus: Bus) -> "RunComposition":
        """Its loops. Raises `BadInput` where what it was made from can't be used."""
        market = demo.open_market(demo.wish_of(self.run), self.settings)
        composition = RunComposition(self.settings, market, bus)
        await remind(market, bus)  # it answers as it did when ingestion asked
        return composition


class RunComposition:
    """The loops of a recorded run, as its settings make them, and as others would."""

    def __init__(self, settings: Settings, market: Market, bus: Bus) -> None:
        """`settings` are the run's."""
        self._market = market
        self._stores = Stores(bus, MemorySnapshots())
        self._settings = settings

    @property
    def recorded(self) -> Sequence[Part]:
        """Those of the run."""
        return [Part(loop) for loop in self.loops(self._settings)]

    def loops(self, settings: Settings) -> Sequence[Loop[Any]]:
        """Those of the run under these settings, none of them started."""
        telemetry, build = NoTelemetry(), this_build()
        ingesting = Ingesting(settings, self._market, self._stores, telemetry, build)
        return Embedded(settings, ingesting, self._stores, telemetry, build).loops
