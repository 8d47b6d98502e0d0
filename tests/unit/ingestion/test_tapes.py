"""Recorded markets: every message accounted for, every book the venue's from its first delta on."""

from pathlib import Path

import pytest

from marea.messages.envelope import Log
from marea.messages.system import Clock
from tests.unit.ingestion.tapes import Run, run

DEMO = "demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst"
OF_VENUE = {"Trade", "Quote", "BookDelta", "BookSnapshot", "MarkPrice"}


def books(result: Run) -> dict[str, tuple[str, int, int]]:
    """The status of each, and how often it equalled the quote of its update, of how often."""
    return {
        name: (stream.book.status, stream.agreed_count, stream.compared_count)
        for name, stream in result.state.streams.items()
    }


def assert_streams_are_whole(result: Run) -> None:
    """Each begins with its instrument and the time; its time never goes back; no id comes twice."""
    for name in result.state.streams:
        stream = result.logs[Log("market", name)]
        kinds = [type(each).__name__ for each in stream]
        assert kinds[:2] == ["Started", "InstrumentChanged"]
        assert kinds.index("Clock") < min(map(kinds.index, OF_VENUE & set(kinds)))
        clocks = [each.ts_event for each in stream if isinstance(each, Clock)]
        assert clocks == sorted(clocks)
        assert len({each.id for each in stream}) == len(stream)


@pytest.mark.parametrize(
    ("names", "count", "expected", "live_from", "failed"),
    [
        (
            [DEMO],
            179_318,
            {
                "BTC-USDT.BINANCE": ("LIVE", 1_072, 1_072),
                "ETH-USDT.BINANCE": ("LIVE", 1_056, 1_056),
            },
            [50_093_239_218, 35_346_513_514],
            {},
        ),
        (
            ["binance_usdm_BTCUSDT_20230404.raw.gz", "binance_usdm_BTCUSDT_20230405.raw.gz"],
            73_765,
            {"BTC-USDT-PERP.BINANCEUSDM": ("LIVE", 1_565, 1_565)},
            [2_710_246_765_597],
            {"skew": 8},  # for 7 s its recorder got messages up to 2 s late
        ),
        (
            ["binance_usdm_BTCUSDT_20240808.raw.gz"],
            93_954,
            {"BTC-USDT-PERP.BINANCEUSDM": ("LIVE", 629, 629)},
            [5_123_107_852_948],
            {},
        ),
        (
            ["binance_usdm_ETHUSDT_20240808.raw.gz"],
            74_655,
            {"ETH-USDT-PERP.BINANCEUSDM": ("LIVE", 551, 551)},
            [5_123_107_856_276],
            {},
        ),
    ],
    ids=["demo", "usdm 2023", "usdm BTC", "usdm ETH"],
)
def test_every_message_is_passed_on_and_every_book_is_live_from_its_first_delta_to_the_end(
    data_dir: Path,
    names: list[str],
    count: int,
    expected: dict[str, tuple[str, int, int]],
    live_from: list[int],
    failed: dict[str, int],
) -> None:
    result = run(*(data_dir / "books" / name for name in names))
    assert result.counts == (count, 0, 0)
    assert result.frame_count == count
    assert sum(len(result.of_venue(name)) for name in expected) == count
    assert books(result) == expected
    for name, update_id in zip(expected, live_from, strict=True):
        assert [each for each in result.told(name) if not each.startswith("skew")] == [
            "SYNCING start -1",
            "request start",
            f"LIVE synchronised {update_id}",
        ]
    assert result.state.failed_counts == failed
    assert_streams_are_whole(result)


def test_day_whose_snapshot_is_in_the_day_before_stays_syncing_and_asks_again_and_again(
    data_dir: Path,
) -> None:
    result = run(data_dir / "books/binance_spot_BTCUSDT_20240809.raw.gz")
    assert result.counts == (58_325, 0, 0)
    assert books(result) == {"BTC-USDT.BINANCE": ("SYNCING", 0, 0)}
    assert result.told("BTC-USDT.BINANCE") == [
        "SYNCING start -1",
        "request start",
        *["request unanswered"] * 30,  # in 304 s
    ]
    assert_streams_are_whole(result)
