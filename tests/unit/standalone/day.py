"""A short history: a market, two strategies and an ensemble, an order that fills, and its end."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from marea.bus.memory import MemoryBus
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.ids import market_id
from marea.messages.market import Quote, Trade
from marea.messages.orders import OrderAccepted, OrderCompleted, OrderFilled, OrderSent
from marea.messages.paper import ExecutionReport, PlaceOrder
from marea.messages.portfolio import JournalPosted, PositionClosed, RiskDecision
from marea.messages.signals import Signal
from marea.messages.system import Started
from marea.testing.examples import example
from marea.testing.market_examples import (
    BAR,
    BTC,
    CLOCK,
    FEATURES_WRITER,
    INGESTION_WRITER,
    MARKET,
    MS,
    T0,
    TRADE,
    VECTOR,
)
from marea.testing.order_examples import EXECUTION_WRITER, PAPER, PAPER_WRITER
from marea.testing.trading_examples import (
    DECISION,
    FILL,
    INTENT,
    MARK,
    RISK_WRITER,
    SIGNAL,
    SIGNALS_WRITER,
    TRADING,
)

M = TypeVar("M", bound=Message)

FEATURES = Log("features", "embedded")
FILLED_BY = replace(
    TRADE, id=market_id(BTC, "trade", 3_724_512_402), ts_event=FILL.ts_event, first_trade_id=4
)
SELLER = replace(
    SIGNAL,
    id="said-by-rsi",
    strategy="rsi",
    action="sell",
    score=-0.25,
    reasons=("RSI_OVERBOUGHT",),
    features={"rsi_14": 75.0},
    votes={},
    weights={},
)
BUYER = replace(
    SELLER,
    id="said-by-baseline",
    strategy="baseline",
    action="buy",
    score=1.0,
    reasons=("EMA_20_ABOVE_EMA_50",),
    features={"ema_20": 61670.4, "ema_50": 61668.9},
)
ENSEMBLE = replace(
    SIGNAL,
    reasons=("WEIGHTED_BULLISH",),
    votes={"baseline": 1.0, "rsi": -0.25},
    weights={"baseline": 1.0, "rsi": 1.0},
)
DENIAL = replace(
    DECISION,
    id="denied-for-staleness",
    ts_event=T0 + 200_000 * MS,
    parents=(SIGNAL.id,),
    approved=False,
    reason="STALE_S",
    observed={"CONFIDENCE": 0.625, "STALE_S": 7.25},
    qty=0,
)
REPORT = replace(example(ExecutionReport), number=FILL.number)
CONFIG = '{"asset_pct_max":20.0}'


def quotes(count: int) -> list[Quote]:
    """So many quotes between the bar's close and the decision."""
    first = example(Quote)
    return [
        replace(first, id=f"{first.id}:{at}", ts_event=CLOCK.ts_event + at * 10_000)
        for at in range(count)
    ]


ON_MARKET: tuple[Message, ...] = (TRADE, example(Quote), CLOCK, *quotes(1200), FILLED_BY)
ON_FEATURES: tuple[Message, ...] = (BAR, VECTOR)
SPOKEN: tuple[Message, ...] = (BUYER, SELLER, ENSEMBLE)
CARRIED_OUT: tuple[Message, ...] = (
    MARK,
    DECISION,
    INTENT,
    example(OrderSent),
    example(OrderAccepted),
    FILL,
    example(OrderCompleted),
    example(JournalPosted),
    example(PositionClosed),
)
ON_PAPER: tuple[Message, ...] = (example(PlaceOrder), REPORT)

_WRITERS: dict[type[Message], Writer] = {
    Signal: SIGNALS_WRITER,
    Trade: INGESTION_WRITER,
    OrderFilled: EXECUTION_WRITER,
    RiskDecision: RISK_WRITER,
}


def on_logs(**logs: Sequence[Message]) -> MemoryBus:
    """A bus with these messages on market, features, trading and paper, as they were known."""
    bus = MemoryBus()
    places = {"market": MARKET, "features": FEATURES, "trading": TRADING, "paper": PAPER}
    for name, messages in logs.items():
        asyncio.run(_put(bus, places[name], messages))
    return bus


def whole_day() -> MemoryBus:
    """The history from the first trade to the closed position, and a denial after it."""
    return on_logs(
        market=ON_MARKET,
        features=ON_FEATURES,
        trading=(*SPOKEN, *CARRIED_OUT, DENIAL),
        paper=ON_PAPER,
    )


async def _put(bus: MemoryBus, log: Log, messages: Iterable[Message]) -> None:
    lives: dict[str, Writer] = {}
    said: Counter[str] = Counter()
    for message in messages:
        writer = _writer(log, message)
        if writer.producer not in lives:
            started = _started(writer)
            epoch = await bus.append(log, [Record(message=started, writer=writer, seq=0)])
            lives[writer.producer] = replace(writer, epoch=epoch)
        record = Record(
            message=message,
            writer=lives[writer.producer],
            seq=said[writer.producer],
            ts_known=0 if isinstance(message, Started) else message.ts_event + 9 * MS,
        )
        said[writer.producer] += 1
        await bus.append(log, [record])


def _writer(log: Log, message: Message) -> Writer:
    of_log = {MARKET: INGESTION_WRITER, FEATURES: FEATURES_WRITER, PAPER: PAPER_WRITER}
    if log in of_log:
        return of_log[log]
    return _WRITERS.get(type(message), RISK_WRITER)


def _started(writer: Writer) -> Started:
    return Started(
        id=f"started-{writer.producer}",
        service=writer.producer.partition("/")[0],
        build=writer.build,
        config=CONFIG,
        resumes_at=0,
    )
