"""Messages and records as tests need them: realistic, and short to write."""

from marea.bus.raw import Raw, record_of
from marea.messages.envelope import Log, Record, Writer
from marea.messages.ids import market_id
from marea.messages.market import Quote
from marea.messages.system import Started

INSTRUMENT = "BTC-USDT.SIM"
TS_START = 1_723_161_600_000_000_000  # 2024-08-09 00:00 UTC
LOG = Log("market", INSTRUMENT)
WRITER = Writer(
    producer=f"ingestion/{INSTRUMENT}", epoch=0, build="test", input_log=Log("tape", "t")
)


def quote_record(seq: int, writer: Writer = WRITER) -> Record:
    """The quote number `seq` of a writer, one every 10 ms."""
    ts = TS_START + seq * 10_000_000
    quote = Quote(
        id=market_id(INSTRUMENT, "quote", seq),
        ts_event=ts,
        instrument=INSTRUMENT,
        price_scale=2,
        qty_scale=5,
        bid_price=6_183_763 + seq % 7,
        bid_qty=378_826,
        ask_price=6_183_764 + seq % 7,
        ask_qty=154_698,
        update_id=seq,
    )
    return Record(
        message=quote, writer=writer, seq=seq, input_offset=seq, ts_known=ts, ts_origin=ts
    )


def started_record(writer: Writer = WRITER) -> Record:
    """The begin of a writer's life, as it stands on the log before all that it writes."""
    started = Started(
        id=f"started-{writer.producer}-{writer.epoch}",
        ts_event=TS_START,
        service=writer.producer.partition("/")[0],
        build=writer.build,
        config="{}",
        resumes_at=0,
    )
    return Record(message=started, writer=writer, seq=0)


def void_record(log: Log = LOG, offset: int = 0) -> Record:
    """What a reader of a log gets where something stands that is no record."""
    raw = Raw(0, offset, TS_START // 1_000_000, None, b"\x01 no record")
    return record_of(log, raw)
