"""Who adds to the fast copy waits for it at no call, and is told what was left out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from marea.bus.fast import key_of
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record
from marea.runtime import copier
from marea.runtime.copier import Copier
from marea.testing.builders import quote_record, started_record
from marea.testing.fast_copy import FaultyFastCopy

MARKET, OTHER = Log("market", "BTC-USDT.SIM"), Log("market", "ETH-USDT.SIM")
SOON_S = 5.0


def quotes(first: int, count: int) -> list[Record]:
    return [quote_record(seq) for seq in range(first, first + count)]


async def add(to: Copier, first: int, count: int, log: Log = MARKET) -> None:
    before = quote_record(first - 1) if first else started_record()
    await to.add(log, key_of(before), quotes(first, count))


def numbers(fast: FaultyFastCopy, log: Log = MARKET) -> list[int]:
    return [copy.record.seq for copy in fast.copies[log]]


class Counted(FaultyFastCopy):
    """A fast copy that counts how often it is asked to take records."""

    calls = 0

    async def add(self, log: Log, after: tuple[str, int, int], records: Sequence[Record]) -> None:
        self.calls += 1
        await super().add(log, after, records)


def play(scene: Callable[[Counted, Copier], Awaitable[None]]) -> None:
    """Have a scene with a copier that runs."""

    async def scenario() -> None:
        fast = Counted()
        on_the_way = Copier(fast)
        running = asyncio.create_task(on_the_way.run())
        try:
            async with asyncio.timeout(SOON_S):
                await scene(fast, on_the_way)
        finally:
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(scenario())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0)


def test_what_is_added_comes_in_its_order_and_what_follows_each_other_together() -> None:
    async def scene(fast: Counted, on_the_way: Copier) -> None:
        await add(on_the_way, 0, 2)
        await add(on_the_way, 0, 1, OTHER)
        await add(on_the_way, 2, 3)
        assert numbers(fast) == []
        await until(lambda: numbers(fast) == [0, 1, 2, 3, 4] and numbers(fast, OTHER) == [0])
        assert fast.calls == 2

    play(scene)


def test_record_never_seems_to_follow_another_than_it_does() -> None:
    async def scene(fast: Counted, on_the_way: Copier) -> None:
        await add(on_the_way, 0, 1)
        await add(on_the_way, 5, 1)
        await until(lambda: numbers(fast) == [0, 5])
        assert fast.copies[MARKET][1].after == key_of(quote_record(4))

    play(scene)


def test_next_call_is_told_that_records_were_left_out() -> None:
    async def scene(fast: Counted, on_the_way: Copier) -> None:
        fast.is_away = True
        await add(on_the_way, 0, 2)
        await until(lambda: fast.calls == 1)
        await asyncio.sleep(0)
        fast.is_away = False
        with pytest.raises(Unavailable, match="takes nothing"):
            await add(on_the_way, 2, 1)
        await add(on_the_way, 3, 1)
        await until(lambda: numbers(fast) == [3])
        assert fast.copies[MARKET][0].after == key_of(quote_record(2))

    play(scene)


def test_no_more_waits_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copier, "WAITING_RECORDS_MAX", 3)

    async def scene(fast: Counted, on_the_way: Copier) -> None:
        await add(on_the_way, 0, 2)
        with pytest.raises(Unavailable, match="2 records wait for the fast copy already"):
            await add(on_the_way, 2, 2)
        await until(lambda: numbers(fast) == [0, 1])
        await add(on_the_way, 4, 1)
        await until(lambda: numbers(fast) == [0, 1, 4])

    play(scene)
