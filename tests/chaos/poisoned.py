"""What becomes of a fleet on whose logs and streams somebody writes nonsense?

The run is judged as if each damaged record had said nothing: where every invariant holds on those logs,
and each core decides again what stands on them, none of the damaged ones changed a thing.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer
from msgspec import Struct, field
from redis.asyncio import Redis

from marea.bus.kafka.bus import KafkaBus, open_kafka
from marea.bus.memory import MemoryBus
from marea.invariants.checker import check_bus
from marea.messages.envelope import NOBODY, Log, Record
from marea.messages.system import DeadLetter
from marea.testing.builders import void_record
from services.recorder.sinks.dead_letters import LOG as LETTERS
from services.standalone.fleet import Fleet
from tests.chaos.again import differences
from tests.chaos.damage import CHANGES, Damaged, Real, damaged, is_forged

SERVICES = ("paper", "ingestion", "features", "signals", "risk", "execution", "recorder")
READY_S_MAX = 90.0
WARM_UP_S = 6.0
SETTLES_S = 4.0
TOLD_S_MAX = 60.0
"""So long the recorder has for the last of the dead letters."""
REAL_KEPT = 200
"""Of the end of each log, to choose from."""
TURN_S = 1.0
READ_RECORDS_MAX = 2_000
COPY_SHARE = 0.05
"""Of what is put on Kafka, so much again is put on Redis."""


class Dose(Struct, frozen=True, kw_only=True):
    """How much is written, and how fast."""

    seed: int
    count: int
    seconds: float
    activity: float = 1.0
    """Of the market meanwhile."""


class Outcome(Struct, kw_only=True):
    """What came of it."""

    put: Counter[str] = field(default_factory=Counter)
    """By how it was damaged."""
    valid: Counter[str] = field(default_factory=Counter)
    """Those that can still be read, by their kind."""
    withheld: int = 0
    """Those that no reader could have told from the truth."""
    copies: int = 0
    """On Redis."""
    anew: int = 0
    """Lives that began anew since a copy said another thing than the log, as they must."""
    by_channel: Counter[str] = field(default_factory=Counter)
    real_count: int = 0
    letters: int = 0
    findings: list[str] = field(default_factory=list)
    """All that is wrong."""


class Poisoned:
    """One run over these servers, whose topics and keys begin with a prefix of its own."""

    def __init__(self, kafka: str, redis: str, prefix: str, dose: Dose) -> None:
        self.outcome = Outcome()
        self._kafka = kafka
        self._redis = redis
        self._prefix = prefix
        self._dose = dose
        self._draw = Random(dose.seed)
        self._put: dict[tuple[Log, int], Damaged] = {}

    def run(self, folder: Path) -> Outcome:
        """Start the fleet, poison what it reads, drain it and judge."""
        with Fleet(self._environment(), None, folder) as fleet:
            for service in SERVICES:
                fleet.start(service)
            fleet.wait_ready(READY_S_MAX)
            time.sleep(WARM_UP_S)
            asyncio.run(self._poison())
            time.sleep(SETTLES_S)
            self._ask_how_they_are(fleet)
            asyncio.run(self._wait_for_letters())
            for (service, instance), code in fleet.stop().items():
                if code:
                    self._find(f"{service}-{instance} ended with {code}")
        for log in sorted(folder.glob("*.log")):
            self._read_log(log)
        asyncio.run(self._judge())
        return self.outcome

    def _find(self, what: str) -> None:
        self.outcome.findings.append(what)

    def _environment(self) -> dict[str, str]:
        given = {
            "KAFKA__SERVERS": self._kafka,
            "KAFKA__PREFIX": self._prefix,
            "REDIS__URL": self._redis,
            "REDIS__PREFIX": self._prefix,
            "MARKET__SEED": str(self._dose.seed),
            "MARKET__ACTIVITY": str(self._dose.activity),
            "RECORDER__SINKS": "[dead-letters]",
            "FEATURES__INTERVALS_S": "[1]",
            "INDICATORS__SMA_20__PERIOD": "3",
            "INDICATORS__ATR_14__PERIOD": "2",
            "INDICATORS__ADX_14__PERIOD": "2",
            "SIGNALS__STRATEGIES": "[sma, flow]",
            "SIGNALS__TRADES": "[sma]",
            "SIGNALS__CONFIDENCE_MIN": "0.0",
        }
        return {**os.environ, **{f"MAREA__{name}": text for name, text in given.items()}}

    # What is written

    async def _poison(self) -> None:
        bus = await open_kafka(self._kafka, self._prefix)
        producer = AIOKafkaProducer(bootstrap_servers=self._kafka, acks="all", linger_ms=5)
        await producer.start()
        redis = Redis.from_url(self._redis)
        try:
            turns = max(1, round(self._dose.seconds / TURN_S))
            for turn in range(turns):
                begun_s = time.monotonic()
                share = self._dose.count * (turn + 1) // turns - self._dose.count * turn // turns
                await self._put_some(bus, producer, share)
                await self._copy_some(redis, round(share * COPY_SHARE))
                await asyncio.sleep(max(0.0, TURN_S - (time.monotonic() - begun_s)))
        finally:
            await redis.aclose()
            await producer.stop()
            await bus.close()

    async def _put_some(self, bus: KafkaBus, producer: AIOKafkaProducer, count: int) -> None:
        reals, places = await self._reals(bus)
        logs = sorted(reals)
        sent: list[tuple[Damaged, Any]] = []
        while len(sent) < count:
            kind = self._draw.choice(list(CHANGES))
            real = self._draw.choice(reals[self._draw.choice(logs)])
            damage = damaged(kind, real, logs, self._draw)
            if damage.is_valid and is_forged(damage, real):
                self.outcome.withheld += 1
                continue
            partition = places[damage.log]
            topic = f"{self._prefix}{damage.log.channel}"
            key = damage.log.partition.encode()
            sending = await producer.send(topic, damage.value, key=key, partition=partition)
            sent.append((damage, sending))
        for damage, sending in sent:
            self._put[damage.log, (await sending).offset] = damage
            self.outcome.put[damage.kind] += 1
            self.outcome.by_channel[damage.log.channel] += 1
            self.outcome.valid[damage.kind] += damage.is_valid

    async def _reals(self, bus: KafkaBus) -> tuple[dict[Log, list[Real]], dict[Log, int]]:
        reals: dict[Log, list[Real]] = {}
        places: dict[Log, int] = {}
        for log, end in (await bus.ends()).items():
            begin = max(0, end - REAL_KEPT)
            raws = await bus.read_raw(log, begin, REAL_KEPT)
            records = await bus.read(log, begin, REAL_KEPT)
            found = [
                Real(log=log, value=raw.value, record=record)
                for raw, record in zip(raws, records, strict=False)
                if raw.value and (log, raw.offset) not in self._put and record.writer != NOBODY
            ]
            if found:
                reals[log], places[log] = found, raws[0].partition
        return reals, places

    async def _copy_some(self, redis: Any, count: int) -> None:  # its stubs know no binary entries
        streams = [key async for key in redis.scan_iter(f"{self._prefix}*", _type="stream")]
        for _ in range(count):
            stream = self._draw.choice(streams)
            entries = [values for _, values in await redis.xrevrange(stream, count=50)]
            whole = [values for values in entries if values.keys() >= {b"after", b"record"}]
            if whole:
                await redis.xadd(stream, _copy(self._draw.choice(whole), self._draw))
                self.outcome.copies += 1

    # What became of it

    def _ask_how_they_are(self, fleet: Fleet) -> None:
        for (service, instance), health in fleet.health().items():
            name = f"{service}-{instance}"
            if health is None or not (health.live and health.ready):
                self._find(f"{name} is not well: {health.why if health else 'no answer'}")
            if not fleet.of(service, instance).is_running:
                self._find(f"{name} has ended: {fleet.of(service, instance).how_it_ended()}")

    def _read_log(self, file: Path) -> None:
        for line in file.read_text("utf-8").splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if told.get("event") not in ("life ended", "ended"):
                continue
            if str(told.get("error")).startswith("NeverRecorded"):
                self.outcome.anew += (
                    1  # of a copy on Redis that is whole, and not what is on record
                )
            else:
                self._find(f"{file.stem}: {told['event']}: {told.get('error')}")

    async def _wait_for_letters(self) -> None:
        wanted = sum(not damage.is_valid for damage in self._put.values())
        until_s = time.monotonic() + TOLD_S_MAX
        bus = await open_kafka(self._kafka, self._prefix)
        try:
            while time.monotonic() < until_s:
                if (await bus.ends(LETTERS)).get(LETTERS, 0) > wanted:  # and a start
                    break
                await asyncio.sleep(0.5)
            await asyncio.sleep(TURN_S)
        finally:
            await bus.close()

    async def _judge(self) -> None:
        logs = await self._logs()
        self._compare_letters(logs)
        clean = MemoryBus()
        for log, records in logs.items():
            await clean.append(log, records)
        for each in await check_bus(clean):
            self._find(f"{each.number} {each.code}: {each.what} ({each.log} {each.position})")
        self.outcome.findings += differences(logs, self._environment())

    async def _logs(self) -> dict[Log, list[Record]]:
        bus = await open_kafka(self._kafka, self._prefix)
        logs: dict[Log, list[Record]] = {}
        try:
            for log, end in (await bus.ends()).items():
                records: list[Record] = []
                while len(records) < end:
                    limit = min(READ_RECORDS_MAX, end - len(records))
                    records += await bus.read(log, len(records), limit)
                self.outcome.real_count += len(records)
                for place, record in enumerate(records):
                    if (log, place) in self._put:
                        records[place] = void_record(log, place)
                    elif record.writer == NOBODY:
                        self._find(f"{log} {place} is void, and not of ours: {record.message}")
                logs[log] = records
        finally:
            await bus.close()
        self.outcome.real_count -= len(self._put)
        return logs

    def _compare_letters(self, logs: Mapping[Log, Sequence[Record]]) -> None:
        told = Counter(
            (letter.source, letter.place, letter.payload, bool(letter.reason))
            for record in logs.get(LETTERS, ())
            if record.writer != NOBODY
            for letter in [record.message]
            if isinstance(letter, DeadLetter)
        )
        wanted = Counter(
            (str(log), f"offset {offset}", damage.value or b"", True)
            for (log, offset), damage in self._put.items()
            if not damage.is_valid
        )
        self.outcome.letters = told.total()
        for source, place, payload, _ in wanted - told:
            self._find(f"no dead letter of {source} {place}: {payload[:40]!r}")
        for source, place, payload, _ in told - wanted:
            self._find(f"a dead letter too many of {source} {place}: {payload[:40]!r}")


def _copy(values: Mapping[bytes, bytes], draw: Random) -> dict[bytes, bytes]:
    # An entry of a stream, wrong in one of the ways that there are.
    wrong = dict(values)
    match draw.randrange(6):
        case 0:
            wrong[b"record"] = b"{no JSON" + wrong[b"record"]
        case 1:
            del wrong[b"record"]
        case 2:
            wrong[b"after"] = b'["", 1e400, null]'
        case 3:
            wrong[b"record"] = wrong[b"record"].replace(b":1", b":NaN", 1)
        case 4:  # another text under the same key
            wrong[b"record"] = wrong[b"record"].replace(b"7", b"8")
        case _:
            wrong = {b"noise": draw.randbytes(64)}
    return wrong
