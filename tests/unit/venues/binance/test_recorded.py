"""Real captures: every message parses, and the book built of them is the venue's."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard

from marea.domain import book as books
from marea.domain.book import Book, BookStatus
from marea.messages.market import BookDelta, BookSnapshot, Observation, Quote, Trade
from marea.venues.binance.parse import Market
from marea.venues.binance.survey import survey
from marea.venues.tape import Tape
from tests.unit.venues.binance.samples import parser_of

Best = tuple[int, int, int, int]


class Run(NamedTuple):
    """What came of a tape; the books' best levels and the quotes by instrument and update id."""

    market: Market
    counts: dict[str, int]
    effects: dict[str, int]
    statuses: list[BookStatus]
    conditions: set[str]
    book_bests: dict[tuple[str, int], Best]
    quote_bests: dict[tuple[str, int], Best]
    ids: set[str]

    def equal_of_compared(self) -> dict[str, tuple[int, int]]:
        """By instrument, at each update id that both a LIVE book and a quote had."""
        compared = self.book_bests.keys() & self.quote_bests.keys()
        every = Counter(instrument for instrument, _ in compared)
        equal = Counter(key[0] for key in compared if self.book_bests[key] == self.quote_bests[key])
        return {instrument: (equal[instrument], every[instrument]) for instrument in every}


def run(files: list[Path]) -> Run:
    market, venue_symbols, venue_symbol_of_file = survey(files)
    parser = parser_of(market, venue_symbols)
    sequencing: books.Sequencing = "contiguous" if market == "spot" else "linked"
    held = {f"{venue_symbol}.TEST": Book(sequencing=sequencing) for venue_symbol in venue_symbols}
    counts, effects = Counter[str](), Counter[str]()
    result = Run(market, counts, effects, [], set(), {}, {}, set())
    tape = Tape(files)
    for frame in tape:
        message = parser.parse(frame.payload, frame.ts_local, venue_symbol_of_file[frame.file])
        counts[type(message).__name__] += 1
        result.ids.add(message.id)
        take(held[message.instrument], message, result)
    assert tape.bytes_read == tape.bytes_total
    assert tape.steps_back == 0
    result.statuses.extend(book.status for book in held.values())
    return result


def take(book: Book, message: Observation, result: Run) -> None:
    match message:
        case BookSnapshot():
            result.effects[books.apply_snapshot(book, message)] += 1
        case BookDelta():
            foreseen = books.foresee_delta(book, message)
            effect = books.apply_delta(book, message)
            assert effect == foreseen
            result.effects[effect] += 1
            bid, ask = books.best_bid(book), books.best_ask(book)
            if bid and ask:
                result.book_bests[message.instrument, book.last_update_id] = (*bid, *ask)
        case Quote():
            result.quote_bests[message.instrument, message.update_id] = (
                message.bid_price,
                message.bid_qty,
                message.ask_price,
                message.ask_qty,
            )
        case Trade():
            result.conditions.add(message.condition)
        case _:
            pass


@pytest.mark.parametrize(
    ("names", "market", "counts", "effects", "equal"),
    [
        (
            ["demo_tape_binance_spot_BTCUSDT_ETHUSDT_20240808T2354Z_651s.raw.zst"],
            "spot",
            {"Trade": 34_419, "BookDelta": 12_965, "Quote": 131_932, "BookSnapshot": 2},
            {"held": 5, "loaded": 1, "synchronised": 2, "applied": 12_959},
            {"BTCUSDT.TEST": (1072, 1072), "ETHUSDT.TEST": (1056, 1056)},
        ),
        (
            ["binance_spot_ETHUSDT_20240808.raw.gz", "binance_spot_ETHUSDT_20240809.raw.gz"],
            "spot",
            {"Trade": 14_515, "BookDelta": 6_470, "Quote": 58_758, "BookSnapshot": 1},
            {"held": 2, "loaded": 1, "synchronised": 1, "applied": 6_467},
            {"ETHUSDT.TEST": (1056, 1056)},
        ),
        (
            ["binance_usdm_BTCUSDT_20230404.raw.gz", "binance_usdm_BTCUSDT_20230405.raw.gz"],
            "usdm",
            {
                "Trade": 12_935,
                "BookDelta": 16_110,
                "Quote": 44_205,
                "BookSnapshot": 1,
                "MarkPrice": 514,
            },
            {"loaded": 1, "synchronised": 1, "applied": 16_109},
            {"BTCUSDT.TEST": (1565, 1565)},
        ),
        (
            ["binance_usdm_BTCUSDT_20240808.raw.gz"],
            "usdm",
            {"Trade": 21_313, "BookDelta": 6_551, "Quote": 66_089, "BookSnapshot": 1},
            {"held": 6, "synchronised": 1, "applied": 6_545},
            {"BTCUSDT.TEST": (629, 629)},
        ),
        (
            ["binance_usdm_ETHUSDT_20240808.raw.gz"],
            "usdm",
            {"Trade": 14_076, "BookDelta": 6_586, "Quote": 53_992, "BookSnapshot": 1},
            {"held": 7, "synchronised": 1, "applied": 6_579},
            {"ETHUSDT.TEST": (551, 551)},
        ),
    ],
    ids=["demo", "spot two days", "usdm two days", "usdm BTC", "usdm ETH"],
)
def test_every_message_parses_and_the_book_equals_the_quotes_from_its_first_delta_to_the_end(
    data_dir: Path,
    names: list[str],
    market: Market,
    counts: dict[str, int],
    effects: dict[str, int],
    equal: dict[str, tuple[int, int]],
) -> None:
    result = run([data_dir / "books" / name for name in names])
    assert result.market == market
    assert result.counts == counts
    assert len(result.ids) == sum(counts.values())
    assert result.effects == effects
    assert set(result.statuses) == {"LIVE"}
    assert result.equal_of_compared() == equal
    two_days = len(names) == 2 and market == "usdm"
    assert result.conditions == ({"MARKET", "INSURANCE_FUND"} if two_days else {"MARKET"})


def test_day_without_a_snapshot_stays_syncing(data_dir: Path) -> None:
    result = run([data_dir / "books/binance_spot_BTCUSDT_20240809.raw.gz"])
    assert result.counts == {"Trade": 10_147, "BookDelta": 3_044, "Quote": 45_134}
    assert result.effects == {"held": 3_044}
    assert result.statuses == ["SYNCING"]
    assert result.book_bests == {}


LINE = re.compile(r"(?:https\S+symbol=([A-Z]+)\S* -> )?[0-9.]+: (\{.*)")


@pytest.mark.parametrize(
    ("name", "market", "counts"),
    [
        (
            "BINANCE-ee25be.0",
            "spot",
            {"BookDelta": 2_688, "Trade": 1_910, "VenueBar": 118, "BookSnapshot": 3},
        ),
        ("BINANCE.http.0.0", "spot", {"BookSnapshot": 4}),
        ("BINANCE.ws.1.0", "spot", {"BookDelta": 177, "Quote": 84, "Trade": 2, "VenueBar": 2}),
        ("BINANCE_FUTURES.http.0.0", "usdm", {"BookSnapshot": 4}),
        (
            "BINANCE_FUTURES.ws.1.0",
            "usdm",
            {"BookDelta": 764, "Quote": 613, "Trade": 91, "VenueBar": 67},
        ),
    ],
)
def test_every_message_of_another_recorders_capture_parses(
    data_dir: Path, name: str, market: Market, counts: dict[str, int]
) -> None:
    packed = (data_dir / "ws_captures" / f"cryptofeed_{name}.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed).read().decode().splitlines()
    venue_symbols = {
        venue_symbol
        for line in lines
        for venue_symbol in re.findall(r'(?:"s":"|symbol=)([A-Z]+)', line)
    }
    parser = parser_of(market, venue_symbols)
    messages = [
        parser.parse(match[2].encode(), 1, match[1])
        for line in lines
        if (match := LINE.match(line))
    ]
    assert Counter(type(message).__name__ for message in messages) == counts
    assert len({message.id for message in messages}) == len(messages)
    # what is no message: how the recorder subscribed, and blank lines at the end
    assert all(line.startswith("wss://") or not line for line in lines if not LINE.match(line))
