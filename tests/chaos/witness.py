"""Is everything there in the end that Kafka once showed?

While a stage is played, the end of each log is looked up every second, and what stands right before
it. A record is shown only when all in-sync replicas have it: from then on it must never go, and
none before it either.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from marea.bus.kafka.breakdown import Breakdown
from marea.bus.kafka.logs import Cluster, Logs
from marea.messages.channels import load_channels
from marea.messages.envelope import Log
from tests.chaos.lookout import Lookout

TIMEOUT_S = 3.0


class Seen(NamedTuple):
    """The last record of a log at some moment."""

    offset: int
    value: bytes | None


class Witness(Lookout[Logs]):
    """Looks at the logs' ends."""

    def __init__(self, servers: str) -> None:
        super().__init__("witness")
        self.seen: dict[Log, list[Seen]] = {}
        """In the order in which it was shown."""
        self._servers = servers

    def opened(self) -> AbstractAsyncContextManager[Logs]:
        """The logs of these brokers as bytes."""
        return opened(self._servers)

    async def look(self, at: Logs) -> None:
        """See what stands at the end of each log."""
        await at.learn()
        for log, end in (await at.ends(at.directory)).items():
            shown = self.seen.setdefault(log, [])
            if end and (not shown or shown[-1].offset != end - 1):
                shown.append(Seen(end - 1, await _value(at, log, end - 1)))

    def lost(self) -> list[str]:
        """What was shown, and stands there no more."""
        return asyncio.run(self._compare())

    async def _compare(self) -> list[str]:
        found = []
        async with opened(self._servers) as logs:
            ends: Mapping[Log, int] = await logs.ends(self.seen)
            for log, shown in self.seen.items():
                for seen in shown:
                    if seen.offset >= ends.get(log, 0):
                        found.append(f"{log} ends at {ends.get(log, 0)}, and held {seen.offset}")
                    elif seen.value not in (None, await _value(logs, log, seen.offset)):
                        found.append(f"{log} holds another record at {seen.offset}")
        return found


@asynccontextmanager
async def opened(servers: str) -> AsyncIterator[Logs]:
    """The logs of these brokers as bytes."""
    channels = load_channels()
    cluster = Cluster(servers=servers, prefix="", channels=channels, timeout_s=TIMEOUT_S)
    logs = Logs(cluster, Breakdown(), lambda _: None)
    try:
        await logs.open()
        yield logs
    finally:
        await logs.close()


async def _value(logs: Logs, log: Log, offset: int) -> bytes | None:
    place = logs.place(log)
    assert place is not None, f"{log} has a partition, or had no end"
    raws = (await logs.link.read(place, offset)).raws
    return raws[0].value if raws else None
