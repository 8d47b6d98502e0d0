"""One market through the processes and through the one process: what stands in the stores, and is replayed."""

import asyncio
import json
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.local.minio import KEY, SECRET
from marea.bus.kafka.bus import KafkaBus, open_kafka
from marea.bus.port import Bus
from marea.bus.sqlite import SqliteBus
from marea.messages import codec
from marea.messages.envelope import Log
from marea.messages.market import Trade
from marea.messages.portfolio import RiskDecision
from marea.messages.signals import Signal
from marea.messages.system import Clock
from marea.runtime.counting import Cursor
from marea.runtime.facts import LoopFacts
from services.recorder.sinks.tables import CHANNELS
from services.standalone.embedded import SHARD
from services.standalone.fleet import Fleet
from tests.integration.recorder.comparing import unlike_logs
from tests.integration.redis.own_redis import OwnRedis
from tools import command

Told = Mapping[tuple[str, str, str], Sequence[tuple[str, str]]]
"""Ids and hashes of what is said, by log, producer and instrument."""

PATIENT = {"MAREA__SIGNALS__EXPIRY_BARS": "60", "MAREA__RISK__STALE_S_MAX": "60"}
"""A market that is played faster than it was leaves its signals less time to be traded on."""
READY_S = 120
PLAYED_S = 150
QUIET_S = 2.0
RECORDED = ("ingestion", "features", "signals", "risk", "execution", "paper", "recorder")
LAST_SINK = "recorder/tables"
TAPE_INSTRUMENTS = "[BTC-USDT.BINANCE, ETH-USDT.BINANCE]"
OF_MARKET = ("ingestion/", "features/", "signals/", "risk/marks/", "paper/")
"""Loops that have nothing to do behind the end of a market; others go on being told the time."""
CAREFUL = ("--set", "signals.confidence_min=0.99")
SOURCE = ("--source", "kafka", "--portfolio", "main")
REPLAYED = {
    "features/BTC-USDT",
    "features/ETH-USDT",
    "paper/main",
    "risk/main",
    "risk/marks/BTC-USDT",
    "risk/marks/ETH-USDT",
    f"signals/{SHARD}",
    "execution/main",
}


@pytest.fixture
def redis_alone(tmp_path: Path) -> Any:
    """One that the test kills; all that it held is gone then."""
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def brokers(
    kafka: str, redis_alone: OwnRedis, database: str, influx: str, minio: str
) -> dict[str, str]:
    """What a fleet and the command are told of the servers."""
    name = f"t{uuid.uuid4().hex[:8]}"
    return PATIENT | {
        "MAREA__KAFKA__SERVERS": kafka,
        "MAREA__KAFKA__PREFIX": f"{name}.",
        "MAREA__REDIS__URL": redis_alone.url,
        "MAREA__SHARD__NAME": SHARD,  # it is part of ids
        "MAREA__OBJECTS__URL": f"s3://marea/{name}",
        "MAREA__OBJECTS__ENDPOINT": minio,
        "MAREA_S3_KEY": KEY,
        "MAREA_S3_SECRET": SECRET,
        "MAREA__POSTGRES__DSN": database,
        "MAREA__INFLUX__URL": influx,
        "MAREA__INFLUX__DATABASE": name,
        "MAREA__RECORDER__OBJECTS_EVERY_S": "1.0",
        "MAREA__RECORDER__TABLES_EVERY_S": "1.0",
    }


def test_simulated_market_through_the_processes_is_the_same_though_redis_loses_all(
    tmp_path: Path, brokers: dict[str, str], redis_alone: OwnRedis
) -> None:
    market = {"MAREA__MARKET__MINUTES": "2", "MAREA__MARKET__SPEED": "4"}

    def lose_all() -> None:
        with redis_alone.client() as client:
            assert client.dbsize() > 2
        redis_alone.kill()
        redis_alone.start()

    alone = play_alone(tmp_path, "--seed", "7", "--minutes", "2")
    play(tmp_path, brokers | market, len_of(alone.said), halfway=lose_all)
    assert_same(alone.said, distributed(brokers))
    assert asyncio.run(unlike_logs(brokers)) == []
    assert_decides_the_same_again(tmp_path, brokers, *SOURCE)
    assert_decides_the_same_again(tmp_path, brokers, "--source", "archive", *SOURCE[2:])
    assert_sound(tmp_path, brokers)
    assert_explained(tmp_path, brokers)
    assert_differs_under_other_settings(tmp_path, brokers)
    assert_trades_otherwise_under_other_settings(tmp_path, brokers, alone.result)


def test_tape_through_the_processes_is_the_same(
    tmp_path: Path, brokers: dict[str, str], short_tape: Path
) -> None:
    market = {
        "MAREA__MARKET__SOURCE": "tape",
        "MAREA__MARKET__TAPE": f"[{short_tape}]",
        "MAREA__MARKET__SPEED": "4",
        "MAREA__SHARD__INSTRUMENTS": TAPE_INSTRUMENTS,
    }
    alone = play_alone(tmp_path, "--tape", short_tape)
    play(tmp_path, brokers | market, len_of(alone.said), halfway=lambda: None)
    assert_same(alone.said, distributed(brokers))
    assert asyncio.run(unlike_logs(brokers)) == []
    assert_decides_the_same_again(tmp_path, brokers, *SOURCE)
    assert_sound(tmp_path, brokers)


# The two ways to run


class Alone(NamedTuple):
    """A run in one process."""

    said: Told
    result: Mapping[str, Any]


def play_alone(folder: Path, *market: str | Path) -> Alone:
    """What a run in one process says."""
    ended = command.run(["demo", *market, "--json"], folder / "runs", PATIENT)
    assert ended.code == 0, ended.err
    [log] = (folder / "runs").glob("*/log.sqlite")
    with closing(SqliteBus(log, read_only=True)) as bus:
        return Alone(asyncio.run(told_on(bus)), json.loads(ended.out))


def play(
    folder: Path, settings: Mapping[str, str], count: int, halfway: Callable[[], None]
) -> None:
    """Have the processes play the market to its end, and record it."""
    environment = command.environment(folder, settings)
    with Fleet(environment, None, folder / "logs") as fleet:
        for service in RECORDED:
            fleet.start(service)
        fleet.wait_ready(READY_S)
        await_inputs(fleet, count // 2)
        halfway()
        await_inputs(fleet, count)
        await_quiet(fleet)
        assert set(fleet.stop().values()) == {0}
    with Fleet(environment, None, folder / "logs") as fleet:  # what they said as they ended
        fleet.start("recorder")
        fleet.wait_ready(READY_S)
        await_tables(fleet, sum(asyncio.run(ends_of(settings, *CHANNELS)).values()))
        assert set(fleet.stop().values()) == {0}


def await_inputs(fleet: Fleet, count: int) -> None:
    until_s = time.monotonic() + PLAYED_S
    while all(each.position < count for each in loops_of(fleet) if "features" in each.loop):
        assert time.monotonic() < until_s, f"less than {count} inputs: {loops_of(fleet)}"
        time.sleep(0.2)


def await_quiet(fleet: Fleet) -> None:
    """Return when the loops that follow from the market have taken all of it."""
    until_s, quiet_s, last = time.monotonic() + PLAYED_S, time.monotonic(), ""
    while time.monotonic() - quiet_s < QUIET_S:
        loops = [each for each in loops_of(fleet) if each.loop.startswith(OF_MARKET)]
        now = ", ".join(f"{each.loop} {each.position}" for each in loops)
        if now != last or any(each.lag for each in loops):
            quiet_s, last = time.monotonic(), now
        assert time.monotonic() < until_s, f"it does not end: {now}"
        time.sleep(0.2)


def await_tables(fleet: Fleet, count: int) -> None:
    """Return when all is in what the recorder writes last: it makes the tables of the archive."""
    until_s = time.monotonic() + PLAYED_S
    while all(each.position < count for each in loops_of(fleet) if each.loop == LAST_SINK):
        assert time.monotonic() < until_s, f"less than {count} records: {loops_of(fleet)}"
        time.sleep(0.2)


def loops_of(fleet: Fleet) -> list[LoopFacts]:
    return [loop for told in fleet.health().values() if told is not None for loop in told.loops]


@asynccontextmanager
async def opened(brokers: Mapping[str, str]) -> AsyncIterator[KafkaBus]:
    """The logs of the processes."""
    bus = await open_kafka(brokers["MAREA__KAFKA__SERVERS"], brokers["MAREA__KAFKA__PREFIX"])
    try:
        yield bus
    finally:
        await bus.close()


async def ends_of(brokers: Mapping[str, str], *channels: str) -> Mapping[Log, int]:
    """Where the logs of these channels end."""
    async with opened(brokers) as bus:
        return {log: end for log, end in (await bus.ends()).items() if log.channel in channels}


def distributed(brokers: Mapping[str, str]) -> Told:
    """What the processes said, as it stands on Kafka."""

    async def read() -> Told:
        async with opened(brokers) as bus:
            return await told_on(bus)

    return asyncio.run(read())


# What both say


async def told_on(bus: Bus) -> Told:
    """All that follows from the market alone: the market, features, and signals of one instrument each."""
    found: defaultdict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for log, end in (await bus.ends()).items():
        if log.channel not in ("market", "quality", "dead-letters", "features", "trading"):
            continue
        cursor = Cursor()
        while cursor.offset < end:
            for each in await bus.read(log, cursor.offset, 2_000):
                record = cursor.take(each)
                if record is None or not is_compared(log, record.message):
                    continue
                message = record.message
                where = str(log), record.writer.producer, getattr(message, "instrument", "")
                found[where].append((message.id, codec.message_hash(message)))
    return dict(found)


def is_compared(log: Log, message: Any) -> bool:
    # Marks are stamped by a portfolio's own time, which goes otherwise for processes.
    return message.canonical and (log.channel != "trading" or isinstance(message, Signal))


def len_of(told: Told) -> int:
    """How many messages the smaller of the markets has."""
    by_log: defaultdict[str, int] = defaultdict(int)
    for (log, _, _), said in told.items():
        by_log[log] += len(said)
    return min(count for log, count in by_log.items() if log.startswith("market/"))


def assert_same(alone: Told, processes: Told) -> None:
    assert alone.keys() == processes.keys()
    for where, said in alone.items():
        theirs = processes[where]
        unlike = [at for at, pair in enumerate(zip(said, theirs, strict=False)) if len({*pair}) > 1]
        assert not unlike, f"{where}: {len(unlike)} differ, the first at {unlike[0]}"
        assert len(said) == len(theirs), where
    kinds = {log.partition("/")[0] for log, _, _ in alone}
    assert {"market", "features", "trading"} <= kinds
    assert sum(map(len, alone.values())) > 5_000


# What is read of it


def marea(folder: Path, brokers: Mapping[str, str], *arguments: str, code: int = 0) -> Any:
    ended = command.run([*arguments, "--json"], folder / "runs", brokers)
    assert (ended.code, ended.err) == (code, ""), ended.out[-2_000:]
    return json.loads(ended.out)


def assert_decides_the_same_again(folder: Path, brokers: Mapping[str, str], *where: str) -> None:
    found = marea(folder, brokers, "replay", *where)
    assert (found["different"], found["differences"]) == (0, [])
    assert found["compared"] > 300
    assert {name.rpartition(".")[0] or name for name in found["loops"]} == REPLAYED
    assert found["build"] == found["recorded_by"]


def assert_sound(folder: Path, brokers: Mapping[str, str]) -> None:
    """Every invariant holds."""
    assert marea(folder, brokers, "doctor", *SOURCE)["breaches"] == []


def assert_explained(folder: Path, brokers: Mapping[str, str]) -> None:
    """A decision is traced back to the market, and what is listed is of the time that is asked for."""
    decisions = marea(folder, brokers, "log", *SOURCE, "--type", RiskDecision.__name__)["events"]
    last = decisions[-1]["envelope"]["id"]
    steps = marea(folder, brokers, "explain", *SOURCE, last)["steps"]
    assert {step["type"] for step in steps} >= {"FeatureVector", "Signal", "RiskDecision"}
    assert any(step["log"].startswith("market/") for step in steps)
    minute = ("--since", "2026-01-05T00:01:00", "--until", "2026-01-05T00:02:00")
    kinds = ("--type", Clock.__name__, "--type", Trade.__name__)
    listed = marea(folder, brokers, "log", *SOURCE, *minute, *kinds)["events"]
    times = [event["envelope"]["ts_known"] // 1_000_000_000 for event in listed]
    assert times
    assert 1_767_571_260 <= min(times) <= max(times) < 1_767_571_320


def assert_differs_under_other_settings(folder: Path, brokers: Mapping[str, str]) -> None:
    """Whether the logs are read from Kafka or from the archive."""
    told = ("--mode", "compare", *CAREFUL)
    found = marea(folder, brokers, "replay", *SOURCE, *told)
    assert found["loops"] == ["risk/main"]
    assert found["by_type"]["RiskDecision"]["different"] > 0
    archived = marea(folder, brokers, "replay", "--source", "archive", *SOURCE[2:], *told)
    assert archived | {"run": ""} == found | {"run": ""}


def assert_trades_otherwise_under_other_settings(
    folder: Path, brokers: Mapping[str, str], alone: Mapping[str, Any]
) -> None:
    """Played again under its own settings, the market comes to what it came to in one process."""
    found = marea(folder, brokers, "replay", *SOURCE, "--mode", "what-if", *CAREFUL)
    assert (found["simulated"], found["control_as_recorded"]) == (True, None)
    control, variant = found["control"], found["variant"]
    assert control == {name: alone[name] for name in control}
    assert (control["orders"] > 0, variant["orders"]) == (True, 0)
    assert variant["equity_end"] == variant["equity_start"]
    assert found["change"]["orders"] == f"-{control['orders']}"
