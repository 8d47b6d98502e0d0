"""How do new rows come to where they belong, where a plain insert would not do?

Each begins at a temporary table, `new_` and the name of the table. All are made to be repeated:
rows that came before change nothing.
"""

from services.recorder.sinks.postgres.columns import (
    BAR,
    FIGURES,
    LINEAGE,
    POSITION,
    RISK_METRIC,
    TRADE,
)


def _listed(*columns: str) -> str:
    return ", ".join(columns)


def _taken_over(*columns: str) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in columns)


BARS = f"""
INSERT INTO trading.market_data AS held ({_listed(*LINEAGE, *BAR)})
SELECT DISTINCT ON (symbol, timeframe, timestamp_utc) {_listed(*LINEAGE, *BAR)}
FROM new_market_data_raw
ORDER BY symbol, timeframe, timestamp_utc, source_rank DESC, log_position
ON CONFLICT (symbol, timeframe, timestamp_utc) DO UPDATE
SET {_taken_over(*LINEAGE, *FIGURES, "source", "source_rank")}
WHERE excluded.source_rank > held.source_rank
"""  # noqa: S608 # our own names
"""One bar for each instrument, length and begin: that of the source with the highest rank."""

ORDERS = """
UPDATE trading.orders AS held
SET status = coalesce(told.status, held.status),
    reason = coalesce(told.reason, held.reason),
    attempt = coalesce(told.attempt, held.attempt),
    venue_order_id = coalesce(told.venue_order_id, held.venue_order_id),
    qty = coalesce(told.qty, held.qty),
    filled_qty = coalesce(told.cum_qty, held.filled_qty),
    updated_utc = coalesce(told.timestamp_utc, held.updated_utc),
    last_event_id = coalesce(told.event_id, held.last_event_id)
FROM (
    SELECT client_order_id, max(attempt) AS attempt, max(cum_qty) AS cum_qty,
        max(venue_order_id) AS venue_order_id,
        (array_agg(qty ORDER BY log_position DESC) FILTER (WHERE qty IS NOT NULL))[1] AS qty,
        (array_agg(reason ORDER BY log_position DESC)
            FILTER (WHERE reason IS NOT NULL))[1] AS reason,
        (array_agg(status ORDER BY status_rank DESC, log_position DESC)
            FILTER (WHERE status IS NOT NULL))[1] AS status,
        (array_agg(timestamp_utc ORDER BY status_rank DESC, log_position DESC)
            FILTER (WHERE status IS NOT NULL))[1] AS timestamp_utc,
        (array_agg(event_id ORDER BY status_rank DESC, log_position DESC)
            FILTER (WHERE status IS NOT NULL))[1] AS event_id
    FROM trading.order_events
    WHERE client_order_id IN (SELECT client_order_id FROM new_order_events)
    GROUP BY client_order_id
) AS told
WHERE held.client_order_id = told.client_order_id
"""
"""Each order as all of its events leave it, in whatever writes they came."""

TRADES = f"""
INSERT INTO trading.trades ({_listed(*LINEAGE, *TRADE)},
    strategy, leg, risk_decision_id, mode, slippage_bps)
SELECT {_listed(*(f"new.{name}" for name in (*LINEAGE, *TRADE)))},
    orders.strategy, orders.leg, orders.risk_decision_id, portfolios.mode,
    round(10000 * (new.price - orders.reference_price) / nullif(orders.reference_price, 0), 4)
        * CASE new.side WHEN 'buy' THEN 1 ELSE -1 END
FROM new_trades AS new
LEFT JOIN trading.orders USING (client_order_id)
LEFT JOIN trading.portfolios ON portfolios.portfolio = new.portfolio
ON CONFLICT DO NOTHING
RETURNING event_id
"""  # noqa: S608 # our own names
"""Fills with what their orders and portfolios say of them; gives the ids of those not known yet."""

POSITIONS = f"""
INSERT INTO trading.positions ({_listed(*LINEAGE, *POSITION)})
SELECT {_listed(*LINEAGE, *POSITION)} FROM new_positions
ON CONFLICT (portfolio, symbol) DO UPDATE SET {_taken_over(*LINEAGE, *POSITION)}
"""  # noqa: S608 # our own names

RISK_METRICS = f"""
INSERT INTO trading.risk_metrics ({_listed(*LINEAGE, *RISK_METRIC)}, breaker_level)
SELECT {_listed(*LINEAGE, *RISK_METRIC)}, coalesce((
    SELECT max(level) FROM (
        SELECT DISTINCT ON (level) level, is_open FROM trading.breaker_events
        WHERE portfolio = new.scope AND log_position < new.log_position
        ORDER BY level, log_position DESC
    ) AS last WHERE is_open
), 0)
FROM new_risk_metrics AS new
ON CONFLICT DO NOTHING
"""  # noqa: S608 # our own names
"""What a portfolio is worth, with the highest of its breakers that was open there and then."""

SINK_POSITION = """
INSERT INTO trading.sink_position AS held (sink, channel, partition, position, intake)
SELECT $1, * FROM unnest($2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::JSONB[])
ON CONFLICT (sink, channel, partition) DO UPDATE
SET position = excluded.position, intake = excluded.intake, updated_at = now()
WHERE excluded.position > held.position
"""
