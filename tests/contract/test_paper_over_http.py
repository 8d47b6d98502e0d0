"""The contract of venues that take orders, on the paper venue as it is reached over HTTP."""

import asyncio
import contextlib

import aiohttp
import pytest
from aiohttp import web
from msgspec.structs import replace

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.errors import Unavailable
from marea.messages.envelope import Nanos
from marea.messages.paper import PlaceOrder
from marea.testing.contracts.order_venue import OrderVenueContract, Scenario, VenueBench
from marea.venues.paper import wire
from marea.venues.paper.orders import PaperOrders
from services.paper.shell.desk import Desk
from services.paper.shell.server import Server
from tests.unit.paper.desk import ACCOUNT, CASH, CONFIG, place
from tests.unit.paper.running import WINDOW_MS, PaperBench

HEARD_S_MAX = wire.WAIT_S_MAX / 2
"""A client that nobody wakes hears of a report only when its question has waited to its end."""


class HttpBench:
    """The paper venue behind a server, and a client of it."""

    def __init__(self) -> None:
        self.inner = PaperBench(MemoryBus(), MemorySnapshots())
        self.desk = Desk({"USDT": CASH})
        self.runner: web.AppRunner | None = None
        self.venue: PaperOrders

    def resting(self, client_order_id: str) -> PlaceOrder:
        return self.inner.resting(client_order_id)

    def taking(self, client_order_id: str) -> PlaceOrder:
        return self.inner.taking(client_order_id)

    async def pass_time(self, ms: int) -> Nanos:
        now = await self.inner.pass_time(ms)
        await self.desk.answer_all()
        await self.hear(now)
        return now

    async def hear(self, now: Nanos) -> None:
        """Let what the venue has said come over the wire, to a client that listens."""
        said = await self.inner.venue.reports(-1, now)
        last = max((each.number for each in said), default=-1)
        async with asyncio.timeout(HEARD_S_MAX):
            while self.venue._listening is not None and self.venue._heard < last:
                await asyncio.sleep(0.002)

    async def reopen(self) -> None:
        """A new life of the venue, and a client that knows nothing."""
        await self.inner.reopen()
        self.desk.serve(self.inner.loop, self.inner.venue, self.inner.venue._merge)
        if self.runner is None:
            app = web.Application()
            Server(self.desk, ACCOUNT).add_to(app)
            self.runner = web.AppRunner(app, shutdown_timeout=0.05)
            await self.runner.setup()
            await web.TCPSite(self.runner, "127.0.0.1", 0).start()
            self.answering = asyncio.create_task(self.answer())
        else:
            await self.venue.__aexit__(None, None, None)
        host, port = self.runner.addresses[0][:2]
        self.venue = await PaperOrders(f"http://{host}:{port}", "execution/p1").__aenter__()

    async def answer(self) -> None:
        while True:
            await asyncio.sleep(0.002)
            await self.desk.answer_all()

    async def close(self) -> None:
        await self.venue.__aexit__(None, None, None)
        self.answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.answering
        assert self.runner is not None
        await self.runner.cleanup()


class TestPaperOverHttp(OrderVenueContract):
    """The same venue, and a wire between."""

    def open_bench(self) -> VenueBench:
        self.bench = HttpBench()
        return self.bench

    def run(self, scenario: Scenario) -> None:
        async def scene(bench: VenueBench) -> None:
            try:
                await scenario(bench)
            finally:
                await self.bench.close()

        super().run(scene)


def test_venue_that_does_not_answer_leaves_the_outcome_unknown() -> None:
    async def scenario() -> None:
        async with PaperOrders("http://127.0.0.1:9", "execution/p1") as venue:
            with pytest.raises(Unavailable, match="nobody knows whether it arrived"):
                await venue.send(place("a", 0, "buy", 100, 9_000))

    asyncio.run(scenario())


def test_report_arrives_in_time_although_the_market_stands_still() -> None:
    bench = HttpBench()
    bench.inner.config = replace(CONFIG, latency_ns=2 * WINDOW_MS * 1_000_000)

    async def scenario() -> None:
        await bench.reopen()
        await bench.pass_time(1_000)
        before = await bench.venue.reports(-1, bench.inner.clock)  # from now on it listens
        await bench.venue.send(bench.taking("a"))
        while not (written := await bench.inner.reports()):
            await bench.inner.window([])
        assert await bench.inner.venue.now() < written[0].ts_arrives, "it has arrived already"
        woken = asyncio.Event()
        bench.venue.wake(woken)
        bench.inner.clock = written[-1].ts_arrives
        async with asyncio.timeout(HEARD_S_MAX):
            await woken.wait()
        found = await bench.venue.reports(-1, bench.inner.clock)
        assert before == []
        assert [each.number for each in found] == [each.number for each in written]
        assert (await bench.venue.account()).report_offset == len(written)

    async def scene() -> None:
        try:
            await scenario()
        finally:
            await bench.close()

    asyncio.run(scene())


def test_request_that_is_none_is_refused_and_names_the_field() -> None:
    bench = HttpBench()

    async def scenario() -> None:
        await bench.reopen()
        await bench.pass_time(1_000)
        assert bench.runner is not None
        host, port = bench.runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
                for path, body, said in (
                    ("/orders", b"{", "record"),
                    (
                        "/orders",
                        wire.encode(place("a", 0, "buy", 1, 1, account="other"), "x"),
                        "other",
                    ),
                    ("/cancels", wire.encode(place("a", 0, "buy", 1, 1), "x"), "CancelOrder"),
                ):
                    async with session.post(path, data=body) as answer:
                        assert answer.status == 400
                        assert said in (await answer.json())["error"]
                async with session.get("/reports?after=many") as answer:
                    assert answer.status == 400
        finally:
            await bench.close()

    asyncio.run(scenario())
