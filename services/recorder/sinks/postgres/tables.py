"""Which tables are there, and how do new rows come into each, once?

Every write brings its rows to a temporary table first, and from there to where they belong: what
is there already changes nothing. `schemas/sql` makes the tables and says what each column holds.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from services.recorder.sinks.postgres import columns, merges

Row: TypeAlias = tuple[str | None, ...]
"""Each column as PostgreSQL reads it from text; None is null."""
Period: TypeAlias = Literal["day", "month"]
FOR_EVER = 0


class Series(NamedTuple):
    """A table that is partitioned by time."""

    name: str
    period: Period
    """How much time a partition holds."""
    kept_days: int = FOR_EVER


@dataclass(frozen=True, slots=True)
class Table:
    """What one kind of rows is made of, and where it goes."""

    name: str
    columns: tuple[str, ...]
    """After those of the lineage; of a series its time first."""
    series: tuple[Series, ...] = ()
    """Those that the rows go to; none: plain tables."""
    merge: str = ""
    """In place of the plain insert."""
    then: str = ""
    """After it."""

    @property
    def staged(self) -> str:
        """The temporary table."""
        return f"new_{self.name}"

    @property
    def row(self) -> tuple[str, ...]:
        """The columns of a row."""
        return columns.LINEAGE + self.columns

    @property
    def stage_sql(self) -> str:
        """An empty temporary table for new rows, whoever used the connection before."""
        listed = ", ".join(self.row)
        like = f"SELECT {listed} FROM trading.{self.name} WITH NO DATA"  # noqa: S608 # our own names
        return (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.staged} AS {like}; TRUNCATE {self.staged};"
        )

    @property
    def merge_sql(self) -> str:
        """What brings the new rows to where they belong; what is there already stays."""
        listed = ", ".join(self.row)
        rows = f"SELECT {listed} FROM {self.staged}"  # noqa: S608 # our own names
        insert = f"INSERT INTO trading.{self.name} ({listed}) {rows} ON CONFLICT DO NOTHING"
        return f"{self.merge or insert};{self.then}"


BARS = Table(
    "market_data_raw",
    columns.BAR,
    series=(Series("market_data_raw", "month"), Series("market_data", "month")),
    then=merges.BARS,
)
CORRECTIONS = Table(
    "market_data_corrections",
    columns.CORRECTION,
    series=(Series("market_data_corrections", "month"),),
)
MARKET_TRADES = Table(
    "market_trades",
    columns.MARKET_TRADE,
    series=(Series("market_trades", "day", kept_days=7),),
)
ORDER_BOOK = Table(
    "order_book", columns.ORDER_BOOK, series=(Series("order_book", "day", kept_days=7),)
)
FEATURES = Table("features", columns.FEATURES, series=(Series("features", "month", kept_days=90),))
DATA_QUALITY = Table(
    "data_quality", columns.DATA_QUALITY, series=(Series("data_quality", "month"),)
)
INSTRUMENTS = Table("instruments", columns.INSTRUMENT)
PORTFOLIOS = Table("portfolios", columns.PORTFOLIO)
SIGNALS = Table("signals", columns.SIGNAL, series=(Series("signals", "month"),))
RISK_DECISIONS = Table("risk_decisions", columns.RISK_DECISION)
ORDERS = Table("orders", columns.ORDER)
ORDER_EVENTS = Table("order_events", columns.ORDER_EVENT, then=merges.ORDERS)
CLOSED_POSITIONS = Table("closed_positions", columns.CLOSED_POSITION)
JOURNAL = Table("journal", columns.JOURNAL_ENTRY)
BREAKER_EVENTS = Table("breaker_events", columns.BREAKER_EVENT)
RISK_METRICS = Table(
    "risk_metrics",
    columns.RISK_METRIC,
    series=(Series("risk_metrics", "month"),),
    merge=merges.RISK_METRICS,
)
AUDIT_LOG = Table("audit_log", columns.AUDIT)
TRADES = Table("trades", columns.TRADE, merge=merges.TRADES)
POSITIONS = Table("positions", columns.POSITION, merge=merges.POSITIONS)

TABLES = (
    BARS,
    CORRECTIONS,
    MARKET_TRADES,
    ORDER_BOOK,
    FEATURES,
    DATA_QUALITY,
    INSTRUMENTS,
    PORTFOLIOS,
    SIGNALS,
    RISK_DECISIONS,
    ORDERS,
    ORDER_EVENTS,
    CLOSED_POSITIONS,
    JOURNAL,
    BREAKER_EVENTS,
    RISK_METRICS,
    AUDIT_LOG,
)
"""Those that a write fills from temporary tables alone, in this order: what one is joined with
comes before it. Then come the trades, and from those that are new the positions."""
SERIES = tuple(series for table in TABLES for series in table.series)
