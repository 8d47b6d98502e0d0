"""How is a Kafka cluster asked, and what do its failures mean to us?

Requests are sent by aiokafka's client, and not by its consumer: that one drops what it has fetched
whenever a partition is added, and gives no way to read a second position of one. A broker answers
the requests of a connection one after another, so who waits for news has a link to himself.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition

from marea.bus.kafka.batches import unpack
from marea.bus.kafka.question import UNCOMMITTED, Question, Session, by_topic
from marea.bus.raw import Raw
from marea.errors import BadInput, Unavailable

RETRY_S = 0.1
CONNECT_S_MAX = 10.0
"""Brokers that begin anew answer within seconds; where nobody does, a person waits to hear it."""
CONSUMER = -1
EARLIEST, LATEST = -2, -1

Answer = TypeVar("Answer")


class Part(NamedTuple):
    """What a broker tells of one partition."""

    raws: list[Raw]
    end: int
    """The offset after the last record that is safe; -1 where there is an error."""
    error: type[errors.KafkaError] | None = None


class Found(NamedTuple):
    """A topic as a broker tells of it."""

    partitions: int
    led: int
    """So many of them have a broker that answers for them now."""


class Removed(BadInput):
    """What is asked for stood there once, and the retention of its topic has removed it."""

    def __init__(self, place: TopicPartition, position: int, begin: int) -> None:
        super().__init__(
            f"{named(place)}: offset {position} was removed by its retention, which has kept what "
            f"stands from {begin} on: restore it from the archive"
        )
        self.begin = begin
        """The first offset that is kept."""


@asynccontextmanager
async def bounded(what: str, timeout_s: float) -> AsyncIterator[None]:
    """Let it take so long, and say what went wrong: raises `Unavailable`."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as err:
        raise Unavailable(
            f"Kafka: {what}: no answer within {timeout_s:g} s: see to its brokers, then try again"
        ) from err
    except errors.KafkaError as err:
        raise Unavailable(f"Kafka: {what}: {err!r}: see to its brokers, then try again") from err


class Link:
    """Connections to the brokers of a cluster, one to each."""

    def __init__(self, servers: str, timeout_s: float) -> None:
        """`servers` are host:port of some brokers, with commas; `timeout_s` bounds each request."""
        self._servers = servers
        self._timeout_s = timeout_s
        self._client = AIOKafkaClient(
            bootstrap_servers=servers,
            client_id="marea",
            request_timeout_ms=int(timeout_s * 1000),
            retry_backoff_ms=int(RETRY_S * 1000),
        )

    async def open(self) -> None:
        """Find the brokers, also where they are just coming back. Raises `Unavailable`."""
        timeout_s = min(CONNECT_S_MAX, self._timeout_s)
        await self._retried(
            f"connecting to {self._servers} (kafka.servers)", self._client.bootstrap, timeout_s
        )

    async def look_up(self, topics: Sequence[str]) -> dict[str, Found]:
        """How many partitions have these topics? Raises `Unavailable`.

        A topic that isn't there is left out. It makes none that is missing, as asking for it otherwise may.
        """
        async with bounded("asking for topics", self._timeout_s):
            request = MetadataRequest(list(topics), allow_auto_topic_creation=False)
            response = await self._client.send(self._client.get_random_node(), request)
        told = response.to_object()["topics"]
        return {
            each["topic"]: _found(each["partitions"]) for each in told if not each["error_code"]
        }

    async def follow(self, topics: Sequence[str]) -> None:
        """Know from now on where these topics stand, which must be there. Raises `Unavailable`."""
        async with bounded("asking for topics", self._timeout_s):
            await self._client.set_topics(topics)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def node(self, place: TopicPartition) -> int | None:
        """Which broker answers for this partition? None while that isn't known."""
        node: int | None = self._client.cluster.leader_for_partition(place)
        return None if node == -1 else node

    def is_there(self, place: TopicPartition) -> bool:
        """Whether its topic has this partition, as far as is known of it."""
        partitions = self._client.cluster.partitions_for_topic(place.topic)
        return partitions is None or place.partition in partitions

    def look_around(self) -> None:
        """Ask soon which brokers there are, and which of them leads what."""
        self._client.force_metadata_update()

    async def fetch(
        self,
        node: int,
        wanted: Mapping[TopicPartition, int],
        wait_ms: int = 0,
        session: Session | None = None,
    ) -> dict[TopicPartition, Part]:
        """What these partitions of one broker hold from these offsets on.

        Where none holds anything yet, the broker waits so long before it says so. In a session it
        leaves out those of which it has no news. Raises aiokafka's errors.
        """
        if session is None:
            return _parts(wanted, await self._client.send(node, Question(wanted, wait_ms)))
        try:
            response = await self._client.send(node, session.next(wanted, wait_ms))
            if response.error_code:
                raise errors.for_code(response.error_code)
            found = _parts(wanted, response)
        except errors.KafkaError:
            session.begin_anew()
            raise
        session.go_on(response.session_id)
        return found

    async def read(self, place: TopicPartition, position: int) -> Part:
        """What a partition holds from an offset on, as much as one answer takes.

        Raises `Removed` where its retention has removed it, `Unavailable`.
        """

        async def attempt() -> Part:
            node = self._node_or_raise(place)
            part = (await self.fetch(node, {place: position}))[place]
            if part.error is None or part.error is errors.OffsetOutOfRangeError:
                return part
            raise part.error(place)

        part = await self._retried(f"reading {named(place)} at {position}", attempt)
        return part if part.error is None else await self._outside(place, position)

    async def ends(
        self, places: Iterable[TopicPartition], at: int = LATEST
    ) -> dict[TopicPartition, int]:
        """The offset after the last record of each partition, or of its first. Raises `Unavailable`."""
        wanted = dict.fromkeys(places, at)

        async def attempt() -> dict[TopicPartition, int]:
            by_node: defaultdict[int, dict[TopicPartition, int]] = defaultdict(dict)
            for place in wanted:
                by_node[self._node_or_raise(place)][place] = at
            found: dict[TopicPartition, int] = {}
            for node, asked in by_node.items():
                found |= await self._ends_on(node, asked)
            return found

        return await self._retried("asking for ends", attempt)

    async def _ends_on(
        self, node: int, asked: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        topics = by_topic({place: (at,) for place, at in asked.items()})
        response = await self._client.send(node, OffsetRequest(CONSUMER, UNCOMMITTED, topics))
        found = {}
        for topic, partitions in response.topics:
            for number, code, _, offset in partitions:
                place = TopicPartition(topic, number)
                if code:
                    raise errors.for_code(code)(place)
                found[place] = offset
        return found

    async def _outside(self, place: TopicPartition, position: int) -> Part:
        begin = (await self.ends([place], EARLIEST))[place]
        if position < begin:
            raise Removed(place, position, begin)
        return Part([], (await self.ends([place]))[place])

    def _node_or_raise(self, place: TopicPartition) -> int:
        node = self.node(place)
        if node is None:
            raise errors.LeaderNotAvailableError(place)
        return node

    async def _retried(
        self, what: str, attempt: Callable[[], Awaitable[Answer]], timeout_s: float = 0
    ) -> Answer:
        # Until the time is over: a broker that went away is followed by another, or comes back.
        clock = asyncio.get_running_loop()
        until = clock.time() + (timeout_s or self._timeout_s)
        while True:
            try:
                async with bounded(what, max(until - clock.time(), RETRY_S)):
                    return await attempt()
            except Unavailable:
                if until - clock.time() <= RETRY_S:
                    raise
                self.look_around()
                await asyncio.sleep(RETRY_S)


def named(place: TopicPartition) -> str:
    """A partition, for people."""
    return f"{place.topic}[{place.partition}]"


def _found(partitions: Sequence[Mapping[str, int]]) -> Found:
    return Found(len(partitions), sum(each["leader"] >= 0 for each in partitions))


def _parts(wanted: Mapping[TopicPartition, int], response: Any) -> dict[TopicPartition, Part]:  # noqa: ANN401 # responses of aiokafka have no types
    found = {}
    for topic, partitions in response.topics:
        for number, code, end, *_, data in partitions:
            place = TopicPartition(topic, number)
            if code:
                found[place] = Part([], -1, errors.for_code(code))
            else:
                found[place] = Part(unpack(place, wanted[place], data), end)
    return found
