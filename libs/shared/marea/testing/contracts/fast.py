"""What must every fast copy do? One suite, run on memory and on real stores.

A test class for an implementation inherits `FastCopyContract` and gives `open_fast` and the three
ways in which a store loses what it holds.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from marea.bus.fast import FIRST, Copy, FastCopy, key_of
from marea.errors import Unavailable
from marea.messages.envelope import Log, Record
from marea.testing.builders import quote_record, started_record

MARKET = Log("market", "BTC-USDT.SIM")
OTHER = Log("market", "ETH-USDT.SIM")
BEFORE = key_of(started_record())


async def add(fast: FastCopy, log: Log, first: int, count: int) -> list[Record]:
    """Add quotes, each naming the one before it."""
    records = [quote_record(seq) for seq in range(first, first + count)]
    after = key_of(quote_record(first - 1)) if first else BEFORE
    await fast.add(log, after, records)
    return records


async def read_all(fast: FastCopy, log: Log, limit: int = 7) -> list[Copy]:
    """All that is there, read in small pieces."""
    found: list[Copy] = []
    after = FIRST
    while copies := (await fast.read(log, after, limit)).copies:
        found += copies
        after = copies[-1].id
    return found


def numbers(copies: Sequence[Copy]) -> list[int]:
    """The `seq` of each record."""
    return [copy.record.seq for copy in copies]


class FastCopyContract(ABC):
    """Order, links, and losing without a word."""

    @abstractmethod
    def open_fast(self) -> FastCopy:
        """A fast copy that holds nothing."""

    @abstractmethod
    async def trim(self, fast: FastCopy, log: Log, keep: int) -> None:
        """Have the store drop the oldest of a log."""

    @abstractmethod
    async def flush_all(self, fast: FastCopy) -> None:
        """Have the store come back empty."""

    @abstractmethod
    async def fill(self, fast: FastCopy) -> None:
        """Leave the store no room."""

    def run(self, scenario: Callable[[FastCopy], Coroutine[Any, Any, None]]) -> None:
        """Play a scenario on a new one."""
        asyncio.run(scenario(self.open_fast()))

    def test_copies_are_read_as_they_were_added(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            added = [record for at in range(0, 30, 5) for record in await add(fast, MARKET, at, 5)]
            assert [copy.record for copy in await read_all(fast, MARKET)] == added

        self.run(scenario)

    def test_each_copy_names_the_record_before_it(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 4)
            await add(fast, MARKET, 4, 1)
            found = await read_all(fast, MARKET)
            before = [BEFORE, *(key_of(copy.record) for copy in found[:-1])]
            assert [copy.after for copy in found] == before

        self.run(scenario)

    def test_read_goes_on_behind_an_id_and_gives_no_more_than_the_limit(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 20)
            third = (await read_all(fast, MARKET))[2]
            page = await fast.read(MARKET, third.id, 5)
            assert numbers(page.copies) == [3, 4, 5, 6, 7]

        self.run(scenario)

    def test_logs_do_not_mix(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 3)
            await add(fast, OTHER, 0, 2)
            assert numbers(await read_all(fast, MARKET)) == [0, 1, 2]
            assert numbers(await read_all(fast, OTHER)) == [0, 1]

        self.run(scenario)

    def test_log_that_nobody_added_to_is_empty(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            assert await read_all(fast, MARKET) == []

        self.run(scenario)

    def test_record_that_is_added_twice_stands_there_twice(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 2)
            await add(fast, MARKET, 0, 2)  # its writer did not know that the first went through
            assert numbers(await read_all(fast, MARKET)) == [0, 1, 0, 1]

        self.run(scenario)

    def test_trimmed_copies_are_left_out_without_a_word(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 10)
            before = await fast.read(MARKET, FIRST, 2)
            await self.trim(fast, MARKET, 3)
            page = await fast.read(MARKET, before.copies[-1].id, 10)
            assert numbers(page.copies) == [7, 8, 9]
            assert page.incarnation == before.incarnation

        self.run(scenario)

    def test_store_that_comes_back_empty_has_another_incarnation(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 10)
            before = await fast.read(MARKET, FIRST, 10)
            await self.flush_all(fast)
            await add(fast, MARKET, 10, 2)
            after = await fast.read(MARKET, FIRST, 10)
            assert numbers(after.copies) == [10, 11]
            assert after.incarnation != before.incarnation

        self.run(scenario)

    def test_store_without_room_refuses_and_still_gives_what_it_holds(self) -> None:
        async def scenario(fast: FastCopy) -> None:
            await add(fast, MARKET, 0, 3)
            await self.fill(fast)
            with pytest.raises(Unavailable, match="try again"):
                await add(fast, MARKET, 3, 1)
            assert numbers(await read_all(fast, MARKET)) == [0, 1, 2]

        self.run(scenario)
