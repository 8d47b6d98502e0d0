"""Which rows does a record make, and in which tables?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from marea.messages import features, market, orders, portfolio, signals, system
from marea.messages.envelope import Log, Message, Record
from services.recorder.sinks.postgres import market_rows, order_rows, tables, trading_rows
from services.recorder.sinks.postgres.tables import Row, Table
from services.recorder.sinks.texts import utc

RowsOf = Callable[[Any], Sequence[Row]]
DETAIL_CHARS_MAX = 500
ORDER_EVENT = ((tables.ORDER_EVENTS, order_rows.order_events),)

ROWS: Mapping[type[Message], Sequence[tuple[Table, RowsOf]]] = {
    market.InstrumentChanged: ((tables.INSTRUMENTS, market_rows.instruments),),
    market.Trade: ((tables.MARKET_TRADES, market_rows.market_trades),),
    market.Quote: ((tables.ORDER_BOOK, market_rows.best_levels),),
    market.BookDelta: ((tables.ORDER_BOOK, market_rows.order_books),),
    market.BookSnapshot: ((tables.ORDER_BOOK, market_rows.order_books),),
    market.VenueBar: ((tables.BARS, market_rows.venue_bars),),
    market.BookStatusChanged: ((tables.DATA_QUALITY, market_rows.book_statuses),),
    features.Bar: ((tables.BARS, market_rows.bars),),
    features.BarCorrection: ((tables.CORRECTIONS, market_rows.corrections),),
    features.FeatureVector: ((tables.FEATURES, market_rows.features),),
    system.QualityCheckFailed: ((tables.DATA_QUALITY, market_rows.failed_checks),),
    system.GapFound: ((tables.DATA_QUALITY, market_rows.gaps),),
    signals.Signal: ((tables.SIGNALS, trading_rows.signals),),
    portfolio.PortfolioOpened: ((tables.PORTFOLIOS, trading_rows.portfolios),),
    portfolio.RiskDecision: ((tables.RISK_DECISIONS, trading_rows.risk_decisions),),
    portfolio.PositionClosed: ((tables.CLOSED_POSITIONS, trading_rows.closed_positions),),
    portfolio.JournalPosted: ((tables.JOURNAL, trading_rows.journal_entries),),
    portfolio.BreakerTripped: ((tables.BREAKER_EVENTS, trading_rows.tripped_breakers),),
    portfolio.BreakerEnded: ((tables.BREAKER_EVENTS, trading_rows.ended_breakers),),
    portfolio.PortfolioValued: ((tables.RISK_METRICS, trading_rows.risk_metrics),),
    portfolio.Command: ((tables.AUDIT_LOG, trading_rows.commands),),
    portfolio.CommandTaken: ((tables.AUDIT_LOG, trading_rows.taken_commands),),
    orders.OrderIntended: ((tables.ORDERS, order_rows.orders), *ORDER_EVENT),
    orders.OrderFilled: ((tables.TRADES, order_rows.fills), *ORDER_EVENT),
    orders.CancelIntended: ORDER_EVENT,
    orders.OrderSent: ORDER_EVENT,
    orders.OrderNotSent: ORDER_EVENT,
    orders.OrderUnknown: ORDER_EVENT,
    orders.OrderLookedUp: ORDER_EVENT,
    orders.OrderAccepted: ORDER_EVENT,
    orders.OrderRejected: ORDER_EVENT,
    orders.OrderAmended: ORDER_EVENT,
    orders.OrderTriggered: ORDER_EVENT,
    orders.OrderCanceled: ORDER_EVENT,
    orders.CancelRejected: ORDER_EVENT,
}
"""What is not here stands in the archive alone."""


class Taken(NamedTuple):
    """A record that counts, with its place."""

    log: Log
    position: int
    record: Record


class Refusal(NamedTuple):
    """A record that is not, or not everywhere, in the tables."""

    taken: Taken
    reason: str


def rows_of(taken: Iterable[Taken]) -> dict[Table, list[Row]]:
    """All rows of these records, by their table. Raises `ValueError` where one can't be told."""
    found: defaultdict[Table, list[Row]] = defaultdict(list)
    for log, position, record in taken:
        message = record.message
        sources = ROWS.get(type(message))
        if sources:
            lineage = lineage_of(log, position, message)
            for table, rows in sources:
                found[table] += [lineage + row for row in rows(message)]
    return found


def lineage_of(log: Log, position: int, message: Message) -> Row:
    """What leads from a row to its event."""
    return message.id, log.channel, log.partition, str(position), str(message.ts_event)


def refusal_row(refusal: Refusal) -> Row:
    """What the quality of the data says of it."""
    (log, position, record), reason = refusal
    told = f"{type(record.message).__name__}: {reason}"[:DETAIL_CHARS_MAX]
    ts = record.message.ts_event
    lineage = (f"refused:{log}:{position}", log.channel, log.partition, str(position), str(ts))
    return (*lineage, utc(ts), str(log), "row_refused", None, None, told)
