"""How is a report of the paper venue said in the words that every venue's reports have?"""

from typing import Any

from marea.messages.envelope import Log
from marea.messages.ids import derived_id
from marea.messages.orders import (
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderTriggered,
    VenueReport,
)
from marea.messages.paper import ExecutionReport, ReportKind

KINDS: dict[ReportKind, type[VenueReport]] = {
    "accepted": OrderAccepted,
    "rejected": OrderRejected,
    "amended": OrderAmended,
    "triggered": OrderTriggered,
    "filled": OrderFilled,
    "canceled": OrderCanceled,
    "cancel_rejected": CancelRejected,
}


def as_venue_report(report: ExecutionReport, portfolio: str, venue: str) -> VenueReport:
    """The report to a portfolio; its id is made of the account, the order and the number."""
    kind = KINDS[report.kind]
    told = f"{report.client_order_id}:{report.number}"
    trading = Log("trading", portfolio)
    return kind(
        id=derived_id("venue", trading, kind.__name__, report.account, told),
        ts_event=report.ts_event,
        parents=(report.id,),
        portfolio=portfolio,
        instrument=report.instrument,
        client_order_id=report.client_order_id,
        number=report.number,
        **_body(report, venue),
    )


def _body(report: ExecutionReport, venue: str) -> dict[str, Any]:
    match report.kind:
        case "accepted":
            return {
                "venue_order_id": report.venue_order_id,
                "qty_scale": report.qty_scale,
                "qty": report.qty,
            }
        case "amended":
            return {"qty_scale": report.qty_scale, "qty": report.qty}
        case "rejected" | "canceled" | "cancel_rejected":
            return {"reason": report.reason}
        case "filled":
            return _fill(report, venue)
        case "triggered":
            return {}


def _fill(report: ExecutionReport, venue: str) -> dict[str, Any]:
    names = (
        "account",
        "venue_order_id",
        "trade_id",
        "side",
        "liquidity",
        "price_scale",
        "qty_scale",
        "last_qty",
        "last_price",
        "cum_qty",
        "asset_scale",
        "commission",
        "commission_asset",
    )
    return {
        "venue": venue,
        "leaves_qty": report.qty - report.cum_qty,
        **{name: getattr(report, name) for name in names},
    }
