"""The paper venue from the outside: the order port over HTTP.

Every call is answered within `TIMEOUT_S`, or nobody knows what became of it. One question is always
open, whether there is a new report: so nobody asks for reports in vain, or waits longer than it takes.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
import msgspec

from marea.errors import BadInput, Unavailable
from marea.messages.envelope import Message, Nanos
from marea.messages.orders import AccountReported, VenueReport
from marea.messages.paper import CancelOrder, PlaceOrder
from marea.venues.paper import wire

TIMEOUT_S = 2.0
RETRY_S = 0.5
WINDOW_NS: Nanos = 6_000_000_000
"""The venue takes what was signed up to 5 s ago, or 1 s ahead."""
NOTHING_HEARD = -2


class PaperOrders:
    """One account at a paper venue, over HTTP."""

    def __init__(self, url: str, producer: str) -> None:
        """`producer` is who asks."""
        self._url = url.rstrip("/")
        self._producer = producer
        self._session: aiohttp.ClientSession | None = None
        self._heard = NOTHING_HEARD
        """The highest number of a report that there is."""
        self._listening: asyncio.Task[None] | None = None
        self._events: list[asyncio.Event] = []

    async def __aenter__(self) -> Self:
        """Be ready to ask; nothing is sent yet."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ask no more."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        if self._session is not None:
            await self._session.close()

    @property
    def arrives_within_ns(self) -> Nanos:
        """The venue's window."""
        return WINDOW_NS

    async def send(self, request: PlaceOrder | CancelOrder) -> None:
        """Write the request to the venue."""
        path = wire.ORDERS if isinstance(request, PlaceOrder) else wire.CANCELS
        await self._ask("POST", path, wire.encode(request, self._producer))

    async def look_up(self, client_order_id: str) -> bool:
        """Whether the venue has the order, or had it."""
        body = await self._ask("GET", f"{wire.ORDERS}/{quote(client_order_id, safe='')}")
        return self._decoded(body, dict[str, bool])[wire.FOUND]

    async def reports(self, after: int, until: Nanos) -> Sequence[VenueReport]:
        """The reports with a number above `after` that have arrived by `until`."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen(after))
        elif NOTHING_HEARD < self._heard <= after:
            return ()
        return await self._reports(f"{wire.AFTER}={after}&{wire.UNTIL}={until}", TIMEOUT_S)

    async def account(self) -> AccountReported:
        """What the account holds."""
        message = self._message(await self._ask("GET", wire.ACCOUNT))
        if not isinstance(message, AccountReported):
            raise Unavailable(f"{self._url} answered {type(message).__name__}: no account")
        return message

    def wake(self, event: asyncio.Event) -> None:
        """Set this event from now on whenever there is a new report."""
        self._events.append(event)

    # Reports

    async def _listen(self, after: int) -> None:
        while True:
            query = f"{wire.AFTER}={after}&{wire.WAIT_S}={wire.WAIT_S_MAX}"
            try:
                reports = await self._reports(query, wire.WAIT_S_MAX + TIMEOUT_S)
            except Unavailable:
                self._heard = NOTHING_HEARD
                await asyncio.sleep(RETRY_S)
                continue
            after = self._heard = max([after, *(each.number for each in reports)])
            if reports:
                for event in self._events:
                    event.set()

    async def _reports(self, query: str, timeout_s: float) -> Sequence[VenueReport]:
        body = await self._ask("GET", f"{wire.REPORTS}?{query}", timeout_s=timeout_s)
        try:
            found = wire.decode_reports(body)
        except (BadInput, msgspec.DecodeError) as err:
            raise self._unreadable(err) from err
        return [each for each in found if isinstance(each, VenueReport)]

    # The wire

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, timeout_s: float = TIMEOUT_S
    ) -> bytes:
        assert self._session is not None, "asked before it was entered"
        try:
            timeout = aiohttp.ClientTimeout(total=timeout_s)
            url = self._url + path
            async with self._session.request(method, url, data=body, timeout=timeout) as answer:
                said = await answer.read()
                if answer.status >= 300:
                    raise Unavailable(
                        f"{method} {path} at {self._url}: {answer.status} {said[:200]!r}: try again"
                    )
                return said
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            raise Unavailable(
                f"{method} {path} at {self._url}: {type(err).__name__} {err}: nobody knows whether "
                "it arrived"
            ) from err

    def _message(self, body: bytes) -> Message:
        try:
            return wire.decode(body)
        except BadInput as err:
            raise self._unreadable(err) from err

    def _decoded(self, body: bytes, kind: type[dict[str, bool]]) -> dict[str, bool]:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as err:
            raise self._unreadable(err) from err

    def _unreadable(self, err: Exception) -> Unavailable:
        return Unavailable(f"{self._url} gave an answer that can't be read ({err}): try again")
