"""The bus contract on the implementations that need no server."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from marea.bus.memory import MemoryBus
from marea.bus.sqlite import CommitLimits, SqliteBus
from marea.errors import BadInput, Refused, Unavailable
from marea.messages.envelope import Record, Writer
from marea.testing.builders import quote_record
from marea.testing.contracts.bus import MARKET, OTHER, BusContract, Scenario, numbers, read_all
from marea.testing.disk import frames_after_last_commit, full_disk


class TestMemoryBus(BusContract):
    """The bus of tests and simulations."""

    def run(self, scenario: Scenario) -> None:
        asyncio.run(scenario(MemoryBus()))


class TestSqliteBus(BusContract):
    """The record of an embedded run."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "log.sqlite"

    def run(self, scenario: Scenario) -> None:
        asyncio.run(scenario(SqliteBus(self.path, CommitLimits(records_max=64))))


def test_what_was_flushed_is_there_after_opening_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = SqliteBus(tmp_path / "log.sqlite")
        written = [quote_record(seq) for seq in range(100)]
        await bus.append(MARKET, written)
        chains = bus.chains()
        bus.close()
        again = SqliteBus(tmp_path / "log.sqlite")
        assert await read_all(again, MARKET) == written
        assert again.chains() == chains
        assert await again.append(MARKET, [quote_record(100)]) == 100
        again.close()

    asyncio.run(scenario())


def test_chain_does_not_depend_on_the_groups_in_which_records_were_written(tmp_path: Path) -> None:
    async def chain(name: str, records_max: int) -> bytes:
        bus = SqliteBus(tmp_path / name, CommitLimits(records_max=records_max))
        for seq in range(100):
            await bus.append(MARKET, [quote_record(seq)])
            await bus.append(OTHER, [quote_record(seq)])
        chains = bus.chains()
        bus.close()
        assert chains[MARKET] == chains[OTHER] != bytes(20)
        return chains[MARKET]

    assert asyncio.run(chain("a", 1)) == asyncio.run(chain("b", 33)) == asyncio.run(chain("c", 999))


WRITER_PROGRAM = """
import asyncio, sys
from pathlib import Path
from marea.bus.sqlite import CommitLimits, SqliteBus
from marea.testing.builders import quote_record
from marea.testing.contracts.bus import MARKET, OTHER

async def write():
    bus = SqliteBus(Path(sys.argv[1]), CommitLimits(records_max=99_999, wait_ms_max=1e9))
    seq = (await bus.ends()).get(MARKET, 0)
    while True:
        for log in (MARKET, OTHER):
            await bus.append(log, [quote_record(seq + i) for i in range(50)])
        seq += 50
        if seq % 10_000 == 0:
            await bus.flush()
            print(seq, flush=True)

asyncio.run(write())
"""


def test_kill_while_appending_loses_nothing_acknowledged_and_leaves_no_half(
    tmp_path: Path, root: Path
) -> None:
    """Another process is killed at moments drawn over its writing, again and again on one file.

    At least 12 times, and until 3 of the kills tore a write.
    """
    path = tmp_path / "log.sqlite"
    draw = random.Random(20_240_809)
    environment = os.environ | {"PYTHONPATH": str(root / "libs" / "shared")}
    kills = torn = 0
    while kills < 12 or (torn < 3 and kills < 60):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER_PROGRAM, str(path)],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            first = int(writer.stdout.readline())
            time.sleep(draw.uniform(0.0, 0.3))
            writer.send_signal(signal.SIGKILL)
            acknowledged = max(map(int, writer.stdout.read().split()), default=first)
        kills += 1
        torn += frames_after_last_commit(path) > 0
        assert_whole(path, acknowledged)
    print(f"kills that left part of a group in the write-ahead log: {torn} of {kills}")
    assert torn >= 3


def assert_whole(path: Path, acknowledged: int) -> None:
    async def scenario() -> None:
        bus = SqliteBus(path)
        ends = await bus.ends()
        assert ends[MARKET] >= acknowledged
        assert ends[OTHER] >= acknowledged
        assert ends[OTHER] in (ends[MARKET], ends[MARKET] - 50)  # what is lost is lost from the end
        for log in (MARKET, OTHER):
            assert ends[log] % 50 == 0  # all of an append or none
            tail = await read_all(bus, log, max(0, ends[log] - 3_000), limit=1_000)
            assert tail == [quote_record(record.seq) for record in tail]
            assert numbers(tail) == list(range(ends[log] - len(tail), ends[log]))
        bus.close()

    asyncio.run(scenario())


def test_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"not a database, but as long as the header of one would be" * 20)
    with pytest.raises(
        BadInput, match=r"log\.sqlite is no log of Marea, or a damaged one: file is not a database"
    ):
        SqliteBus(path)


def test_log_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version=99")
    with pytest.raises(BadInput, match="has log format 99; this build reads 2"):
        SqliteBus(path)


def test_file_that_was_never_written_to_holds_nothing_to_read(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.touch()
    with pytest.raises(BadInput, match=r"log\.sqlite holds nothing yet: go on with its run"):
        SqliteBus(path, read_only=True)


def test_damage_in_the_middle_is_refused_and_not_read_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        bus = SqliteBus(path)
        await bus.append(MARKET, [quote_record(seq) for seq in range(5_000)])
        bus.close()
        whole = path.read_bytes()
        middle = len(whole) // 32768 * 16384
        path.write_bytes(whole[:middle] + bytes(16384) + whole[middle + 16384 :])
        with pytest.raises(BadInput, match=r"or a damaged one: .*: restore it"):
            await read_all(SqliteBus(path, read_only=True), MARKET)

    asyncio.run(scenario())


def written(path: Path, count: int) -> None:
    async def scenario() -> None:
        bus = SqliteBus(path)
        await bus.append(MARKET, [quote_record(seq) for seq in range(count)])
        bus.close()

    asyncio.run(scenario())


def read_back(path: Path) -> list[Record]:
    with closing(SqliteBus(path, read_only=True)) as bus:
        return asyncio.run(read_all(bus, MARKET, limit=1_000))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 0.5, 0.77, 0.999])
def test_bit_that_flipped_in_a_segment_is_never_read_as_something_else(
    tmp_path: Path, share: float
) -> None:
    path = tmp_path / "log.sqlite"
    written(path, 200)
    with closing(sqlite3.connect(path)) as db:
        body = bytearray(db.execute("SELECT body FROM segment").fetchone()[0])
        body[int(share * len(body))] ^= 1
        db.execute("UPDATE segment SET body=?", (bytes(body),))
        db.commit()
    with pytest.raises(BadInput, match="damaged one: the segment at 0 has another checksum"):
        read_back(path)


@pytest.mark.parametrize(("lost", "gone"), [(0, 0), (256, 256), (512, 512)])
def test_segment_that_is_gone_is_not_read_over(tmp_path: Path, lost: int, gone: int) -> None:
    path = tmp_path / "log.sqlite"
    written(path, 1_000)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM segment WHERE first=?", (lost,))
        db.commit()
    with pytest.raises(BadInput, match=f"the records from {gone} on are gone: restore it"):
        read_back(path)


def test_database_of_someone_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmark (url TEXT)")
        db.commit()
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(BadInput, match=r"is no log of Marea, .*: it holds tables of others"):
            SqliteBus(path, read_only=read_only)
    assert path.read_bytes() == before


def test_writers_of_one_append_are_told_apart(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        life = Writer(producer="ingestion/next", epoch=5, build="next")
        records = [quote_record(0), quote_record(0, life), quote_record(1), quote_record(1, life)]
        with closing(SqliteBus(path)) as bus:
            await bus.append(MARKET, records)
        with closing(SqliteBus(path)) as again:
            assert await read_all(again, MARKET) == records

    asyncio.run(scenario())


def test_what_a_full_disk_refused_is_written_whole_once_there_is_room(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        records = [quote_record(seq) for seq in range(19_999)]
        with closing(SqliteBus(path)) as bus:
            await bus.append(MARKET, records)
            with full_disk(bytes_max=500_000), pytest.raises(Unavailable, match="make room"):
                await bus.flush()
        with closing(SqliteBus(path)) as again:
            assert await read_all(again, MARKET, limit=1_000) == records

    asyncio.run(scenario())


def test_group_is_written_once_it_has_waited_long_enough(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        with closing(SqliteBus(path, CommitLimits(wait_ms_max=1.0))) as bus:
            await bus.append(MARKET, [quote_record(0)])
            time.sleep(0.002)
            await bus.append(MARKET, [quote_record(1)])
            with closing(SqliteBus(path, read_only=True)) as reader:
                assert await reader.ends() == {MARKET: 2}

    asyncio.run(scenario())


def test_second_writer_is_refused_and_writes_over_nothing(tmp_path: Path) -> None:
    async def scenario(path: Path) -> None:
        first, second = SqliteBus(path), SqliteBus(path)
        await first.append(MARKET, [quote_record(10)])
        first.close()
        await second.append(MARKET, [quote_record(99)])
        with pytest.raises(Refused, match=r"log\.sqlite: another process wrote to it as well: let"):
            second.close()

    written(path := tmp_path / "log.sqlite", 10)
    asyncio.run(scenario(path))
    assert numbers(read_back(path)) == list(range(11))


def test_reader_sees_the_log_as_it_was_when_it_opened_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        life = Writer(producer="ingestion/next", epoch=5, build="test")
        with closing(SqliteBus(path)) as bus:
            await bus.append(MARKET, [quote_record(seq) for seq in range(5)])
            await bus.flush()
            with closing(SqliteBus(path, read_only=True)) as reader:
                await bus.append(MARKET, [quote_record(seq, life) for seq in range(5)])
                await bus.flush()
                assert await reader.ends() == {MARKET: 5}
                assert numbers(await read_all(reader, MARKET, limit=100)) == list(range(5))

    asyncio.run(scenario())


def test_message_that_cannot_be_written_leaves_no_transaction_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        bus = SqliteBus(path)
        record = quote_record(0)
        record.message = structs.replace(record.message, update_id=1 << 64)
        await bus.append(MARKET, [record])
        for _ in range(2):
            with pytest.raises(OverflowError):
                await bus.flush()
        with closing(SqliteBus(path)) as other:
            await other.append(OTHER, [quote_record(0)])
            await other.flush()

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["a b", "a?mode=ro", "a#b", "100%25"])
def test_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    SqliteBus(folder / "log.sqlite").close()
    assert [path.name for path in folder.iterdir()] == ["log.sqlite"]


def test_full_disk_is_unavailable_and_what_was_flushed_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "log.sqlite"
        bus = SqliteBus(path)
        await bus.append(MARKET, [quote_record(seq) for seq in range(100)])
        await bus.flush()
        await bus.append(MARKET, [quote_record(seq) for seq in range(100, 20_000)])
        with full_disk(bytes_max=500_000):
            with pytest.raises(Unavailable, match=r"log\.sqlite: .*: make room or free the file"):
                await bus.flush()
            with pytest.raises(Unavailable):
                bus.close()
        again = SqliteBus(path)
        assert await read_all(again, MARKET) == [quote_record(seq) for seq in range(100)]
        again.close()

    asyncio.run(scenario())


def test_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="unable to open database file"):
        SqliteBus(tmp_path / "nowhere" / "log.sqlite")


def test_snapshots_come_back_latest_first_and_only_the_last_three_stay(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = SqliteBus(tmp_path / "log.sqlite")
        for position in (10, 20, 30, 40, 50):
            await bus.save("features/a", position, b"%d" % position)
        await bus.save("features/b", 7, b"b")
        assert list(await bus.load("features/a")) == [b"50", b"40", b"30"]
        assert list(await bus.load("features/b")) == [b"b"]
        bus.close()

    asyncio.run(scenario())
