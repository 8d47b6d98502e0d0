"""What is held, what is it worth, and whose is each fill?"""

from collections.abc import Sequence
from dataclasses import replace

from marea.domain import ledger as books
from marea.domain import position as positions
from marea.domain.drawdown import fall_pct
from marea.domain.ledger import ASSET_SCALE, WALLET, Entry, Fill
from marea.domain.money import (
    E8,
    Rounding,
    fee,
    notional,
    qty_for_notional,
    rescale,
    round_to_increment,
)
from marea.domain.position import Position
from marea.messages.market import Side
from marea.messages.orders import OrderCompleted, OrderFilled
from marea.messages.portfolio import (
    JournalPosted,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
)
from services.risk.core import reasons
from services.risk.core.sharing import order_of, shared, take_bought
from services.risk.core.state import Market, Record, RiskState

NO_POSITION = Position()


def position_of(state: RiskState, strategy: str, instrument: str) -> Position:
    """What a strategy holds of an instrument; never changed by who asks."""
    return state.positions.get(strategy, {}).get(instrument, NO_POSITION)


def collar_price(state: RiskState, market: Market, side: Side) -> int:
    """The worst price of an order: so far from the mid, rounded towards it."""
    share = E8 + state.config.collar_e8 if side == "buy" else E8 - state.config.collar_e8
    rounding = Rounding.DOWN if side == "buy" else Rounding.UP
    price = fee(market.mid_price, share, rounding)
    return round_to_increment(price, market.instrument.price_increment, rounding)


def sellable_min(state: RiskState, market: Market) -> int:
    """The least quantity that the venue takes at the worst price of a sale, at `ASSET_SCALE`.

    Less than it is dust.
    """
    known = market.instrument
    qty = known.qty_increment
    if market.bid_price:
        scales = (known.price_scale, known.price_scale, known.qty_scale)
        lowest = min(market.bid_price, collar_price(state, market, "sell"))
        least = qty_for_notional(known.notional_min, lowest, *scales, Rounding.UP)
        qty = max(qty, round_to_increment(least, known.qty_increment, Rounding.UP))
    return rescale(qty, known.qty_scale, ASSET_SCALE, Rounding.UP)


def holds(state: RiskState, strategy: str, instrument: str) -> bool:
    """Does a strategy hold enough of it to be sold?"""
    market = state.markets.get(instrument)
    held = position_of(state, strategy, instrument)
    return market is not None and not positions.is_flat(held, sellable_min(state, market))


def value(market: Market, qty: int) -> int:
    """What a quantity at `ASSET_SCALE` is worth in the quote asset, rounded down.

    At the last mid that was known: what has no bid or no ask for a while is not worth nothing.
    """
    scale = market.instrument.price_scale
    return notional(market.valued_doubled, qty, scale, ASSET_SCALE, ASSET_SCALE, Rounding.DOWN) // 2


def worths(state: RiskState) -> dict[str, int]:
    """What is held of each asset is worth in the portfolio's own, at the marks.

    An asset that has no instrument to be sold at for that one is not in it.
    """
    found: dict[str, int] = {}
    for market in state.markets.values():
        known = market.instrument
        is_price = known.kind == "spot" and known.quote == state.base_asset
        if is_price and known.base not in found:
            found[known.base] = value(market, books.balance(state.ledger, known.base))
    return found


def exposure(state: RiskState) -> int:
    """What is held of instruments, at the marks, in the base asset."""
    return sum(worths(state).values())


def equity(state: RiskState) -> int:
    """All balances at the marks, in the base asset."""
    return books.balance(state.ledger, state.base_asset) + exposure(state)


def opening(opened: PortfolioOpened) -> JournalPosted:
    """How the first balances are booked."""
    return _posted(opened.portfolio, "", reasons.OPENING, _opening_entries(opened))


def take_opening(state: RiskState, opened: PortfolioOpened) -> None:
    """Open the portfolio with its balances."""
    state.portfolio, state.base_asset = opened.portfolio, opened.base_asset
    state.venue, state.mode = opened.venue, opened.mode
    books.post(state.ledger, _opening_entries(opened))
    state.is_changed = True


def _opening_entries(opened: PortfolioOpened) -> list[Entry]:
    balances = {
        asset: rescale(units, opened.asset_scale, ASSET_SCALE, Rounding.DOWN)
        for asset, units in opened.balances.items()
    }
    return books.transaction_of_opening(balances)


# Fills


def is_new(state: RiskState, fill: OrderFilled) -> bool:
    """Was it not booked yet? A venue numbers its reports."""
    return fill.number > state.report_number


def at_fill(state: RiskState, fill: OrderFilled) -> Sequence[JournalPosted | PositionClosed]:
    """How a fill is booked, and the positions that it ends."""
    if not is_new(state, fill):
        return ()
    _, shares = shared(state, fill)
    found: list[JournalPosted | PositionClosed] = []
    for strategy, share in shares:
        entries = books.transaction_of_fill(share)
        found.append(_posted(state.portfolio, strategy, reasons.FILL, entries))
        after = replace(position_of(state, strategy, fill.instrument))
        positions.apply_fill(after, share, fill.ts_event)
        is_over = fill.side == "sell" and not fill.leaves_qty
        if is_over and _has_ended(state, fill.instrument, after):
            leg = order_of(state, fill).leg
            found.append(_closed(state, strategy, fill.instrument, after, leg))
    return found


def at_completed(state: RiskState, completed: OrderCompleted) -> Sequence[PositionClosed]:
    """The positions that a sale has ended although something of it was not sold."""
    if completed.side != "sell" or completed.instrument not in state.markets:
        return ()
    return [
        _closed(state, strategy, completed.instrument, held, completed.leg)
        for strategy in state.positions
        if (held := position_of(state, strategy, completed.instrument)).sold_qty
        and _has_ended(state, completed.instrument, held)
    ]


def _has_ended(state: RiskState, instrument: str, after: Position) -> bool:
    # The dust that another position left is none of its own.
    least = sellable_min(state, state.markets[instrument])
    return after.bought_qty > 0 and positions.is_flat(after, least)


def take_fill(state: RiskState, fill: OrderFilled) -> None:
    """Book a new fill in the ledger and share it among the positions of its strategies."""
    whole, shares = shared(state, fill)
    books.post(state.ledger, books.transaction_of_fill(whole))
    for strategy, share in shares:
        held = state.positions.setdefault(strategy, {}).setdefault(fill.instrument, Position())
        positions.apply_fill(held, share, fill.ts_event)
    take_bought(state, fill)
    state.report_number = fill.number
    state.is_changed = True


def _closed(
    state: RiskState, strategy: str, instrument: str, after: Position, leg: str
) -> PositionClosed:
    known = state.markets[instrument].instrument
    return PositionClosed(
        portfolio=state.portfolio,
        strategy=strategy,
        instrument=instrument,
        side="buy",
        price_scale=known.price_scale,
        qty_scale=known.qty_scale,
        qty=rescale(after.bought_qty, ASSET_SCALE, known.qty_scale, Rounding.DOWN),
        entry_price=positions.entry_price(after, known.price_scale),
        exit_price=positions.exit_price(after, known.price_scale),
        ts_opened=after.ts_opened,
        exit_reason=leg,
        asset=known.quote,
        asset_scale=ASSET_SCALE,
        realized_pnl=after.realized_pnl,
        fees=after.fees,
    )


def take_closed(state: RiskState, closed: PositionClosed) -> None:
    """Begin a position anew with what could not be sold, and keep the record of the strategy."""
    held = state.positions[closed.strategy]
    held[closed.instrument] = positions.successor(held[closed.instrument])
    record = state.records.setdefault(closed.strategy, Record())
    if closed.realized_pnl > 0:
        record.won += 1
        record.gained += closed.realized_pnl
    else:
        record.lost += 1
        record.paid -= closed.realized_pnl
    state.realized_pnl += closed.realized_pnl
    state.fees += closed.fees


# Crosses


def crossed(state: RiskState, strategy: str, instrument: str, qty: int) -> JournalPosted:
    """How a strategy's part of a cross at the mark is booked; `qty` at `ASSET_SCALE`, plus buys."""
    market = state.markets[instrument]
    known = market.instrument
    worth = value(market, abs(qty))
    sign = 1 if qty > 0 else -1
    entries = [Entry(WALLET, known.base, qty), Entry(reasons.CROSS, known.base, -qty)]
    entries += [
        Entry(WALLET, known.quote, -sign * worth),
        Entry(reasons.CROSS, known.quote, sign * worth),
    ]
    return _posted(state.portfolio, strategy, reasons.CROSS, entries)


def closed_by_cross(
    state: RiskState, posted: JournalPosted, instrument: str
) -> Sequence[PositionClosed]:
    """The position of who sells in a cross, where it ends with it."""
    after = replace(position_of(state, posted.strategy, instrument))
    positions.apply_fill(after, _fill_of_cross(posted), state.now)
    if not _has_ended(state, instrument, after):
        return ()
    return (_closed(state, posted.strategy, instrument, after, reasons.CROSS),)


def take_cross(state: RiskState, posted: JournalPosted) -> None:
    """Take a strategy's part of a cross into its position."""
    pair = posted.assets[0], posted.assets[2]
    instrument = next(
        name
        for name, market in state.markets.items()
        if (market.instrument.base, market.instrument.quote) == pair
    )
    held = state.positions.setdefault(posted.strategy, {}).setdefault(instrument, Position())
    positions.apply_fill(held, _fill_of_cross(posted), posted.ts_event)


def _fill_of_cross(posted: JournalPosted) -> Fill:
    return Fill(
        side="buy" if posted.amounts[0] > 0 else "sell",
        base=posted.assets[0],
        quote=posted.assets[2],
        qty=abs(posted.amounts[0]),
        notional=abs(posted.amounts[2]),
        commission=0,
        commission_asset="",
    )


# Worth


def valued(state: RiskState) -> PortfolioValued:
    """What the portfolio is worth now."""
    worth, exposed = equity(state), exposure(state)
    held = [position for by_name in state.positions.values() for position in by_name.values()]
    return PortfolioValued(
        portfolio=state.portfolio,
        asset=state.base_asset,
        asset_scale=ASSET_SCALE,
        equity=worth,
        cash=books.balance(state.ledger, state.base_asset),
        exposure=exposed,
        realized_pnl=state.realized_pnl + sum(each.realized_pnl for each in held),
        # With what is realized it makes the change of equity, to the last unit.
        unrealized_pnl=exposed - sum(each.cost for each in held),
        fees=state.fees + sum(each.fees for each in held),
        drawdown_pct=fall_pct(max(state.drawdown.peak, worth), worth),
    )


def _posted(portfolio: str, strategy: str, cause: str, entries: Sequence[Entry]) -> JournalPosted:
    return JournalPosted(
        portfolio=portfolio,
        strategy=strategy,
        cause=cause,
        asset_scale=ASSET_SCALE,
        accounts=tuple(entry.account for entry in entries),
        assets=tuple(entry.asset for entry in entries),
        amounts=tuple(entry.units for entry in entries),
    )
