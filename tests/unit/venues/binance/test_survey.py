import json
from pathlib import Path
from typing import Any

import pytest

from marea.venues.binance import survey as surveys
from marea.venues.binance.survey import survey
from marea.venues.tape import BadTape
from tests.unit.venues.binance.samples import (
    AGG_TRADE,
    BAR,
    MARK_PRICE,
    SPOT_DELTA,
    SPOT_QUOTE,
    SPOT_SNAPSHOT,
    SPOT_TRADE,
    USDM_DELTA,
    USDM_QUOTE,
    USDM_SNAPSHOT,
    USDM_TRADE,
)


def write(file: Path, *events: Any) -> Path:
    file.write_text("".join(f"1723161253937 {json.dumps(event)}\n" for event in events))
    return file


@pytest.mark.parametrize(
    ("market", "event"),
    [
        ("spot", SPOT_TRADE),
        ("spot", AGG_TRADE | {"M": True}),
        ("spot", SPOT_QUOTE),
        ("spot", SPOT_DELTA),
        ("spot", SPOT_SNAPSHOT),
        ("usdm", USDM_TRADE),
        ("usdm", AGG_TRADE),
        ("usdm", USDM_QUOTE),
        ("usdm", USDM_DELTA),
        ("usdm", USDM_SNAPSHOT),
        ("usdm", MARK_PRICE),
    ],
)
def test_market_is_known_by_the_first_event_that_tells(
    tmp_path: Path, market: str, event: dict[str, Any]
) -> None:
    noise = [[], 7, {"data": 1}, {"s": 1}, {"stream": 1, "data": {"e": {}}}, BAR]
    wrapped = {"stream": "btcusdt@any", "data": event}
    for each in (event, wrapped):
        assert survey([write(tmp_path / "tape", *noise, each)]).market == market


def test_lines_that_are_no_json_show_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tape"
    lines = [b"noise", b'{"s":"\xff"}', b"[" * 100_000, json.dumps(SPOT_QUOTE).encode()]
    file.write_bytes(b"".join(b"1723161253937 %s\n" % line for line in lines))
    assert survey([file]).named == ("BTCUSDT",)


def test_bare_snapshot_is_of_the_one_symbol_that_its_file_names(tmp_path: Path) -> None:
    one = write(tmp_path / "one", SPOT_SNAPSHOT, SPOT_QUOTE, SPOT_TRADE)
    other = write(
        tmp_path / "other",
        {"stream": "ethusdt@restDepthSnapshot", "data": SPOT_SNAPSHOT},
        SPOT_QUOTE | {"s": "ETHUSDT"},
    )
    two = write(tmp_path / "two", SPOT_SNAPSHOT, SPOT_QUOTE, SPOT_QUOTE | {"s": "ETHUSDT"})
    none = write(tmp_path / "none", SPOT_SNAPSHOT)
    found = survey([one, other, two, none])
    assert found.named == ("BTCUSDT", "ETHUSDT")
    assert found.venue_symbol_of_file == {
        str(one): "BTCUSDT",
        str(other): "ETHUSDT",
        str(two): "",
        str(none): "",
    }


def test_only_the_first_lines_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveys, "SURVEYED_LINES_MAX", 2)
    file = write(tmp_path / "tape", SPOT_QUOTE, SPOT_QUOTE, SPOT_QUOTE | {"s": "ETHUSDT"})
    assert survey([file]).named == ("BTCUSDT",)


def test_tape_of_two_markets_is_refused(tmp_path: Path) -> None:
    spot = write(tmp_path / "spot", SPOT_QUOTE)
    usdm = write(tmp_path / "usdm", BAR, USDM_QUOTE)
    with pytest.raises(
        BadTape, match="usdm, line 2: it is of usdm, the lines above are of spot; run the"
    ):
        survey([spot, usdm])


def test_tape_of_another_venue_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "tape", {"type": "match", "price": "1"})
    with pytest.raises(BadTape, match="tape: its first lines hold no event of Binance"):
        survey([file])
    with pytest.raises(BadTape, match="tape: its first lines hold no event of Binance"):
        survey([])


def test_capture_of_the_coin_market_shows_symbols_that_usdm_does_not_have(data_dir: Path) -> None:
    found = survey([data_dir / "books/binance_coinm_BTCUSD_PERP_20240808.raw.gz"])
    assert (found.market, found.named) == ("usdm", ("BTCUSD_PERP",))
