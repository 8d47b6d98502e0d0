"""A recorder that runs for as long as a test says."""

import asyncio
from collections.abc import Awaitable, Callable

from marea.testing.raw import RawView
from services.recorder.config import Pace
from services.recorder.shell.copying import Feed
from services.recorder.shell.recording import Recorder
from services.recorder.shell.tail import Tail
from tests.unit.recorder.stores import QUICK, ListSink


def feeds(logs: RawView, *sinks: ListSink, pace: Pace = QUICK) -> list[Feed]:
    tail = Tail(logs, logs)
    return [Feed(sink=sink, reading=tail, pace=pace) for sink in sinks]


async def drained(recorder: Recorder) -> None:
    """Run until all that stands on the logs is written."""
    drain = asyncio.Event()
    drain.set()
    await asyncio.wait_for(recorder.run(drain), 20)


async def while_running(recorder: Recorder, act: Callable[[], Awaitable[None]]) -> None:
    drain = asyncio.Event()
    running = asyncio.create_task(recorder.run(drain))
    await act()
    drain.set()
    await asyncio.wait_for(running, 20)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.002)
