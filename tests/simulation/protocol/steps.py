"""The steps of the order protocol, each as something that can be taken out of the real code.

Nothing in the product knows of this: a step goes by a port that is wrapped, a setting that is
changed, or a method of the loop that is overridden.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from marea.errors import Broken, Refused
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.orders import (
    AccountReported,
    OrderIntended,
    OrderNotSent,
    OrderUnknown,
    VenueReport,
)
from marea.messages.paper import CancelOrder, PlaceOrder
from marea.messages.system import Started
from marea.runtime.loop import Loop
from marea.runtime.wiring import Effect
from marea.venues.port import OrderVenue
from services.execution.config import ExecutionConfig
from services.execution.core import ExecutionState
from services.execution.core.state import ATTEMPTS_MAX
from tests.simulation.cluster import Cluster, Host
from tests.simulation.protocol.venue import WINDOW_NS

TRADING = Log("trading", "main")
EXECUTION = "execution/main"
NEVER_NS: Nanos = 1 << 60


@dataclass(slots=True)
class Life:
    """What one life of execution is made of, before it is put together."""

    host: Host
    cluster: Cluster
    config: ExecutionConfig
    venue: OrderVenue
    venue_time: Callable[[], Nanos]
    flush: Callable[[], Awaitable[None]]
    answer: Callable[[Message], Message] = lambda message: message
    """What the shell says of a request, as the core is told it."""
    make: type[Loop[ExecutionState]] = Loop
    loop: Loop[ExecutionState] | None = None


Removal = Callable[[Life], object]
"""Takes a step out of a life."""


class _Wrapped:
    """A venue port that passes everything on."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.inner = life.venue
        life.venue = self

    @property
    def arrives_within_ns(self) -> Nanos:
        return self.inner.arrives_within_ns

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        await self.inner.send(request)

    async def look_up(self, client_order_id: str) -> bool:
        return await self.inner.look_up(client_order_id)

    async def reports(self, after: int, until: Nanos) -> Sequence[VenueReport]:
        return await self.inner.reports(after, until)

    async def account(self) -> AccountReported:
        return await self.inner.account()


class no_wait(_Wrapped):  # noqa: N801 # a removal, named as the others are
    """What a look-up does not find is taken for what never arrives."""

    @property
    def arrives_within_ns(self) -> Nanos:
        return 0


class _Unasked(no_wait):
    async def look_up(self, client_order_id: str) -> bool:  # noqa: ARG002 # nobody is asked
        return False


def no_query(life: Life) -> None:
    """A timeout is answered by a new attempt at once, and so is a new start."""
    _Unasked(life)
    life.answer = _not_sent


def _not_sent(message: Message) -> Message:
    if not isinstance(message, OrderUnknown):
        return message
    return OrderNotSent(
        id=message.id,
        ts_event=message.ts_event,
        parents=message.parents,
        portfolio=message.portfolio,
        instrument=message.instrument,
        client_order_id=message.client_order_id,
        attempt=message.attempt,
        reason="late",
    )


class _SignedAtSend(_Wrapped):
    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        await self.life.host.before()
        await self.inner.send(replace(request, ts_sign=self.life.venue_time()))


def sign_at_send(life: Life) -> None:
    """A request is signed with the time at which it is sent, so it is never late."""
    _SignedAtSend(life)
    no_late_check(life)


def no_late_check(life: Life) -> None:
    """However long after its intent, a request is sent."""
    life.config = replace(life.config, late_ns_max=NEVER_NS)


class lease(_Wrapped):  # noqa: N801 # as above
    """Right before a send, its sender asks whether it is still the newest life."""

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        assert self.life.loop is not None
        own = self.life.loop._outputs.epoch(TRADING)
        if _newest_epoch(self.life.cluster) > own:
            raise Refused(f"epoch {own} is over")
        await self.inner.send(request)


def _newest_epoch(cluster: Cluster) -> int:
    records = cluster.records_of(TRADING)
    return max(
        position
        for position, record in enumerate(records)
        if record.writer.producer == EXECUTION and type(record.message) is Started
    )


class _Unread(Loop[ExecutionState]):
    """Acts on an output as soon as it is appended, as on one of another log."""

    def _say(self, position: int, cause: Record, log: Log, message: Message) -> None:
        own, self._self_on_input = self._self_on_input, None
        super()._say(position, cause, log, message)
        self._self_on_input = own

    def _read_back(self, record: Record) -> None:
        pass


class _Early(_Unread):
    """Acts on an output before it is appended."""

    async def _take_all(self, records: Sequence[Record]) -> Broken | None:
        failure = await super()._take_all(records)
        await self._act()
        return failure


class _Epochless(Loop[ExecutionState]):
    """Acts on every intent that it reads, whoever wrote it, and goes on when it is followed."""

    def _refuse_successor(self, position: int, record: Record) -> None:
        pass

    def _read_back(self, record: Record) -> None:
        if type(record.message) in self.ports.effects:
            self._effects.append(record)


def no_read_back(life: Life) -> None:
    """An intent is acted on when it is appended, not when it is read back."""
    life.make = _Unread


def no_intent(life: Life) -> None:
    """A request is sent before its intent is on the log."""
    life.make = _Early


def no_epoch(life: Life) -> None:
    """A zombie's intents count, and those of a life that is over."""
    life.make = _Epochless


def no_flush(life: Life) -> None:
    """A request is sent although a power cut may take its intent."""

    async def nothing() -> None:
        pass

    life.flush = nothing


def answered(life: Life, effects: Mapping[type[Message], Effect]) -> Mapping[type[Message], Effect]:
    """The shell's effects, and what the core is told of a sending."""
    send = effects[OrderIntended]

    async def told(record: Record) -> Sequence[Message]:
        return [life.answer(each) for each in await send(record)]

    return {**effects, OrderIntended: told}


class Variant(NamedTuple):
    """The protocol, without some of its steps."""

    name: str
    says: str
    removed: tuple[Removal, ...] = ()
    page_pct: float | None = None
    """Doubled, in the model that the design was tried with."""
    keeps_ids: bool = False
    """Whether the venue never takes an id again."""
    window_ns: Nanos = WINDOW_NS
    """The venue's time window."""
    attempts_max: int = ATTEMPTS_MAX


VARIANTS = (
    Variant(
        "retry",
        "no intent, no query: a timeout is answered by sending again",
        (no_intent, no_query, sign_at_send),
        31.5,
    ),
    Variant("blind", "intent, then blind resend", (no_read_back, no_query, sign_at_send), 28.2),
    Variant("query", "intent, query, resend", (no_read_back, no_wait, sign_at_send), 3.8),
    Variant(
        "lease",
        "the same with a lease check before the send",
        (no_read_back, no_wait, sign_at_send, lease),
        2.0,
    ),
    Variant("whole", "the protocol, whole", (), 0.0),
    Variant("no_query", "without the query: unknown is taken for not sent", (no_query,)),
    Variant("no_wait", "without the wait for what may be on its way", (no_wait,)),
    Variant("sign_at_send", "without the stamp of the intent: signed when sent", (sign_at_send,)),
    Variant("no_intent", "without the intent on the log before the send", (no_intent,)),
    Variant("no_flush", "without the flush before the send", (no_flush,)),
    Variant("no_read_back", "without the read-back of the intent", (no_read_back,)),
    Variant("no_epoch", "without the check of the epoch", (no_epoch,)),
    Variant("no_late_check", "without the check for lateness", (no_late_check,)),
    Variant(
        "gives_up",
        "a timeout is taken for a failure, and nothing is sent again",
        (no_query,),
        attempts_max=1,
    ),
    Variant("windowless", "the protocol, at a venue without a time window", window_ns=NEVER_NS),
    Variant("kept_ids", "the protocol, at a venue that keeps ids for ever", keeps_ids=True),
    Variant(
        "query_kept_ids",
        "intent, query, resend, at a venue that keeps ids for ever",
        (no_read_back, no_wait, sign_at_send),
        keeps_ids=True,
    ),
    Variant(
        "windowless_kept_ids",
        "the protocol, at a venue that keeps ids and has no time window",
        window_ns=NEVER_NS,
        keeps_ids=True,
    ),
)
"""The steps as the design was tried with them, then each left out of the whole."""
