"""How an input, or a report, changes what the venue knows.

The reports of an input are about the market as it was before: requests that arrive before a trade
meet the book before it. The loop applies an input before what followed from it, so where anything
follows, a market event is held and taken as the next one comes.
"""

from bisect import insort

from marea.domain.book import Book, sequencing_of
from marea.domain.ledger import ASSET_SCALE, fill_of, settle
from marea.messages.envelope import Nanos
from marea.messages.market import BookDelta, BookSnapshot, InstrumentChanged, Trade
from marea.messages.orders import DUPLICATE_ID
from marea.messages.paper import AccountOpened, CancelOrder, ExecutionReport, PlaceOrder
from marea.messages.system import Clock
from services.paper.core import balances, liquidity
from services.paper.core.state import (
    IDS_KEPT_MAX,
    Bracket,
    Held,
    Market,
    Moving,
    Order,
    PaperState,
    Request,
    is_exact,
    latency_ns,
    time_after,
)


def take_instrument(state: PaperState, facts: InstrumentChanged) -> None:
    """Begin an instrument, or go on with other increments.

    Raises `ValueError` for scales that change, or a book sequencing that there isn't.
    """
    market = state.markets.get(facts.instrument)
    if market is None:
        state.markets[facts.instrument] = Market(
            instrument=facts.instrument,
            base=facts.base,
            quote=facts.quote,
            price_scale=facts.price_scale,
            qty_scale=facts.qty_scale,
            price_increment=facts.price_increment,
            qty_increment=facts.qty_increment,
            notional_min=facts.notional_min,
            is_traded=facts.kind == "spot" and is_exact(facts),
            book=Book(sequencing=sequencing_of(facts.book_sequencing)),
        )
        return
    if (market.price_scale, market.qty_scale) != (facts.price_scale, facts.qty_scale):
        raise ValueError(
            f"{facts.instrument} changed its scales from {market.price_scale}, {market.qty_scale} "
            f"to {facts.price_scale}, {facts.qty_scale}: open a new account for it"
        )
    market.price_increment = facts.price_increment
    market.qty_increment = facts.qty_increment
    market.notional_min = facts.notional_min


def take_account(state: PaperState, opened: AccountOpened) -> None:
    """Begin with its balances; a second copy says nothing.

    Raises `ValueError` for balances at another scale than `ASSET_SCALE`.
    """
    if opened.asset_scale != ASSET_SCALE:
        raise ValueError(
            f"asset_scale is {opened.asset_scale}: write every balance with {ASSET_SCALE} places"
        )
    if not state.is_open:
        state.is_open = True
        state.balances = dict(opened.balances)


def take_request(state: PaperState, request: PlaceOrder | CancelOrder) -> None:
    """Send it on its way, unless it is on its way already or was answered.

    Equal ids signed at equal times are copies of one request.
    """
    name, ts_sign = request.client_order_id, request.ts_sign
    if isinstance(request, CancelOrder):
        ts = request.ts_event + latency_ns(state.config, name, "cancel")
        cancels = [each.cancel for each in state.on_way if each.cancel is not None]
        if not any((each.client_order_id, each.ts_sign) == (name, ts_sign) for each in cancels):
            insort(state.on_way, Request(ts_arrival=ts, cancel=request), key=_by_arrival)
        return
    ts = request.ts_event + latency_ns(state.config, name, "place")
    places = [each.place for each in state.on_way if each.place is not None]
    is_copy = any((each.client_order_id, each.ts_sign) == (name, ts_sign) for each in places)
    is_answered = state.ordered.get(name) == ts_sign or state.refused.get(name, -1) >= ts_sign
    if not is_copy and not is_answered:
        insort(state.on_way, Request(ts_arrival=ts, place=request), key=_by_arrival)


def take_moving(state: PaperState, event: Moving) -> None:
    """Take what moves the market, now or after the reports that come before it."""
    advance(state, event)
    if isinstance(event, Clock):
        return
    held = _held(event)
    if held.instrument not in state.markets:
        return
    if state.arrived or state.crossed:
        state.held = held
    else:
        _take(state, held)


def advance(state: PaperState, event: Moving) -> None:
    """Bring the market to where it is before this event, and the requests that came until then."""
    held, state.held = state.held, None
    if held is not None:
        _take(state, held)
    state.ts = time_after(state, event)
    if type(event) is Clock:
        state.clock = max(state.clock, event.ts_event)
    count = 0
    while count < len(state.on_way) and state.on_way[count].ts_arrival <= state.ts:
        count += 1
    state.arrived, state.on_way = state.on_way[:count], state.on_way[count:]


def take_report(state: PaperState, report: ExecutionReport) -> None:
    """Take what was reported into the account and its orders."""
    state.report_count = report.number + 1
    state.ts_reported = report.ts_arrives
    match report.kind:
        case "accepted":
            _accept(state, report)
        case "rejected":
            _reject(state, report)
        case "amended":
            state.orders[report.client_order_id].qty = report.qty
        case "triggered":
            state.orders[report.client_order_id].kind = "market"
        case "filled":
            _fill(state, report)
        case "canceled":
            _end(state, report.client_order_id)
    if report.instrument in state.markets:
        _see(state, state.markets[report.instrument])


def _by_arrival(request: Request) -> Nanos:
    return request.ts_arrival


def _held(event: Trade | BookDelta | BookSnapshot) -> Held:
    match event:
        case Trade():
            return Held(instrument=event.instrument, trade=event)
        case BookDelta():
            return Held(instrument=event.instrument, delta=event)
        case BookSnapshot():
            return Held(instrument=event.instrument, snapshot=event)


def _take(state: PaperState, held: Held) -> None:
    market = state.markets[held.instrument]
    book_event = held.delta or held.snapshot
    if book_event is not None:
        liquidity.renew(market, book_event)
        if market.working:
            _shorten_queues(state, market)
            _see(state, market)
    elif held.trade is not None and held.trade.condition == "MARKET":
        for name in market.working:
            order = state.orders[name]
            if liquidity.reaches(order, held.trade):
                order.ahead_qty = liquidity.ahead_after(order, held.trade)


def _shorten_queues(state: PaperState, market: Market) -> None:
    if market.book.status != "LIVE":
        return  # an unknown book is no empty queue
    for name in market.working:
        order = state.orders[name]
        if order.ahead_qty:
            there = liquidity.visible_qty(market, order.side, order.price)
            order.ahead_qty = min(order.ahead_qty, there)


def _see(state: PaperState, market: Market) -> None:
    orders = [state.orders[name] for name in market.working]
    can_match = any(
        order.kind != "stop" and liquidity.best_level(market, order) is not None for order in orders
    )
    is_known = market.instrument in state.crossed
    if can_match and not is_known:
        state.crossed.append(market.instrument)
    elif is_known and not can_match:
        state.crossed.remove(market.instrument)


def _accept(state: PaperState, report: ExecutionReport) -> None:
    name = report.client_order_id
    state.order_count += 1
    market = state.markets[report.instrument]
    if name in state.entry_of:
        order = _protective(state, report)
    else:
        place = _arrived(state, name)
        order = Order(
            client_order_id=name,
            venue_order_id=report.venue_order_id,
            request_id=place.id,
            instrument=report.instrument,
            side=place.side,
            leg=place.leg,
            kind="limit",
            qty=report.qty,
            price=place.price,
        )
        _remember(state, place)
    if order.kind == "limit":
        order.ahead_qty = liquidity.visible_qty(market, order.side, order.price)
    state.orders[name] = order
    market.working.append(name)


def _protective(state: PaperState, report: ExecutionReport) -> Order:
    name = report.client_order_id
    entry_id = state.entry_of[name]
    bracket = state.brackets[entry_id]
    bracket.pending.remove(name)
    is_stop = name == bracket.stop_order_id
    return Order(
        client_order_id=name,
        venue_order_id=report.venue_order_id,
        request_id=bracket.request_id,
        instrument=report.instrument,
        side="sell",
        leg="stop" if is_stop else "target",
        kind="stop" if is_stop else "limit",
        qty=report.qty,
        price=bracket.stop_price if is_stop else bracket.target_price,
        entry_id=entry_id,
    )


def _remember(state: PaperState, place: PlaceOrder) -> None:
    protective = [name for name in (place.stop_order_id, place.target_order_id) if name]
    for name in (place.client_order_id, *protective):
        state.ordered[name] = place.ts_sign
        state.refused.pop(name, None)
    while len(state.ordered) > IDS_KEPT_MAX:
        del state.ordered[next(iter(state.ordered))]
    if protective:
        state.entry_of.update(dict.fromkeys(protective, place.client_order_id))
        state.brackets[place.client_order_id] = Bracket(
            instrument=place.instrument,
            request_id=place.id,
            stop_order_id=place.stop_order_id,
            stop_price=place.stop_price,
            target_order_id=place.target_order_id,
            target_price=place.target_price,
            pending=protective,
        )


def _reject(state: PaperState, report: ExecutionReport) -> None:
    place = _arrived(state, report.client_order_id)
    if report.reason == DUPLICATE_ID:
        return  # the order that has the id is not touched by it
    state.refused[place.client_order_id] = place.ts_sign
    if len(state.refused) > IDS_KEPT_MAX:
        del state.refused[next(iter(state.refused))]


def _arrived(state: PaperState, name: str) -> PlaceOrder:
    for at, request in enumerate(state.arrived):
        if request.place is not None and request.place.client_order_id == name:
            del state.arrived[at]
            return request.place
    raise ValueError(f"a report names {name}: no request of it has arrived")


def _fill(state: PaperState, report: ExecutionReport) -> None:
    order = state.orders[report.client_order_id]
    market = state.markets[order.instrument]
    state.fill_count += 1
    liquidity.take(market, order, report.last_qty)
    settle(state.balances, fill_of(report, market.base, market.quote))
    order.cum_qty = report.cum_qty
    bracket = state.brackets.get(order.client_order_id)
    if bracket is not None:
        qty = balances.base_units(report.last_qty, market.qty_scale)
        bracket.received += qty - report.commission
    if not order.leaves_qty:
        _end(state, order.client_order_id)


def _end(state: PaperState, name: str) -> None:
    order = state.orders.pop(name, None)
    if order is not None:
        state.markets[order.instrument].working.remove(name)
    entry_id = state.entry_of.pop(name, name)
    bracket = state.brackets.get(entry_id)
    if bracket is None:
        return
    if name in bracket.pending:
        bracket.pending.remove(name)
    if entry_id not in state.orders and entry_id not in state.entry_of.values():
        del state.brackets[entry_id]
