"""A paper venue in the smallest form: a market with round prices, and requests by their few facts.

Prices are in whole USDT and quantities in whole BTC times 10^scale; latencies are 50 ms each way
unless a test says otherwise.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from marea.domain.ledger import ASSET_SCALE
from marea.messages.envelope import Log
from marea.messages.ids import output_id
from marea.messages.market import BookDelta, Side
from marea.messages.paper import AccountOpened, CancelOrder, ExecutionReport, PlaceOrder
from services.paper.config import PaperConfig
from services.paper.core import PaperInput, PaperState, apply, decide
from tests.unit.features.market import (
    INSTRUMENT,
    NOON,
    Level,
    clock,
    delta,
    instrument,
    snapshot,
    ts,
)

ACCOUNT = "main"
UNIT = 10**ASSET_SCALE
CASH = 10_000 * UNIT
CONFIG = PaperConfig(
    account=ACCOUNT,
    seed=1,
    latency_ns=50_000_000,
    latency_spread_ns=0,
    maker_e8=100_000,
    taker_e8=100_000,
)
"""Fees of 0.1 %."""
BIDS: tuple[Level, ...] = ((10_000, 500), (9_990, 500))
ASKS: tuple[Level, ...] = ((10_010, 300), (10_020, 500))
"""100.00 and 99.90 USDT are bid for half a BTC each; 100.10 and 100.20 are asked."""


def opened(**balances: int) -> AccountOpened:
    return AccountOpened(
        id="opened",
        ts_event=NOON,
        account=ACCOUNT,
        asset_scale=ASSET_SCALE,
        balances=balances or {"USDT": CASH},
    )


def begin(
    bids: Iterable[Level] = BIDS, asks: Iterable[Level] = ASKS, **balances: int
) -> list[PaperInput]:
    """An account, an instrument and a LIVE book, at noon."""
    return [
        opened(**balances),
        instrument(),
        clock(0),
        snapshot(0, list(bids), list(asks)),
        delta(1),
    ]


def change(ms: int, bids: Sequence[Level] = (), asks: Sequence[Level] = ()) -> BookDelta:
    """Levels of the book that change at this time, after whatever changed before."""
    return delta(ms, bids, asks, first_update_id=2)


def place(name: str, ms: int, side: Side, qty: int, price: int, **more: Any) -> PlaceOrder:
    """An order that is signed, and sent, at this time."""
    request = PlaceOrder(
        id=f"place-{name}-{ms}",
        ts_event=ts(ms),
        account=ACCOUNT,
        instrument=INSTRUMENT,
        client_order_id=name,
        ts_sign=ts(ms),
        leg="entry" if side == "buy" else "exit",
        side=side,
        post_only=False,
        reduce_only=False,
        price_scale=2,
        qty_scale=3,
        qty=qty,
        price=price,
        stop_order_id="",
        stop_price=0,
        target_order_id="",
        target_price=0,
        replaces=(),
    )
    return replace(request, **more)


def bracket(name: str, ms: int, qty: int, price: int, stop: int, target: int) -> PlaceOrder:
    """An entry with both protective orders, called `stop` and `target`."""
    return place(
        name,
        ms,
        "buy",
        qty,
        price,
        stop_order_id="stop",
        stop_price=stop,
        target_order_id="target",
        target_price=target,
    )


def cancel(name: str, ms: int) -> CancelOrder:
    return CancelOrder(
        id=f"cancel-{name}-{ms}",
        ts_event=ts(ms),
        account=ACCOUNT,
        instrument=INSTRUMENT,
        client_order_id=name,
        ts_sign=ts(ms),
    )


def play(state: PaperState, events: Iterable[PaperInput]) -> list[ExecutionReport]:
    """The reports, each named and taken into the state as the loop does it."""
    reports: list[ExecutionReport] = []
    for event in events:
        decided = decide(state, event)
        apply(state, event)
        for output in decided:
            if isinstance(output, ExecutionReport):
                report = replace(
                    output,
                    id=output_id("paper", Log("paper", ACCOUNT), output, event.id),
                    parents=(event.id, *output.parents),
                )
                apply(state, report)
                reports.append(report)
    return reports


def run(*events: PaperInput, config: PaperConfig = CONFIG) -> tuple[PaperState, list[str]]:
    """The state after a history, and its reports in short."""
    state = PaperState(config=config)
    return state, [short(report) for report in play(state, events)]


def short(report: ExecutionReport) -> str:
    """`a filled 300@10010 taker`, `stop accepted 299`, `a canceled requested`."""
    words = [report.client_order_id, report.kind]
    if report.kind == "filled":
        words += [f"{report.last_qty}@{report.last_price}", report.liquidity]
    elif report.kind in ("accepted", "amended"):
        words.append(str(report.qty))
    return " ".join(filter(None, [*words, report.reason]))


def saved_and_restored(state: PaperState) -> PaperState:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=PaperState)
