"""What risk says in a trial: a portfolio, a market that stands still, and one approved decision."""

from marea.messages.envelope import Message, Nanos
from marea.messages.ids import market_id
from marea.messages.market import InstrumentChanged
from marea.messages.portfolio import Mark, PortfolioOpened, RiskDecision
from marea.messages.system import Clock, Started
from tests.simulation.faults import SECOND
from tests.simulation.protocol.venue import ACCOUNT, ASSET_SCALE, BALANCE, INSTRUMENT

BEGIN: Nanos = 1_767_571_200 * SECOND
BUILD = "build-1"
QTY = 800
BID_PRICE, ASK_PRICE = 6_000_000, 6_000_001


def ground() -> list[Message]:
    """What stands on the log before the decision."""
    return [
        Started(
            id="started-risk",
            ts_event=BEGIN,
            service="risk",
            producer="risk/main",
            build=BUILD,
            config="{}",
            resumes_at=0,
        ),
        PortfolioOpened(
            id="opened",
            ts_event=BEGIN,
            portfolio="main",
            owner="you",
            mode="live",
            venue="SIM",
            account=ACCOUNT,
            base_asset="USDT",
            time_zone="UTC",
            asset_scale=ASSET_SCALE,
            balances={"USDT": BALANCE},
        ),
        InstrumentChanged(
            id=market_id(INSTRUMENT, "instrument", 0),
            ts_event=BEGIN,
            instrument=INSTRUMENT,
            price_scale=2,
            qty_scale=5,
            venue="SIM",
            venue_symbol="BTCUSDT",
            kind="spot",
            base="BTC",
            quote="USDT",
            price_increment=1,
            qty_increment=1,
            book_sequencing="contiguous",
            valid_from=BEGIN,
            notional_min=500,
        ),
        Mark(
            id="mark",
            ts_event=BEGIN,
            instrument=INSTRUMENT,
            price_scale=2,
            bid_price=BID_PRICE,
            ask_price=ASK_PRICE,
            book_status="LIVE",
            ts_quote=BEGIN,
        ),
        Clock(id=market_id("main", "clock", BEGIN), ts_event=BEGIN, stream="main"),
    ]


def decision(ts: Nanos, ts_expiry: Nanos) -> RiskDecision:
    """An approval of an entry."""
    return RiskDecision(
        id="decision",
        ts_event=ts,
        portfolio="main",
        instrument=INSTRUMENT,
        strategy="weighted",
        purpose="entry",
        leg="signal",
        approved=True,
        reason="APPROVED",
        observed={},
        limits={},
        side="buy",
        price_scale=2,
        qty_scale=5,
        qty=QTY,
        bid_price=BID_PRICE,
        ask_price=ASK_PRICE,
        collar_price=BID_PRICE * 102 // 100,
        stop_price=0,
        target_price=0,
        ts_expiry=ts_expiry,
    )
