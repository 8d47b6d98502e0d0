"""Where does a log stand, and how is it written and read as bytes?"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from marea.bus.kafka.appender import Appender
from marea.bus.kafka.breakdown import Breakdown
from marea.bus.kafka.directory import Claim, Directory, encode_claim
from marea.bus.kafka.link import RETRY_S, Found, Link, named
from marea.bus.kafka.topics import DIRECTORY, partition_counts
from marea.bus.raw import Raw
from marea.errors import Unavailable
from marea.messages.channels import Channels
from marea.messages.envelope import Log

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where the brokers are, and which of their topics are ours."""

    servers: str
    prefix: str
    channels: Channels
    timeout_s: float

    def link(self) -> Link:
        """A link to it, which is still to be opened."""
        return Link(self.servers, self.timeout_s)


class Logs:
    """The logs of a cluster whose topics begin with one prefix."""

    def __init__(
        self, cluster: Cluster, breakdown: Breakdown, named: Callable[[Log], None]
    ) -> None:
        """Nothing is asked before it is opened. `named` is called with each log that gets a place."""
        prefix = cluster.prefix
        self._prefix = prefix
        self._timeout_s = cluster.timeout_s
        self._counts = partition_counts(cluster.channels)
        self.directory = Directory(self._counts)
        self.directory_place = TopicPartition(prefix + DIRECTORY, 0)
        self.link = cluster.link()
        self.appender = Appender(cluster.servers, cluster.timeout_s, breakdown)
        self._named = named
        self.topics = (*(prefix + channel for channel in self._counts), prefix + DIRECTORY)
        self._claiming = asyncio.Lock()
        self._nowhere: set[Log] = set()

    async def open(self) -> None:
        """Connect, and read whose partition is whose.

        Raises `Unavailable`, also where topics are missing.
        """
        await self.link.open()
        until_s = time.monotonic() + self._timeout_s
        while missing := self._missing(await self.link.look_up(self.topics)):
            if time.monotonic() > until_s:  # a broker may hear late of what was made just now
                raise Unavailable(
                    f"Kafka: topic {missing}: a service makes them when it starts (`marea up`), or "
                    "take another prefix (kafka.prefix)"
                )
            await asyncio.sleep(RETRY_S)
        await self.link.follow(self.topics)
        await self.appender.open(self.topics)
        await self.learn()

    def _missing(self, there: Mapping[str, Found]) -> str:
        for channel, count in {**self._counts, DIRECTORY: 1}.items():
            topic = self._prefix + channel
            found = there.get(topic, Found(0, 0))
            if found.led < count:
                return (
                    f"{topic} has {found.partitions} partitions of {count}, {found.led} of them led"
                )
        return ""

    async def close(self) -> None:
        """Let go of the cluster."""
        await self.appender.close()
        await self.link.close()

    def place(self, log: Log) -> TopicPartition | None:
        """Where a log stands, as far as is known; None before anything was written to it."""
        number = self.directory.number(log)
        return None if number is None else TopicPartition(self._prefix + log.channel, number)

    def there(self) -> list[Log]:
        """The logs whose partitions there are; one that claimed another is told of once."""
        found = []
        for log in self.directory:
            place = self.place(log)
            assert place is not None, "it stands in the directory"
            if self.link.is_there(place):
                found.append(log)
            elif log not in self._nowhere:
                self._nowhere.add(log)
                self.link.look_around()  # a newer Marea may have made more since
                _logger.warning(
                    "%s claims %s, which its topic doesn't have: it is left out until it does",
                    log,
                    named(place),
                )
        return found

    async def claim(self, log: Log) -> TopicPartition:
        """Where a log stands from now on: it gets a partition if it has none.

        Raises `BadInput` where its channel has none left, `Unavailable`.
        """
        async with self._claiming:
            await self.learn()
            while (place := self.place(log)) is None:
                number = self.directory.free_number(log.channel)
                claim = Claim(channel=log.channel, partition=log.partition, number=number)
                entry = str(log).encode(), encode_claim(claim)
                await self.appender.put(self.directory_place, [entry])
                await self.learn()  # another one may have been first
            return place

    async def learn(self) -> None:
        """Read the directory to its end. Raises `Unavailable`."""
        while True:
            part = await self.link.read(self.directory_place, self.directory.position)
            self.take_claims(part.raws)
            if self.directory.position >= part.end:
                return

    def take_claims(self, raws: Sequence[Raw]) -> None:
        """Take what was read of the directory; what is known already is left aside."""
        for raw in raws:
            if raw.offset == self.directory.position:
                log = self.directory.take(raw.value)
                if log is not None:
                    self._named(log)

    async def ends(self, logs: Iterable[Log]) -> Mapping[Log, int]:
        """The position after the last record of each log, as its broker tells it.

        Raises `Unavailable`.
        """
        places = {log: place for log in logs if (place := self.place(log)) is not None}
        found = await self.link.ends(places.values())
        return {log: found[place] for log, place in places.items()}
