"""A market in the smallest form: messages by their few facts, at milliseconds after a noon."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from marea.messages.envelope import Log, Message
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.ids import market_id, output_id
from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    InstrumentChanged,
    Quote,
    Side,
    Trade,
)
from marea.messages.system import Clock, GapFound
from services.features.config import FeaturesConfig, Indicator
from services.features.core import SERVICE, FeaturesInput, FeaturesState, apply, decide

INSTRUMENT = "BTC-USDT.SIM"
SHARD = "test"
NOON = 1_723_204_800_000_000_000  # 2024-08-09 12:00 UTC
MS = 1_000_000
PRICE_UNIT, QTY_UNIT = 100.0, 1000.0
"""How many units make one of the quote and one of the base asset: scales 2 and 3."""

Level: TypeAlias = tuple[int, int]
"""Price and quantity, in units."""


def ts(ms: int) -> int:
    return NOON + ms * MS


def config(
    *indicators: Indicator,
    intervals_s: tuple[int, ...] = (1, 60),
    vector_interval_s: int = 1,
    vector_period_ms: int = 100,
) -> FeaturesConfig:
    return FeaturesConfig(
        shard=SHARD,
        intervals_s=intervals_s,
        vector_interval_s=vector_interval_s,
        vector_period_ns=vector_period_ms * MS,
        indicators=indicators,
    )


def indicator(name: str, kernel: str = "", /, **parameters: float) -> Indicator:
    given = {each: float(number) for each, number in parameters.items()}
    return Indicator(name=name, kernel=kernel or name, parameters=given)


def play(state: FeaturesState, events: Iterable[FeaturesInput]) -> list[Message]:
    """What the core answers, each answer named and taken into the state as the loop does it."""
    answers: list[Message] = []
    for event in events:
        decided = decide(state, event)
        apply(state, event)
        for output in decided:
            answer = output
            if output is not event:
                answer = replace(
                    output,
                    id=output_id(SERVICE, Log("features", SHARD), output, event.id),
                    ts_event=state.clock,
                    parents=(event.id, *output.parents),
                )
                apply(state, answer)
            answers.append(answer)
    return answers


def bars_in(answers: Iterable[Message], interval_s: int = 1) -> list[Bar]:
    return [each for each in answers if isinstance(each, Bar) and each.interval_s == interval_s]


def corrections_in(answers: Iterable[Message]) -> list[BarCorrection]:
    return [each for each in answers if isinstance(each, BarCorrection)]


def vectors_in(answers: Iterable[Message]) -> list[FeatureVector]:
    return [each for each in answers if isinstance(each, FeatureVector)]


def instrument(
    price_scale: int = 2, qty_scale: int = 3, book_sequencing: str = "contiguous"
) -> InstrumentChanged:
    return InstrumentChanged(
        id=market_id(INSTRUMENT, "instrument", ts(0)),
        ts_event=ts(0),
        instrument=INSTRUMENT,
        price_scale=price_scale,
        qty_scale=qty_scale,
        venue="SIM",
        venue_symbol="BTCUSDT",
        kind="spot",
        base="BTC",
        quote="USDT",
        price_increment=1,
        qty_increment=1,
        notional_min=500,
        book_sequencing=book_sequencing,
        valid_from=ts(0),
    )


def clock(ms: float) -> Clock:
    now = NOON + round(ms * MS)
    return Clock(id=market_id(INSTRUMENT, "clock", now), ts_event=now, stream=INSTRUMENT)


def clocks(first_ms: int, last_ms: int) -> list[Clock]:
    """One every 100 ms, both ends included."""
    return [clock(ms) for ms in range(first_ms, last_ms + 1, 100)]


def trade(
    number: int,
    ms: int,
    price: int = 6_000_000,
    qty: int = 1000,
    taker_side: Side = "buy",
    condition: str = "MARKET",
) -> Trade:
    return Trade(
        id=market_id(INSTRUMENT, "trade", number),
        ts_event=ts(ms),
        instrument=INSTRUMENT,
        price_scale=2,
        qty_scale=3,
        price=price,
        qty=qty,
        taker_side=taker_side,
        first_trade_id=number,
        last_trade_id=number,
        condition=condition,
    )


def quote(update_id: int, bid: Level = (5_999_999, 3000), ask: Level = (6_000_001, 1000)) -> Quote:
    return Quote(
        id=market_id(INSTRUMENT, "quote", update_id),
        ts_event=ts(update_id),
        instrument=INSTRUMENT,
        price_scale=2,
        qty_scale=3,
        bid_price=bid[0],
        bid_qty=bid[1],
        ask_price=ask[0],
        ask_qty=ask[1],
        update_id=update_id,
    )


def snapshot(
    update_id: int,
    bids: Sequence[Level] = ((5_999_999, 3000), (5_999_998, 500)),
    asks: Sequence[Level] = ((6_000_001, 1000), (6_000_002, 700)),
) -> BookSnapshot:
    return BookSnapshot(
        id=market_id(INSTRUMENT, "snapshot", update_id),
        ts_event=ts(update_id),
        instrument=INSTRUMENT,
        price_scale=2,
        qty_scale=3,
        last_update_id=update_id,
        bid_prices=tuple(price for price, _ in bids),
        bid_qtys=tuple(qty for _, qty in bids),
        ask_prices=tuple(price for price, _ in asks),
        ask_qtys=tuple(qty for _, qty in asks),
    )


def delta(
    update_id: int,
    bids: Sequence[Level] = (),
    asks: Sequence[Level] = (),
    first_update_id: int = -1,
) -> BookDelta:
    first = update_id if first_update_id < 0 else first_update_id
    return BookDelta(
        id=market_id(INSTRUMENT, "delta", update_id),
        ts_event=ts(update_id),
        instrument=INSTRUMENT,
        price_scale=2,
        qty_scale=3,
        first_update_id=first,
        last_update_id=update_id,
        prev_update_id=first - 1,
        bid_prices=tuple(price for price, _ in bids),
        bid_qtys=tuple(qty for _, qty in bids),
        ask_prices=tuple(price for price, _ in asks),
        ask_qtys=tuple(qty for _, qty in asks),
    )


def live_book(update_id: int = 10) -> list[FeaturesInput]:
    """What makes the order book LIVE: a snapshot, and the first delta beyond it."""
    return [snapshot(update_id), delta(update_id + 1)]


def gap(ms: int, missing: int = 1) -> GapFound:
    """Records that never came, called missing at this time."""
    return GapFound(
        id=f"gap-{ms}",
        ts_event=ts(ms),
        producer=f"ingestion/{INSTRUMENT}",
        producer_epoch=0,
        first_missing=1,
        last_missing=missing,
    )
