"""Recorded markets, from the feed through ingestion to features, on logs in memory."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from pathlib import Path

import pytest

from marea.bus.memory import MemoryBus, MemorySnapshots
from marea.domain.bars import CLOSE_DELAY_NS, SECOND_NS
from marea.messages import codec
from marea.messages.envelope import Log, Record
from marea.messages.features import Bar, BarCorrection, FeatureVector
from marea.messages.market import Trade
from marea.messages.system import Clock
from marea.runtime.settings import Settings, find_config_dir, list_instruments, load_settings
from marea.runtime.telemetry import NoTelemetry
from services.ingestion.shell.markets import TapeMarket
from services.standalone.embedded import SHARD, Embedded
from services.standalone.stages import Ingesting, Stores

TAPES = {
    "spot": ["demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst"],
    "usdm": ["binance_usdm_BTCUSDT_20230404.raw.gz", "binance_usdm_BTCUSDT_20230405.raw.gz"],
}
COUNTS: dict[str, dict[str, int]] = {
    "spot": {
        "Bar": 1322,
        "Bar 1 s complete": 1251,
        "Bar 1 s empty": 47,
        "Bar 1 s partial": 2,
        "Bar 60 s complete": 20,
        "Bar 60 s partial": 2,
        "FeatureVector": 11_988,
        "bars before all was warm": 98,
    },
    "usdm": {
        "Bar": 522,
        "Bar 1 s complete": 504,
        "Bar 1 s empty": 9,
        "Bar 1 s partial": 1,
        "Bar 60 s complete": 7,
        "Bar 60 s partial": 1,
        "BarCorrection": 351,
        "FeatureVector": 4594,
        "bars before all was warm": 49,
    },
}
"""What features says of each tape, as counted here once; the first is partial in each series."""


LINEAGES = {
    ("Clock", *bar, *trade, *quote, "BookDelta")
    for bar in ((), ("Bar",))
    for trade in ((), ("Trade",))
    for quote in ((), ("Quote",))
}
"""What a vector may have followed from."""


@dataclass
class TapeRun:
    """What a tape became: the streams of its instruments, and what features said of each."""

    name: str
    settings: Settings
    market: dict[str, list[Record]]
    features: dict[str, list[Record]]
    not_warm_count: int
    not_live_count: int
    digest: str

    def bars(self, instrument: str, interval_s: int) -> list[Bar]:
        said = [record.message for record in self.features[instrument]]
        return [each for each in said if isinstance(each, Bar) and each.interval_s == interval_s]

    def vectors(self, instrument: str) -> list[FeatureVector]:
        said = [record.message for record in self.features[instrument]]
        return [each for each in said if isinstance(each, FeatureVector)]

    def series(self) -> Iterator[tuple[str, int]]:
        for instrument in self.features:
            for interval_s in self.settings.features.intervals_s:
                yield instrument, interval_s


async def take(files: list[Path], name: str) -> TapeRun:
    settings = load_settings(find_config_dir(None, {}), {})
    bus = MemoryBus()
    tapes, stores = TapeMarket(files, list_instruments(settings)), Stores(bus, MemorySnapshots())
    ingesting = Ingesting(settings, tapes, stores, NoTelemetry(), "test")
    embedded = Embedded(settings, ingesting, stores, NoTelemetry(), "test")
    await embedded.start()
    while await embedded.advance():
        pass
    ends = await bus.ends()
    market = {
        log.partition: list(await bus.read(log, 0, end))
        for log, end in ends.items()
        if log.channel == "market" and end > 1
    }
    features: dict[str, list[Record]] = {instrument: [] for instrument in market}
    digest = blake2b(digest_size=20)
    for record in await bus.read(Log("features", SHARD), 0, 1 << 30):
        digest.update(type(record.message).__name__.encode() + codec.encode(record.message))
        instrument = getattr(record.message, "instrument", None)
        if instrument is not None:
            features[instrument].append(record)
    states = [loop.state for loop in embedded.features]
    return TapeRun(
        name=name,
        settings=settings,
        market=market,
        features=features,
        not_warm_count=sum(state.not_warm_count for state in states),
        not_live_count=sum(state.not_live_count for state in states),
        digest=digest.hexdigest(),
    )


@pytest.fixture(scope="session", params=TAPES)
def tape_run(request: pytest.FixtureRequest, data_dir: Path) -> TapeRun:
    """A tape, played once for all tests of this file."""
    return play_tape(data_dir, request.param)


def play_tape(data_dir: Path, name: str) -> TapeRun:
    return asyncio.run(take([data_dir / "books" / file for file in TAPES[name]], name))


def test_counts_are_those_of_the_tape(tape_run: TapeRun) -> None:
    found: Counter[str] = Counter()
    for records in tape_run.features.values():
        for record in records:
            said = record.message
            found[type(said).__name__] += 1
            if isinstance(said, Bar):
                found[f"Bar {said.interval_s} s {said.status}"] += 1
    found["bars before all was warm"] = tape_run.not_warm_count
    print(tape_run.name, dict(found), "bars without a LIVE book:", tape_run.not_live_count)
    assert found == COUNTS[tape_run.name]
    assert tape_run.not_live_count == 0


def test_every_bar_and_correction_is_what_the_trades_make_that_had_come(tape_run: TapeRun) -> None:
    for instrument, interval_s in tape_run.series():
        interval_ns = interval_s * SECOND_NS
        answers: defaultdict[int, list[Bar | BarCorrection]] = defaultdict(list)
        for record in tape_run.features[instrument]:
            said = record.message
            if isinstance(said, Bar | BarCorrection) and said.interval_s == interval_s:
                answers[record.input_offset].append(said)
        inside: defaultdict[int, list[Trade]] = defaultdict(list)
        closes: dict[int, int] = {}
        last_said: dict[int, Bar | BarCorrection] = {}
        for position, record in enumerate(tape_run.market[instrument]):
            event = record.message
            if isinstance(event, Trade) and event.condition == "MARKET":
                inside[event.ts_event // interval_ns * interval_ns].append(event)
            for said in answers.pop(position, ()):
                expected = aggregate(inside[said.ts_open], closes.get(said.ts_open - interval_ns))
                assert figures(said) == expected
                closes[said.ts_open] = said.close
                last_said[said.ts_open] = said
        assert not answers
        for ts_open, said in last_said.items():
            assert figures(said) == aggregate(inside[ts_open], closes.get(ts_open - interval_ns))


def aggregate(trades: list[Trade], close_before: int | None) -> tuple[int | None, ...]:
    """Open, high, low, close, volume, trades, first and last id, in the plainest way."""
    if not trades:
        return (close_before, close_before, close_before, close_before, 0, 0, -1, -1)
    trades = sorted(trades, key=lambda trade: (trade.ts_event, trade.first_trade_id))
    prices = [trade.price for trade in trades]
    return (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.qty for trade in trades),
        len(trades),
        trades[0].first_trade_id,
        trades[-1].last_trade_id,
    )


def figures(bar: Bar | BarCorrection) -> tuple[int, ...]:
    prices = (bar.open, bar.high, bar.low, bar.close)
    return (*prices, bar.volume, bar.trade_count, bar.first_trade_id, bar.last_trade_id)


def test_no_bar_is_missing_between_the_first_and_the_last(tape_run: TapeRun) -> None:
    for instrument, interval_s in tape_run.series():
        begins = [bar.ts_open for bar in tape_run.bars(instrument, interval_s)]
        interval_ns = interval_s * SECOND_NS
        assert begins == list(range(begins[0], begins[-1] + 1, interval_ns))
        assert begins[0] % interval_ns == 0


def test_bars_close_at_the_first_clock_that_may_close_them(tape_run: TapeRun) -> None:
    for instrument, records in tape_run.features.items():
        clocks = [r.message.ts_event for r in tape_run.market[instrument] if is_clock(r)]
        after = dict(zip(clocks[1:], clocks, strict=False))
        for record in records:
            bar = record.message
            if isinstance(bar, Bar):
                due = bar.ts_open + bar.interval_s * SECOND_NS + CLOSE_DELAY_NS
                assert after[bar.ts_event] < due <= bar.ts_event
                assert is_clock(tape_run.market[instrument][record.input_offset])


def is_clock(record: Record) -> bool:
    return isinstance(record.message, Clock)


def test_every_vector_is_finite_whole_and_not_too_early(tape_run: TapeRun) -> None:
    for instrument in tape_run.features:
        vectors = tape_run.vectors(instrument)
        names = list(vectors[0].values)
        assert len(names) == 29
        bars = {bar.id: bar for bar in tape_run.bars(instrument, 1)}
        period_ns = tape_run.settings.features.vector_period_ms * 1_000_000
        ts_before = 0
        for each in vectors:
            assert list(each.values) == names
            assert all(isfinite(number) for number in each.values.values())
            assert each.book_status == "LIVE"
            assert bars[each.bar_id].ts_event == each.ts_event if each.bar_id else True
            assert each.bar_id or each.ts_event - ts_before >= period_ns
            ts_before = each.ts_event


def test_everything_leads_back_to_what_the_venue_said(tape_run: TapeRun) -> None:
    for instrument, records in tape_run.features.items():
        known = {record.message.id: record.message for record in tape_run.market[instrument]}
        known |= {record.message.id: record.message for record in records}
        for record in records:
            said = record.message
            kinds = [type(known[parent]).__name__ for parent in said.parents]
            if isinstance(said, FeatureVector):
                assert tuple(kinds) in LINEAGES
                assert said.bar_id == (said.parents[1] if kinds[1] == "Bar" else "")
            elif isinstance(said, BarCorrection):
                assert kinds == ["Trade", "Bar"]
                assert said.bar_id == said.parents[1]
            elif isinstance(said, Bar) and said.trade_count:
                trade = known[said.parents[1]]
                assert 0 <= trade.ts_event - said.ts_open < said.interval_s * SECOND_NS
            else:
                assert kinds == ["Clock"]


def test_values_hold_together(tape_run: TapeRun) -> None:
    for instrument in tape_run.features:
        for each in tape_run.vectors(instrument):
            found = each.values
            assert found["spread"] > 0 < found["spread_bps"]
            assert abs(found["microprice"] - found["mid"]) <= found["spread"] / 2
            assert 0 <= found["rsi_14"] <= 100
            assert -1 <= found["book_imbalance_10"] <= 1
            assert -1 <= found["trade_sign_imbalance"] <= 1


def test_same_tape_gives_the_same_to_the_last_bit(tape_run: TapeRun, data_dir: Path) -> None:
    assert play_tape(data_dir, tape_run.name).digest == tape_run.digest
