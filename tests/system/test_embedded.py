"""The loops of one process, killed between any two appends: each window is told in the same order."""

import asyncio
from collections.abc import Sequence

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages import codec
from marea.messages.envelope import Log, Record
from marea.runtime.settings import Settings, find_config_dir, load_settings
from services.ingestion.shell.markets import TS_SIMULATED, DrawnMarket
from services.standalone.embedded import Embedded
from services.standalone.stages import Ingesting, Stores
from services.standalone.timing import Stopwatch

TS_END = TS_SIMULATED + 2_400_000_000
"""Past the second snapshot, at one a second."""

FEW_INDICATORS = (
    "mid",
    "atr_14",
    "order_flow_imbalance",
    "trade_sign_imbalance",
    "book_imbalance_10",
)
"""What one strategy takes: the others would only cost time here."""


class Killed(Exception):
    """Raised in place of a kill."""


class MortalBus(MemoryBus):
    """A bus whose process dies after so many appends; what was appended stays."""

    def __init__(self) -> None:
        super().__init__()
        self.append_count = 0
        self.dies_at = 0

    async def append(self, log: Log, records: Sequence[Record]) -> int:
        position = await super().append(log, records)
        self.append_count += 1
        if self.append_count == self.dies_at:
            raise Killed
        return position


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Snapshots every second, and indicators that are warm at once: vectors in every window."""
    given = {"MAREA__SNAPSHOTS__EVERY_S": "1", "MAREA__INDICATORS__ATR_14__PERIOD": "1"}
    shipped = load_settings(find_config_dir(None, {}), given)
    few = {name: shipped.indicators[name] for name in FEW_INDICATORS}
    one = shipped.signals.model_copy(update={"strategies": ("flow",)})
    return shipped.model_copy(update={"indicators": few, "signals": one})


async def live(settings: Settings, stores: Stores) -> dict[str, list[bytes]]:
    market = DrawnMarket(7, 1)
    ingesting = Ingesting(settings, market, stores, Stopwatch(), "build")
    embedded = Embedded(settings, ingesting, stores, Stopwatch(), "build")
    await embedded.start()
    while market.feed.ts_local < TS_END and await embedded.advance():
        pass
    return {
        str(log): _said(log, await stores.bus.read(log, 0, end))
        for log, end in (await stores.bus.ends()).items()
    }


def _said(log: Log, records: Sequence[Record]) -> list[bytes]:
    # What does not depend on each other within a window may stand on trading in another order.
    said = [codec.encode(record.message) for record in records if record.message.canonical]
    return sorted(said) if log.channel == "trading" else said


async def killed_and_resumed(settings: Settings, dies_at: int) -> dict[str, list[bytes]]:
    stores = Stores(MortalBus(), MemorySnapshots())
    assert isinstance(stores.bus, MortalBus)
    stores.bus.dies_at = dies_at
    with pytest.raises(Killed):
        await live(settings, stores)
    return await live(settings, stores)


def test_kill_at_any_append_leaves_every_log_as_it_would_have_been(settings: Settings) -> None:
    bus = MortalBus()
    whole = asyncio.run(live(settings, Stores(bus, MemorySnapshots())))
    assert len(whole["features/embedded"]) > 10
    differing = [
        dies_at
        for dies_at in range(1, bus.append_count + 1)
        if asyncio.run(killed_and_resumed(settings, dies_at)) != whole
    ]
    assert bus.append_count > 50
    assert differing == []
