"""What must every venue that takes orders do? One suite, run on the paper venue and on real ones.

A test class for an implementation inherits `OrderVenueContract` and gives `open_bench`: a venue
with a quiet market, an account that can buy, and a hand that lets time pass.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from marea.messages.envelope import Nanos
from marea.messages.orders import (
    SIGNED_OFF,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    VenueReport,
)
from marea.messages.paper import CancelOrder, PlaceOrder
from marea.venues.port import OrderVenue

PASSED_MS = 1_000
"""By then a request has come to the venue, and its reports have come back."""


class VenueBench(Protocol):
    """A venue, and what surrounds it."""

    @property
    def venue(self) -> OrderVenue:
        """The venue in its present life."""
        ...

    def resting(self, client_order_id: str) -> PlaceOrder:
        """An order to buy, signed now, that the market does not reach."""
        ...

    def taking(self, client_order_id: str) -> PlaceOrder:
        """An order to buy, signed now, that the market fills at once."""
        ...

    async def pass_time(self, ms: int) -> Nanos:
        """Let time pass in a market that stays as it is, and give the venue's time."""
        ...

    async def reopen(self) -> None:
        """End our side of the venue, and begin it anew on what is kept."""
        ...


Scenario = Callable[[VenueBench], Coroutine[Any, Any, None]]


def kinds(reports: Sequence[VenueReport]) -> list[tuple[str, type[VenueReport]]]:
    """Of each report the order and the type."""
    return [(report.client_order_id, type(report)) for report in reports]


def cancel_of(order: PlaceOrder) -> CancelOrder:
    """The request to end an order, signed as the order was."""
    return CancelOrder(
        account=order.account,
        instrument=order.instrument,
        client_order_id=order.client_order_id,
        ts_sign=order.ts_sign,
    )


class OrderVenueContract(ABC):
    """Requests, answers, copies, look-ups, balances."""

    @abstractmethod
    def open_bench(self) -> VenueBench:
        """A venue that has heard nothing yet."""

    def run(self, scenario: Scenario) -> None:
        """Play a scenario on a new venue."""

        async def scene() -> None:
            bench = self.open_bench()
            await bench.reopen()
            await bench.pass_time(PASSED_MS)
            await scenario(bench)

        asyncio.run(scene())

    def test_order_that_rests_is_accepted(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            order = bench.resting("a")
            await bench.venue.send(order)
            now = await bench.pass_time(PASSED_MS)
            [report] = await bench.venue.reports(-1, now)
            assert isinstance(report, OrderAccepted)
            assert (report.client_order_id, report.qty, report.number) == ("a", order.qty, 0)

        self.run(scenario)

    def test_report_is_not_there_before_it_arrives(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            sent = bench.resting("a").ts_sign
            await bench.venue.send(bench.resting("a"))
            assert await bench.venue.reports(-1, sent) == []
            await bench.pass_time(PASSED_MS)
            assert await bench.venue.reports(-1, sent) == []

        self.run(scenario)

    def test_order_that_takes_is_filled_and_changes_what_the_account_holds(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            before = await bench.venue.account()
            order = bench.taking("a")
            await bench.venue.send(order)
            now = await bench.pass_time(PASSED_MS)
            accepted, *fills = await bench.venue.reports(-1, now)
            assert isinstance(accepted, OrderAccepted)
            filled = 0
            for fill in fills:
                assert isinstance(fill, OrderFilled)
                filled += fill.last_qty
                assert (fill.cum_qty, fill.leaves_qty) == (filled, order.qty - filled)
                assert fill.last_price <= order.price
            assert filled == order.qty
            after = await bench.venue.account()
            assert after.report_offset == 1 + len(fills)
            changed = {
                asset
                for asset, units in after.balances.items()
                if units != before.balances.get(asset, 0)
            }
            assert len(changed) == 2
            assert after.open_orders == ()

        self.run(scenario)

    def test_canceled_order_ends_once(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            order = bench.resting("a")
            await bench.venue.send(order)
            now = await bench.pass_time(PASSED_MS)
            await bench.venue.send(cancel_of(bench.resting("a")))
            now = await bench.pass_time(PASSED_MS)
            await bench.venue.send(cancel_of(bench.resting("a")))
            now = await bench.pass_time(PASSED_MS)
            reports = await bench.venue.reports(0, now)
            assert kinds(reports) == [("a", OrderCanceled), ("a", CancelRejected)]

        self.run(scenario)

    def test_cancel_of_what_was_never_there_is_rejected(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            await bench.venue.send(cancel_of(bench.resting("a")))
            now = await bench.pass_time(PASSED_MS)
            [report] = await bench.venue.reports(-1, now)
            assert isinstance(report, CancelRejected)
            assert report.reason == "UNKNOWN_ORDER"

        self.run(scenario)

    def test_second_copy_makes_no_second_order(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            order = bench.taking("a")
            for _ in range(3):
                await bench.venue.send(order)
                await bench.pass_time(PASSED_MS)
            now = await bench.pass_time(PASSED_MS)
            reports = await bench.venue.reports(-1, now)
            assert kinds(reports).count(("a", OrderAccepted)) == 1
            fills = [report for report in reports if isinstance(report, OrderFilled)]
            assert sum(fill.last_qty for fill in fills) == order.qty

        self.run(scenario)

    def test_request_that_is_signed_too_long_ago_is_rejected_and_is_no_order(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            order = bench.resting("a")
            await bench.pass_time(10 * PASSED_MS)
            await bench.venue.send(order)
            now = await bench.pass_time(PASSED_MS)
            [report] = await bench.venue.reports(-1, now)
            assert isinstance(report, OrderRejected)
            assert report.reason == SIGNED_OFF
            assert not await bench.venue.look_up("a")
            await bench.venue.send(bench.resting("a"))
            assert await bench.venue.look_up("a")

        self.run(scenario)

    def test_order_is_found_from_its_sending_on_and_for_ever(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            assert not await bench.venue.look_up("a")
            await bench.venue.send(bench.taking("a"))
            assert await bench.venue.look_up("a")
            await bench.pass_time(PASSED_MS)
            assert await bench.venue.look_up("a")
            await bench.reopen()
            assert await bench.venue.look_up("a")
            assert not await bench.venue.look_up("b")

        self.run(scenario)

    def test_rejected_order_is_found_for_its_report_may_be_on_its_way(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            await bench.venue.send(replace(bench.resting("a"), qty=0))
            now = await bench.pass_time(PASSED_MS)
            assert await bench.venue.look_up("a")
            [report] = await bench.venue.reports(-1, now)
            assert isinstance(report, OrderRejected)
            await bench.reopen()
            assert await bench.venue.look_up("a")

        self.run(scenario)

    def test_rejected_order_may_be_sent_anew(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            await bench.venue.send(replace(bench.resting("a"), qty=0))
            now = await bench.pass_time(PASSED_MS)
            [report] = await bench.venue.reports(-1, now)
            assert isinstance(report, OrderRejected)
            await bench.venue.send(bench.resting("a"))
            now = await bench.pass_time(PASSED_MS)
            assert kinds(await bench.venue.reports(0, now)) == [("a", OrderAccepted)]

        self.run(scenario)

    def test_reports_can_be_asked_for_again_from_any_number_and_in_any_life(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            for name in ("a", "b", "c"):
                await bench.venue.send(bench.resting(name))
            now = await bench.pass_time(PASSED_MS)
            reports = list(await bench.venue.reports(-1, now))
            assert [report.number for report in reports] == [0, 1, 2]
            assert len({report.id for report in reports}) == 3
            for after in (1, -1, 2, 0):
                assert list(await bench.venue.reports(after, now)) == reports[after + 1 :]
            await bench.reopen()
            now = await bench.pass_time(PASSED_MS)
            assert list(await bench.venue.reports(-1, now)) == reports

        self.run(scenario)

    def test_account_tells_its_working_orders_and_which_reports_it_rests_on(self) -> None:
        async def scenario(bench: VenueBench) -> None:
            for name in ("b", "a"):
                await bench.venue.send(bench.resting(name))
            assert (await bench.venue.account()).open_orders == ()
            now = await bench.pass_time(PASSED_MS)
            account = await bench.venue.account()
            assert account.open_orders == ("a", "b")
            assert account.report_offset == len(await bench.venue.reports(-1, now))
            await bench.reopen()
            assert (await bench.venue.account()).balances == account.balances

        self.run(scenario)
