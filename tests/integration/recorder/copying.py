"""Runs the recorder from a recorded run: in this process, or as one that can be killed.

`python -m tests.integration.recorder.copying LOG OBJECTS INFLUX`, the last two as JSON.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import structlog
from structlog.stdlib import BoundLogger

from marea.bus.sqlite import SqliteBus
from marea.runtime.telemetry import NoTelemetry
from marea.testing.raw import RawView
from services.recorder.config import InfluxConfig, ObjectsConfig, Pace
from services.recorder.shell.copying import Feed
from services.recorder.shell.figures import Figures
from services.recorder.shell.recording import Recorder
from services.recorder.shell.tail import Tail
from services.recorder.sink import Sink
from services.recorder.sinks.influx import InfluxSink
from services.recorder.sinks.objects import ObjectSink
from services.recorder.sinks.store import Objects, open_store

SMALL = Pace(wait_ms=5, records_max=300, behind_records_max=600)
LARGE = Pace(wait_ms=50, records_max=5_000, behind_records_max=10_000)
DRAINED_S_MAX = 120.0


def recorder(logs: RawView, sinks: Sequence[Sink], pace: Pace = LARGE) -> Recorder:
    log: BoundLogger = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    tail = Tail(logs, logs)
    feeds = [Feed(sink=sink, reading=tail, pace=pace) for sink in sinks]
    return Recorder(feeds, Figures(NoTelemetry(), log), DRAINED_S_MAX)


async def copy(logs: RawView, *sinks: Sink, pace: Pace = LARGE) -> None:
    """Until all that stands on the logs is written."""
    drain = asyncio.Event()
    drain.set()
    await asyncio.wait_for(recorder(logs, sinks, pace).run(drain), DRAINED_S_MAX)


async def copy_while(
    logs: RawView, act: Callable[[Recorder], Awaitable[None]], *sinks: Sink
) -> None:
    """As long as something is done beside it, and to the end."""
    drain = asyncio.Event()
    running = recorder(logs, sinks, SMALL)
    task = asyncio.create_task(running.run(drain))
    await act(running)
    drain.set()
    await asyncio.wait_for(task, DRAINED_S_MAX)


def main(log: str, objects: str, influx: str) -> None:
    kept = Objects(open_store(msgspec.json.decode(objects, type=ObjectsConfig)))
    points = InfluxSink(msgspec.json.decode(influx, type=InfluxConfig))
    logs = RawView(SqliteBus(Path(log), read_only=True))
    asyncio.run(copy(logs, ObjectSink(kept), points, pace=SMALL))


if __name__ == "__main__":
    main(*sys.argv[1:])
