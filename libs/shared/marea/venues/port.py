"""What the rest of Marea needs of any venue, whatever it speaks."""

from collections.abc import Sequence
from typing import Protocol

from marea.errors import BadInput
from marea.messages.envelope import Nanos
from marea.messages.orders import AccountReported, VenueReport
from marea.messages.paper import CancelOrder, PlaceOrder

DETAIL_CHARS_MAX = 200


class OrderVenue(Protocol):
    """One account at a venue that takes orders.

    Every answer about an order comes as a numbered report, contiguous from 0. A wire may bring one
    again, or before those it follows: a reader that remembers the last number it took, and takes
    but the next, misses none and takes none twice.
    """

    @property
    def arrives_within_ns(self) -> Nanos:
        """How long after its signing a request may still become an order that no look-up shows.

        The venue's time window, how far ahead it lets a stamp be, and how old its answers may be;
        0 where a look-up knows of what is on its way.
        """
        ...

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        """Write the request to the venue; what it makes of it comes as reports.

        Raises `Unavailable` where nobody knows whether the request arrived.
        """
        ...

    async def look_up(self, client_order_id: str) -> bool:
        """Whether the venue has the order, or had it, if only to reject it.

        A request that it refused for its time (`SIGNED_OFF`) is none of the order: it is not found.

        False is definite once `arrives_within_ns` have passed since the last signing of a request
        for it: after that, none that was sent so far becomes this order. Raises `Unavailable` where
        the venue can't be asked.
        """
        ...

    async def reports(self, after: int, until: Nanos) -> Sequence[VenueReport]:
        """The reports with a number above `after` that have arrived by `until`.

        Their ids are made of the account, the order and the number: the same in every life.
        Raises `Unavailable` where the venue can't be asked.
        """
        ...

    async def account(self) -> AccountReported:
        """What the account holds and which of its orders work, as of the reports it names.

        Raises `Unavailable` where the venue can't be asked.
        """
        ...


class UnreadableMessage(BadInput):
    """What a venue sent can't be read or can't be true: a dead letter, and the stream goes on.

    `reason` is a code (`not_json`, `bad_amount`, …), `detail` the field, what it holds and what
    is expected, cut to `DETAIL_CHARS_MAX`: what comes from outside may be of any length.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail[:DETAIL_CHARS_MAX]
        super().__init__(f"{reason}: {self.detail}")
