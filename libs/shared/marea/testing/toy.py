"""A core that is as small as one can be and still shows every way in which a loop can go wrong.

It adds up the quantities of trades; each third trade (or as configured) an alarm follows on one log, each fifth a bar
on another, and each fifteenth both, so that one input has outputs on two logs. Its state decides
what it says: an output that is lost, doubled or applied twice changes all that come after.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from marea.messages.envelope import Log, Message, Nanos, Record, Writer
from marea.messages.features import Bar
from marea.messages.ids import market_id
from marea.messages.market import Trade
from marea.messages.system import Clock, GapFound, QualityCheckFailed, Started
from marea.runtime.core import Core, replace_config
from marea.runtime.wiring import Wiring
from marea.testing.builders import TS_START

INSTRUMENT = "BTC-USDT.SIM"
INPUT = Log("market", INSTRUMENT)
BARS = Log("features", "toy")
ALARMS = Log("quality", "toy")
UPSTREAM = Writer(producer=f"ingestion/{INSTRUMENT}", epoch=0, build="test")


class ToyConfig(Struct, frozen=True, kw_only=True):
    """What the toy is told."""

    alarm_trades: int = 3
    """From alarm to alarm."""


@dataclass(slots=True)
class ToyState:
    """What the toy remembers."""

    config: ToyConfig = field(default_factory=ToyConfig)
    total: int = 0
    trade_count: int = 0
    bar_count: int = 0
    alarm_count: int = 0
    missing_count: int = 0
    told: Nanos = 0
    wakes_at: Nanos = 0


def decide(state: ToyState, event: Message) -> Sequence[Message]:
    """Every third trade an alarm, every fifth a bar, each from the state so far."""
    if not isinstance(event, Trade):
        return ()
    said: list[Message] = []
    if (state.trade_count + 1) % state.config.alarm_trades == 0:
        said.append(_alarm(state, event))
    if (state.trade_count + 1) % 5 == 0:
        said.append(_bar(state, event))
    return said


def apply(state: ToyState, event: Message) -> None:
    """Count the event, and add its quantity up."""
    match event:
        case Trade():
            state.total += event.qty
            state.trade_count += 1
        case Bar():
            state.bar_count += 1
            state.total += event.volume % 97
        case QualityCheckFailed():
            state.alarm_count += 1
            state.total += int(event.observed) % 89
        case GapFound():
            state.missing_count += event.last_missing - event.first_missing + 1
        case Clock():
            state.told = event.ts_event
            state.wakes_at = event.ts_event + 7_000_000_000


def _alarm(state: ToyState, trade: Trade) -> QualityCheckFailed:
    return QualityCheckFailed(
        instrument=trade.instrument,
        check="jump",
        observed=float(state.total),
        limit=0.0,
        detail=f"alarm {state.alarm_count}",
    )


def _bar(state: ToyState, trade: Trade) -> Bar:
    return Bar(
        instrument=trade.instrument,
        price_scale=2,
        qty_scale=5,
        interval_s=1,
        ts_open=state.bar_count,
        open=trade.price,
        high=trade.price,
        low=trade.price,
        close=trade.price,
        volume=state.total,
        trade_count=state.trade_count,
        first_trade_id=trade.first_trade_id,
        last_trade_id=trade.last_trade_id,
        status="complete",
    )


def toy_core() -> Core[ToyState]:
    """The toy as the loop takes it."""
    return Core(
        service="toy",
        state_type=ToyState,
        config_type=ToyConfig,
        configure=replace_config,
        initial=ToyState,
        decide=decide,
        apply=apply,
        next_deadline=lambda state: state.wakes_at or None,
    )


def toy_wiring(output: Log | None = None) -> Wiring:
    """Bars and alarms on logs of their own, or both on `output`."""
    bars, alarms = (output, output) if output else (BARS, ALARMS)
    return Wiring(
        name="toy/0",
        input_log=output or INPUT,
        outputs={output: "toy/0"} if output else {BARS: "toy/0", ALARMS: "toy/0"},
        route=lambda message: bars if isinstance(message, Bar | GapFound) else alarms,
        build="test",
        config="{}",
        snapshot_every_ns=1_000_000_000,
    )


def trade_record(seq: int, writer: Writer = UPSTREAM) -> Record:
    """A trade, or each tenth a `Clock`; 100 ms apart."""
    ts = TS_START + seq * 100_000_000
    message: Message
    if seq % 10 == 0:
        message = Clock(id=market_id(INSTRUMENT, "clock", ts), ts_event=ts, stream=INSTRUMENT)
    else:
        message = Trade(
            id=market_id(INSTRUMENT, "trade", seq),
            ts_event=ts,
            instrument=INSTRUMENT,
            price_scale=2,
            qty_scale=5,
            price=6_183_763 + seq % 11,
            qty=1_000 + 37 * seq % 501,
            taker_side="buy" if seq % 2 else "sell",
            first_trade_id=seq,
            last_trade_id=seq,
        )
    return Record(message=message, writer=writer, seq=seq, ts_known=ts, ts_origin=ts)


def upstream_records(count: int) -> list[Record]:
    """A producer's start and `count` records of it."""
    started = Started(
        id="started-upstream",
        ts_event=TS_START,
        service="ingestion",
        build="test",
        config="{}",
        resumes_at=0,
    )
    first = Record(message=started, writer=UPSTREAM, seq=0)
    return [first, *(trade_record(seq) for seq in range(count))]
