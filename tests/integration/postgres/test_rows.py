"""What single messages make of the tables: which bar wins, how an order stands, what is refused."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from marea.messages.envelope import Log, Message
from marea.messages.features import Bar, BarCorrection
from marea.messages.market import BookDelta, BookSnapshot, Quote, Trade, VenueBar
from marea.messages.orders import (
    CancelIntended,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    OrderLookedUp,
    OrderNotSent,
    OrderRejected,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
)
from marea.messages.portfolio import (
    BreakerEnded,
    BreakerTripped,
    Command,
    CommandTaken,
    JournalPosted,
    PortfolioOpened,
    PortfolioValued,
)
from marea.messages.system import QualityCheckFailed
from marea.testing.examples import example
from marea.testing.market_examples import BTC, MARKET
from marea.testing.trading_examples import ENTRY, STOP, TARGET, TRADING
from tests.integration.postgres.feeding import batch_of, rows, said, write

FEATURES = Log("features", "main")
MINUTE_NS = 60_000_000_000
BAR = replace(example(Bar), interval_s=60, ts_open=example(Bar).ts_open // MINUTE_NS * MINUTE_NS)
VENUE_BAR = replace(
    example(VenueBar), interval_s=60, ts_open=BAR.ts_open, close=BAR.close + 1, closed=True
)


def kept(dsn: str, log: Log, *messages: Message) -> None:
    asyncio.run(write(dsn, [[batch_of(log, said(messages))]]))


def look(dsn: str, query: str, *values: Any) -> list[dict[str, Any]]:
    return asyncio.run(rows(dsn, query, *values))


@pytest.mark.parametrize("ours_is_first", [True, False])
@pytest.mark.parametrize(("status", "winner"), [("complete", "marea"), ("partial", "BINANCE")])
def test_venues_bar_wins_only_over_one_of_ours_that_missed_trades(
    database: str, status: Any, winner: str, ours_is_first: bool
) -> None:
    ours = (FEATURES, replace(BAR, status=status))
    of_venue = (MARKET, VENUE_BAR)
    for log, message in (ours, of_venue) if ours_is_first else (of_venue, ours):
        kept(database, log, message)
    (row,) = look(database, "SELECT * FROM trading.market_data")
    close = BAR.close if winner == "marea" else VENUE_BAR.close
    assert (row["source"], row["close"]) == (winner, Decimal(close).scaleb(-2))
    assert (row["symbol"], row["timeframe"]) == (BTC, "1m")
    both = look(database, "SELECT source, status FROM trading.market_data_raw ORDER BY source")
    assert both == [
        {"source": "BINANCE", "status": "complete"},
        {"source": "marea", "status": status},
    ]


def test_bars_of_one_write_are_judged_as_those_of_several(database: str) -> None:
    partial = replace(BAR, status="partial")
    batches = [batch_of(FEATURES, said([partial])), batch_of(MARKET, said([VENUE_BAR]))]
    asyncio.run(write(database, [batches]))
    assert look(database, "SELECT source FROM public.market_data") == [{"source": "BINANCE"}]


def test_running_bar_of_the_venue_is_not_kept(database: str) -> None:
    kept(database, MARKET, replace(VENUE_BAR, closed=False))
    assert look(database, "SELECT * FROM trading.market_data_raw") == []


def test_correction_stands_beside_the_bar_that_was_decided_on(database: str) -> None:
    correction = replace(example(BarCorrection), bar_id=BAR.id)
    kept(database, FEATURES, BAR, correction)
    query = """SELECT bars.close, corrected.trade_count FROM trading.market_data AS bars
        JOIN trading.market_data_corrections AS corrected ON bar_event_id = bars.event_id"""
    close = Decimal(BAR.close).scaleb(-BAR.price_scale)
    assert look(database, query) == [{"close": close, "trade_count": correction.trade_count}]


def test_order_book_holds_quotes_deltas_and_snapshots_with_their_levels(database: str) -> None:
    delta = example(BookDelta)
    kept(database, MARKET, example(BookSnapshot), delta, example(Quote), example(Trade))
    found = look(database, "SELECT * FROM trading.order_book ORDER BY timestamp_utc")
    assert [row["kind"] for row in found] == ["snapshot", "delta", "quote"]
    assert found[1]["bids"] == [
        [Decimal("61672.01"), Decimal("3.20154")],
        [Decimal("61671.50"), Decimal("0.00000")],
    ]
    assert (found[1]["first_sequence"], found[1]["sequence"], found[1]["source"]) == (
        delta.first_update_id,
        delta.last_update_id,
        "BINANCE",
    )
    empty = replace(delta, id="empty", bid_prices=(), bid_qtys=(), ask_prices=(), ask_qtys=())
    asyncio.run(write(database, [[batch_of(Log("market", "other"), said([empty]))]]))
    query = "SELECT bids, asks FROM trading.order_book WHERE event_id = 'empty'"
    assert look(database, query) == [{"bids": [], "asks": []}]


ACCEPTED = replace(example(OrderAccepted), client_order_id=ENTRY, qty=810)
PART = example(OrderFilled)
WHOLE = replace(PART, id="whole", trade_id="5", last_qty=510, cum_qty=810, leaves_qty=0)
REJECTED = example(OrderRejected)
HISTORIES: list[tuple[Sequence[Message], str]] = [
    ([], "intended"),
    ([example(OrderSent)], "sent"),
    ([example(OrderNotSent)], "not_sent"),
    ([example(OrderSent), example(OrderUnknown)], "unknown"),
    ([example(OrderUnknown), replace(example(OrderLookedUp), found=True)], "sent"),
    ([example(OrderUnknown), replace(example(OrderLookedUp), found=False)], "not_sent"),
    ([ACCEPTED, example(OrderSent)], "working"),
    ([ACCEPTED, replace(REJECTED, reason="DUPLICATE_ID")], "working"),
    ([example(OrderSent), replace(REJECTED, reason="DUPLICATE_ID")], "rejected"),
    ([example(OrderSent), replace(REJECTED, reason="TIMESTAMP")], "sent"),
    ([example(OrderSent), REJECTED], "rejected"),
    ([example(OrderSent), example(CancelIntended)], "canceling"),
    ([example(CancelIntended), example(CancelRejected)], "unknown"),
    ([ACCEPTED, replace(example(OrderTriggered), client_order_id=ENTRY)], "triggered"),
    ([ACCEPTED, PART], "partly_filled"),
    ([PART, WHOLE, ACCEPTED], "filled"),
    ([ACCEPTED, PART, replace(example(OrderCanceled), client_order_id=ENTRY)], "canceled"),
]


def of_case(message: Any, case: str) -> Message:
    # The same message of another order.
    changed = {"id": f"{message.id} {case}", "client_order_id": f"{message.client_order_id} {case}"}
    if isinstance(message, OrderIntended):
        changed["stop_order_id"] = f"{message.stop_order_id} {case}"
        changed["target_order_id"] = f"{message.target_order_id} {case}"
    if isinstance(message, OrderFilled):
        changed["trade_id"] = f"{message.trade_id} {case}"
    found: Message = replace(message, **changed)
    return found


@pytest.mark.parametrize("size", [1, 10])
@pytest.mark.parametrize("history", range(len(HISTORIES)))
def test_order_stands_as_all_that_was_told_of_it_leaves_it_in_whatever_writes(
    shared: str, history: int, size: int
) -> None:
    told, status = HISTORIES[history]
    case = f"{history} by {size}"
    records = said([of_case(each, case) for each in (example(OrderIntended), *told)])
    borders = range(0, len(records), size)
    log = Log("trading", case)
    asyncio.run(write(shared, [[batch_of(log, records[at : at + size], at)] for at in borders]))
    query = "SELECT * FROM trading.orders WHERE client_order_id LIKE '% ' || $1"
    found = {
        row["client_order_id"].removesuffix(f" {case}"): row for row in look(shared, query, case)
    }
    assert found[ENTRY]["status"] == status
    assert found[ENTRY]["last_event_id"] in {record.message.id for record in records}
    assert found[ENTRY]["qty"] == Decimal("0.00810")
    assert [found[name][what] for name in (STOP, TARGET) for what in ("status", "side", "qty")] == [
        *("armed", "sell", 0),
        *("armed", "sell", 0),
    ]
    assert found[TARGET]["price"] == Decimal("61795.61")


def test_protective_order_has_the_quantity_that_its_venue_last_said(database: str) -> None:
    accepted = replace(ACCEPTED, id="of the stop", client_order_id=STOP, qty=300)
    kept(database, TRADING, example(OrderIntended), accepted, example(OrderAmended))
    query = "SELECT status, qty FROM trading.orders WHERE leg = 'stop'"
    assert look(database, query) == [
        {"status": "working", "qty": Decimal(example(OrderAmended).qty).scaleb(-5)}
    ]


def test_fill_told_twice_counts_once(database: str) -> None:
    again = replace(PART, id="told again")
    kept(database, TRADING, example(PortfolioOpened), example(OrderIntended), PART, again, PART)
    (trade,) = look(database, "SELECT * FROM trading.trades")
    assert (trade["mode"], trade["strategy"], trade["leg"]) == ("paper", "weighted", "entry")
    (position,) = look(database, "SELECT * FROM trading.positions")
    assert position["net_qty"] == Decimal("0.00299700")
    assert position["cost"] == Decimal("185.01603000")


def test_sale_of_what_was_bought_before_the_record_is_a_trade_without_a_position(
    database: str,
) -> None:
    kept(database, TRADING, replace(PART, side="sell"))
    (trade,) = look(database, "SELECT * FROM trading.trades")
    assert (trade["side"], trade["slippage_bps"], trade["mode"]) == ("sell", None, None)
    assert look(database, "SELECT * FROM trading.positions") == []
    (told,) = look(database, "SELECT * FROM trading.data_quality")
    assert told["check_name"] == "row_refused"
    assert told["detail"].startswith("OrderFilled: not in positions: qty is ")


def test_risk_metrics_name_the_highest_breaker_that_is_open(database: str) -> None:
    valued, tripped = example(PortfolioValued), example(BreakerTripped)
    ended = replace(example(BreakerEnded), level=2)
    messages = [
        replace(valued, id="before"),
        tripped,
        replace(tripped, id="second", level=2),
        replace(valued, id="both"),
        ended,
        replace(valued, id="one"),
    ]
    kept(database, TRADING, *messages)
    query = "SELECT event_id, breaker_level FROM trading.risk_metrics ORDER BY log_position"
    found = look(database, query)
    assert [(row["event_id"], row["breaker_level"]) for row in found] == [
        ("before", 0),
        ("both", 2),
        ("one", 1),
    ]


def test_audit_log_has_commands_in_their_actors_words_and_what_became_of_them(
    database: str,
) -> None:
    words = "tab\t, line\n, back\\slash, \\N, nothing\0, naïve 🌊"
    kept(database, TRADING, replace(example(Command), reason=words), example(CommandTaken))
    ordered, taken = look(database, "SELECT * FROM trading.audit_log ORDER BY type")
    assert ordered["reason"] == words.replace("\0", "\ufffd")
    assert (ordered["accepted"], ordered["role"], ordered["key"] != "") == (None, "admin", True)
    assert (taken["accepted"], taken["command_id"]) == (True, ordered["event_id"])


def test_what_postgresql_refuses_is_told_and_everything_else_is_kept(database: str) -> None:
    signs = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(9_000))
    quotes = [replace(example(Quote), id=f"quote {number}") for number in range(50)]
    quotes[20] = replace(quotes[20], id=signs)  # no index takes so long a key
    quotes[31] = replace(quotes[31], id=signs + "!")
    check = replace(example(QualityCheckFailed), check="a\0b")
    posted = replace(example(JournalPosted), assets=("BTC",))
    kept(database, MARKET, *quotes)
    kept(database, Log("quality", "BINANCE"), check)
    kept(database, TRADING, posted, PART)
    query = "SELECT count(*) AS kept FROM trading.order_book WHERE event_id LIKE 'quote %'"
    assert look(database, query) == [{"kept": 48}]
    found = look(database, "SELECT * FROM trading.data_quality ORDER BY event_id")
    refused = [row for row in found if row["check_name"] == "row_refused"]
    assert [(row["event_id"], row["log_position"]) for row in refused] == [
        (f"refused:{MARKET}:20", 20),
        (f"refused:{MARKET}:31", 31),
        (f"refused:{TRADING}:0", 0),
    ]
    assert "Quote: index row" in refused[0]["detail"]
    assert "JournalPosted: zip() argument 2 is shorter" in refused[2]["detail"]
    assert [row["check_name"] for row in found if row not in refused] == ["a\ufffdb"]
    assert len(look(database, "SELECT * FROM trading.trades")) == 1
