import tomllib
from pathlib import Path
from typing import Any

import pytest

from marea.messages.market import (
    BookDelta,
    BookSnapshot,
    MarkPrice,
    Observation,
    Quote,
    Trade,
    VenueBar,
)
from marea.venues.binance.parse import STREAMS, Market
from tests.unit.venues.binance.samples import (
    AGG_TRADE,
    BAR,
    BAR_BODY,
    MARK_PRICE,
    SPOT_DELTA,
    SPOT_QUOTE,
    SPOT_SNAPSHOT,
    SPOT_TRADE,
    USDM_DELTA,
    USDM_QUOTE,
    USDM_SNAPSHOT,
    USDM_TRADE,
    parse,
)

COMMON: dict[str, Any] = {"instrument": "BTC-USDT.BINANCE", "price_scale": 2, "qty_scale": 5}
MS = 1_000_000


@pytest.mark.parametrize(
    ("market", "stream", "event", "message"),
    [
        (
            "spot",
            "trade",
            SPOT_TRADE,
            Trade(
                id="BTC-USDT.BINANCE:trade:3735683259",
                ts_event=1723161255342 * MS,
                price=6183763,
                qty=2000,
                taker_side="sell",
                first_trade_id=3735683259,
                last_trade_id=3735683259,
                condition="MARKET",
                **COMMON,
            ),
        ),
        (
            "usdm",
            "trade",
            USDM_TRADE | {"X": "INSURANCE_FUND"},
            Trade(
                id="BTC-USDT.BINANCE:trade:3535186032",
                ts_event=1680652700452 * MS,
                price=2814510,
                qty=200,
                taker_side="buy",
                first_trade_id=3535186032,
                last_trade_id=3535186032,
                condition="INSURANCE_FUND",
                **COMMON,
            ),
        ),
        (
            "spot",
            "aggTrade",
            AGG_TRADE,
            Trade(
                id="BTC-USDT.BINANCE:aggtrade:7",
                ts_event=19 * MS,
                price=150,
                qty=200000,
                taker_side="buy",
                first_trade_id=100,
                last_trade_id=105,
                condition="MARKET",
                **COMMON,
            ),
        ),
        (
            "spot",
            "bookTicker",
            SPOT_QUOTE,
            Quote(
                id="BTC-USDT.BINANCE:quote:40",
                ts_event=5,
                bid_price=2535,
                bid_qty=3121000,
                ask_price=2536,
                ask_qty=4066000,
                update_id=40,
                **COMMON,
            ),
        ),
        (
            "usdm",
            "bookTicker",
            USDM_QUOTE,
            Quote(
                id="BTC-USDT.BINANCE:quote:40",
                ts_event=17 * MS,
                bid_price=2535,
                bid_qty=3121000,
                ask_price=2536,
                ask_qty=4066000,
                update_id=40,
                **COMMON,
            ),
        ),
        (
            "spot",
            "depth@100ms",
            SPOT_DELTA,
            BookDelta(
                id="BTC-USDT.BINANCE:delta:160",
                ts_event=20 * MS,
                first_update_id=157,
                last_update_id=160,
                prev_update_id=-1,
                bid_prices=(24, 23),
                bid_qtys=(1000000, 0),
                ask_prices=(26,),
                ask_qtys=(10000000,),
                **COMMON,
            ),
        ),
        (
            "usdm",
            "depth@0ms",
            USDM_DELTA,
            BookDelta(
                id="BTC-USDT.BINANCE:delta:160",
                ts_event=19 * MS,
                first_update_id=157,
                last_update_id=160,
                prev_update_id=149,
                bid_prices=(24, 23),
                bid_qtys=(1000000, 0),
                ask_prices=(26,),
                ask_qtys=(10000000,),
                **COMMON,
            ),
        ),
        (
            "spot",
            "restDepthSnapshot",
            SPOT_SNAPSHOT,
            BookSnapshot(
                id="BTC-USDT.BINANCE:snapshot:160",
                ts_event=5,
                last_update_id=160,
                bid_prices=(24, 23),
                bid_qtys=(1000000, 100000),
                ask_prices=(26,),
                ask_qtys=(10000000,),
                **COMMON,
            ),
        ),
        (
            "usdm",
            "restDepthSnapshot",
            USDM_SNAPSHOT,
            BookSnapshot(
                id="BTC-USDT.BINANCE:snapshot:160",
                ts_event=19 * MS,
                last_update_id=160,
                bid_prices=(24, 23),
                bid_qtys=(1000000, 100000),
                ask_prices=(26,),
                ask_qtys=(10000000,),
                **COMMON,
            ),
        ),
        (
            "spot",
            "kline_1m",
            BAR,
            VenueBar(
                id="BTC-USDT.BINANCE:bar_60s:60000:17",
                ts_event=60_017 * MS,
                interval_s=60,
                ts_open=60_000 * MS,
                open=110,
                high=250,
                low=100,
                close=200,
                volume=100000000,
                first_trade_id=100,
                last_trade_id=200,
                trade_count=100,
                closed=False,
                **COMMON,
            ),
        ),
        (
            "usdm",
            "markPrice@1s",
            MARK_PRICE,
            MarkPrice(
                id="BTC-USDT.BINANCE:mark:20",
                ts_event=20 * MS,
                mark_price=1179415000000,
                index_price=1178462659091,
                settle_price=1178425641265,
                funding_rate_e8=-38167,
                ts_funding=1562306400000 * MS,
                **COMMON | {"price_scale": 8},
            ),
        ),
    ],
)
def test_event_becomes_the_message_wrapped_or_bare_in_any_order_with_unknown_fields(
    market: Market, stream: str, event: dict[str, Any], message: Observation
) -> None:
    backwards = dict(reversed([*event.items(), ("st", 1), ("new", {"a": [1.5, None]})]))
    for each in (event, backwards):
        assert parse(each, market, stream=f"btcusdt@{stream}") == message
        assert parse(each, market, venue_symbol="BTCUSDT") == message


def test_match_that_is_none_of_the_market_may_have_no_amounts() -> None:
    """USD-M sends some with p 0, q 0 and X NA: nkaz001/hftbacktest#263."""
    message = parse(USDM_TRADE | {"X": "NA", "p": "0", "q": "0"}, "usdm")
    assert isinstance(message, Trade)
    assert (message.price, message.qty, message.condition) == (0, 0, "NA")


def test_bar_without_a_trade_yet_has_no_trade_ids() -> None:
    message = parse(BAR | {"k": BAR_BODY | {"f": -1, "L": -1, "n": 0, "v": "0"}})
    assert isinstance(message, VenueBar)
    assert (message.first_trade_id, message.last_trade_id, message.volume) == (-1, -1, 0)


def test_empty_delta_and_one_sided_snapshot_are_facts() -> None:
    delta = parse(SPOT_DELTA | {"b": [], "a": []})
    assert isinstance(delta, BookDelta)
    assert delta.bid_prices == delta.ask_qtys == ()
    snapshot = parse(SPOT_SNAPSHOT | {"asks": []}, venue_symbol="BTCUSDT")
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.ask_prices == ()


def test_streams_of_the_manifest_are_those_that_are_parsed(root: Path) -> None:
    manifest = tomllib.loads((root / "libs/shared/marea/venues/binance/venue.toml").read_text())
    assert manifest["name"] == "binance"
    assert {market: set(streams) for market, streams in manifest["streams"].items()} == {
        market: set(streams) for market, streams in STREAMS.items()
    }
