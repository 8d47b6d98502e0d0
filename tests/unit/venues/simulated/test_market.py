import subprocess
import sys
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from marea.venues.simulated.market import Frame, SimulatedMarket
from marea.venues.simulated.parameters import Parameters, Shock, load_parameters
from tests.unit.venues.simulated.client import MS, Client, S
from tools.market_recording import record
from tools.market_statistics import clustering_sd, returns_bps

TEN_SECONDS = "9308aa762a33997c"
LOSSY_TEN_SECONDS = "b2b668fa91e39f84"
"""What the committed parameters give; a new fit gives others."""
BUSY = msgspec.structs.replace(load_parameters(), activity=1.0, lost_diff_interval_s={})


def market(seed: int = 1, parameters: Parameters = BUSY, start_ns: int = 0) -> SimulatedMarket:
    return SimulatedMarket(parameters, seed, start_ns)


def hashed(frames: list[Frame]) -> str:
    return sha256(repr(frames).encode()).hexdigest()[:16]


def payloads(frames: list[Frame], stream: str) -> list[dict[str, Any]]:
    messages = [msgspec.json.decode(payload) for _, payload in frames]
    return [one["data"] for one in messages if one["stream"] == stream]


def test_same_seed_gives_the_same_frames_on_every_python() -> None:
    assert hashed(market().frames(10 * S)) == TEN_SECONDS


def test_other_seed_gives_other_frames() -> None:
    assert hashed(market(seed=2).frames(10 * S)) != TEN_SECONDS


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_frames_do_not_depend_on_the_hash_seed(hash_seed: str) -> None:
    code = (
        "from tests.unit.venues.simulated.test_market import S, hashed, market\n"
        "print(hashed(market().frames(10 * S)))"
    )
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True
    )
    assert printed.stdout.strip() == TEN_SECONDS


@pytest.mark.parametrize("window_ms", [10, 50, 100])
def test_frames_do_not_depend_on_the_windows_they_are_taken_in(window_ms: int) -> None:
    lossy = msgspec.structs.replace(BUSY, lost_diff_interval_s={"BTCUSDT": 2, "ETHUSDT": 3})
    client = Client(market(parameters=lossy)).run(10 * S, window_ms * MS)
    statuses = [status for book in client.books.values() for _, status in book.history]
    assert statuses.count("BROKEN") >= 4
    assert hashed(client.frames) == LOSSY_TEN_SECONDS


def test_stamps_never_go_back() -> None:
    stamps = [stamp for stamp, _ in market().frames(20 * S)]
    assert stamps == sorted(stamps)


def test_start_may_stand_anywhere_in_time() -> None:
    start_ns = 1_700_000_000 * S
    late = market(start_ns=start_ns).frames(start_ns + S)
    assert [stamp - start_ns for stamp, _ in late] == [stamp for stamp, _ in market().frames(S)]


def test_venues_clock_differs_by_offset_and_latency() -> None:
    frames = market().frames(20 * S)
    late_ns = [
        stamp - msgspec.json.decode(payload)["data"]["E"] * MS
        for stamp, payload in frames
        if b"@depth" in payload
    ]
    least_ns = BUSY.clock_offset_ns + BUSY.latency_us[0] * 1000
    assert least_ns <= min(late_ns) < least_ns + 2 * MS
    assert max(late_ns) < BUSY.clock_offset_ns + 40 * MS


def test_every_diff_goes_on_where_the_one_before_ended() -> None:
    frames = market().frames(30 * S)
    for name in ("btcusdt", "ethusdt"):
        diffs = payloads(frames, f"{name}@depth@100ms")
        assert len(diffs) > 250
        assert all(new["U"] == old["u"] + 1 for old, new in pairwise(diffs))


def test_book_is_never_crossed_and_equals_the_quotes_at_equal_update_ids() -> None:
    client = Client(market()).run(120 * S, 100 * MS)
    assert [book.status for book in client.books.values()] == ["LIVE", "LIVE"]
    assert all(book.equal > 100 for book in client.books.values())
    assert all(book.trade_id > 1000 for book in client.books.values())


def test_rebuilt_book_is_the_markets_own() -> None:
    client = Client(market()).run(60 * S, 100 * MS)
    state = client.market.state
    for stamp, payload in state.streamed:
        client.take(stamp, payload)
    traded = client.market.instruments
    for one, book, held in zip(traded, client.books.values(), state.instruments, strict=True):
        assert book.last_id == held.book.told_id
        for side, theirs in ((held.book.bids, book.sides["b"]), (held.book.asks, book.sides["a"])):
            untold = {side.sign * key for key in side.changed}
            rebuilt = {
                int(Decimal(price).scaleb(one.price_scale)): Decimal(qty).scaleb(one.qty_scale)
                for price, qty in theirs.items()
            }
            own = dict(side.levels())
            assert len(own) > 300
            assert {price: qty for price, qty in rebuilt.items() if price not in untold} == {
                price: qty for price, qty in own.items() if price not in untold
            }


def test_lost_diff_breaks_the_book_and_a_snapshot_mends_it() -> None:
    lossy = msgspec.structs.replace(BUSY, lost_diff_interval_s={"ETHUSDT": 5})
    client = Client(market(parameters=lossy)).run(10 * S, 50 * MS)
    history = client.books["ETHUSDT"].history
    losses = len(history) // 2
    assert losses >= 1
    assert [status for _, status in history] == ["LIVE", *["BROKEN", "LIVE"] * losses]
    for (broken_ns, _), (live_ns, _) in zip(history[1::2], history[2::2], strict=True):
        assert live_ns - broken_ns == BUSY.snapshot_latency_ms * MS
    assert [status for _, status in client.books["BTCUSDT"].history] == ["LIVE"]


@pytest.fixture(scope="module")
def demo() -> list[Frame]:
    """Half an hour of the market as it is committed."""
    return market(parameters=load_parameters()).frames(1800 * S)


def test_demo_loses_a_few_diffs_of_one_instrument_in_half_an_hour(demo: list[Frame]) -> None:
    assert 150_000 < len(demo) < 250_000
    gaps = {}
    for name in ("btcusdt", "ethusdt"):
        diffs = [one for one in demo if f"{name}@depth".encode() in one[1]]
        told = payloads(diffs, f"{name}@depth@100ms")
        gaps[name] = sum(new["U"] != old["u"] + 1 for old, new in pairwise(told))
    assert gaps["btcusdt"] == 0
    assert 1 <= gaps["ethusdt"] <= 4


def test_wild_seconds_of_the_demo_stand_together_and_trades_come_in_bursts(
    demo: list[Frame],
) -> None:
    for one in record(demo).values():
        first_ns, last_ns = one.quotes[0][0], one.quotes[-1][0]
        assert clustering_sd(returns_bps(one, first_ns, last_ns)) > 3
        trades = Counter(stamp // S for stamp, *_ in one.trades)
        counts = np.array([trades[second] for second in range(1800)])
        assert counts.var() > 10 * counts.mean()  # drawn one by one they would be equal


def test_amounts_are_positive_and_whole_lots() -> None:
    frames = market().frames(20 * S)
    for name, places in (("btcusdt", 5), ("ethusdt", 4)):
        for trade in payloads(frames, f"{name}@trade"):
            qty, price = trade["q"], trade["p"]
            assert float(qty) > 0
            assert qty.endswith("0" * (8 - places))
            assert price.endswith("000000")


def test_snapshot_shows_at_most_a_thousand_levels_and_arrives_after_its_latency() -> None:
    busy = market()
    busy.frames(5 * S)
    busy.request_snapshot("ethusdt", 5 * S)
    [(stamp, snapshot)] = [one for one in busy.frames(6 * S) if b"restDepth" in one[1]]
    data = msgspec.json.decode(snapshot)["data"]
    assert stamp == 5 * S + 120 * MS
    assert 300 < len(data["bids"]) <= 1000
    assert 300 < len(data["asks"]) <= 1000
    assert [float(price) for price, _ in data["bids"]] == sorted(
        (float(price) for price, _ in data["bids"]), reverse=True
    )


@pytest.mark.parametrize("move_bps", [-3000, 300])
def test_shock_moves_the_price_and_the_book_survives(move_bps: int) -> None:
    shock = Shock(venue_symbol="BTCUSDT", at_s=5, move_bps=move_bps, duration_s=5)
    client = Client(market(parameters=msgspec.structs.replace(BUSY, shocks=(shock,))))
    client.run(20 * S, 100 * MS)
    quotes = payloads(client.frames, "btcusdt@bookTicker")
    moved = float(quotes[-1]["b"]) / float(quotes[0]["b"]) - 1
    assert moved * 10_000 == pytest.approx(move_bps, rel=0.1)
    assert client.books["BTCUSDT"].status == "LIVE"


def test_time_goes_forward() -> None:
    busy = market()
    busy.frames(S)
    with pytest.raises(ValueError, match=r"until_ns: 5 lies before 1000000000.*time goes forward"):
        busy.frames(5)


def test_snapshot_of_the_past_is_refused() -> None:
    busy = market()
    busy.frames(S)
    busy.request_snapshot("BTCUSDT", S - 120 * MS)
    with pytest.raises(ValueError, match="take windows shorter than the latency"):
        busy.request_snapshot("BTCUSDT", S - 121 * MS)


def test_snapshot_of_what_is_not_traded_is_refused() -> None:
    with pytest.raises(ValueError, match=r"venue_symbol: 'XRPUSDT' is not traded here: use one of"):
        market().request_snapshot("XRPUSDT", 0)


def test_instruments_are_named_with_the_venue() -> None:
    assert [one.id for one in market().instruments] == ["BTC-USDT.SIM", "ETH-USDT.SIM"]
    assert [one.price_scale for one in market().instruments] == [2, 2]
    assert [one.qty_scale for one in market().instruments] == [5, 4]
