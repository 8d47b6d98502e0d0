"""What a run wrote down stands in the tables, exactly and once, however it came there."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from marea.bus.memory import MemoryBus
from marea.bus.reading import Placed, in_order
from marea.messages.envelope import Log
from marea.messages.features import Bar, FeatureVector
from marea.messages.market import InstrumentChanged, Quote, Trade
from marea.messages.orders import OrderFilled, OrderIntended, OrderReport
from marea.messages.portfolio import JournalPosted, PortfolioValued
from marea.messages.signals import Signal
from services.recorder.sink import Kept
from tests.integration.postgres.feeding import IN_TABLE, opened, rows, tables, write, writes_of

BTC, ETH = "BTC-USDT.SIM", "ETH-USDT.SIM"
INTERVALS = {1: "1s", 60: "1m"}
TRADING = Log("trading", "main")
NEVER_SAID = {"audit_log", "breaker_events", "market_data_corrections"}
"""Tables of what does not come up in the run."""
OF_SEVERAL = {"instruments", "journal", "orders", "portfolios", "positions"}
"""Tables whose rows are of several messages, or of a part of one."""


@pytest.fixture(scope="session")
def record(run: MemoryBus) -> list[Placed]:
    """All that stands on the logs of the run."""

    async def read() -> list[Placed]:
        return [placed for log in await run.ends() async for placed in in_order(run, log)]

    return asyncio.run(read())


def look(dsn: str, query: str, *values: Any) -> list[dict[str, Any]]:
    return asyncio.run(rows(dsn, query, *values))


def amount(units: int, scale: int) -> Decimal:
    return Decimal(units).scaleb(-scale)


def utc(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1_000)


def test_each_message_has_its_row_from_which_one_walks_back_to_it(
    filled: str, record: list[Placed]
) -> None:
    for table, kinds in IN_TABLE.items():
        expected = sorted(
            (at.message.id, at.log.channel, at.log.partition, at.position, at.message.ts_event)
            for at in record
            if isinstance(at.message, kinds)
        )
        lineage = "event_id, log_channel, log_partition, log_position, ts_event_ns"
        found = look(filled, f"SELECT {lineage} FROM trading.{table}")  # noqa: S608 # a list above
        assert sorted(tuple(row.values()) for row in found) == expected, table
        assert bool(expected) != (table in NEVER_SAID), table


def test_no_table_is_left_out(filled: str) -> None:
    there = asyncio.run(tables(filled)).keys() - {"sink_position"}
    assert there == IN_TABLE.keys() | OF_SEVERAL


def test_bars_are_equal_to_the_last_digit(filled: str, record: list[Placed]) -> None:
    expected = {
        (bar.instrument, INTERVALS[bar.interval_s], utc(bar.ts_open)): (
            *(amount(price, bar.price_scale) for price in (bar.open, bar.high, bar.low, bar.close)),
            amount(bar.volume, bar.qty_scale),
            "marea",
        )
        for bar in (at.message for at in record)
        if isinstance(bar, Bar)
    }
    found = look(filled, "SELECT * FROM public.market_data")
    assert len(found) == len(expected)
    for row in found:
        key = (row["symbol"], row["timeframe"], row["timestamp_utc"])
        names = ("open", "high", "low", "close", "volume", "source")
        assert tuple(row[name] for name in names) == expected[key]


def test_sums_of_the_market_are_the_logs(filled: str, record: list[Placed]) -> None:
    for instrument in (BTC, ETH):
        trades = [
            at.message
            for at in record
            if isinstance(at.message, Trade) and at.message.instrument == instrument
        ]
        query = "SELECT sum(qty) AS qty, sum(price * qty) AS worth FROM trading.market_trades"
        assert look(filled, f"{query} WHERE symbol = $1", instrument) == [
            {
                "qty": sum(amount(each.qty, each.qty_scale) for each in trades),
                "worth": sum(
                    amount(each.price * each.qty, each.price_scale + each.qty_scale)
                    for each in trades
                ),
            }
        ]
    quotes = [at.message for at in record if isinstance(at.message, Quote)]
    query = "SELECT sum(bids[1][1]) AS bid, sum(asks[1][2]) AS qty FROM trading.order_book"
    assert look(filled, f"{query} WHERE kind = 'quote'") == [
        {
            "bid": sum(amount(each.bid_price, each.price_scale) for each in quotes),
            "qty": sum(amount(each.ask_qty, each.qty_scale) for each in quotes),
        }
    ]


def test_features_and_signals_are_the_numbers_that_were_decided_on(
    filled: str, record: list[Placed]
) -> None:
    vectors = {at.message.id: at.message for at in record if isinstance(at.message, FeatureVector)}
    query = """SELECT event_id, key, value::TEXT AS text
        FROM trading.features, jsonb_each(features) WHERE symbol = $1"""
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in look(filled, query, BTC):
        found[row["event_id"]][row["key"]] = float(row["text"])
    assert found == {
        name: vector.values for name, vector in vectors.items() if vector.instrument == BTC
    }
    signals = {at.message.id: at.message for at in record if isinstance(at.message, Signal)}
    for row in look(filled, "SELECT * FROM trading.signals"):
        signal = signals[row["event_id"]]
        assert (row["score"], row["confidence"]) == (signal.score, signal.confidence)
        assert row["strength"] == 100 * abs(signal.score)
        assert row["expiry_utc"] == utc(signal.ts_expiry)


def test_decisions_name_the_signals_that_set_them_off(filled: str) -> None:
    query = """SELECT count(*) AS known FROM trading.risk_decisions AS decided
        JOIN trading.signals ON signals.event_id = signal_id
        WHERE signals.symbol = decided.symbol AND leg = 'signal'"""
    asked = "SELECT count(*) AS known FROM trading.risk_decisions WHERE leg = 'signal'"
    assert look(filled, query) == look(filled, asked)
    assert look(filled, asked)[0]["known"] > 50


def test_fills_are_equal_with_their_orders_decisions_and_costs(
    filled: str, record: list[Placed]
) -> None:
    intents = {
        name: at.message
        for at in record
        if isinstance(at.message, OrderIntended)
        for name in (
            at.message.client_order_id,
            at.message.stop_order_id,
            at.message.target_order_id,
        )
    }
    fills = {at.message.id: at.message for at in record if isinstance(at.message, OrderFilled)}
    for row in look(filled, "SELECT * FROM trading.trades"):
        fill = fills.pop(row["event_id"])
        intent = intents[fill.client_order_id]
        references = {
            intent.client_order_id: intent.decision_price,
            intent.stop_order_id: intent.stop_price,
            intent.target_order_id: intent.target_price,
        }
        reference = amount(references[fill.client_order_id], intent.price_scale)
        sign = 1 if fill.side == "buy" else -1
        assert row["price"] == amount(fill.last_price, fill.price_scale)
        assert row["qty"] == amount(fill.last_qty, fill.qty_scale)
        assert row["fee"] == amount(fill.commission, fill.asset_scale)
        assert row["fee_asset"] == fill.commission_asset
        assert row["risk_decision_id"] == intent.decision_id
        assert (row["mode"], row["status"]) == ("paper", "filled")
        slippage = sign * (row["price"] - reference) / reference * 10_000
        assert row["slippage_bps"] == pytest.approx(slippage, abs=Decimal("0.0001"))
    assert fills == {}


def test_each_order_stands_as_its_last_event_left_it(filled: str, record: list[Placed]) -> None:
    last: dict[str, str] = {}
    for at in record:
        if isinstance(at.message, OrderReport):
            last[at.message.client_order_id] = type(at.message).__name__
    ends = {"OrderFilled": "filled", "OrderCanceled": "canceled", "OrderRejected": "rejected"}
    found = look(filled, "SELECT client_order_id, status FROM trading.orders")
    assert {row["client_order_id"]: row["status"] for row in found if row["status"] != "armed"} == {
        name: ends[kind] for name, kind in last.items()
    }
    assert {row["status"] for row in found} >= {"filled", "canceled"}


def test_cash_and_positions_are_what_risk_says_to_the_last_unit(
    filled: str, record: list[Placed]
) -> None:
    posted = [at.message for at in record if isinstance(at.message, JournalPosted)]
    entries: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each in posted:
        for account, asset, units in zip(each.accounts, each.assets, each.amounts, strict=True):
            entries[account, asset] += amount(units, each.asset_scale)
    query = """SELECT account, asset, sum(balance) AS balance FROM trading.balances
        GROUP BY account, asset"""
    found = {(row["account"], row["asset"]): row["balance"] for row in look(filled, query)}
    assert found == entries

    last = [at.message for at in record if isinstance(at.message, PortfolioValued)][-1]
    (metrics,) = look(
        filled, "SELECT * FROM trading.risk_metrics ORDER BY log_position DESC LIMIT 1"
    )
    for name in ("equity", "cash", "exposure", "realized_pnl", "unrealized_pnl", "fees"):
        assert metrics[name] == amount(getattr(last, name), last.asset_scale), name
    assert found["wallet", "USDT"] == metrics["cash"]
    positions = {row["symbol"]: row for row in look(filled, "SELECT * FROM trading.positions")}
    bases = {
        at.message.instrument: at.message.base
        for at in record
        if isinstance(at.message, InstrumentChanged)
    }
    assert {name: row["net_qty"] for name, row in positions.items()} == {
        name: found["wallet", base] for name, base in bases.items()
    }
    assert sum(row["realized_pnl"] for row in positions.values()) == metrics["realized_pnl"]
    assert sum(row["fees"] for row in positions.values()) == metrics["fees"]


@pytest.mark.parametrize("size", [97, 700])
def test_borders_of_writes_and_restarts_between_them_change_nothing(
    database: str, filled: str, kept: Mapping[Log, Sequence[Kept]], size: int
) -> None:
    async def write_by_two() -> None:
        writes = writes_of(kept, size)
        done = writes[: len(writes) // 2]
        await write(database, done)
        async with opened(database) as sink:
            taken = sum(
                len(each.kept) for batches in done for each in batches if each.log == TRADING
            )
            assert (await sink.positions())[TRADING] == taken
            for batches in writes:  # from before that
                await sink.write(batches)

    asyncio.run(write_by_two())
    assert asyncio.run(tables(database)) == asyncio.run(tables(filled))


def test_what_is_written_again_changes_nothing(
    database: str, kept: Mapping[Log, Sequence[Kept]]
) -> None:
    some = {log: found[:3_000] for log, found in kept.items()}
    asyncio.run(write(database, writes_of(some)))
    found = asyncio.run(tables(database))
    asyncio.run(write(database, writes_of(some)))
    assert asyncio.run(tables(database)) == found
    forget = "DELETE FROM trading.sink_position RETURNING position"
    assert asyncio.run(rows(database, forget))
    asyncio.run(write(database, writes_of(some, 1_100)))
    assert asyncio.run(tables(database)) == found
