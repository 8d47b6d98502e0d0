"""What are the columns of each table that the recorder fills?"""


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LINEAGE = _columns("event_id log_channel log_partition log_position ts_event_ns")
"""What every row begins with: from it one walks back to the event on the record."""

FIGURES = _columns("open high low close volume trade_count status")
BAR = _columns("timestamp_utc symbol timeframe") + FIGURES + _columns("source source_rank")
CORRECTION = _columns("timestamp_utc symbol timeframe") + FIGURES + _columns("bar_event_id")
MARKET_TRADE = _columns(
    "timestamp_utc symbol price qty taker_side first_trade_id last_trade_id condition"
)
ORDER_BOOK = _columns("timestamp_utc symbol kind bids asks first_sequence sequence source")
FEATURES = _columns("timestamp_utc symbol timeframe set_version bar_event_id quality features")
DATA_QUALITY = _columns("timestamp_utc subject check_name observed allowed detail")
INSTRUMENT = _columns(
    "symbol valid_from_ns venue venue_symbol kind base_asset quote_asset price_increment"
    " qty_increment notional_min"
)
PORTFOLIO = _columns("timestamp_utc portfolio owner mode venue account base_asset time_zone")
SIGNAL = _columns(
    "timestamp_utc symbol strategy timeframe direction strength score confidence price expiry_utc"
    " reasons features contributing_signals"
)
RISK_DECISION = _columns(
    "timestamp_utc portfolio symbol strategy purpose leg signal_id approved reason action"
    " position_size shares confidence bid_price ask_price collar_price stop_price target_price"
    " expiry_utc observed limits"
)
ORDER = _columns(
    "timestamp_utc client_order_id portfolio account symbol strategy risk_decision_id leg side"
    " post_only reduce_only price reference_price qty status"
)
ORDER_EVENT = _columns(
    "timestamp_utc portfolio client_order_id type status status_rank attempt report_number"
    " venue_order_id qty cum_qty reason"
)
TRADE = _columns(
    "timestamp_utc portfolio venue account symbol trade_id order_id client_order_id side liquidity"
    " qty price cum_qty fee fee_asset status"
)
POSITION = _columns("timestamp_utc portfolio symbol net_qty avg_price cost realized_pnl fees")
CLOSED_POSITION = _columns(
    "timestamp_utc portfolio strategy symbol side qty entry_price exit_price opened_utc exit_reason"
    " asset realized_pnl fees"
)
JOURNAL_ENTRY = _columns("timestamp_utc entry portfolio strategy cause account asset amount")
BREAKER_EVENT = _columns(
    "timestamp_utc portfolio level is_open cause drawdown_pct drawdown_pct_max asset reference"
    " equity until_utc"
)
RISK_METRIC = _columns(
    "timestamp_utc scope asset equity cash exposure realized_pnl unrealized_pnl fees drawdown_pct"
)
AUDIT = _columns("timestamp_utc type portfolio actor role action reason key accepted command_id")
