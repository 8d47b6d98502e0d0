"""Our bars against the venue's own running bars, in recorded streams."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import zstandard

from marea.domain.bars import SECOND_NS, BarState, advance, take
from marea.domain.money import AmountParser

SCALE = 8
MINUTE_NS = 60 * SECOND_NS
MILLISECOND_NS = 1_000_000


class Trade(NamedTuple):
    ts_event: int
    price: int
    qty: int
    first_trade_id: int
    last_trade_id: int


class Figures(NamedTuple):
    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass
class Comparison:
    """One instrument: our running bar after each trade, and the venue's as it told them."""

    bars: BarState = field(default_factory=lambda: BarState(MINUTE_NS))
    first_seen_id: int = -1
    ours: dict[int, tuple[int, Figures]] = field(default_factory=dict)
    """By the last trade id in it: the id of the first trade, and the figures."""
    theirs: list[tuple[int, int, Figures]] = field(default_factory=list)

    def comparable(self) -> list[tuple[int, int, Figures]]:
        """Those that end where one of our trades does, with all their trades seen."""
        return [
            told for told in self.theirs if told[0] >= self.first_seen_id and told[1] in self.ours
        ]


def payloads(path: Path) -> Iterator[dict[str, Any]]:
    """The data of each received message; lines are `<received, s>: <JSON>`, others are requests."""
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    for line in text.splitlines():
        stamp, _, body = line.partition(": ")
        if stamp.replace(".", "").isdigit():
            yield msgspec.json.decode(body)["data"]


def compare(path: Path) -> dict[str, Comparison]:
    instruments: dict[str, Comparison] = {}
    parser = AmountParser(SCALE)
    for data in payloads(path):
        of = instruments.setdefault(data["s"], Comparison())
        advance(of.bars, data["E"] * MILLISECOND_NS)
        if data["e"] == "aggTrade":
            ts = data["T"] * MILLISECOND_NS
            trade = Trade(ts, parser[data["p"]], parser[data["q"]], data["f"], data["l"])
            take(of.bars, trade)
            of.first_seen_id = data["f"] if of.first_seen_id < 0 else of.first_seen_id
            bar = of.bars.running[ts - ts % MINUTE_NS]
            figures = Figures(bar.open, bar.high, bar.low, bar.close, bar.volume)
            of.ours[data["l"]] = (bar.first_trade_id, figures)
        elif data["e"] == "kline":
            told = data["k"]
            figures = Figures(*(parser[told[key]] for key in "ohlcv"))
            of.theirs.append((told["f"], told["L"], figures))
    return instruments


@pytest.mark.parametrize(
    ("name", "told", "comparable"),
    [
        ("cryptofeed_BINANCE-ee25be.0.zst", 118, 51),
        ("cryptofeed_BINANCE_FUTURES.ws.1.0.zst", 67, 15),
    ],
)
def test_running_bar_equals_the_venues_as_of_the_same_last_trade(
    data_dir: Path, name: str, told: int, comparable: int
) -> None:
    instruments = compare(data_dir / "ws_captures" / name)
    pairs = [
        (of.ours[last], (first, figures))
        for of in instruments.values()
        for first, last, figures in of.comparable()
    ]
    assert sum(len(of.theirs) for of in instruments.values()) == told
    assert len(pairs) == comparable
    assert all(ours == theirs for ours, theirs in pairs)
    for of in instruments.values():
        counts = (of.bars.late_count, of.bars.too_old_count, of.bars.too_early_count)
        assert counts == (0, 0, 0)
