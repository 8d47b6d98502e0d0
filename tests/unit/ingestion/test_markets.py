"""The markets that ingestion plays."""

import asyncio

from services.ingestion.shell.markets import DrawnMarket

FIRST = 1_000


async def _ts_after(market: DrawnMarket, messages: int) -> int:
    position = 0
    while position < messages:
        position += len(await market.feed.read(market.plan.log, position, messages))
    return market.feed.ts_local


def test_busier_market_brings_as_much_in_less_of_its_time() -> None:
    begun = asyncio.run(_ts_after(DrawnMarket(7, 5), 1))
    usual = asyncio.run(_ts_after(DrawnMarket(7, 5), FIRST)) - begun
    busy = asyncio.run(_ts_after(DrawnMarket(7, 5, activity=10.0), FIRST)) - begun
    assert busy * 3 < usual
