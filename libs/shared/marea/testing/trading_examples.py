"""What signals and risk say, one realistic message of each type, and the order it leads to.

The `weighted` ensemble buys 0.0081 BTC. The order rests post-only and fills in two matches, here
the first; the position ends by its target. The other messages are of the same hour.
"""

from base64 import b32encode
from hashlib import blake2b

from marea.messages.envelope import Log, Message, Writer
from marea.messages.ids import derived_id, market_id
from marea.messages.orders import OrderFilled, OrderIntended
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    JournalPosted,
    Mark,
    PortfolioOpened,
    PortfolioValued,
    PositionClosed,
    RiskDecision,
)
from marea.messages.signals import Signal
from marea.messages.system import Clock
from marea.testing.market_examples import BTC, BUILD, MS, T0, VECTOR

TRADING = Log("trading", "main")
SIGNALS_WRITER = Writer(
    producer="signals/embedded", epoch=2, build=BUILD, input_log=Log("features", "embedded")
)
RISK_WRITER = Writer(producer="risk/main", epoch=0, build=BUILD, input_log=TRADING)
TS_DECIDED = T0 + 1300 * MS
HOUR_MS = 3_600_000


def _order_id(decision: str, leg: str, child: int) -> str:
    digest = blake2b(f"main\x1f{decision}\x1f{leg}\x1f{child}".encode(), digest_size=12).digest()
    return b32encode(digest).decode().lower()[:18]


def report_id(kind: str, order: str, number: int) -> str:
    """The id of what the venue tells of an order, by the number of its report."""
    return derived_id("venue", TRADING, kind, "main", f"{order}:{number}")


OPENED = PortfolioOpened(
    id=derived_id("risk", TRADING, "PortfolioOpened", "", "main"),
    ts_event=T0,
    portfolio="main",
    owner="you",
    mode="paper",
    venue="BINANCE",
    account="main",
    base_asset="USDT",
    time_zone="UTC",
    asset_scale=8,
    balances={"USDT": 1_000_000_000_000},
)
SIGNAL = Signal(
    id=derived_id("signals", TRADING, "Signal", VECTOR.id, "weighted"),
    ts_event=VECTOR.ts_event,
    parents=(VECTOR.id,),
    instrument=BTC,
    strategy="weighted",
    interval_s=1,
    action="buy",
    score=0.5,
    confidence=0.625,
    reasons=("ENSEMBLE_AGREES", "EMA_ABOVE"),
    features={"atr_14": 41.2, "mid": 61672.015, "ema_20": 61670.4, "ema_50": 61668.9},
    votes={"baseline": 1.0, "rsi": 0.0, "macd": 0.5},
    weights={"baseline": 1.0, "rsi": 1.0, "macd": 1.0},
    price_scale=2,
    price=6_167_201,
    ts_expiry=VECTOR.ts_event + 5000 * MS,
)
TIME = Clock(
    id=market_id("main", "clock", TS_DECIDED),
    ts_event=TS_DECIDED,
    stream="main",
)
MARK = Mark(
    id=derived_id("risk", TRADING, "Mark", market_id(BTC, "quote", 50_123_456_803)),
    ts_event=T0 + 121 * MS,
    parents=(market_id(BTC, "quote", 50_123_456_803),),
    instrument=BTC,
    price_scale=2,
    bid_price=6_167_201,
    ask_price=6_167_202,
    book_status="LIVE",
    ts_quote=T0 + 121 * MS,
)
DECISION = RiskDecision(
    id=derived_id("risk", TRADING, "RiskDecision", SIGNAL.id, f"main:{BTC}:entry:signal"),
    ts_event=TS_DECIDED,
    parents=(SIGNAL.id, MARK.id),
    portfolio="main",
    instrument=BTC,
    strategy="weighted",
    purpose="entry",
    leg="signal",
    approved=True,
    reason="APPROVED",
    observed={"CONFIDENCE": 0.625, "PROFILE_PCT": 4.99543281, "STALE_S": 1.179},
    limits={"CONFIDENCE": 0.5, "PROFILE_PCT": 5.0, "STALE_S": 5.0},
    side="buy",
    price_scale=2,
    qty_scale=5,
    qty=810,
    bid_price=6_167_201,
    ask_price=6_167_202,
    collar_price=6_290_545,
    stop_price=6_158_961,
    target_price=6_179_561,
    ts_expiry=SIGNAL.ts_expiry,
)
ENTRY = _order_id(DECISION.id, "entry", 0)
STOP = _order_id(DECISION.id, "stop", 0)
TARGET = _order_id(DECISION.id, "target", 0)
INTENT = OrderIntended(
    id=derived_id("execution", TRADING, "OrderIntended", DECISION.id, f"{ENTRY}:1"),
    ts_event=TS_DECIDED,
    parents=(DECISION.id,),
    portfolio="main",
    account="main",
    instrument=BTC,
    strategy="weighted",
    decision_id=DECISION.id,
    leg="entry",
    child=0,
    attempt=1,
    client_order_id=ENTRY,
    side="buy",
    post_only=True,
    reduce_only=False,
    price_scale=2,
    qty_scale=5,
    qty=810,
    price=6_167_201,
    decision_price=6_167_201,
    stop_order_id=STOP,
    stop_price=6_158_961,
    target_order_id=TARGET,
    target_price=6_179_561,
    replaces=(),
    ts_expiry=DECISION.ts_expiry,
)
FILL = OrderFilled(
    id=report_id("OrderFilled", ENTRY, 1),
    ts_event=TS_DECIDED + 712 * MS,
    parents=(INTENT.id,),
    portfolio="main",
    instrument=BTC,
    client_order_id=ENTRY,
    number=3,
    venue="BINANCE",
    account="main",
    venue_order_id="7",
    trade_id="4",
    side="buy",
    liquidity="maker",
    price_scale=2,
    qty_scale=5,
    last_qty=300,
    last_price=6_167_201,
    cum_qty=300,
    leaves_qty=510,
    asset_scale=8,
    commission=300,
    commission_asset="BTC",
)
HALT = Command(
    id=derived_id("standalone", TRADING, "Command", "", "halt-2024-08-09-1"),
    ts_event=T0 + 2 * HOUR_MS * MS,
    portfolio="main",
    action="halt",
    actor="you",
    role="admin",
    reason="the venue announces maintenance",
    key="halt-2024-08-09-1",
)

FROM_SIGNALS: tuple[Message, ...] = (SIGNAL,)
FROM_RISK_SHELL: tuple[Message, ...] = (OPENED, HALT)
FROM_RISK: tuple[Message, ...] = (
    MARK,
    DECISION,
    CommandTaken(
        id=derived_id("risk", TRADING, "CommandTaken", HALT.id),
        ts_event=HALT.ts_event,
        parents=(HALT.id,),
        portfolio="main",
        action="halt",
        actor="you",
        accepted=True,
        reason="APPROVED",
    ),
    BreakerTripped(
        id=derived_id("risk", TRADING, "BreakerTripped", TIME.id, "main:1"),
        ts_event=T0 + HOUR_MS * MS,
        parents=(TIME.id, MARK.id),
        portfolio="main",
        level=1,
        drawdown_pct=5.0112,
        drawdown_pct_max=5.0,
        asset="USDT",
        asset_scale=8,
        reference=1_002_140_000_000,
        equity=951_920_760_320,
        ts_until=T0 + 2 * HOUR_MS * MS,
    ),
    BreakerEnded(
        id=derived_id("risk", TRADING, "BreakerEnded", TIME.id, "main:1"),
        ts_event=T0 + 2 * HOUR_MS * MS,
        parents=(TIME.id,),
        portfolio="main",
        level=1,
        cause="elapsed",
        asset="USDT",
        asset_scale=8,
        reference=951_920_760_320,
    ),
    JournalPosted(
        id=derived_id("risk", TRADING, "JournalPosted", FILL.id, "main:fill:weighted"),
        ts_event=TS_DECIDED + 800 * MS,
        parents=(FILL.id,),
        portfolio="main",
        strategy="weighted",
        cause="fill",
        asset_scale=8,
        accounts=("wallet", "venue", "wallet", "venue", "wallet", "fees"),
        assets=("BTC", "BTC", "USDT", "USDT", "BTC", "BTC"),
        amounts=(300_000, -300_000, -18_501_603_000, 18_501_603_000, -300, 300),
    ),
    PositionClosed(
        id=derived_id("risk", TRADING, "PositionClosed", FILL.id, f"main:weighted:{BTC}"),
        ts_event=T0 + 95_000 * MS,
        parents=(FILL.id,),
        portfolio="main",
        strategy="weighted",
        instrument=BTC,
        side="buy",
        price_scale=2,
        qty_scale=5,
        qty=810,
        entry_price=6_167_201,
        exit_price=6_179_561,
        ts_opened=FILL.ts_event,
        exit_reason="target",
        asset="USDT",
        asset_scale=8,
        realized_pnl=57_152,
        fees=99_946_978,
    ),
    PortfolioValued(
        id=derived_id("risk", TRADING, "PortfolioValued", TIME.id, "main"),
        ts_event=TS_DECIDED + 800 * MS,
        parents=(TIME.id, MARK.id),
        portfolio="main",
        asset="USDT",
        asset_scale=8,
        equity=999_981_498_397,
        cash=981_498_397_000,
        exposure=18_483_101_397,
        realized_pnl=0,
        unrealized_pnl=-18_501_603,
        fees=18_501_603,
        drawdown_pct=0.0018501603,
    ),
)
