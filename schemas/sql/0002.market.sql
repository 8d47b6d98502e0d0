-- depends: 0001.positions-of-sinks
--
-- What the market was, and what was made of it. These are series: partitioned by time, by month or
-- by day, and the parts that are older than they are kept are dropped whole. The recorder makes the
-- parts. Where TimescaleDB is, 0005 makes hypertables of them.
--
-- Amounts are NUMERIC without a number of places: each has exactly those of its instrument.
-- Instruments carry their venue and are as long as they are: TEXT, where a limit would only stop
-- the recorder. event_id, log_channel, log_partition and log_position lead from any row to its
-- event on the record; ts_event_ns is when it happened, ns UTC, where timestamp_utc has only
-- microseconds.

-- Of its own, as no table may be dropped with it: parts and hypertables number their rows by it.
CREATE SEQUENCE IF NOT EXISTS trading.market_data_id_seq;

CREATE TABLE IF NOT EXISTS trading.market_data (
    id            BIGINT      NOT NULL DEFAULT nextval('trading.market_data_id_seq'),
    symbol        TEXT        NOT NULL, -- the instrument: BTC-USDT.BINANCE
    timeframe     TEXT        NOT NULL, -- its length: 1s, 1m, 5m, 1h, 1d
    timestamp_utc TIMESTAMPTZ NOT NULL, -- its begin
    open          NUMERIC     NOT NULL,
    high          NUMERIC     NOT NULL,
    low           NUMERIC     NOT NULL,
    close         NUMERIC     NOT NULL,
    volume        NUMERIC     NOT NULL, -- in the base asset
    trade_count   BIGINT      NOT NULL,
    status        TEXT        NOT NULL, -- complete, empty, or partial: trades of it were missed
    source        TEXT        NOT NULL, -- who won: marea, or the venue's name
    source_rank   SMALLINT    NOT NULL, -- the higher wins: 2 marea, 1 the venue, 0 marea's partial ones
    created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    event_id      TEXT        NOT NULL,
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL,
    PRIMARY KEY (symbol, timeframe, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_market_data_symbol_time
    ON trading.market_data (symbol, timestamp_utc DESC);
COMMENT ON TABLE trading.market_data IS
    'STOR-02, CF-11, CF-12: bars, one for each instrument, length and begin, of the source that won';

CREATE TABLE IF NOT EXISTS trading.market_data_raw (
    symbol        TEXT        NOT NULL,
    timeframe     TEXT        NOT NULL,
    timestamp_utc TIMESTAMPTZ NOT NULL, -- its begin
    open          NUMERIC     NOT NULL,
    high          NUMERIC     NOT NULL,
    low           NUMERIC     NOT NULL,
    close         NUMERIC     NOT NULL,
    volume        NUMERIC     NOT NULL,
    trade_count   BIGINT      NOT NULL,
    status        TEXT        NOT NULL,
    source        TEXT        NOT NULL, -- whose bar it is: marea, or the venue's name
    source_rank   SMALLINT    NOT NULL,
    event_id      TEXT        NOT NULL,
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL,
    PRIMARY KEY (symbol, timeframe, timestamp_utc, source)
) PARTITION BY RANGE (timestamp_utc);
COMMENT ON TABLE trading.market_data_raw IS 'CF-12: the bars of every source, ours and the venue''s';

CREATE TABLE IF NOT EXISTS trading.market_data_corrections (
    timestamp_utc TIMESTAMPTZ NOT NULL, -- the begin of the bar
    symbol        TEXT        NOT NULL,
    timeframe     TEXT        NOT NULL,
    open          NUMERIC     NOT NULL,
    high          NUMERIC     NOT NULL,
    low           NUMERIC     NOT NULL,
    close         NUMERIC     NOT NULL,
    volume        NUMERIC     NOT NULL,
    trade_count   BIGINT      NOT NULL,
    status        TEXT        NOT NULL,
    bar_event_id  TEXT        NOT NULL, -- of the bar that it corrects
    event_id      TEXT        NOT NULL,
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL, -- the last one of a bar is the bar with all its trades
    ts_event_ns   BIGINT      NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_market_data_corrections_bar
    ON trading.market_data_corrections (symbol, timeframe, timestamp_utc);
COMMENT ON TABLE trading.market_data_corrections IS
    'Bars with the trades that came too late for them; market_data keeps what was decided on';

CREATE TABLE IF NOT EXISTS trading.market_trades (
    timestamp_utc  TIMESTAMPTZ NOT NULL,
    symbol         TEXT        NOT NULL,
    price          NUMERIC     NOT NULL,
    qty            NUMERIC     NOT NULL,
    taker_side     TEXT        NOT NULL,
    first_trade_id BIGINT      NOT NULL, -- the venue's number of its first match
    last_trade_id  BIGINT      NOT NULL,
    condition      TEXT        NOT NULL,
    event_id       TEXT        NOT NULL,
    log_channel    TEXT        NOT NULL,
    log_partition  TEXT        NOT NULL,
    log_position   BIGINT      NOT NULL,
    ts_event_ns    BIGINT      NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_market_trades_symbol_time
    ON trading.market_trades (symbol, timestamp_utc DESC);
COMMENT ON TABLE trading.market_trades IS 'GAP-07: what the venues print, kept for 7 days';

CREATE TABLE IF NOT EXISTS trading.order_book (
    timestamp_utc  TIMESTAMPTZ NOT NULL,
    symbol         TEXT        NOT NULL,
    kind           TEXT        NOT NULL, -- snapshot; delta: a qty of 0 removes a level; quote: the best
    bids           NUMERIC[]   NOT NULL, -- pairs of price and qty: bids[1][1] is the first price
    asks           NUMERIC[]   NOT NULL,
    first_sequence BIGINT      NOT NULL, -- the venue's number of the first change in it
    sequence       BIGINT      NOT NULL, -- and of the last
    source         TEXT        NOT NULL, -- the venue
    event_id       TEXT        NOT NULL,
    log_channel    TEXT        NOT NULL,
    log_partition  TEXT        NOT NULL,
    log_position   BIGINT      NOT NULL,
    ts_event_ns    BIGINT      NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_order_book_symbol_time
    ON trading.order_book (symbol, timestamp_utc DESC);
COMMENT ON TABLE trading.order_book IS
    'STOR-03: snapshots and deltas of order books, and best bids and asks, kept for 7 days';

CREATE TABLE IF NOT EXISTS trading.features (
    timestamp_utc TIMESTAMPTZ      NOT NULL,
    symbol        TEXT             NOT NULL,
    timeframe     TEXT             NOT NULL,
    set_version   TEXT             NOT NULL, -- names, parameters and order of the values
    bar_event_id  TEXT             NOT NULL, -- of the bar that closed; empty: between two bars
    quality       TEXT             NOT NULL, -- of the order book: SYNCING, LIVE or BROKEN
    features      JSONB            NOT NULL, -- values by name
    event_id      TEXT             NOT NULL,
    log_channel   TEXT             NOT NULL,
    log_partition TEXT             NOT NULL,
    log_position  BIGINT           NOT NULL,
    ts_event_ns   BIGINT           NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_features_symbol_time
    ON trading.features (symbol, timeframe, timestamp_utc DESC);
COMMENT ON TABLE trading.features IS 'STOR-04: what strategies look at, kept for 90 days';

CREATE TABLE IF NOT EXISTS trading.data_quality (
    timestamp_utc TIMESTAMPTZ      NOT NULL,
    subject       TEXT             NOT NULL, -- an instrument, a producer or a log
    check_name    TEXT             NOT NULL, -- sequence, stale, … ; book_status, gap, row_refused
    observed      DOUBLE PRECISION,          -- in the unit of the limit
    allowed       DOUBLE PRECISION,
    detail        TEXT             NOT NULL,
    event_id      TEXT             NOT NULL,
    log_channel   TEXT             NOT NULL,
    log_partition TEXT             NOT NULL,
    log_position  BIGINT           NOT NULL,
    ts_event_ns   BIGINT           NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_data_quality_subject_time
    ON trading.data_quality (subject, timestamp_utc DESC);
COMMENT ON TABLE trading.data_quality IS
    'STOR-12: checks that failed, order books lost and found, records that are missing or were refused';
