"""The logs of a portfolio that runs as several processes: on Kafka, or in the archive.

Of all that stands there, the world of the portfolio is read: its trading log, the shards and the markets
that this rests on, what was found wrong with those, and its paper account. How far each log goes is
looked up once, causes after effects, so that nothing is read without what it rests on.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from marea.bus.port import Bus
from marea.domain.instrument import venue_of
from marea.errors import BadInput, Unavailable
from marea.messages.envelope import Log, Nanos
from marea.runtime.processes import ProcessSettings
from marea.runtime.secrets import Secrets
from services.standalone import screen
from services.standalone.demo import Progress
from services.standalone.excerpt import Excerpt
from services.standalone.history import FOR_EVER, JITTER_NS, end_known_at, forward

if TYPE_CHECKING:  # it takes packages that the embedded run has not
    from marea.bus.raw import RawLogs

Place: TypeAlias = Literal["kafka", "archive"]
OF_VENUE = ("quality", "dead-letters")
"""Channels with what was found wrong with a venue's market."""
RECORDS_PER_SHOW = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which logs are asked for, and of which time."""

    place: Place
    portfolio: str
    since: Nanos = 0
    until: Nanos = FOR_EVER


class DistributedHistory:
    """The logs of a portfolio's world, as they stand now."""

    def __init__(self, wish: Wish, own: ProcessSettings, secrets: Secrets) -> None:
        """Nothing is asked before it is opened."""
        self.wish = wish
        self._own = own
        self._secrets = secrets

    @property
    def name(self) -> str:
        """The options that name it."""
        return f"--source {self.wish.place} --portfolio {self.wish.portfolio}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Bus]:
        """Them, to be read.

        Raises `BadInput` where the portfolio has none, or packages are missing; `Unavailable`.
        """
        async with AsyncExitStack() as stack:
            logs = await self._reached(stack)
            with screen.progress(f"{self.wish.place}/{self.wish.portfolio}") as show:
                bus = await world_of(logs, self.wish, show)
            yield bus

    async def _reached(self, stack: AsyncExitStack) -> "RawLogs":
        try:
            if self.wish.place == "kafka":
                return await _kafka(self._own, stack)
            return _archive(self._own, self._secrets)
        except ModuleNotFoundError as err:
            raise BadInput(
                f"--source {self.wish.place} takes packages that are not installed ({err.name}): "
                "install marea[distributed]"
            ) from err


async def _kafka(own: ProcessSettings, stack: AsyncExitStack) -> "RawLogs":
    from marea.bus.kafka.bus import open_kafka  # noqa: PLC0415 # the embedded run has none of it

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it means to us is raised
    given = own.kafka
    try:
        bus = await open_kafka(given.servers, given.prefix, timeout_s=given.timeout_s)
    except Unavailable as err:
        raise Unavailable(
            f"kafka.servers {given.servers} with kafka.prefix '{given.prefix}': {err}; or name others "
            "in processes.yaml or MAREA__KAFKA__SERVERS"
        ) from err
    stack.push_async_callback(bus.close)
    return bus


def _archive(own: ProcessSettings, secrets: Secrets) -> "RawLogs":
    from services.recorder.main import objects_config  # noqa: PLC0415 # nor of this
    from services.recorder.sinks.archive import Archive  # noqa: PLC0415 # nor of this
    from services.recorder.sinks.store import Objects, open_store  # noqa: PLC0415 # nor of this

    return Archive(Objects(open_store(objects_config(own, secrets))))


async def world_of(logs: "RawLogs", wish: Wish, show: Progress) -> Bus:
    """The logs that a portfolio rests on, each as far as its time is asked for.

    Raises `BadInput` where there is no such portfolio, `Unavailable`.
    """
    trading = Log("trading", wish.portfolio)
    ends = dict(await logs.ends(trading))
    if trading not in ends:
        raise BadInput(_no_portfolio(wish, await logs.ends()))
    first = await _bounded(Excerpt(logs, ends), wish, [trading])
    found = {trading}
    async for placed in forward(first, trading):
        found.update(_rests_on(placed.record.writer.input_log, placed.record.message))
        if placed.position % RECORDS_PER_SHOW == 0:
            show(placed.position / ends[trading], "")
    venues = {venue_of(log.partition) for log in found if log.channel == "market"}
    found |= {Log(channel, venue) for channel in OF_VENUE for venue in venues}
    found.add(Log("paper", wish.portfolio))  # an account has its portfolio's name
    later = await logs.ends()
    ends |= {log: end for log, end in later.items() if log in found and log != trading}
    return await _bounded(Excerpt(logs, ends), wish, sorted(ends))


def _rests_on(source: Log | None, message: object) -> set[Log]:
    found = {source} if source is not None else set()
    instrument = getattr(message, "instrument", "")
    return found | {Log("market", instrument)} if instrument else found


async def _bounded(bus: Excerpt, wish: Wish, logs: Sequence[Log]) -> Excerpt:
    begins: dict[Log, int] = {}
    ends = dict(await bus.ends())
    for log in logs:
        if wish.since:
            begins[log] = await end_known_at(bus, log, wish.since - 2 * JITTER_NS, ends[log])
        if wish.until < FOR_EVER:
            ends[log] = await end_known_at(bus, log, wish.until, ends[log])
    return bus.part(ends, begins)


def _no_portfolio(wish: Wish, ends: Mapping[Log, int]) -> str:
    known = sorted(log.partition for log in ends if log.channel == "trading")
    return (
        f"--portfolio is '{wish.portfolio}', and {wish.place} has no trading log of it; take one of "
        f"{', '.join(known) or 'none: nothing was traded there yet'}"
    )
