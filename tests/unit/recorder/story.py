"""A short story of two instruments as it stands on the logs, with what must not count."""

from marea.bus.memory import MemoryBus
from marea.messages.envelope import Log, Message, Record, Writer
from marea.messages.features import Bar
from marea.messages.market import Trade
from marea.messages.orders import OrderFilled
from marea.testing.builders import TS_START, quote_record, started_record
from tests.unit.recorder.stores import A, B

FEATURES, TRADING = Log("features", "main"), Log("trading", "main")
DAY = 86_400_000_000_000
SECOND = 1_000_000_000


def trade(number: int, log: Log = A, ts_event: int = TS_START) -> Trade:
    return Trade(
        id=f"{log.partition}:trade:{number}",
        ts_event=ts_event + number * SECOND,
        instrument=log.partition,
        price_scale=2,
        qty_scale=5,
        price=6_000_000 + number,
        qty=100 + number,
        taker_side="buy" if number % 2 else "sell",
        first_trade_id=number,
        last_trade_id=number,
    )


def bar(number: int) -> Bar:
    return Bar(
        id=f"bar:{number}",
        ts_event=TS_START + number * SECOND,
        instrument=A.partition,
        price_scale=2,
        qty_scale=5,
        interval_s=1,
        ts_open=TS_START + (number - 1) * SECOND,
        open=6_000_000,
        high=6_000_010,
        low=5_999_990,
        close=6_000_001,
        volume=1_000,
        trade_count=3,
        first_trade_id=number * 3,
        last_trade_id=number * 3 + 2,
        status="complete",
    )


def fill(number: int) -> OrderFilled:
    return OrderFilled(
        id=f"fill:{number}",
        ts_event=TS_START + number * SECOND,
        portfolio="main",
        instrument=A.partition,
        client_order_id="o1",
        number=number,
        venue="SIM",
        account="main",
        venue_order_id="v1",
        trade_id=str(number),
        side="buy",
        liquidity="maker",
        price_scale=2,
        qty_scale=5,
        last_qty=50,
        last_price=6_000_000,
        cum_qty=50,
        leaves_qty=0,
        asset_scale=8,
        commission=300_000_000,
        commission_asset="USDT",
    )


async def say(bus: MemoryBus, log: Log, *messages: Message, epoch: int = 0, seq: int = 0) -> None:
    """Append what a producer says, from this number on."""
    writer = Writer(producer=f"of/{log.partition}", epoch=epoch, build="b")
    records = [
        Record(message=each, writer=writer, seq=number, ts_known=each.ts_event)
        for number, each in enumerate(messages, seq)
    ]
    await bus.append(log, records)


async def story() -> MemoryBus:
    """Trades over two days, bars and fills; records that came twice, and of a life that was over."""
    bus = MemoryBus()
    for log in (A, B):
        await say(bus, log, *(trade(number, log) for number in range(20)))
        await say(bus, log, *(trade(number, log) for number in range(15, 20)), seq=15)  # again
        end = (await bus.ends(log))[log]
        writer = Writer(producer=f"of/{log.partition}", epoch=end, build="b")
        await bus.append(log, [started_record(writer)])
        await say(bus, log, trade(900, log), seq=20)  # of the life before
        await say(bus, log, *(trade(n, log, TS_START + DAY) for n in range(20, 30)), epoch=end)
    await bus.append(A, [quote_record(seq) for seq in range(5)])
    await say(bus, FEATURES, *(bar(number) for number in range(1, 12)))
    await say(bus, TRADING, *(fill(number) for number in range(3)))
    return bus
