"""What must every bus do? One suite, run on memory, on SQLite and on real brokers.

A test class for an implementation inherits `BusContract` and gives `run`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from marea.bus.port import Bus
from marea.messages.envelope import Log, Record
from marea.runtime.intake import Intake
from marea.testing.builders import quote_record, started_record

Scenario: TypeAlias = Callable[[Bus], Coroutine[Any, Any, None]]

MARKET = Log("market", "BTC-USDT.SIM")
OTHER = Log("market", "ETH-USDT.SIM")


async def read_all(bus: Bus, log: Log, position: int = 0, limit: int = 7) -> list[Record]:
    """Everything on a log from a position on, read in small pieces."""
    found: list[Record] = []
    while records := await bus.read(log, position, limit):
        found += records
        position += len(records)
    return found


def numbers(records: Sequence[Record]) -> list[int]:
    """The `seq` of each record."""
    return [record.seq for record in records]


class BusContract(ABC):
    """Order, positions, resuming, duplicates."""

    @abstractmethod
    def run(self, scenario: Scenario) -> None:
        """Play a scenario on a bus without any log."""

    def test_records_are_read_in_the_order_of_their_appends(self) -> None:
        async def scenario(bus: Bus) -> None:
            for first in range(0, 50, 5):
                await bus.append(MARKET, [quote_record(seq) for seq in range(first, first + 5)])
            assert numbers(await read_all(bus, MARKET)) == list(range(50))

        self.run(scenario)

    def test_append_gives_the_position_of_its_first_record(self) -> None:
        async def scenario(bus: Bus) -> None:
            assert await bus.append(MARKET, [quote_record(0), quote_record(1)]) == 0
            assert await bus.append(OTHER, [quote_record(0)]) == 0
            assert await bus.append(MARKET, [quote_record(2)]) == 2
            assert await bus.ends() == {MARKET: 3, OTHER: 1}
            assert await bus.ends(OTHER, Log("market", "XRP-USDT.SIM")) == {OTHER: 1}

        self.run(scenario)

    def test_what_is_appended_is_read_as_it_was(self) -> None:
        async def scenario(bus: Bus) -> None:
            written = [quote_record(seq) for seq in range(30)]
            await bus.append(MARKET, written)
            await bus.flush()
            assert await read_all(bus, MARKET) == written

        self.run(scenario)

    def test_reading_resumes_at_any_position(self) -> None:
        async def scenario(bus: Bus) -> None:
            await bus.append(MARKET, [quote_record(seq) for seq in range(40)])
            for position in (0, 1, 13, 39, 40, 41):
                assert numbers(await read_all(bus, MARKET, position)) == list(range(position, 40))

        self.run(scenario)

    def test_read_gives_no_more_than_the_limit(self) -> None:
        async def scenario(bus: Bus) -> None:
            await bus.append(MARKET, [quote_record(seq) for seq in range(40)])
            assert numbers(await bus.read(MARKET, 10, 3)) == [10, 11, 12]

        self.run(scenario)

    def test_log_that_nobody_wrote_to_is_empty(self) -> None:
        async def scenario(bus: Bus) -> None:
            assert list(await bus.read(MARKET, 0, 10)) == []
            assert await bus.ends() == {}

        self.run(scenario)

    def test_logs_do_not_mix(self) -> None:
        async def scenario(bus: Bus) -> None:
            for seq in range(20):
                await bus.append(MARKET if seq % 3 else OTHER, [quote_record(seq)])
            assert numbers(await read_all(bus, MARKET)) == [s for s in range(20) if s % 3]
            assert numbers(await read_all(bus, OTHER)) == [s for s in range(20) if not s % 3]

        self.run(scenario)

    def test_append_that_is_repeated_is_kept_twice_and_taken_once(self) -> None:
        async def scenario(bus: Bus) -> None:
            await bus.append(MARKET, [started_record()])
            batch = [quote_record(seq) for seq in range(5)]
            await bus.append(MARKET, batch)
            await bus.append(MARKET, batch)  # its writer did not know that the first went through
            records = await read_all(bus, MARKET)
            assert len(records) == 11
            intake = Intake(MARKET)
            taken = [
                pair[1] for at, record in enumerate(records) for pair in intake.take(at, record)
            ]
            assert numbers(taken) == [0, *range(5)]
            assert intake.state.duplicate_count == 5

        self.run(scenario)

    def test_reader_behind_a_long_log_reads_it_all(self) -> None:
        async def scenario(bus: Bus) -> None:
            for first in range(0, 30_000, 1_000):
                await bus.append(MARKET, [quote_record(seq) for seq in range(first, first + 1_000)])
            assert numbers(await read_all(bus, MARKET, limit=4_096)) == list(range(30_000))

        self.run(scenario)
