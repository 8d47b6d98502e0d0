"""Logs are read from their begin to their end, with what stands on them and nobody can read."""

import asyncio

from marea.bus.memory import MemoryBus
from marea.bus.reading import Placed, in_order, in_time
from marea.messages.envelope import Log
from marea.testing.builders import LOG, quote_record, void_record

OTHER = Log("market", "ETH-USDT.SIM")


def test_what_nobody_can_read_is_passed_over_and_has_its_position() -> None:
    async def scenario() -> None:
        bus = MemoryBus()
        await bus.append(LOG, [void_record(), quote_record(0), void_record(), quote_record(1)])
        found = [placed async for placed in in_order(bus, LOG)]
        assert [(placed.position, placed.record.seq) for placed in found] == [(1, 0), (3, 1)]

    asyncio.run(scenario())


def test_log_of_which_nobody_can_read_anything_holds_no_other_up() -> None:
    def turn(placed: Placed) -> tuple[int, ...]:
        return (placed.ts,)

    async def scenario() -> None:
        bus = MemoryBus()
        await bus.append(LOG, [void_record()])
        await bus.append(OTHER, [quote_record(0)])
        assert [placed.log async for placed in in_time(bus, turn)] == [OTHER]

    asyncio.run(scenario())
