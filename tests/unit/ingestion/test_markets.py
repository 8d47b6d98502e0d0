"""The markets that ingestion plays."""

import asyncio

from marea.messages.envelope import Record, Writer
from marea.messages.market import BookSnapshot, RequestSnapshot
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


async def _rest(market: DrawnMarket, position: int, until: int) -> list[Record]:
    found: list[Record] = []
    while position + len(found) < until:
        found += await market.feed.read(market.plan.log, position + len(found), until)
    return found


def _ask_for_the_book(market: DrawnMarket, position: int) -> None:
    name = market.plan.instruments[0].id
    asked = RequestSnapshot(instrument=name, reason="gap")
    writer = Writer(producer="ingestion", epoch=0, build="")
    market.request_snapshot(Record(message=asked, writer=writer, seq=0, input_offset=position))


def test_market_that_goes_on_from_what_was_kept_says_what_it_would_have_said() -> None:
    async def main() -> None:
        whole, position = DrawnMarket(7, 1), 0
        while position < FIRST:
            position = whole.feed.end + len(
                await whole.feed.read(whole.plan.log, whole.feed.end, FIRST)
            )
        _ask_for_the_book(whole, position - 1)  # nobody has answered when it is kept
        kept = whole.kept()
        assert kept is not None
        at, market = kept
        again = DrawnMarket(7, 1)
        again.go_on(market)
        assert again.feed.end == at == position
        rest = await _rest(whole, at, at + FIRST)
        assert await _rest(again, at, at + FIRST) == rest
        assert any(isinstance(record.message, BookSnapshot) for record in rest)

    asyncio.run(main())


def test_market_is_not_kept_before_it_has_begun() -> None:
    assert DrawnMarket(7, 1).kept() is None
