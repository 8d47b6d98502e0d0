"""The paper venue on the wire: what its client asks over HTTP."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from aiohttp import web

from marea.errors import BadInput, MareaError
from marea.messages.envelope import Message, Nanos
from marea.messages.orders import VenueReport
from marea.messages.paper import CancelOrder, PlaceOrder
from marea.venues.paper import wire
from services.paper.shell.desk import Desk
from services.paper.shell.venue import PaperVenue

PRODUCER = "paper"
LOOK_S = 0.1
"""So often it is looked whether a report has arrived, where the market tells no time."""


class Server:
    """Answers requests for one account."""

    def __init__(self, desk: Desk, account: str) -> None:
        self._desk = desk
        self._account = account

    def add_to(self, app: web.Application) -> None:
        """Answer them there."""
        app.router.add_post(wire.ORDERS, self.place)
        app.router.add_post(wire.CANCELS, self.cancel)
        app.router.add_get(wire.ORDERS + "/{client_order_id}", self.look_up)
        app.router.add_get(wire.REPORTS, self.reports)
        app.router.add_get(wire.ACCOUNT, self.account)

    async def place(self, request: web.Request) -> web.Response:
        """Take an order."""
        return await self._take(request, PlaceOrder)

    async def cancel(self, request: web.Request) -> web.Response:
        """Take the wish to cancel one."""
        return await self._take(request, CancelOrder)

    async def look_up(self, request: web.Request) -> web.Response:
        """Say whether an order is known."""
        name = request.match_info["client_order_id"]
        try:
            found = await self._desk.ask(lambda venue: venue.look_up(name))
        except MareaError as err:
            return _refused(503, err)
        return _answer(msgspec.json.encode({wire.FOUND: found}))

    async def reports(self, request: web.Request) -> web.Response:
        """Give the reports behind a number that have arrived by a time, or by now.

        Where none has, the question waits for one for a while.
        """
        try:
            after = int(request.query.get(wire.AFTER, "-1"))
            until = int(request.query.get(wire.UNTIL, "0"))
            wait_s = min(float(request.query.get(wire.WAIT_S, "0")), wire.WAIT_S_MAX)
        except ValueError as err:
            return _refused(400, BadInput(f"{request.query_string}: {err}; write numbers"))
        try:
            found = await self._awaited(after, until, wait_s)
        except MareaError as err:
            return _refused(503, err)
        return _answer(wire.encode_reports(found, PRODUCER))

    async def account(self, _: web.Request) -> web.Response:
        """Give what the account holds."""
        try:
            reported = await self._desk.ask(lambda venue: venue.account())
        except MareaError as err:
            return _refused(503, err)
        return _answer(wire.encode(reported, PRODUCER))

    async def _awaited(self, after: int, until: Nanos, wait_s: float) -> Sequence[VenueReport]:
        clock = asyncio.get_running_loop()
        ends = clock.time() + wait_s
        while True:
            taken = self._desk.taken()  # asked before it looks: what comes meanwhile wakes it too
            found = await self._found(after, until)
            left_s = ends - clock.time()
            if found or left_s <= 0:
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, LOOK_S)):
                    await taken.wait()

    async def _found(self, after: int, until: Nanos) -> Sequence[VenueReport]:
        async def ask(venue: PaperVenue) -> Sequence[VenueReport]:
            return await venue.reports(after, until or await venue.now())

        found = await self._desk.ask(ask)
        return found[: wire.REPORTS_MAX]

    async def _take(
        self, request: web.Request, kind: type[PlaceOrder] | type[CancelOrder]
    ) -> web.Response:
        try:
            message = self._read(wire.decode(await request.read()), kind)
        except BadInput as err:
            return _refused(400, err)
        try:
            await self._desk.ask(lambda venue: venue.send(message))
        except MareaError as err:
            return _refused(503, err)
        return _answer(b"{}", 202)

    def _read(
        self, message: Message, kind: type[PlaceOrder] | type[CancelOrder]
    ) -> PlaceOrder | CancelOrder:
        if not isinstance(message, kind):
            raise BadInput(f"a {type(message).__name__} came here: send a {kind.__name__}")
        if message.account != self._account:
            raise BadInput(f"account is '{message.account}', and here is only '{self._account}'")
        return message


def _answer(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _refused(status: int, err: MareaError) -> web.Response:
    return _answer(msgspec.json.encode({"error": str(err)}), status)
