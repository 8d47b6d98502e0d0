"""One realistic record of each message type: for tests, and for the golden samples of `schemas/`."""

from typing import TypeVar, cast

from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.ids import derived_id, market_id, trace_id
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
from marea.messages.system import (
    Clock,
    ClockOffset,
    CoreDiverged,
    DeadLetter,
    GapFound,
    QualityCheckFailed,
    Started,
)

M = TypeVar("M", bound=Message)

BTC = "BTC-USDT.BINANCE"
PERPETUAL = "BTC-USDT-PERP.BINANCE"
T0 = 1_723_161_255_000_000_000
"""2024-08-08 23:54:15 UTC."""
MS = 1_000_000
BUILD = "0.1.0+5f0c1e9"
MARKET = Log("market", BTC)
FEATURES = Log("features", BTC)
INGESTION_WRITER = Writer(producer=f"ingestion/{BTC}", epoch=0, build=BUILD)
FEATURES_WRITER = Writer(producer=f"features/{BTC}", epoch=3, build=BUILD, input_log=MARKET)

TRADE = Trade(
    id=market_id(BTC, "trade", 3_724_512_345),
    ts_event=T0 + 137 * MS,
    instrument=BTC,
    price_scale=2,
    qty_scale=5,
    price=6_167_201,
    qty=4213,
    taker_side="sell",
    first_trade_id=3_724_512_345,
    last_trade_id=3_724_512_345,
)
DELTA = BookDelta(
    id=market_id(BTC, "delta", 50_123_456_803),
    ts_event=T0 + 114 * MS,
    instrument=BTC,
    price_scale=2,
    qty_scale=5,
    first_update_id=50_123_456_790,
    last_update_id=50_123_456_803,
    prev_update_id=-1,
    bid_prices=(6_167_201, 6_167_150),
    bid_qtys=(320_154, 0),
    ask_prices=(6_167_202,),
    ask_qtys=(100_007,),
)
CLOCK = Clock(
    id=market_id(BTC, "clock", T0 + 1250 * MS),
    ts_event=T0 + 1250 * MS,
    stream=BTC,
)
BAR = Bar(
    id=derived_id("features", FEATURES, "Bar", CLOCK.id, f"1:{T0}"),
    ts_event=T0 + 1250 * MS,
    parents=(CLOCK.id,),
    instrument=BTC,
    price_scale=2,
    qty_scale=5,
    interval_s=1,
    ts_open=T0,
    open=6_167_202,
    high=6_167_202,
    low=6_167_000,
    close=6_167_201,
    volume=192_114,
    trade_count=17,
    first_trade_id=3_724_512_331,
    last_trade_id=3_724_512_347,
    status="complete",
)
_FROM_VENUE: tuple[Message, ...] = (
    InstrumentChanged(
        id=market_id(BTC, "instrument", T0),
        ts_event=T0,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        venue="BINANCE",
        venue_symbol="BTCUSDT",
        kind="spot",
        base="BTC",
        quote="USDT",
        price_increment=1,
        qty_increment=1,
        notional_min=500,
        book_sequencing="contiguous",
        valid_from=T0,
    ),
    TRADE,
    Quote(
        id=market_id(BTC, "quote", 50_123_456_803),
        ts_event=T0 + 121 * MS,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        bid_price=6_167_201,
        bid_qty=320_154,
        ask_price=6_167_202,
        ask_qty=100_007,
        update_id=50_123_456_803,
    ),
    DELTA,
    BookSnapshot(
        id=market_id(BTC, "snapshot", 50_123_456_789),
        ts_event=T0 + 12 * MS,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        last_update_id=50_123_456_789,
        bid_prices=(6_167_201, 6_167_150, 6_167_149),
        bid_qtys=(298_112, 1620, 40_000),
        ask_prices=(6_167_202, 6_167_311),
        ask_qtys=(112_007, 9),
    ),
    VenueBar(
        id=market_id(BTC, "bar", 3_724_512_347),
        ts_event=T0 + 999 * MS,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        interval_s=1,
        ts_open=T0,
        open=6_167_202,
        high=6_167_202,
        low=6_167_000,
        close=6_167_201,
        volume=192_114,
        first_trade_id=3_724_512_331,
        last_trade_id=3_724_512_347,
        trade_count=17,
        closed=True,
    ),
    MarkPrice(
        id=market_id(PERPETUAL, "mark", T0),
        ts_event=T0,
        instrument=PERPETUAL,
        price_scale=8,
        qty_scale=3,
        mark_price=6_164_410_000_000,
        index_price=6_167_183_617_021,
        settle_price=6_166_824_409_231,
        funding_rate_e8=-1207,
        ts_funding=T0 + 345_000 * MS,
    ),
    CLOCK,
    ClockOffset(
        id=market_id(BTC, "offset", T0),
        ts_event=T0,
        stream=BTC,
        offset_ns=-1271 * MS,
        uncertainty_ns=14 * MS,
        sample_count=512,
    ),
)
_FROM_INGESTION: tuple[Message, ...] = (
    BookStatusChanged(
        id=derived_id("ingestion", MARKET, "BookStatusChanged", DELTA.id, "LIVE"),
        ts_event=DELTA.ts_event,
        parents=(DELTA.id,),
        instrument=BTC,
        status="LIVE",
        reason="synchronised",
        update_id=DELTA.last_update_id,
    ),
    RequestSnapshot(
        id=derived_id("ingestion", MARKET, "RequestSnapshot", DELTA.id),
        ts_event=DELTA.ts_event,
        parents=(DELTA.id,),
        instrument=BTC,
        reason="gap",
    ),
    QualityCheckFailed(
        id=derived_id("ingestion", MARKET, "QualityCheckFailed", TRADE.id, "jump"),
        ts_event=TRADE.ts_event,
        parents=(TRADE.id,),
        instrument=BTC,
        check="jump",
        observed=201.7,
        limit=100.0,
        detail="jump_bps",
    ),
    Started(
        id=derived_id("ingestion", MARKET, "Started", "", "0"),
        ts_event=T0,
        service="ingestion",
        build=BUILD,
        config='{"interval_s":[1,60]}',
        resumes_at=0,
    ),
    DeadLetter(
        id=derived_id("ingestion", Log("dead-letters", "tape"), "DeadLetter", "", "tape.raw:7"),
        ts_event=T0,
        source="tape",
        place="tape.raw:7",
        reason="bad_amount",
        detail="p is 'NaN': a plain decimal number",
        payload=b'1723161255137000000 {"data":{"p":"NaN"}}\xff',
    ),
)
_FROM_FEATURES: tuple[Message, ...] = (
    BAR,
    BarCorrection(
        id=derived_id("features", FEATURES, "BarCorrection", TRADE.id, f"1:{T0}"),
        ts_event=T0 + 1300 * MS,
        parents=(TRADE.id, BAR.id),
        bar_id=BAR.id,
        instrument=BTC,
        price_scale=2,
        qty_scale=5,
        interval_s=1,
        ts_open=T0,
        open=6_167_202,
        high=6_167_202,
        low=6_167_000,
        close=6_167_201,
        volume=196_327,
        trade_count=18,
        first_trade_id=3_712_456_100,
        last_trade_id=3_712_456_109,
        status="complete",
    ),
    FeatureVector(
        id=derived_id("features", FEATURES, "FeatureVector", CLOCK.id, f"1:{BAR.id}"),
        ts_event=CLOCK.ts_event,
        parents=(BAR.id,),
        instrument=BTC,
        interval_s=1,
        set_version="1",
        bar_id=BAR.id,
        book_status="LIVE",
        values={"ema_12": 61671.26, "rsi_14": 47.30118, "spread_bps": 0.0016214, "obv": -12.5},
    ),
    CoreDiverged(
        id=derived_id("features", FEATURES, "CoreDiverged", CLOCK.id, f"{BAR.id}:"),
        ts_event=CLOCK.ts_event,
        parents=(CLOCK.id,),
        service="features",
        recorded=BAR.id,
        decided="",
        detail="close: recorded 6167201, decided 6167202",
    ),
    GapFound(
        id=derived_id("features", FEATURES, "GapFound", CLOCK.id, f"ingestion/{BTC}:4711"),
        ts_event=CLOCK.ts_event,
        parents=(CLOCK.id,),
        producer=f"ingestion/{BTC}",
        producer_epoch=0,
        first_missing=4711,
        last_missing=4713,
    ),
)
EXAMPLES: dict[str, Message] = {
    type(message).__name__: message for message in _FROM_VENUE + _FROM_INGESTION + _FROM_FEATURES
}
_FEATURES_TYPES = {type(message) for message in _FROM_FEATURES}


def example(kind: type[M]) -> M:
    """What is a realistic message of this type?"""
    return cast(M, EXAMPLES[kind.__name__])


def record_of(message: Message, seq: int = 41) -> Record:
    """How would this message stand on a log, as its usual service writes it?"""
    if type(message) in _FEATURES_TYPES:
        writer, offset, trace = FEATURES_WRITER, 1207, trace_id_of(CLOCK)
    else:
        writer, offset, trace = INGESTION_WRITER, -1, ""
    return Record(
        message=message,
        writer=writer,
        seq=seq,
        input_offset=offset,
        ts_known=message.ts_event + 9 * MS,
        ts_origin=message.ts_event + 9 * MS,
        trace=trace,
    )


def trace_id_of(root: Message) -> str:
    """The trace of everything that follows from this message."""
    return trace_id(Record(message=root, writer=INGESTION_WRITER, seq=0))
