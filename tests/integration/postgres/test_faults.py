"""Whatever becomes of the database or of the recorder: rows and positions stand or fall together."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from marea.bus.raw import Raw
from marea.errors import BadInput, Broken, Unavailable
from marea.messages.envelope import Log, Record, Writer
from marea.messages.market import Quote
from marea.messages.system import Clock
from marea.testing.builders import WRITER, quote_record, started_record
from marea.testing.examples import example
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.postgres.sink import PostgresSink
from tests.integration.postgres.feeding import (
    KILL_WAITING,
    batch_of,
    held,
    opened,
    rows,
    said,
    tables,
    until_somebody_waits,
    write,
    writes_of,
)

MARKET = Log("market", "BTC-USDT.SIM")
CLOCK_WRITER = Writer(producer="clock", epoch=0, build="test")


async def quotes(dsn: str) -> list[str]:
    found = await rows(dsn, "SELECT event_id FROM trading.order_book ORDER BY log_position")
    return [row["event_id"] for row in found]


def ids(*records: Record) -> list[str]:
    return [record.message.id for record in records]


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "canceled"])
def test_write_that_is_cut_off_leaves_nothing_and_is_made_good(
    database: str, filled: str, kept: Mapping[Log, Sequence[Kept]], is_killed: bool
) -> None:
    async def cut_off() -> None:
        first, *others = writes_of(kept, 4_000)
        async with opened(database) as sink:
            await sink.write(first)
            before = await tables(database), await sink.positions()
            async with held(database, "signals"):
                writing = asyncio.create_task(sink.write(others[0]))
                await until_somebody_waits(database)
                if is_killed:
                    await rows(database, KILL_WAITING)
                    with pytest.raises(Unavailable, match="what came of it is unknown; try again"):
                        await writing
                else:
                    writing.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await writing
            with pytest.raises(Unavailable, match="the sink is not open; open it"):
                await sink.write(others[0])
            await sink.open()
            assert (await tables(database), await sink.positions()) == before
            for batches in others:
                await sink.write(batches)

    asyncio.run(cut_off())
    assert asyncio.run(tables(database)) == asyncio.run(tables(filled))


def test_two_recorders_at_once_write_each_row_once(
    database: str, filled: str, kept: Mapping[Log, Sequence[Kept]]
) -> None:
    async def race() -> None:
        async with opened(database) as one, opened(database) as other:

            async def go(sink: PostgresSink, size: int) -> None:
                for batches in writes_of(kept, size):
                    await sink.write(batches)

            await asyncio.gather(go(one, 2_000), go(other, 1_500))

    asyncio.run(race())
    assert asyncio.run(tables(database)) == asyncio.run(tables(filled))


def test_position_that_is_ahead_never_goes_back(database: str) -> None:
    async def go_back() -> None:
        records = [started_record(), *(quote_record(seq) for seq in range(29))]
        async with opened(database) as late:
            await write(database, [[batch_of(MARKET, records)]])
            await late.write([batch_of(MARKET, records[:10])])
        async with opened(database) as sink:
            assert await sink.positions() == {MARKET: 30}
        assert await quotes(database) == ids(*records[1:])

    asyncio.run(go_back())


def test_second_copies_and_records_of_a_life_that_was_over_are_not_taken(database: str) -> None:
    first = replace_epoch(WRITER, 0)
    second = replace_epoch(WRITER, 3)
    old = quote_record(1, first)
    records = [
        started_record(replace_epoch(WRITER, -1)),
        quote_record(0, first),
        quote_record(0, first),  # appended again
        started_record(replace_epoch(WRITER, -1)),
        old,  # written by one that did not know that another had begun
        quote_record(0, second),
        quote_record(1, second),
    ]
    taken = [records[1], records[6]]  # the quote 0 of both lives is one event
    asyncio.run(write(database, [[batch_of(MARKET, records)]]))
    assert asyncio.run(quotes(database)) == ids(*taken)


def replace_epoch(writer: Writer, epoch: int) -> Writer:
    return replace(writer, epoch=epoch)


def test_what_cannot_be_read_is_passed_by(database: str) -> None:
    good = batch_of(MARKET, [started_record(), quote_record(0), quote_record(1)])
    bad = Kept(MARKET, Raw(0, 3, 0, b"key", b"\0\0\0\0\x01not a record"))
    nothing = Kept(MARKET, Raw(0, 4, 0, None, None))
    later = batch_of(MARKET, [quote_record(2)], 5)
    whole = Batch(MARKET, [*good.kept, bad, nothing, *later.kept])

    async def pass_by() -> None:
        async with opened(database) as sink:
            assert await sink.write([whole]) == 3
            assert await sink.positions() == {MARKET: 6}

    asyncio.run(pass_by())
    assert asyncio.run(quotes(database)) == ids(*map(quote_record, range(3)))


def test_position_stays_before_a_record_that_waits_for_another(database: str) -> None:
    before = [started_record(), quote_record(0), quote_record(2)]
    missing = [quote_record(1)]

    async def wait() -> None:
        async with opened(database) as sink:
            await sink.write([batch_of(MARKET, before)])
            assert (await sink.positions()).get(MARKET, 0) == 0
        assert await quotes(database) == ids(quote_record(0))
        async with opened(database) as sink:  # after a kill it is read again
            await sink.write([batch_of(MARKET, before)])
            await sink.write([batch_of(MARKET, missing, 3)])
            assert await sink.positions() == {MARKET: 4}

    asyncio.run(wait())
    assert sorted(asyncio.run(quotes(database))) == sorted(ids(*map(quote_record, range(3))))


def test_records_that_never_come_are_told(database: str) -> None:
    # The clock of the log says that nobody comes between, and two in a row that a gap was told.
    late, later = quote_record(400), quote_record(401)
    clock = replace(example(Clock), id="late", ts_event=later.message.ts_event + 3_000_000_000)
    records = [
        started_record(),
        quote_record(0),
        late,
        later,
        started_record(CLOCK_WRITER),
        *said([example(Clock)], CLOCK_WRITER),
        *said([clock], CLOCK_WRITER, 1),
    ]
    asyncio.run(write(database, [[batch_of(MARKET, records)]]))
    assert asyncio.run(quotes(database)) == ids(records[1], late, later)
    query = "SELECT subject, check_name, detail FROM trading.data_quality"
    assert asyncio.run(rows(database, query)) == [
        {"subject": WRITER.producer, "check_name": "gap", "detail": "seq 1 to 399 of epoch 0"}
    ]


def test_database_that_is_away_is_named_with_the_remedy(database: str) -> None:
    server = database.rpartition("/")[0]

    async def ask(dsn: str) -> None:
        await PostgresSink(dsn).open()

    with pytest.raises(BadInput, match=r"mend postgres\.dsn or MAREA_POSTGRES_PASSWORD"):
        asyncio.run(ask(f"{server}/marea_nowhere"))
    with pytest.raises(Unavailable, match=r"PostgreSQL: .*try again"):
        asyncio.run(ask("postgresql://postgres@127.0.0.1:1/marea"))


def test_table_that_is_gone_is_a_bug_and_no_bad_record(database: str) -> None:
    async def lose() -> None:
        async with opened(database) as sink:
            await rows(database, "DROP TABLE trading.order_book")
            with pytest.raises(Broken, match="UndefinedTableError"):
                await sink.write([batch_of(MARKET, said([example(Quote)]))])

    asyncio.run(lose())


def test_more_refused_records_than_can_be_bad_are_a_bug(database: str) -> None:
    async def refuse() -> None:
        async with opened(database) as sink:
            check = "ALTER TABLE trading.order_book ADD CHECK (symbol = '')"
            await rows(database, check)
            records = [started_record(), *map(quote_record, range(150))]
            with pytest.raises(Broken, match=r"refuses more than 100 records: .*check constraint"):
                await sink.write([batch_of(MARKET, records)])
        assert await quotes(database) == []
        async with opened(database) as sink:
            assert await sink.positions() == {}

    asyncio.run(refuse())
