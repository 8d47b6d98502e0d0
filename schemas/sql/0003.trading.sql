-- depends: 0002.market
--
-- What was decided, and what came of it. Signals and risk metrics are series by month, kept for
-- ever; everything else is a ledger: plain tables, never compressed, never dropped.

CREATE TABLE IF NOT EXISTS trading.instruments (
    symbol          TEXT        NOT NULL,
    valid_from_ns   BIGINT      NOT NULL, -- this version holds from then on, ns UTC
    venue           TEXT        NOT NULL,
    venue_symbol    TEXT        NOT NULL,
    kind            TEXT        NOT NULL, -- spot, perpetual
    base_asset      TEXT        NOT NULL,
    quote_asset     TEXT        NOT NULL,
    price_increment NUMERIC     NOT NULL,
    qty_increment   NUMERIC     NOT NULL,
    notional_min    NUMERIC     NOT NULL, -- 0: no limit
    event_id        TEXT        NOT NULL,
    log_channel     TEXT        NOT NULL,
    log_partition   TEXT        NOT NULL,
    log_position    BIGINT      NOT NULL,
    ts_event_ns     BIGINT      NOT NULL,
    PRIMARY KEY (symbol, valid_from_ns)
);
COMMENT ON TABLE trading.instruments IS 'STOR-25: what can be traded, as its venue describes it';

CREATE TABLE IF NOT EXISTS trading.portfolios (
    portfolio     TEXT        NOT NULL PRIMARY KEY,
    timestamp_utc TIMESTAMPTZ NOT NULL, -- when it was opened
    owner         TEXT        NOT NULL,
    mode          TEXT        NOT NULL, -- advisory, sim, paper, live
    venue         TEXT        NOT NULL,
    account       TEXT        NOT NULL,
    base_asset    TEXT        NOT NULL,
    time_zone     TEXT        NOT NULL,
    event_id      TEXT        NOT NULL,
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL
);
COMMENT ON TABLE trading.portfolios IS 'STOR-25: portfolios, each with the venue account that it claims';

CREATE TABLE IF NOT EXISTS trading.signals (
    timestamp_utc        TIMESTAMPTZ      NOT NULL,
    symbol               TEXT             NOT NULL,
    strategy             TEXT             NOT NULL, -- or the combiner, or the ensemble
    timeframe            TEXT             NOT NULL,
    direction            TEXT             NOT NULL, -- buy, sell, hold
    strength             DOUBLE PRECISION NOT NULL, -- 0 to 100: of the score without its sign
    score                DOUBLE PRECISION NOT NULL, -- -1 to 1 of what it may hold
    confidence           DOUBLE PRECISION NOT NULL, -- 0 to 1
    price                NUMERIC          NOT NULL, -- the close that it was made at
    expiry_utc           TIMESTAMPTZ      NOT NULL,
    reasons              JSONB            NOT NULL, -- codes, the strongest first
    features             JSONB            NOT NULL, -- the values that it used, by name
    contributing_signals JSONB            NOT NULL, -- of an ensemble: score and weight of each member
    event_id             TEXT             NOT NULL,
    log_channel          TEXT             NOT NULL,
    log_partition        TEXT             NOT NULL,
    log_position         BIGINT           NOT NULL,
    ts_event_ns          BIGINT           NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_signals_symbol_time
    ON trading.signals (symbol, strategy, timestamp_utc DESC);
COMMENT ON TABLE trading.signals IS 'STOR-04: what each strategy and ensemble said, and why';

CREATE TABLE IF NOT EXISTS trading.risk_decisions (
    event_id      TEXT             NOT NULL PRIMARY KEY,
    timestamp_utc TIMESTAMPTZ      NOT NULL,
    portfolio     TEXT             NOT NULL,
    symbol        TEXT             NOT NULL,
    strategy      TEXT             NOT NULL, -- several, joined by +
    purpose       TEXT             NOT NULL, -- entry, exit
    leg           TEXT             NOT NULL, -- what set it off: signal, halt, …
    signal_id     TEXT,                      -- of signals.event_id, where a signal set it off
    approved      BOOLEAN          NOT NULL,
    reason        TEXT             NOT NULL, -- APPROVED, or the gate that said no
    action        TEXT             NOT NULL, -- buy, sell
    position_size NUMERIC          NOT NULL, -- in the base asset; 0 on a denial
    shares        JSONB            NOT NULL, -- of it, what each of the strategies wants
    confidence    DOUBLE PRECISION,          -- of the signal, where that gate was asked
    bid_price     NUMERIC          NOT NULL,
    ask_price     NUMERIC          NOT NULL,
    collar_price  NUMERIC          NOT NULL, -- the worst price allowed
    stop_price    NUMERIC          NOT NULL, -- 0: none
    target_price  NUMERIC          NOT NULL, -- 0: none
    expiry_utc    TIMESTAMPTZ      NOT NULL,
    observed      JSONB            NOT NULL, -- what each gate saw, by its code
    limits        JSONB            NOT NULL, -- what each gate allows, by its code
    log_channel   TEXT             NOT NULL,
    log_partition TEXT             NOT NULL,
    log_position  BIGINT           NOT NULL,
    ts_event_ns   BIGINT           NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_risk_decisions_portfolio_time
    ON trading.risk_decisions (portfolio, timestamp_utc DESC);
COMMENT ON TABLE trading.risk_decisions IS 'RISK-24: every verdict with its reasons';

CREATE TABLE IF NOT EXISTS trading.orders (
    client_order_id  TEXT        NOT NULL PRIMARY KEY,
    timestamp_utc    TIMESTAMPTZ NOT NULL, -- when it was intended
    portfolio        TEXT        NOT NULL,
    account          TEXT        NOT NULL,
    symbol           TEXT        NOT NULL,
    strategy         TEXT        NOT NULL,
    risk_decision_id TEXT        NOT NULL, -- of risk_decisions.event_id
    leg              TEXT        NOT NULL, -- entry, exit, stop, target
    side             TEXT        NOT NULL,
    post_only        BOOLEAN     NOT NULL,
    reduce_only      BOOLEAN     NOT NULL,
    price            NUMERIC     NOT NULL, -- its limit; of a stop that an entry carries: its trigger
    reference_price  NUMERIC     NOT NULL, -- what its slippage is measured from
    qty              NUMERIC     NOT NULL, -- in force; of a protective order 0 until it is accepted
    filled_qty       NUMERIC     NOT NULL DEFAULT 0,
    status           TEXT        NOT NULL, -- armed: it protects an entry, and its venue has not named it
    reason           TEXT,                 -- of its last report that has one
    attempt          BIGINT,               -- the last one
    venue_order_id   TEXT,
    updated_utc      TIMESTAMPTZ,          -- when its status was told
    last_event_id    TEXT,                 -- of order_events.event_id, which told it
    event_id         TEXT        NOT NULL, -- of the intent that named it first
    log_channel      TEXT        NOT NULL,
    log_partition    TEXT        NOT NULL,
    log_position     BIGINT      NOT NULL,
    ts_event_ns      BIGINT      NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_orders_portfolio_time
    ON trading.orders (portfolio, timestamp_utc DESC);
CREATE INDEX IF NOT EXISTS idx_orders_decision ON trading.orders (risk_decision_id);
COMMENT ON TABLE trading.orders IS
    'STOR-12: orders, those that protect an entry too, each as the last of its events left it';

CREATE TABLE IF NOT EXISTS trading.order_events (
    event_id        TEXT        NOT NULL PRIMARY KEY,
    timestamp_utc   TIMESTAMPTZ NOT NULL,
    portfolio       TEXT        NOT NULL,
    client_order_id TEXT        NOT NULL,
    type            TEXT        NOT NULL, -- of the message: OrderSent, …
    status          TEXT,                 -- that it leads to, if to any
    status_rank     SMALLINT    NOT NULL, -- the higher stands: 2 an end, 1 the venue's word, 0 ours
    attempt         BIGINT,
    report_number   BIGINT,               -- of the venue account's reports
    venue_order_id  TEXT,
    qty             NUMERIC,              -- in force from here on
    cum_qty         NUMERIC,              -- filled so far
    reason          TEXT,
    log_channel     TEXT        NOT NULL,
    log_partition   TEXT        NOT NULL,
    log_position    BIGINT      NOT NULL,
    ts_event_ns     BIGINT      NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_order_events_order
    ON trading.order_events (client_order_id, log_position);
COMMENT ON TABLE trading.order_events IS 'STOR-12: all that was intended and told of each order';

CREATE TABLE IF NOT EXISTS trading.trades (
    event_id         TEXT        NOT NULL PRIMARY KEY,
    timestamp_utc    TIMESTAMPTZ NOT NULL,
    portfolio        TEXT        NOT NULL,
    venue            TEXT        NOT NULL,
    account          TEXT        NOT NULL,
    symbol           TEXT        NOT NULL,
    trade_id         TEXT        NOT NULL, -- the venue's
    order_id         TEXT        NOT NULL, -- the venue's
    client_order_id  TEXT        NOT NULL, -- of orders
    strategy         TEXT,                 -- of its order; null: the order is not on this record
    leg              TEXT,
    risk_decision_id TEXT,                 -- of risk_decisions.event_id
    side             TEXT        NOT NULL,
    liquidity        TEXT        NOT NULL, -- maker, taker
    qty              NUMERIC     NOT NULL, -- in the base asset
    price            NUMERIC     NOT NULL, -- in the quote asset
    cum_qty          NUMERIC     NOT NULL, -- filled of its order, this match included
    fee              NUMERIC     NOT NULL, -- below 0 a rebate
    fee_asset        TEXT        NOT NULL,
    slippage_bps     NUMERIC,              -- against its order's reference price, plus is what it cost
    status           TEXT        NOT NULL, -- of its order after it: filled, partly_filled
    mode             TEXT,                 -- of its portfolio
    log_channel      TEXT        NOT NULL,
    log_partition    TEXT        NOT NULL,
    log_position     BIGINT      NOT NULL,
    ts_event_ns      BIGINT      NOT NULL,
    UNIQUE (venue, account, symbol, trade_id, order_id)
);
CREATE INDEX IF NOT EXISTS idx_trades_portfolio_time
    ON trading.trades (portfolio, symbol, timestamp_utc DESC);
CREATE INDEX IF NOT EXISTS idx_trades_order ON trading.trades (client_order_id);
COMMENT ON TABLE trading.trades IS 'STOR-05, BUS-07: our fills';

CREATE TABLE IF NOT EXISTS trading.positions (
    portfolio     TEXT        NOT NULL,
    symbol        TEXT        NOT NULL,
    timestamp_utc TIMESTAMPTZ NOT NULL, -- of the last fill in it
    net_qty       NUMERIC     NOT NULL, -- held after commissions
    avg_price     NUMERIC,              -- that was paid for it, commissions included; null: none held
    cost          NUMERIC     NOT NULL, -- paid for what is held, commissions included
    realized_pnl  NUMERIC     NOT NULL, -- of all that was sold, after all commissions
    fees          NUMERIC     NOT NULL, -- all commissions, each at the price of its fill
    event_id      TEXT        NOT NULL, -- of the last fill in it
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL,
    PRIMARY KEY (portfolio, symbol)
);
COMMENT ON TABLE trading.positions IS
    'STOR-05: what each portfolio holds of an instrument now; amounts of money in the quote asset';

CREATE TABLE IF NOT EXISTS trading.closed_positions (
    event_id      TEXT        NOT NULL PRIMARY KEY,
    timestamp_utc TIMESTAMPTZ NOT NULL,
    portfolio     TEXT        NOT NULL,
    strategy      TEXT        NOT NULL,
    symbol        TEXT        NOT NULL,
    side          TEXT        NOT NULL, -- of its entry
    qty           NUMERIC     NOT NULL, -- bought in all
    entry_price   NUMERIC     NOT NULL,
    exit_price    NUMERIC     NOT NULL,
    opened_utc    TIMESTAMPTZ NOT NULL,
    exit_reason   TEXT        NOT NULL,
    asset         TEXT        NOT NULL, -- of the next two
    realized_pnl  NUMERIC     NOT NULL, -- after all fees
    fees          NUMERIC     NOT NULL,
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_closed_positions_portfolio_time
    ON trading.closed_positions (portfolio, timestamp_utc DESC);
COMMENT ON TABLE trading.closed_positions IS 'STOR-05: what came of each position of a strategy';

CREATE TABLE IF NOT EXISTS trading.journal (
    event_id      TEXT        NOT NULL, -- of the transaction: its entries sum to 0 for each asset
    entry         BIGINT      NOT NULL, -- which of its entries: 0, 1, …
    timestamp_utc TIMESTAMPTZ NOT NULL,
    portfolio     TEXT        NOT NULL,
    strategy      TEXT        NOT NULL, -- whose sub-ledger; empty: the portfolio's own
    cause         TEXT        NOT NULL, -- opening, fill, cross, adjustment
    account       TEXT        NOT NULL, -- wallet, venue, fees, …
    asset         TEXT        NOT NULL,
    amount        NUMERIC     NOT NULL, -- plus is what comes into the account
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL,
    PRIMARY KEY (event_id, entry)
);
CREATE INDEX IF NOT EXISTS idx_journal_balance
    ON trading.journal (portfolio, account, asset);
COMMENT ON TABLE trading.journal IS 'STOR-12: the ledger, double entry';

CREATE TABLE IF NOT EXISTS trading.breaker_events (
    event_id         TEXT             NOT NULL PRIMARY KEY,
    timestamp_utc    TIMESTAMPTZ      NOT NULL,
    portfolio        TEXT             NOT NULL,
    level            SMALLINT         NOT NULL, -- 1, 2 or 3
    is_open          BOOLEAN          NOT NULL, -- whether it holds openings back from here on
    cause            TEXT             NOT NULL, -- drawdown, elapsed, reset
    drawdown_pct     DOUBLE PRECISION,          -- as the next, of a breaker that trips
    drawdown_pct_max DOUBLE PRECISION,
    asset            TEXT             NOT NULL,
    reference        NUMERIC          NOT NULL, -- the equity that a fall is measured from
    equity           NUMERIC,
    until_utc        TIMESTAMPTZ,               -- when it ends by itself
    log_channel      TEXT             NOT NULL,
    log_partition    TEXT             NOT NULL,
    log_position     BIGINT           NOT NULL,
    ts_event_ns      BIGINT           NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_breaker_events_level
    ON trading.breaker_events (portfolio, level, log_position DESC);
COMMENT ON TABLE trading.breaker_events IS 'STOR-06: breakers that tripped and ended';

CREATE TABLE IF NOT EXISTS trading.risk_metrics (
    timestamp_utc  TIMESTAMPTZ      NOT NULL,
    scope          TEXT             NOT NULL, -- the portfolio
    asset          TEXT             NOT NULL, -- of the amounts
    equity         NUMERIC          NOT NULL,
    cash           NUMERIC          NOT NULL,
    exposure       NUMERIC          NOT NULL,
    realized_pnl   NUMERIC          NOT NULL,
    unrealized_pnl NUMERIC          NOT NULL,
    fees           NUMERIC          NOT NULL,
    drawdown_pct   DOUBLE PRECISION NOT NULL, -- from the peak of equity
    breaker_level  SMALLINT         NOT NULL, -- the highest that holds openings back; 0: none
    event_id       TEXT             NOT NULL,
    log_channel    TEXT             NOT NULL,
    log_partition  TEXT             NOT NULL,
    log_position   BIGINT           NOT NULL,
    ts_event_ns    BIGINT           NOT NULL,
    PRIMARY KEY (event_id, timestamp_utc)
) PARTITION BY RANGE (timestamp_utc);
CREATE INDEX IF NOT EXISTS idx_risk_metrics_scope_time
    ON trading.risk_metrics (scope, timestamp_utc DESC);
COMMENT ON TABLE trading.risk_metrics IS 'STOR-06: what each portfolio is worth and risks';

CREATE TABLE IF NOT EXISTS trading.audit_log (
    event_id      TEXT        NOT NULL PRIMARY KEY,
    timestamp_utc TIMESTAMPTZ NOT NULL,
    type          TEXT        NOT NULL, -- Command, or CommandTaken: what became of one
    portfolio     TEXT        NOT NULL,
    actor         TEXT        NOT NULL,
    role          TEXT,
    action        TEXT        NOT NULL, -- halt, resume, reset
    reason        TEXT        NOT NULL, -- of a command the actor's words, of what became of it a code
    key           TEXT,                 -- the same key counts once
    accepted      BOOLEAN,
    command_id    TEXT,                 -- of what became of a command: which one
    log_channel   TEXT        NOT NULL,
    log_partition TEXT        NOT NULL,
    log_position  BIGINT      NOT NULL,
    ts_event_ns   BIGINT      NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_audit_log_time ON trading.audit_log (timestamp_utc DESC);
COMMENT ON TABLE trading.audit_log IS 'STOR-12: what people ordered, and what became of it';
