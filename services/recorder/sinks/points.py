"""Which points does the record make? All of them follow from it, so writing them again changes none.

Times are those of the events, but for less than a millisecond, made of the id, that tells events of one
instant apart. What comes often is one point for each ten seconds.
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, TypeAlias

from marea.messages.envelope import NOBODY, Log, Message, Nanos, Record
from marea.messages.features import Bar, BarCorrection
from marea.messages.market import BookStatusChanged
from marea.messages.orders import (
    CancelIntended,
    OrderCompleted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import (
    CoreDiverged,
    DeadLetter,
    Degraded,
    GapFound,
    Heartbeat,
    OwnerTold,
    QualityCheckFailed,
)
from services.recorder.sink import Batch
from services.recorder.sinks.lines import Point, Value
from services.recorder.sinks.progress import Progress

LATENCY, THROUGHPUT = "system.latency", "system.throughput"
ERRORS, HEALTH = "system.errors", "system.health"
PERFORMANCE, EXECUTION, RISK = "trading.performance", "trading.execution", "trading.risk"
BARS, BAR_CORRECTIONS = "market.bars", "market.bar_corrections"
POSITION = "recorder.position"

EVERY_NS = 10_000_000_000
DAY_NS = 86_400_000_000_000
APART_NS = 1_000_000

TIMED = Signal | RiskDecision | OrderIntended | CancelIntended
"""What is decided on the way from a market event to its order."""

Fields: TypeAlias = dict[str, Value]
Tags: TypeAlias = dict[str, str]
Told: TypeAlias = tuple[str, Tags, Fields]
"""A point but for its time."""


def points_of(batch: Batch, progress: Progress) -> Iterator[Point]:
    """The points of a batch; a record that can't be read makes none but an error."""
    for kept in batch.kept:
        if kept.record.writer == NOBODY:
            at = _instant(kept.record.message)
            yield Point(ERRORS, {**_named(batch.log), "kind": "void"}, {"count": 1}, at)
    for _, record in progress.take(batch.kept):
        yield from _points(batch.log, record)
    yield from _throughput(batch)


def position_of(batch: Batch) -> Point:
    """How far a log is in InfluxDB, once its batch is: the greatest that stands there counts.

    One point a day, so that it is let go together with what was written then.
    """
    ts = max([0, *(kept.record.ts_known for kept in batch.kept)])
    return Point(POSITION, _named(batch.log), {"end": batch.end}, ts // DAY_NS * DAY_NS)


def _named(log: Log) -> Tags:
    return {"channel": log.channel, "log": log.partition}


def _points(log: Log, record: Record) -> Iterator[Point]:
    message = record.message
    at = _instant(message)
    if isinstance(message, TIMED) and record.ts_origin:
        yield _latency(message, record, at)
    for measurement, tags, fields in _TOLD.get(type(message), _nothing)(message):
        yield Point(measurement, tags, fields, at)
    if isinstance(message, Bar | BarCorrection):
        yield _bar(message)
    elif isinstance(message, OwnerTold) and message.ts_event:
        yield _heartbeat(log, message)


def _throughput(batch: Batch) -> Iterator[Point]:
    # What a log holds by then; its growth from point to point is the throughput.
    ends = {
        kept.record.ts_known // EVERY_NS: kept.raw.offset + 1
        for kept in batch.kept
        if kept.record.ts_known > 0
    }
    for place, end in ends.items():
        yield Point(THROUGHPUT, _named(batch.log), {"records": end}, place * EVERY_NS)


def _latency(message: Message, record: Record, at: Nanos) -> Point:
    service, _, _ = record.writer.producer.partition("/")
    tags = {
        "service": service,
        "type": type(message).__name__,
        "instrument": getattr(message, "instrument", ""),
    }
    spent_ms = (record.ts_known - record.ts_origin) / 1e6
    return Point(LATENCY, tags, {"since_origin_ms": spent_ms}, at)


def _heartbeat(log: Log, message: OwnerTold) -> Point:
    fields: Fields = {"epoch": message.producer_epoch, "resumes_at": message.resumes_at}
    kind = "alive" if isinstance(message, Heartbeat) else "left"
    tags = {"service": message.service, "loop": log.partition, "kind": kind}
    return Point(HEALTH, tags, fields, message.ts_event // EVERY_NS * EVERY_NS)


def _bar(bar: Bar | BarCorrection) -> Point:
    price, qty = bar.price_scale, bar.qty_scale
    tags = {"instrument": bar.instrument, "interval_s": str(bar.interval_s)}
    fields: Fields = {
        "open": _float(bar.open, price),
        "high": _float(bar.high, price),
        "low": _float(bar.low, price),
        "close": _float(bar.close, price),
        "volume": _float(bar.volume, qty),
        "trade_count": bar.trade_count,
        "status": bar.status,
    }
    return Point(BARS if isinstance(bar, Bar) else BAR_CORRECTIONS, tags, fields, bar.ts_open)


def _instant(message: Message) -> Nanos:
    digest = blake2b(message.id.encode(), digest_size=4).digest()
    return max(message.ts_event, 0) + int.from_bytes(digest) % APART_NS


def _float(units: int, scale: int) -> float:
    return float(units / 10**scale)


def _nothing(_: Message) -> list[Told]:
    return []


def _book(message: BookStatusChanged) -> list[Told]:
    tags = {"instrument": message.instrument, "kind": "book"}
    return [(HEALTH, tags, {"is_live": message.status == "LIVE", "reason": message.reason})]


def _degraded(message: Degraded) -> list[Told]:
    tags = {"log": message.stream, "producer": message.producer, "kind": "degraded"}
    fields: Fields = {
        "is_over": message.is_over,
        "behind_count": message.behind_count,
        "behind_ms": message.behind_ms,
    }
    return [(HEALTH, tags, fields)]


def _gap(message: GapFound) -> list[Told]:
    count = message.last_missing - message.first_missing + 1
    return [(ERRORS, {"producer": message.producer, "kind": "gap"}, {"count": count})]


def _diverged(message: CoreDiverged) -> list[Told]:
    tags = {"service": message.service, "kind": "diverged"}
    return [(ERRORS, tags, {"count": 1, "detail": message.detail})]


def _quality(message: QualityCheckFailed) -> list[Told]:
    tags = {"instrument": message.instrument, "check": message.check, "kind": "quality"}
    fields: Fields = {"count": 1, "observed": message.observed, "limit": message.limit}
    return [(ERRORS, tags, fields)]


def _dead_letter(message: DeadLetter) -> list[Told]:
    tags = {"source": message.source, "reason": message.reason, "kind": "dead_letter"}
    return [(ERRORS, tags, {"count": 1, "detail": message.detail})]


def _valued(message: PortfolioValued) -> list[Told]:
    scale, tags = message.asset_scale, {"portfolio": message.portfolio, "asset": message.asset}
    names = ("equity", "cash", "realized_pnl", "unrealized_pnl", "fees")
    worth: Fields = {name: _float(getattr(message, name), scale) for name in names}
    exposed: Fields = {
        "exposure": _float(message.exposure, scale),
        "drawdown_pct": message.drawdown_pct,
    }
    return [
        (PERFORMANCE, {**tags, "kind": "value"}, worth),
        (RISK, {**tags, "kind": "exposure"}, exposed),
    ]


def _closed(message: PositionClosed) -> list[Told]:
    tags = {
        "portfolio": message.portfolio,
        "strategy": message.strategy,
        "instrument": message.instrument,
        "asset": message.asset,
        "kind": "closed",
    }
    fields: Fields = {
        "realized_pnl": _float(message.realized_pnl, message.asset_scale),
        "fees": _float(message.fees, message.asset_scale),
        "wins": int(message.realized_pnl > 0),  # its mean is the win rate
    }
    return [(PERFORMANCE, tags, fields)]


def _filled(message: OrderFilled) -> list[Told]:
    tags = {
        "portfolio": message.portfolio,
        "instrument": message.instrument,
        "side": message.side,
        "liquidity": message.liquidity,
        "kind": "fill",
    }
    fields: Fields = {
        "qty": _float(message.last_qty, message.qty_scale),
        "price": _float(message.last_price, message.price_scale),
        "commission": _float(message.commission, message.asset_scale),
    }
    return [(EXECUTION, tags, fields)]


def _completed(message: OrderCompleted) -> list[Told]:
    tags = {
        "portfolio": message.portfolio,
        "instrument": message.instrument,
        "side": message.side,
        "leg": message.leg,
        "kind": "completed",
    }
    fields: Fields = {
        "qty": _float(message.qty, message.qty_scale),
        "filled_qty": _float(message.filled_qty, message.qty_scale),
        "slippage_bps": message.slippage_bps,
    }
    return [(EXECUTION, tags, fields)]


def _rejected(message: OrderRejected) -> list[Told]:
    tags = {
        "portfolio": message.portfolio,
        "instrument": message.instrument,
        "reason": message.reason,
        "kind": "rejected",
    }
    return [(EXECUTION, tags, {"count": 1})]


def _decided(message: RiskDecision) -> list[Told]:
    tags = {
        "portfolio": message.portfolio,
        "instrument": message.instrument,
        "purpose": message.purpose,
        "reason": message.reason,
        "kind": "decision",
    }
    fields: Fields = {
        "approved": message.approved,
        "qty": _float(message.qty, message.qty_scale),
    }
    return [(RISK, tags, fields)]


def _breaker(message: BreakerTripped | BreakerEnded) -> list[Told]:
    tags = {"portfolio": message.portfolio, "level": str(message.level), "kind": "breaker"}
    fields: Fields = {"is_open": isinstance(message, BreakerTripped)}
    if isinstance(message, BreakerTripped):
        fields["drawdown_pct"] = message.drawdown_pct
    return [(RISK, tags, fields)]


_TOLD: Mapping[type[Message], Callable[[Any], list[Told]]] = MappingProxyType(
    {
        BookStatusChanged: _book,
        Degraded: _degraded,
        GapFound: _gap,
        CoreDiverged: _diverged,
        QualityCheckFailed: _quality,
        DeadLetter: _dead_letter,
        PortfolioValued: _valued,
        PositionClosed: _closed,
        OrderFilled: _filled,
        OrderCompleted: _completed,
        OrderRejected: _rejected,
        RiskDecision: _decided,
        BreakerTripped: _breaker,
        BreakerEnded: _breaker,
    }
)
