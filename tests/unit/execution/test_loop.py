"""Execution in its loop, on a log in memory: read back before it acts, and a new life after a kill."""

import asyncio
from dataclasses import dataclass, field

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.orders import (
    OrderAccepted,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderSent,
    ReconciliationDone,
)
from marea.messages.paper import PlaceOrder
from marea.messages.system import Started
from marea.runtime.loop import Loop
from marea.runtime.settings import find_config_dir, load_settings
from marea.runtime.wiring import Ports
from services.execution.core import ExecutionInput, ExecutionState
from services.execution.main import execution_config, execution_loop
from services.execution.shell.venue import Shell, arrivals_of, effects_of
from tests.unit.execution.small_venue import SmallVenue
from tests.unit.execution.trading import (
    ASK,
    BID,
    CONFIG,
    TRADING,
    clock,
    decision,
    instrument,
    mark,
    of,
    opened,
    started,
    ts,
)

RISK = Writer(producer="risk/main", epoch=0, build="test", input_log=TRADING)


@dataclass
class Bench:
    """A trading log, a venue, and lives of execution between them."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    venue: SmallVenue = field(default_factory=SmallVenue)
    now: int = ts(0)
    written: int = 0

    def loop(self) -> Loop[ExecutionState]:
        shell = Shell(
            config=CONFIG,
            venue=self.venue,
            flush=self.bus.flush,
            venue_time=lambda: self.now,
            top=lambda _: (BID, ASK),
        )
        ports = Ports(
            source=self.bus,
            bus=self.bus,
            snapshots=self.snapshots,
            effects=effects_of(shell),
            arrivals=arrivals_of(self.venue),
        )
        return execution_loop(CONFIG, ports, "test", 1_000_000_000)

    async def write(self, *events: ExecutionInput) -> None:
        """Put them on the log, as risk does."""
        if not self.written:
            begin = started("risk", "started-risk")
            await self.bus.append(TRADING, [Record(message=begin, writer=RISK, seq=0)])
        records = [
            Record(message=event, writer=RISK, seq=self.written + place, ts_known=self.now)
            for place, event in enumerate(events)
        ]
        self.written += len(events)
        await self.bus.append(TRADING, records)

    async def log(self) -> list[Message]:
        return [each.message for each in await self.bus.read(TRADING, 0, 10_000)]


async def run(loop: Loop[ExecutionState]) -> None:
    while await loop.step():
        pass


async def bought(bench: Bench) -> list[Message]:
    loop = bench.loop()
    await bench.write(opened(), instrument(), mark(), clock(0))
    await loop.start()
    await run(loop)
    await bench.write(decision())
    await run(loop)
    for name in list(bench.venue.orders):
        bench.venue.fill(name, 800)
    await run(loop)
    return await bench.log()


def test_approval_becomes_an_order_that_is_filled_and_complete() -> None:
    log = asyncio.run(bought(Bench()))
    kinds = (OrderIntended, OrderSent, OrderAccepted, OrderFilled, OrderCompleted)
    places = [[type(each) for each in log].index(kind) for kind in kinds]
    assert places == sorted(places)
    [done] = of(OrderCompleted, log)
    assert (done.filled_qty, done.arrival_price) == (800, BID)
    assert done.parents[0] == of(OrderFilled, log)[0].id
    assert {each.differences for each in of(ReconciliationDone, log)} == {()}


def test_every_message_has_an_id_of_its_own() -> None:
    log = asyncio.run(bought(Bench()))
    assert len({each.id for each in log}) == len(log)


async def killed(bench: Bench, *, sent: bool) -> list[Message]:
    """The first life dies when its intent is on the log, before or after it was sent."""
    first = bench.loop()
    await bench.write(opened(), instrument(), mark(), clock(0), decision())
    await first.start()
    await first.step()
    [intent] = of(OrderIntended, await bench.log())
    if sent:
        await bench.venue.send(_request(intent))
    second = bench.loop()
    await second.start()
    await run(second)
    return await bench.log()


def _request(intent: OrderIntended) -> PlaceOrder:
    told = {
        name: getattr(intent, name) for name in PlaceOrder.__struct_fields__ if name != "ts_sign"
    }
    return PlaceOrder(**told, ts_sign=intent.ts_event)


def test_order_that_was_not_sent_before_a_kill_is_sent_once_after_it() -> None:
    bench = Bench()
    log = asyncio.run(killed(bench, sent=False))
    assert [each.attempt for each in of(OrderIntended, log)] == [1, 2]
    assert [each.found for each in of(OrderLookedUp, log)] == [False]
    assert len(bench.venue.requests) == 1
    assert len(of(OrderAccepted, log)) == 1


def test_order_that_was_sent_before_a_kill_is_adopted_after_it() -> None:
    bench = Bench()
    log = asyncio.run(killed(bench, sent=True))
    assert [each.attempt for each in of(OrderIntended, log)] == [1]
    assert [each.found for each in of(OrderLookedUp, log)] == [True]
    assert len(bench.venue.requests) == 1
    assert len(of(OrderAccepted, log)) == 1


def test_two_lives_take_each_report_once() -> None:
    async def two_lives() -> list[Message]:
        bench = Bench()
        await bought(bench)
        second = bench.loop()
        await second.start()
        await run(second)
        return await bench.log()

    log = asyncio.run(two_lives())
    assert len(of(OrderFilled, log)) == len(of(OrderAccepted, log)) == 1
    assert [each.service for each in of(Started, log)] == ["risk", "execution", "execution"]


def test_settings_say_how_execution_runs() -> None:
    settings = load_settings(find_config_dir(None, {}), {})
    assert execution_config(settings) == CONFIG
    assert Log("trading", CONFIG.portfolio) == TRADING
