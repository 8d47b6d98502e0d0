-- depends: 0003.trading
--
-- The other names of the same things.

CREATE OR REPLACE VIEW public.market_data AS
    SELECT id, symbol, timeframe, timestamp_utc, open, high, low, close, volume, source, created_at
    FROM trading.market_data;
COMMENT ON VIEW public.market_data IS 'CF-10: trading.market_data by the name and columns of 002';

CREATE OR REPLACE VIEW public.trades AS
    SELECT order_id, client_order_id, symbol, side, qty, price, fee, fee_asset, slippage_bps,
        status, mode, risk_decision_id, timestamp_utc
    FROM trading.trades;
COMMENT ON VIEW public.trades IS 'CF-10: trading.trades by the name of 003 and the columns of BUS-07';

CREATE OR REPLACE VIEW trading.balances AS
    SELECT portfolio, strategy, account, asset, sum(amount) AS balance
    FROM trading.journal
    GROUP BY portfolio, strategy, account, asset;
COMMENT ON VIEW trading.balances IS
    'STOR-05: what each strategy''s sub-ledger holds: its wallet is account wallet';
