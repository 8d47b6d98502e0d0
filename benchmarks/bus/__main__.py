"""Measure the way from a market's message to its order, and how many messages a second all services take.

python -m benchmarks.bus [--json] [--seconds N]

It starts servers and services of its own, on free ports, in a folder of its own.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bus.floor import kafka_hops, redis_hops
from benchmarks.bus.latency import Latencies, read_latencies
from benchmarks.bus.processors import per_message_us, spent_s
from benchmarks.machine import machine
from deploy.local import ports
from deploy.local.minio import KEY, SECRET
from deploy.local.servers import FIXED, USUAL, Servers
from marea.bus.kafka.bus import open_kafka
from marea.bus.kafka.topics import create_topics
from marea.messages.envelope import Log
from marea.runtime.processes import SERVICES
from services.standalone.fleet import Fleet
from tools.arguments import above_zero
from tools.ending import end_with

FITTED_HZ = 98.0
"""Messages a second of the simulated market as it was fitted, measured over ten of its minutes."""
LATENCY_HZ, THROUGHPUT_HZ = 200.0, 10_000.0
WARM_UP_S = 75
"""The slowest indicator has then seen its bars."""
TARGET_MS = {"p50": 8.0, "p99": 25.0}
KAFKA_HOPS = 5
"""In a row, from a message to its order: the record of the market, of its features, the signal, the
decision, and the intent that is read back."""
CAUGHT_UP_S_MAX = 120
"""After so long what still lags is told."""


def environment_of(servers: Servers, prefix: str, hz: float) -> dict[str, str]:
    """What the services are told: these servers, and a market that speaks so often."""
    return {
        **os.environ,
        "MAREA__KAFKA__SERVERS": servers.address("kafka"),
        "MAREA__KAFKA__PREFIX": prefix,
        "MAREA__REDIS__URL": servers.address("redis"),
        "MAREA__REDIS__PREFIX": prefix,
        "MAREA__POSTGRES__DSN": servers.address("postgres"),
        "MAREA__INFLUX__URL": servers.address("influx"),
        "MAREA__OBJECTS__ENDPOINT": servers.address("minio"),
        "MAREA_S3_KEY": KEY,
        "MAREA_S3_SECRET": SECRET,
        "MAREA__MARKET__ACTIVITY": str(hz / FITTED_HZ),
        "MAREA__MARKET__MINUTES": "60",
        "MAREA__SIGNALS__TRADES": '["flow"]',  # who changes its mind most often
        "MAREA__SIGNALS__CONFIDENCE_MIN": "0.0",
    }


def summary(spent_ms: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and number."""
    if len(spent_ms) < 2:
        return {"count": len(spent_ms)}
    cuts = statistics.quantiles(spent_ms, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49], 3), "p99_ms": round(cuts[98], 3), "count": len(spent_ms)}


async def measure_floor(servers: Servers) -> dict[str, dict[str, float]]:
    """One hop through each broker."""
    kafka = servers.address("kafka")
    await create_topics(kafka, "floor.", 1)
    return {
        "redis_hop": summary(await redis_hops(servers.address("redis"), "floor")),
        "kafka_hop": summary(await kafka_hops(kafka, "floor.trading")),
    }


def measure_latency(servers: Servers, folder: Path, seconds: int) -> Latencies:
    """Orders of some minutes of a market at `LATENCY_HZ`."""
    environment = environment_of(servers, "latency.", LATENCY_HZ)
    with Fleet(environment, None, folder / "latency") as fleet:
        for service in SERVICES:
            if service != "recorder":
                fleet.start(service)
        fleet.wait_ready(60)
        _wait(WARM_UP_S + seconds, f"{LATENCY_HZ:.0f} messages/s for {seconds} s")
        fleet.stop(30)
    return asyncio.run(_latencies(servers))


async def _latencies(servers: Servers) -> Latencies:
    bus = await open_kafka(servers.address("kafka"), "latency.")
    try:
        return await read_latencies(bus, Log("trading", "main"))
    finally:
        await bus.close()


def measure_throughput(servers: Servers, folder: Path, seconds: int) -> dict[str, Any]:
    """How many messages all services took, the recorder with them, and what they lag behind then."""
    environment = environment_of(servers, "flood.", THROUGHPUT_HZ)
    with Fleet(environment, None, folder / "flood") as fleet:
        for service in SERVICES:
            fleet.start(service)
        fleet.wait_ready(60)
        begin = _look(servers, fleet)
        _wait(seconds, f"{THROUGHPUT_HZ:.0f} messages/s for {seconds} s")
        end = _look(servers, fleet)
        fleet.of("ingestion").send(signal.SIGTERM)
        while fleet.of("ingestion").is_running:
            time.sleep(0.1)
        taken = asyncio.run(_market_records(servers)) - begin.messages
        lags = _lags(fleet)
        caught_up = time.monotonic()
        while sum(_lags(fleet).values()) and time.monotonic() - caught_up < CAUGHT_UP_S_MAX:
            time.sleep(1)
        caught_up_s = time.monotonic() - caught_up
        lag_end = sum(_lags(fleet).values())
        fleet.stop(30)
    lasted_s, messages = end.at_s - begin.at_s, end.messages - begin.messages
    busy_s = sum(end.spent_s.values()) - sum(begin.spent_s.values())
    return {
        "throughput_per_s": round(messages / lasted_s, 1),
        "market_messages": taken,
        "cores_busy": round(busy_s / lasted_s, 2),
        "cpu_us_per_message": per_message_us(begin.spent_s, end.spent_s, messages),
        "lag_when_it_ended": lags,
        "caught_up_s": round(caught_up_s, 1),
        "lag_end": lag_end,
    }


class _Look(NamedTuple):
    messages: int
    """Of the market, so far."""
    at_s: float
    spent_s: dict[str, float]


def _look(servers: Servers, fleet: Fleet) -> _Look:
    count = asyncio.run(_market_records(servers))
    return _Look(count, time.monotonic(), spent_s(servers, fleet))


async def _market_records(servers: Servers) -> int:
    bus = await open_kafka(servers.address("kafka"), "flood.")
    try:
        ends = await bus.ends()
        return sum(end for log, end in ends.items() if log.channel == "market")
    finally:
        await bus.close()


def _lags(fleet: Fleet) -> dict[str, int]:
    found: dict[str, int] = {}
    for (service, _), health in fleet.health().items():
        for loop in health.loops if health is not None else ():
            if service != "ingestion":
                found[loop.loop] = loop.lag
    return found


def _wait(seconds: float, what: str) -> None:
    print(f"   {what} ...", file=sys.stderr, flush=True)
    time.sleep(seconds)


def measure(folder: Path, seconds: int) -> dict[str, Any]:
    """All of it."""
    servers = Servers(folder / "servers", lambda: ports.free(FIXED))
    servers.up(*USUAL)
    try:
        floor = asyncio.run(measure_floor(servers))
        latencies = measure_latency(servers, folder, seconds)
        flood = measure_throughput(servers, folder, 60)
    finally:
        servers.down(*USUAL)
    found = summary(latencies.market_to_order)
    return {
        "machine": machine(),
        "tick_to_order_ms_p50": found.get("p50_ms"),
        "tick_to_order_ms_p99": found.get("p99_ms"),
        "target_ms": TARGET_MS,
        "floor_ms_p50": round(KAFKA_HOPS * floor["kafka_hop"]["p50_ms"], 3),
        "orders_sent": latencies.sent_count,
        "samples": len(latencies.market_to_order),
        "samples_of_other_causes": latencies.of_others,
        "samples_lost": latencies.lost,
        "hops": {name: summary(spent) for name, spent in latencies.hops.items()},
        "floor": floor,
        **flood,
    }


def show(figures: Mapping[str, Any]) -> None:
    """The figures as a table."""
    for name, figure in figures.items():
        print(f"{name:28} {figure}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bus", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--seconds", type=above_zero(int), default=240, help="of orders")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="marea-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        figures = measure(Path(folder), given.seconds)
    if given.json:
        print(json.dumps(figures))
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    end_with(main)
