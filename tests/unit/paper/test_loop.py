"""The paper venue as it runs: killed anywhere, in reads of any size, it reports the same."""

import asyncio
from collections.abc import Sequence
from functools import cache
from random import Random

import pytest
from msgspec.structs import replace

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.domain.ledger import ASSET_SCALE
from marea.messages import codec
from marea.messages.envelope import Message
from marea.messages.market import Side
from marea.messages.orders import OrderFilled
from marea.messages.paper import AccountOpened, CancelOrder, PlaceOrder
from marea.messages.system import Started
from marea.runtime.settings import find_config_dir, load_settings
from services.paper.main import paper_config
from services.paper.shell import venue
from tests.unit.features.market import trade, ts
from tests.unit.paper.desk import CASH, CONFIG, bracket, cancel, change, place
from tests.unit.paper.running import MARKET, PAPER, WINDOW_MS, PaperBench
from tests.unit.runtime.world import Killed, World

WINDOWS = 35
KILL_EVERY = 13
"""A prime: over the windows it meets each kind of boundary."""


@cache
def market(window: int) -> Sequence[Message]:
    """What the market says in a window: the same each time."""
    draw = Random(window)
    begun_ms = window * WINDOW_MS
    said: list[Message] = []
    for at, ms in enumerate(sorted(draw.sample(range(1, WINDOW_MS), 6))):
        middle = 10_000 + 10 * draw.randint(-4, 4)
        if at % 2:
            side: Side = "buy" if draw.random() < 0.5 else "sell"
            number = 10 * window + at
            said.append(trade(number, begun_ms + ms, middle, draw.randint(50, 900), side))
        else:
            bids = [(price, 0) for price in range(middle, 10_060, 10)] + [(middle - 10, 300)]
            asks = [(price, 0) for price in range(9_950, middle + 10, 10)] + [(middle + 10, 300)]
            said.append(change(begun_ms + ms, bids, asks))
    return said


def requests(window: int) -> list[PlaceOrder | CancelOrder]:
    """What is sent after a window."""
    now_ms, name = window * WINDOW_MS, f"o{window}"
    match window % 4:
        case 0:
            entry = bracket(name, now_ms, 300, 10_000, 9_980, 10_020)
            return [replace(entry, stop_order_id=f"s{window}", target_order_id=f"t{window}")]
        case 1:
            return [place(name, now_ms, "buy", 200, 9_960, post_only=True)]
        case 2:
            return [cancel(f"o{window - 1}", now_ms), place(name, now_ms, "sell", 100, 9_990)]
        case _:
            return []


async def live(bench: PaperBench, limit: int = 1_000) -> None:
    """All windows from the last one on the log on, as a run that goes on takes them."""
    await bench.reopen()
    while True:
        if bench.now_ms:
            for request in requests(bench.now_ms // WINDOW_MS):
                await bench.venue.send(request)
        if bench.now_ms >= WINDOWS * WINDOW_MS:
            return
        await bench.window(market(bench.now_ms // WINDOW_MS + 1), limit)


async def said(bench: PaperBench) -> list[bytes]:
    records = await bench.bus.read(PAPER, 0, 100_000)
    return [codec.encode(each.message) for each in records if type(each.message) is not Started]


def test_every_kind_of_report_comes_and_each_stands_on_the_log_once() -> None:
    async def scenario() -> None:
        bench = PaperBench(MemoryBus(), MemorySnapshots())
        await live(bench)
        reports = await bench.reports()
        assert [report.number for report in reports] == list(range(len(reports)))
        assert {report.kind for report in reports} == {
            "accepted",
            "rejected",
            "amended",
            "triggered",
            "filled",
            "canceled",
            "cancel_rejected",
        }
        now = await bench.pass_time(1_000)
        account = await bench.venue.account()
        assert account.balances == dict(sorted(bench.loop.state.balances.items()))
        assert account.open_orders == tuple(sorted(bench.loop.state.orders))
        told = await bench.venue.reports(-1, now)
        assert [report.number for report in told] == list(range(account.report_offset))
        for report in told:
            assert report.parents == (reports[report.number].id,)
        fills = [report for report in told if isinstance(report, OrderFilled)]
        assert {fill.venue for fill in fills} == {"SIM"}

    asyncio.run(scenario())


@pytest.mark.parametrize("limit", [1, 3])
def test_reads_of_any_size_lead_to_the_same_log(limit: int) -> None:
    async def scenario() -> None:
        whole, split = (PaperBench(MemoryBus(), MemorySnapshots()) for _ in range(2))
        await live(whole)
        await live(split, limit)
        assert await said(whole) == await said(split)

    asyncio.run(scenario())


def test_kill_at_any_boundary_leaves_the_log_as_it_would_have_been() -> None:
    async def scenario() -> None:
        world = World(MemoryBus(), MemorySnapshots())
        whole = PaperBench(world, world)
        await live(whole)
        expected, boundary_count = await said(whole), world.boundary
        assert len(await world.snapshots.load("paper/main")) >= 2
        assert boundary_count > 500
        differing = []
        for boundary in range(1, boundary_count, KILL_EVERY):
            world = World(MemoryBus(), MemorySnapshots())
            world.kills = {boundary}
            bench = PaperBench(world, world)
            with pytest.raises(Killed):
                await live(bench)
            await catch_up(bench)
            await live(bench)
            if await said(bench) != expected or bench.loop.divergence_count:
                differing.append(boundary)
        assert differing == []

    asyncio.run(scenario())


async def catch_up(bench: PaperBench) -> None:
    """The market goes on as it was: what a kill kept it from writing, it writes."""
    on_log = len(await bench.bus.read(MARKET, 0, 100_000))
    bench.seq = on_log
    bench.now_ms = max(0, (on_log - 4) // 7) * WINDOW_MS


def test_account_is_brought_once_in_any_number_of_lives() -> None:
    async def scenario() -> None:
        bench = PaperBench(MemoryBus(), MemorySnapshots())
        for _ in range(3):
            await bench.reopen()
            await bench.venue.open_account({"USDT": CASH})
            await bench.pass_time(200)
        records = await bench.bus.read(PAPER, 0, 100)
        opened = [each.message for each in records if isinstance(each.message, AccountOpened)]
        assert [(each.account, each.asset_scale) for each in opened] == [("main", ASSET_SCALE)]
        assert bench.loop.state.balances == {"USDT": CASH}

    asyncio.run(scenario())


def test_account_tells_nothing_that_has_not_been_reported_yet() -> None:
    async def scenario() -> None:
        bench = PaperBench(MemoryBus(), MemorySnapshots(), replace(CONFIG, latency_ns=300_000_000))
        await bench.reopen()
        await bench.pass_time(1_000)
        await bench.venue.send(bench.taking("a"))
        await bench.pass_time(500)
        assert len(await bench.reports()) == 3
        unheard = await bench.venue.account()
        assert (unheard.report_offset, unheard.balances) == (0, {"USDT": CASH})
        now = await bench.pass_time(200)
        heard = await bench.venue.account()
        assert (heard.report_offset, heard.ts_event) == (3, now)
        assert heard.balances["BTC"] == 39_960_000

    asyncio.run(scenario())


def test_port_forgets_the_oldest_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue, "REQUESTS_KEPT_MAX", 2)

    async def scenario() -> None:
        bench = PaperBench(MemoryBus(), MemorySnapshots())
        await bench.reopen()
        await bench.pass_time(1_000)
        for name in ("a", "b", "c"):
            await bench.venue.send(bench.resting(name))
        assert [await bench.venue.look_up(name) for name in ("a", "b", "c")] == [False, True, True]

    asyncio.run(scenario())


def test_report_names_its_input_and_its_request_and_when_it_happened() -> None:
    async def scenario() -> None:
        bench = PaperBench(MemoryBus(), MemorySnapshots())
        await bench.reopen()
        await bench.pass_time(1_000)
        await bench.venue.send(bench.taking("a"))
        sent_ms = bench.now_ms
        await bench.pass_time(1_000)
        records = await bench.bus.read(PAPER, 0, 100)
        [request] = [each.message for each in records if isinstance(each.message, PlaceOrder)]
        accepted = (await bench.reports())[0]
        assert accepted.parents == (f"BTC-USDT.SIM:clock:{clock_after(sent_ms)}", request.id)
        assert 40_000_000 <= accepted.ts_event - request.ts_sign <= 60_000_000
        assert 40_000_000 <= accepted.ts_arrives - accepted.ts_event <= 60_000_000

    asyncio.run(scenario())


def clock_after(ms: int) -> int:
    return ts(ms + WINDOW_MS)


def test_settings_are_taken_to_the_last_unit() -> None:
    config = paper_config(load_settings(find_config_dir(None, {}), {}))
    assert (config.account, config.seed) == ("main", 1)
    assert (config.latency_ns, config.latency_spread_ns) == (50_000_000, 10_000_000)
    assert (config.maker_e8, config.taker_e8) == (100_000, 100_000)
