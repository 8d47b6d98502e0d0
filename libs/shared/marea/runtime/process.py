"""How does a service run as a process of its own, from its arguments to its exit code?

It reads its settings, reaches its brokers, runs its loops until it is told to end, finishes what it has
said, and ends: 0 drained, 3 for settings that can't be used, 4 where something outside is away that
it can't begin or go on without, 5 refused for safety, 70 where an invariant does not hold.
"""

import argparse
import asyncio
import gc
import os
import re
import signal
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import astuple
from inspect import getsourcefile
from pathlib import Path

from aiohttp import web
from structlog.stdlib import BoundLogger

import marea
from marea.bus.kafka.bus import open_kafka
from marea.bus.kafka.topics import create_topics
from marea.bus.redis import RedisFastCopy
from marea.errors import MareaError, Unavailable
from marea.messages.envelope import Log
from marea.runtime.build import build_id
from marea.runtime.facts import Health, LoopFacts, health_of
from marea.runtime.footing import Ground, Unit
from marea.runtime.group import together
from marea.runtime.health import HealthServer
from marea.runtime.logs import opened_logs
from marea.runtime.memory import give_back
from marea.runtime.metrics import Metrics
from marea.runtime.processes import PORT_MAX, ProcessSettings, load_process_settings
from marea.runtime.secrets import load_secrets
from marea.runtime.settings import Settings, find_config_dir, load_settings
from marea.runtime.shard import instruments_of
from marea.runtime.venue_time import VenueTime, anchored

EXIT_DRAINED, EXIT_BUG = 0, 70
MEGABYTE = 1_000_000
ANCHOR_EVERY_S = 0.1
LOOK_EVERY_S = 1.0
STUCK_LOOKS_MAX = 5
"""A process that is stuck at so many looks in a row ends, to be started anew."""

Wire = Callable[[Ground, AsyncExitStack], Awaitable[Sequence[Unit]]]
"""Builds what a service's process runs; what must be closed at its end goes on the stack."""


def run(service: str, wire: Wire) -> int:
    """Run a service until it is told to end; give its exit code."""
    given = arguments(service, sys.argv[1:])
    instance = given.instance or f"{socket.gethostname()}-{os.getpid()}"
    try:
        folder = find_config_dir(given.config, os.environ)
        settings, own = load_settings(folder, os.environ), load_process_settings(folder, os.environ)
        secrets = load_secrets(os.environ)
        port = own.http.ports[service] if given.port is None else given.port
        with opened_logs(own.logs, service, instance, astuple(secrets)) as log:
            return asyncio.run(_Process(service, instance, settings, own, log).live(wire, port))
    except MareaError as err:  # before there was a log to tell it
        sys.stderr.write(f"{err}\n")
        return err.exit_code


def arguments(service: str, given: Sequence[str]) -> argparse.Namespace:
    """What a process is told when it is started; ends it with 2 where that can't be used."""
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service}",
        epilog="Exit: 0 drained, 2 usage, 3 bad settings, 4 something outside is away, 5 refused for "
        "safety, 70 bug.",
    )
    parser.add_argument("--config", metavar="DIR", type=Path, help="folder of the settings")
    parser.add_argument(
        "--port", metavar="N", type=_port, help="of /health; else as the settings say"
    )
    parser.add_argument(
        "--instance", metavar="NAME", type=_instance, help="else made of its host and process"
    )
    return parser.parse_args(given)


async def end_if_stuck(because: Callable[[], str], every_s: float = LOOK_EVERY_S) -> None:
    """Return never; raise `Unavailable` when what should go on has not for a few looks in a row.

    A process that was paused finds all of it late at first, and goes on.
    """
    seen = 0
    while seen < STUCK_LOOKS_MAX:
        await asyncio.sleep(every_s)
        seen = seen + 1 if because() else 0
    raise Unavailable(f"{because()}: start it anew")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: write 0 (any) to {PORT_MAX}")
    return int(text)


def _instance(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no name: write letters, digits, dots, hyphens and underscores"
        )
    return text


class _Process:
    def __init__(
        self,
        service: str,
        instance: str,
        settings: Settings,
        own: ProcessSettings,
        log: BoundLogger,
    ) -> None:
        self._service = service
        self._instance = instance
        self._settings = settings
        self._own = own
        self._log = log
        self._units: Sequence[Unit] = ()
        self._drain = asyncio.Event()
        self._metrics = Metrics(service, self._facts)

    async def live(self, wire: Wire, port: int) -> int:
        """Run to the end; give the exit code."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._drain.set)
        try:
            async with AsyncExitStack() as stack:
                await self._serve(stack, wire, port)
        except MareaError as err:
            self._log.error("ended", error=f"{type(err).__name__}: {err}", exit=err.exit_code)
            return err.exit_code
        except Exception as err:  # noqa: BLE001 # the runner: whatever it is, it is a bug of ours
            self._log.error("ended", error=traceback.format_exc(), exit=EXIT_BUG)
            sys.stderr.write(f"{type(err).__name__}: this is a bug, please report it\n")
            return EXIT_BUG
        self._log.info("drained")
        return EXIT_DRAINED

    async def _serve(self, stack: AsyncExitStack, wire: Wire, port: int) -> None:
        server = HealthServer(self._own.http.host, port, self._health, self._metrics.registry)
        ground = await self._ground(stack, wire, server.app)
        self._units = await wire(ground, stack)
        # A full collection walks all that was imported, 30 ms and more each time: it stays anyhow.
        gc.collect()
        gc.freeze()
        await server.start()
        stack.push_async_callback(server.stop)
        self._log.info("started", build=ground.build, port=server.port)
        await together(
            [unit.run(self._drain) for unit in self._units],
            self._find_venue_time(ground),
            ground.bus.watch(),
            give_back(),
            end_if_stuck(self._stuck_because),
        )

    async def _ground(self, stack: AsyncExitStack, wire: Wire, app: web.Application) -> Ground:
        own, source = self._own, getsourcefile(wire)
        assert source is not None, "a service is wired by a file"
        kafka, redis = own.kafka, own.redis
        await create_topics(kafka.servers, kafka.prefix, kafka.replication)
        bus = await open_kafka(
            kafka.servers,
            kafka.prefix,
            timeout_s=kafka.timeout_s,
            registry_url=kafka.registry_url,
        )
        stack.push_async_callback(bus.close)
        fast = RedisFastCopy(redis.url, redis.prefix, redis.stream_mb_max * MEGABYTE)
        await fast.open()
        stack.push_async_callback(fast.close)
        ground = Ground(
            service=self._service,
            instance=self._instance,
            settings=self._settings,
            own=own,
            build=build_id([Path(marea.__path__[0]), Path(source).parents[1]]),
            bus=bus,
            fast=fast,
            snapshots=bus.snapshots,
            expect=bus.expected.add,
            telemetry=self._metrics,
            venue_time=VenueTime(own.market.speed),
            web=app,
            log=self._log,
        )
        await self._look_for_venue_time(ground)
        return ground

    async def _find_venue_time(self, ground: Ground) -> None:
        while not await self._look_for_venue_time(ground):
            await asyncio.sleep(ANCHOR_EVERY_S)

    async def _look_for_venue_time(self, ground: Ground) -> bool:
        if not ground.venue_time.is_shared and ground.venue_time.speed:
            log = Log("market", instruments_of(self._own)[0])
            with suppress(Unavailable):
                await anchored(ground.venue_time, ground.bus, log)
        return ground.venue_time.is_shared or not ground.venue_time.speed

    # What is shown

    def _facts(self) -> Sequence[LoopFacts]:
        return [facts for unit in self._units for facts in unit.facts()]

    def _stuck_because(self) -> str:
        return "; ".join(filter(None, (unit.stuck_because for unit in self._units)))

    def _health(self) -> Health:
        drains = ("it drains",) if self._drain.is_set() else ()
        return health_of(
            self._service,
            self._instance,
            tuple(self._facts()),
            ends_because=self._stuck_because(),
            waits_for=drains,
        )
