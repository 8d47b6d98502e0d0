-- depends: 0004.views
--
-- Applied only where TimescaleDB can be had: the series as hypertables. Only market data are
-- compressed, after 7 days; parts are dropped by a policy here, by the recorder where there is none.
-- What the partitions hold already is taken over. A policy counts from today: a market of old days
-- that is to be kept for longer needs a database without the extension.

CREATE EXTENSION IF NOT EXISTS timescaledb;

DROP VIEW IF EXISTS public.market_data;

DO $$
DECLARE
    series RECORD;
BEGIN
    FOR series IN SELECT * FROM (VALUES
        -- name, length of a chunk, kept for, compressed by
        ('market_data',             INTERVAL '1 month', NULL::INTERVAL,     'timestamp_utc DESC, timeframe'),
        ('market_data_raw',         INTERVAL '1 month', NULL,               'timestamp_utc DESC, timeframe, source'),
        ('market_data_corrections', INTERVAL '1 month', NULL,               NULL),
        ('market_trades',           INTERVAL '1 day',   INTERVAL '7 days',  NULL),
        ('order_book',              INTERVAL '1 day',   INTERVAL '7 days',  NULL),
        ('features',                INTERVAL '1 month', INTERVAL '90 days', 'timestamp_utc DESC, event_id'),
        ('data_quality',            INTERVAL '1 month', NULL,               NULL),
        ('signals',                 INTERVAL '1 month', NULL,               NULL),
        ('risk_metrics',            INTERVAL '1 month', NULL,               NULL)
    ) AS listed (name, chunk, kept, compressed_by)
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT 1 FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'trading' AND hypertable_name = series.name
        );
        EXECUTE format('ALTER TABLE trading.%I RENAME TO %I', series.name, series.name || '_parts');
        EXECUTE format(
            'CREATE TABLE trading.%I (LIKE trading.%I INCLUDING ALL)',
            series.name, series.name || '_parts'
        );
        PERFORM create_hypertable(
            format('trading.%I', series.name)::REGCLASS, 'timestamp_utc'::NAME,
            chunk_time_interval => series.chunk, create_default_indexes => FALSE
        );
        EXECUTE format(
            'INSERT INTO trading.%I SELECT * FROM trading.%I', series.name, series.name || '_parts'
        );
        EXECUTE format(
            'COMMENT ON TABLE trading.%I IS %L', series.name,
            obj_description(format('trading.%I', series.name || '_parts')::REGCLASS)
        );
        EXECUTE format('DROP TABLE trading.%I', series.name || '_parts');
        IF series.compressed_by IS NOT NULL THEN
            EXECUTE format(
                'ALTER TABLE trading.%I SET (timescaledb.compress,'
                ' timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
                series.name, 'symbol', series.compressed_by
            );
            PERFORM add_compression_policy(
                format('trading.%I', series.name)::REGCLASS, INTERVAL '7 days'
            );
        END IF;
        IF series.kept IS NOT NULL THEN
            PERFORM add_retention_policy(
                format('trading.%I', series.name)::REGCLASS, series.kept
            );
        END IF;
    END LOOP;
END;
$$;

ALTER INDEX IF EXISTS trading.market_data_symbol_timestamp_utc_idx
    RENAME TO idx_market_data_symbol_time;

CREATE OR REPLACE VIEW public.market_data AS
    SELECT id, symbol, timeframe, timestamp_utc, open, high, low, close, volume, source, created_at
    FROM trading.market_data;
COMMENT ON VIEW public.market_data IS 'CF-10: trading.market_data by the name and columns of 002';
