"""What is done at the venue about what execution decides, and what comes back from there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from marea.errors import Unavailable
from marea.messages.envelope import Log, Message, Nanos, Record
from marea.messages.ids import derived_id
from marea.messages.market import Price
from marea.messages.orders import (
    CancelIntended,
    LookUpOrder,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderSent,
    OrderUnknown,
    ReportAccount,
    VenueReport,
)
from marea.messages.paper import CancelOrder, PlaceOrder
from marea.runtime.wiring import Effect
from marea.venues.port import OrderVenue
from services.execution.config import ExecutionConfig
from services.execution.core import SERVICE, ExecutionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """All that execution touches of the world beside its log."""

    config: ExecutionConfig
    venue: OrderVenue
    flush: Callable[[], Awaitable[None]]
    """Returns once all that was appended is safe."""
    venue_time: Callable[[], Nanos]
    top: Callable[[str], tuple[Price, Price]]
    """Best bid and ask of an instrument now; 0: none known."""


class _OnTheirWay:
    """Which orders may become known to the venue although a look-up does not find them?

    Requests of earlier lives may be on their way too; they were signed before this one began.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._begun: Nanos = 0
        self._signed: dict[str, Nanos] = {}
        """By client order id, when the last request of this life was signed."""

    def begin(self) -> Nanos:
        """The venue's time; the first call is where this life begins to act."""
        now = self._shell.venue_time()
        self._begun = self._begun or now
        return now

    def sign(self, client_order_id: str, ts_sign: Nanos) -> None:
        """A request for this order is sent now, or was just now."""
        now = self.begin()
        within_ns = self._shell.venue.arrives_within_ns
        self._signed = {name: ts for name, ts in self._signed.items() if now < ts + within_ns}
        self._signed[client_order_id] = ts_sign

    def may_hold(self, client_order_id: str, now: Nanos) -> bool:
        """Whether one that was not found at this time may still come."""
        signed = max(self._signed.get(client_order_id, 0), self._begun)
        return now < signed + self._shell.venue.arrives_within_ns


def effects_of(shell: Shell) -> Mapping[type[Message], Effect]:
    """What the shell does about each output that concerns the venue."""
    on_their_way = _OnTheirWay(shell)

    async def send(record: Record) -> Sequence[Message]:
        assert isinstance(record.message, OrderIntended)
        on_their_way.sign(record.message.client_order_id, record.ts_known)
        return [await _send(shell, record.message, record.ts_known)]

    async def cancel(record: Record) -> Sequence[Message]:
        assert isinstance(record.message, CancelIntended)
        await shell.flush()
        with suppress(Unavailable):  # the core repeats what stays unanswered
            await shell.venue.send(_cancel(record.message, record.ts_known))
        return ()

    async def look_up(record: Record) -> Sequence[Message]:
        assert isinstance(record.message, LookUpOrder)
        name, asked = record.message.client_order_id, on_their_way.begin()
        with suppress(Unavailable):
            found = await shell.venue.look_up(name)
            if found or not on_their_way.may_hold(name, asked):
                return [_looked_up(shell, record.message, found)]
        return ()  # the core asks again

    async def report(record: Record) -> Sequence[Message]:
        with suppress(Unavailable):
            reported = await shell.venue.account()
            name, now = _id_of(shell, "AccountReported", record.message), shell.venue_time()
            return [replace(reported, id=name, ts_event=now, parents=(record.message.id,))]
        return ()

    return {
        OrderIntended: send,
        CancelIntended: cancel,
        LookUpOrder: look_up,
        ReportAccount: report,
    }


def arrivals_of(
    venue: OrderVenue,
) -> Callable[[ExecutionState, Nanos], Awaitable[Sequence[Message]]]:
    """The venue's reports that have arrived and are not on the log yet, each once and in order."""

    async def arrivals(state: ExecutionState, now: Nanos) -> Sequence[Message]:
        if state.sends:
            with suppress(Unavailable):  # their numbers say later which are missing
                return _following(
                    await venue.reports(state.report_number, now), state.report_number
                )
        return ()

    return arrivals


def _following(reports: Sequence[VenueReport], number: int) -> Sequence[VenueReport]:
    # A wire may bring a report twice, or before the one that it follows: that one is waited for.
    found: list[VenueReport] = []
    for report in sorted(reports, key=lambda each: each.number):
        if report.number == number + 1:
            found.append(report)
            number = report.number
    return found


async def _send(
    shell: Shell, intent: OrderIntended, ts_sign: Nanos
) -> OrderSent | OrderNotSent | OrderUnknown:
    await shell.flush()  # durable before irreversible
    request = _place(intent, ts_sign)
    now = shell.venue_time()
    is_late = now - ts_sign > shell.config.late_ns_max
    if is_late or now >= intent.ts_expiry:
        return OrderNotSent(
            id=_id_of(shell, "OrderNotSent", intent),
            ts_event=now,
            parents=(intent.id,),
            portfolio=intent.portfolio,
            instrument=intent.instrument,
            client_order_id=intent.client_order_id,
            attempt=intent.attempt,
            reason="late" if is_late else "expired",
        )
    bid_price, ask_price = shell.top(intent.instrument)
    try:
        await shell.venue.send(request)
    except Unavailable:
        return OrderUnknown(
            id=_id_of(shell, "OrderUnknown", intent),
            ts_event=shell.venue_time(),
            parents=(intent.id,),
            portfolio=intent.portfolio,
            instrument=intent.instrument,
            client_order_id=intent.client_order_id,
            attempt=intent.attempt,
            reason="timeout",
        )
    return OrderSent(
        id=_id_of(shell, "OrderSent", intent),
        ts_event=now,  # when it left, however long the answer took
        parents=(intent.id,),
        portfolio=intent.portfolio,
        instrument=intent.instrument,
        client_order_id=intent.client_order_id,
        attempt=intent.attempt,
        price_scale=intent.price_scale,
        bid_price=bid_price,
        ask_price=ask_price,
    )


def _looked_up(shell: Shell, question: LookUpOrder, found: bool) -> OrderLookedUp:
    return OrderLookedUp(
        id=_id_of(shell, "OrderLookedUp", question),
        ts_event=shell.venue_time(),
        parents=(question.id,),
        portfolio=question.portfolio,
        instrument=question.instrument,
        client_order_id=question.client_order_id,
        attempt=question.attempt,
        found=found,
    )


def _place(intent: OrderIntended, ts_sign: Nanos) -> PlaceOrder:
    return PlaceOrder(
        id=_request_id("PlaceOrder", intent, ts_sign),
        ts_event=ts_sign,
        account=intent.account,
        instrument=intent.instrument,
        client_order_id=intent.client_order_id,
        ts_sign=ts_sign,
        leg=intent.leg,
        side=intent.side,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        price_scale=intent.price_scale,
        qty_scale=intent.qty_scale,
        qty=intent.qty,
        price=intent.price,
        stop_order_id=intent.stop_order_id,
        stop_price=intent.stop_price,
        target_order_id=intent.target_order_id,
        target_price=intent.target_price,
        replaces=intent.replaces,
    )


def _cancel(intent: CancelIntended, ts_sign: Nanos) -> CancelOrder:
    return CancelOrder(
        id=_request_id("CancelOrder", intent, ts_sign),
        ts_event=ts_sign,
        account=intent.account,
        instrument=intent.instrument,
        client_order_id=intent.client_order_id,
        ts_sign=ts_sign,
    )


def _request_id(kind: str, intent: OrderIntended | CancelIntended, ts_sign: Nanos) -> str:
    # Of the order and the stamp, not of the intent: a new life that signs the same says the same.
    log = Log("trading", intent.portfolio)
    return derived_id(SERVICE, log, kind, intent.client_order_id, str(ts_sign))


def _id_of(shell: Shell, kind: str, cause: Message) -> str:
    return derived_id(SERVICE, Log("trading", shell.config.portfolio), kind, cause.id)
