"""A paper venue that runs: its loop, its logs, and a market that is written window by window."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from marea.bus.port import Bus, Snapshots
from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.market import InstrumentChanged
from marea.messages.paper import ExecutionReport, PlaceOrder
from marea.runtime.loop import Loop
from marea.runtime.wiring import Ports
from services.paper.config import PaperConfig
from services.paper.core import PaperState
from services.paper.main import paper_loop
from services.paper.shell.merge import Merge
from services.paper.shell.venue import PaperVenue
from tests.unit.features.market import INSTRUMENT, NOON, clock, delta, instrument, snapshot
from tests.unit.paper.desk import ACCOUNT, ASKS, BIDS, CASH, CONFIG, place

MARKET, PAPER = Log("market", INSTRUMENT), Log("paper", ACCOUNT)
WINDOW_MS = 100
SPREAD = replace(CONFIG, latency_spread_ns=10_000_000)
FACTS: InstrumentChanged = instrument()


@dataclass
class PaperBench:
    """One account at the paper venue, and its market."""

    bus: Bus
    snapshots: Snapshots
    config: PaperConfig = SPREAD
    now_ms: int = 0
    seq: int = 0
    clock: Nanos = 0
    """The venue's time, where it goes on without the market."""
    loop: Loop[PaperState] = field(init=False)
    venue: PaperVenue = field(init=False)

    def resting(self, client_order_id: str) -> PlaceOrder:
        return place(client_order_id, self.now_ms, "buy", 100, 9_000)

    def taking(self, client_order_id: str) -> PlaceOrder:
        return place(client_order_id, self.now_ms, "buy", 400, 10_020)

    async def reopen(self) -> None:
        """A new life of the venue, on what is on the logs."""
        if not self.seq:
            await self.say([FACTS, clock(0), snapshot(0, BIDS, ASKS), delta(1)])
        merge = Merge(self.bus, self.snapshots, ACCOUNT, [INSTRUMENT])
        ports = Ports(source=self.bus, bus=self.bus, snapshots=self.snapshots)
        self.loop = paper_loop(self.config, merge, ports, "test", 1_000_000_000)
        self.venue = PaperVenue(self.loop, merge, self.bus, "p1", lambda: self.clock)
        await self.loop.start()
        await self.follow()
        await self.venue.open_account({"USDT": CASH})

    async def pass_time(self, ms: int) -> Nanos:
        """Windows with nothing in them."""
        for _ in range(0, ms, WINDOW_MS):
            await self.window([])
        return NOON + self.now_ms * 1_000_000

    async def window(self, said: Sequence[Message], limit: int = 1_000) -> None:
        """The clock of the next window, what the market says in it, and the venue as far as it gets."""
        self.now_ms += WINDOW_MS
        await self.say([clock(self.now_ms), *said])
        await self.follow(limit)

    async def follow(self, limit: int = 1_000) -> None:
        while await self.loop.step(limit):
            pass

    async def say(self, said: Sequence[Message]) -> None:
        writer = Writer(producer=f"ingestion/{INSTRUMENT}", epoch=0, build="test")
        first, self.seq = self.seq, self.seq + len(said)
        await self.bus.append(
            MARKET,
            [
                Record(message=message, writer=writer, seq=first + at, ts_known=message.ts_event)
                for at, message in enumerate(said)
            ],
        )

    async def reports(self) -> list[ExecutionReport]:
        """All that stand on the log."""
        records = await self.bus.read(PAPER, 0, 100_000)
        found = [record.message for record in records]
        return [message for message in found if isinstance(message, ExecutionReport)]
