"""The core of ingestion, told one message after the other, and what it says of each."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from marea.domain.book import Sequencing
from marea.messages.ids import market_id
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    BookStatusChanged,
    InstrumentChanged,
    MarkPrice,
    Quote,
    RequestSnapshot,
    Trade,
    VenueBar,
)
from marea.messages.system import Clock, ClockOffset, DeadLetter, QualityCheckFailed
from services.ingestion.config import IngestionConfig
from services.ingestion.core import IngestionInput, IngestionOutput, IngestionState, apply, decide
from services.ingestion.core.state import StreamState

BTC = "BTC-USDT.BINANCE"
ETH = "ETH-USDT.BINANCE"
MS = 1_000_000
T0 = 1_723_161_255_000_000_000
CONFIG = IngestionConfig(jump_pct_max=5.0, stale_ns_max=30_000 * MS, skew_ns_max=250 * MS)
Levels = Mapping[int, int]
"""Quantities by price."""
BIDS = {99: 4, 98: 5}
ASKS = {101: 6, 102: 7}


class Play:
    """A core and its state; it takes messages as the loop gives them."""

    def __init__(self, *events: IngestionInput) -> None:
        self.state = IngestionState(config=CONFIG)
        self.now = 0
        self.tell(*events)

    def tell(self, *events: IngestionInput) -> list[str]:
        """What is said of these messages, the messages themselves by their type alone."""
        return [shown(output) for event in events for output in self.take(event)]

    def take(self, event: IngestionInput) -> Sequence[IngestionOutput]:
        """What is said of a message."""
        if isinstance(event, Clock):
            self.now = max(self.now, event.ts_event)
        said: list[IngestionOutput] = []
        outputs = decide(self.state, event)
        apply(self.state, event)
        for output in outputs:
            if output is event:
                said.append(output)
            elif isinstance(output, BookStatusChanged | RequestSnapshot | QualityCheckFailed):
                named = replace(output, ts_event=output.ts_event or self.now)
                apply(self.state, named)
                said.append(named)
            else:
                raise AssertionError(f"passed on, and not the input: {output}")
        return said

    @property
    def stream(self) -> StreamState:
        """What is known of BTC."""
        return self.state.streams[BTC]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Passed on, duplicates, dead letters."""
        state = self.state
        return state.passed_count, state.duplicate_count, state.dead_letter_count


def shown(output: IngestionOutput) -> str:
    """What an output says, in a few words."""
    match output:
        case BookStatusChanged():
            return f"{output.status} {output.reason} {output.update_id}"
        case RequestSnapshot():
            return f"request {output.reason}"
        case QualityCheckFailed():
            return f"{output.check} {output.detail}"
        case _:
            return type(output).__name__


def failure(said: Sequence[IngestionOutput]) -> QualityCheckFailed:
    """The one check that failed."""
    (found,) = (output for output in said if isinstance(output, QualityCheckFailed))
    return found


def begun() -> Play:
    """A core that knows BTC and the time."""
    return Play(instrument(), clock(0))


def live() -> Play:
    """A core whose order book of BTC is LIVE after update 110: bids of `BIDS`, asks of `ASKS`."""
    return Play(instrument(), clock(0), snapshot(100), delta(101, 110))


def instrument(name: str = BTC, sequencing: Sequencing = "contiguous") -> InstrumentChanged:
    base, _, quoted = name.partition(".")[0].partition("-")
    return InstrumentChanged(
        id=market_id(name, "instrument", T0),
        ts_event=T0,
        instrument=name,
        price_scale=2,
        qty_scale=5,
        venue="BINANCE",
        venue_symbol=base + quoted,
        kind="spot",
        base=base,
        quote=quoted,
        price_increment=1,
        qty_increment=1,
        notional_min=500,
        book_sequencing=sequencing,
        valid_from=T0,
    )


def clock(at_ms: float, name: str = BTC) -> Clock:
    ts = T0 + round(at_ms * MS)
    return Clock(id=market_id(name, "clock", ts), ts_event=ts, stream=name)


def clock_offset(name: str = BTC) -> ClockOffset:
    return ClockOffset(
        id=market_id(name, "clock_offset", T0),
        ts_event=T0,
        stream=name,
        offset_ns=-1271 * MS,
        uncertainty_ns=MS,
        sample_count=3,
    )


def dead_letter() -> DeadLetter:
    return DeadLetter(
        id="BINANCE:dead_letter:1",
        ts_event=T0,
        source="BINANCE",
        place="tape.raw:1",
        reason="not_json",
        detail="",
        payload=b"{",
    )


def trade(
    first: int,
    last: int = -1,
    price: int = 100,
    at_ms: float = 0,
    condition: str = "MARKET",
    name: str = BTC,
) -> Trade:
    """The trade number `first`, or all up to `last`."""
    kind = "trade" if last < 0 else "aggtrade"
    return Trade(
        id=market_id(name, kind, first),
        ts_event=T0 + round(at_ms * MS),
        instrument=name,
        price_scale=2,
        qty_scale=5,
        price=price,
        qty=1,
        taker_side="buy",
        first_trade_id=first,
        last_trade_id=max(first, last),
        condition=condition,
    )


def quote(
    update_id: int, bid: tuple[int, int] = (99, 4), ask: tuple[int, int] = (101, 6), name: str = BTC
) -> Quote:
    return Quote(
        id=market_id(name, "quote", update_id),
        ts_event=T0,
        instrument=name,
        price_scale=2,
        qty_scale=5,
        bid_price=bid[0],
        bid_qty=bid[1],
        ask_price=ask[0],
        ask_qty=ask[1],
        update_id=update_id,
    )


def delta(
    first: int,
    last: int,
    levels: tuple[Levels, Levels] = ({}, {}),
    prev: int = -1,
    at_ms: float = 0,
    name: str = BTC,
) -> BookDelta:
    """Changes of bids and asks, by price."""
    bids, asks = levels
    return BookDelta(
        id=market_id(name, "delta", last),
        ts_event=T0 + round(at_ms * MS),
        instrument=name,
        price_scale=2,
        qty_scale=5,
        first_update_id=first,
        last_update_id=last,
        prev_update_id=prev,
        bid_prices=tuple(bids),
        bid_qtys=tuple(bids.values()),
        ask_prices=tuple(asks),
        ask_qtys=tuple(asks.values()),
    )


def snapshot(last: int, bids: Levels = BIDS, asks: Levels = ASKS, name: str = BTC) -> BookSnapshot:
    return BookSnapshot(
        id=market_id(name, "snapshot", last),
        ts_event=T0,
        instrument=name,
        price_scale=2,
        qty_scale=5,
        last_update_id=last,
        bid_prices=tuple(bids),
        bid_qtys=tuple(bids.values()),
        ask_prices=tuple(asks),
        ask_qtys=tuple(asks.values()),
    )


def mark(at_ms: float, name: str = BTC) -> MarkPrice:
    ts = T0 + round(at_ms * MS)
    return MarkPrice(
        id=market_id(name, "mark", ts),
        ts_event=ts,
        instrument=name,
        price_scale=8,
        qty_scale=3,
        mark_price=1,
        index_price=1,
        settle_price=1,
        funding_rate_e8=-1,
        ts_funding=T0,
    )


def bar(at_ms: float, name: str = BTC) -> VenueBar:
    """The bar that began at T0, as it stands some ms later."""
    ts = T0 + round(at_ms * MS)
    return VenueBar(
        id=market_id(name, "bar_1s", T0, revision=ts - T0),
        ts_event=ts,
        instrument=name,
        price_scale=2,
        qty_scale=5,
        interval_s=1,
        ts_open=T0,
        open=1,
        high=1,
        low=1,
        close=1,
        volume=0,
        first_trade_id=-1,
        last_trade_id=-1,
        trade_count=0,
        closed=False,
    )
