"""What becomes of the orders and the requests before and at a market event?

It is worked out on a copy of the state: each report is taken into the copy by the very function
that will take it into the state, so several reports of one input fit each other.
"""

from collections.abc import Sequence
from typing import NamedTuple

from marea.domain.ledger import ASSET_SCALE
from marea.messages.envelope import Nanos
from marea.messages.market import Side, Trade
from marea.messages.orders import Liquidity
from marea.messages.paper import CancelOrder, ExecutionReport, PlaceOrder, ReportKind
from services.paper.core import admission, balances, changes, liquidity
from services.paper.core.state import (
    Bracket,
    Market,
    Moving,
    Order,
    PaperState,
    Request,
    copy,
    latency_ns,
    time_after,
)


class Subject(NamedTuple):
    """Whose report it is."""

    client_order_id: str
    instrument: str
    side: Side
    price_scale: int
    qty_scale: int
    qty: int
    cum_qty: int = 0
    venue_order_id: str = ""
    request_id: str = ""


class Match(NamedTuple):
    """One match of an order; the defaults are none."""

    qty: int = 0
    price: int = 0
    liquidity: Liquidity = "maker"
    trade_id: str = ""
    commission: int = 0
    commission_asset: str = ""


_NO_MATCH = Match()


def is_idle(state: PaperState, event: Moving) -> bool:
    """Does nothing follow from this event, as from nearly every one?"""
    if state.crossed or (state.on_way and state.on_way[0].ts_arrival <= time_after(state, event)):
        return False
    if state.held is not None and state.markets[state.held.instrument].working:
        return False
    if type(event) is not Trade or event.condition != "MARKET":
        return True
    market = state.markets.get(event.instrument)
    return market is None or not any(
        liquidity.reaches(order, event) or liquidity.triggers(order, event)
        for order in (state.orders[name] for name in market.working)
    )


def reports_at(state: PaperState, event: Moving) -> Sequence[ExecutionReport]:
    """What the market until now does to the orders, then the requests that came, then a trade."""
    desk = Desk(copy(state), state.ts)
    changes.advance(desk.state, event)
    for instrument in list(desk.state.crossed):
        desk.match_book(desk.state.markets[instrument])
    for request in list(desk.state.arrived):
        desk.answer(request)
    desk.ts = desk.state.ts
    if isinstance(event, Trade) and event.condition == "MARKET":
        market = desk.state.markets.get(event.instrument)
        if market is not None:
            desk.match_trade(market, event)
    return desk.reports


class Desk:
    """Where orders are taken, matched and reported, on a state of its own."""

    def __init__(self, state: PaperState, ts: Nanos) -> None:
        self.state = state
        self.ts = ts
        self.reports: list[ExecutionReport] = []

    def match_book(self, market: Market) -> None:
        """Match what the book now shows at or through the prices of the orders, or to a market order."""
        for name in _by_priority(self.state, market):
            order = self.state.orders.get(name)
            if order is not None and order.kind == "limit":
                self._match(market, name, "maker")
            elif order is not None and order.kind == "market":
                self._match(market, name, "taker")

    def match_trade(self, market: Market, trade: Trade) -> None:
        """Match the orders that the trade would have met in the queue, then trigger the stops."""
        orders = [self.state.orders[name] for name in _by_priority(self.state, market)]
        stops = [order.client_order_id for order in orders if liquidity.triggers(order, trade)]
        left = trade.qty
        for order in orders:
            # An end of another one may have ended it.
            if order.client_order_id in self.state.orders and liquidity.reaches(order, trade):
                ahead = order.ahead_qty if trade.price == order.price else 0
                qty = min(order.leaves_qty, left, trade.qty - ahead)
                if qty > 0:
                    left -= qty
                    self._fill(market, order, order.price, qty, "maker")
        for name in stops:
            if name in self.state.orders:
                self._say("triggered", _of_order(market, self.state.orders[name]))
                self._stop_entry(self.state.orders[name].entry_id)
                self._match(market, name, "taker")

    def answer(self, request: Request) -> None:
        """Take, reject or cancel, as a request asks for at its arrival."""
        self.ts = max(self.ts, request.ts_arrival)
        if request.place is not None:
            self._place(request.place)
        elif request.cancel is not None:
            self._cancel(request.cancel)

    # Requests

    def _place(self, place: PlaceOrder) -> None:
        reason = admission.refusal(self.state, place, self.ts)
        subject = Subject(
            place.client_order_id,
            place.instrument,
            place.side,
            place.price_scale,
            place.qty_scale,
            place.qty,
            request_id=place.id,
        )
        if reason:
            self._say("rejected", subject, reason)
            return
        for name in place.replaces:
            self._end(name, "replaced")
        self._accept(self.state.markets[place.instrument], subject)

    def _accept(self, market: Market, subject: Subject) -> None:
        number = str(self.state.order_count)
        self._say("accepted", subject._replace(venue_order_id=number))
        if self.state.orders[subject.client_order_id].kind == "limit":
            self._match(market, subject.client_order_id, "taker")

    def _cancel(self, cancel: CancelOrder) -> None:
        name = cancel.client_order_id
        if self._end(name, "requested"):
            return
        market = self.state.markets.get(cancel.instrument)
        scales = (market.price_scale, market.qty_scale) if market is not None else (0, 0)
        subject = Subject(name, cancel.instrument, "buy", *scales, 0, request_id=cancel.id)
        reason = "ENDED" if name in self.state.ordered else "UNKNOWN_ORDER"
        self._say("cancel_rejected", subject, reason)

    def _end(self, name: str, reason: str) -> bool:
        # False where no such order works or is to become one.
        state = self.state
        if name in state.orders:
            order = state.orders[name]
            self._say("canceled", _of_order(state.markets[order.instrument], order), reason)
            self._end_pending(name)
            return True
        bracket = state.brackets.get(state.entry_of.get(name, ""))
        if bracket is not None:
            market = state.markets[bracket.instrument]
            self._say("canceled", _of_pending(market, bracket, name), reason)
        return bracket is not None

    def _end_pending(self, entry_id: str) -> None:
        # What an entry that is over has not activated protects nothing any more.
        bracket = self.state.brackets.get(entry_id)
        if bracket is not None and entry_id not in self.state.orders:
            for name in list(bracket.pending):
                self._end(name, "entry_ended")

    # Matches

    def _match(self, market: Market, name: str, role: Liquidity) -> None:
        while (order := self.state.orders.get(name)) is not None:
            level = liquidity.best_level(market, order)
            if level is None:
                return
            price = level[0] if role == "taker" else order.price
            self._fill(market, order, price, min(level[1], order.leaves_qty), role)

    def _fill(self, market: Market, order: Order, price: int, qty: int, role: Liquidity) -> None:
        config = self.state.config
        rate_e8 = config.maker_e8 if role == "maker" else config.taker_e8
        commission = balances.commission(market, order.side, price, qty, rate_e8)
        subject = _of_order(market, order)._replace(cum_qty=order.cum_qty + qty)
        match = Match(qty, price, role, str(self.state.fill_count), *commission)
        self._say("filled", subject, match=match)
        if order.entry_id:
            self._share(market, order)
        else:
            self._protect(market, order.client_order_id)
            self._end_pending(order.client_order_id)

    # Brackets

    def _protect(self, market: Market, entry_id: str) -> None:
        # What the entry brought so far is protected before anything else happens.
        bracket = self.state.brackets.get(entry_id)
        qty = balances.protected_qty(market, bracket) if bracket is not None else 0
        if bracket is None or not qty:
            return
        for name in (bracket.stop_order_id, bracket.target_order_id):
            order = self.state.orders.get(name)
            if name in bracket.pending:
                self._accept(market, _of_pending(market, bracket, name)._replace(qty=qty))
            elif order is not None and order.qty != qty:
                self._say("amended", _of_order(market, order)._replace(qty=qty))

    def _share(self, market: Market, order: Order) -> None:
        # What one of two protective orders sold is not the other's to sell any more.
        self._stop_entry(order.entry_id)
        bracket = self.state.brackets.get(order.entry_id)
        if bracket is None:
            return
        is_stop = order.client_order_id == bracket.stop_order_id
        name = bracket.target_order_id if is_stop else bracket.stop_order_id
        sibling = self.state.orders.get(name)
        if sibling is None:
            return
        qty = balances.protected_qty(market, bracket) - order.cum_qty
        if qty <= sibling.cum_qty:
            self._end(name, "sibling_filled")
        elif qty != sibling.qty:
            self._say("amended", _of_order(market, sibling)._replace(qty=qty))

    def _stop_entry(self, entry_id: str) -> None:
        # It goes on buying nothing that is being sold already.
        if entry_id in self.state.orders:
            self._end(entry_id, "sibling_filled")

    # Reports

    def _say(
        self, kind: ReportKind, subject: Subject, reason: str = "", match: Match = _NO_MATCH
    ) -> None:
        state = self.state
        way_ns = latency_ns(state.config, subject.client_order_id, "report")
        report = ExecutionReport(
            ts_event=self.ts,
            parents=(subject.request_id,),
            account=state.config.account,
            instrument=subject.instrument,
            client_order_id=subject.client_order_id,
            venue_order_id=subject.venue_order_id,
            number=state.report_count,
            kind=kind,
            reason=reason,
            ts_arrives=max(state.ts_reported, self.ts + way_ns),
            side=subject.side,
            liquidity=match.liquidity,
            price_scale=subject.price_scale,
            qty_scale=subject.qty_scale,
            qty=subject.qty,
            last_qty=match.qty,
            last_price=match.price,
            cum_qty=subject.cum_qty,
            trade_id=match.trade_id,
            asset_scale=ASSET_SCALE,
            commission=match.commission,
            commission_asset=match.commission_asset,
        )
        self.reports.append(report)
        changes.take_report(state, report)


def _by_priority(state: PaperState, market: Market) -> list[str]:
    def rank(name: str) -> int:
        order = state.orders[name]
        return -order.price if order.side == "buy" else order.price

    return sorted(market.working, key=rank)


def _of_order(market: Market, order: Order) -> Subject:
    return Subject(
        order.client_order_id,
        order.instrument,
        order.side,
        market.price_scale,
        market.qty_scale,
        order.qty,
        order.cum_qty,
        order.venue_order_id,
        order.request_id,
    )


def _of_pending(market: Market, bracket: Bracket, name: str) -> Subject:
    scales = market.price_scale, market.qty_scale
    return Subject(name, market.instrument, "sell", *scales, 0, request_id=bracket.request_id)
