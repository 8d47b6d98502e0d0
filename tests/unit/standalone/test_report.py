"""What a report tells is what its run's logs say, in both languages, and it loads nothing."""

import os
import re
from pathlib import Path

import msgspec
import pytest

from marea.errors import BadInput
from marea.messages import orders, portfolio
from services.standalone.history import opened
from services.standalone.report.story import ROWS_MAX, Story
from services.standalone.report.tables import closed_table, denial_groups, leg_table
from services.standalone.report.voice import Voice
from services.standalone.report.write import REPORT_FILE, write_report
from services.standalone.runs import Run, RunFolder
from services.standalone.words.report import REPORT
from services.standalone.words.text import Language
from tests.unit.standalone.trading_day import (
    COIN,
    REASONS,
    TradingDay,
    message,
    write_run,
)

LANGUAGES: tuple[Language, ...] = ("en", "es")


@pytest.fixture(scope="module")
def day() -> TradingDay:
    return TradingDay(seconds=1_200).make()


@pytest.fixture(scope="module")
def story(day: TradingDay) -> Story:
    return told(day)


def told(day: TradingDay) -> Story:
    story = Story(("weighted",), 0.5)
    for each in (*day.trading, *day.features):
        story.take(each)
    story.finish()
    return story


def page(folder: Path, day: TradingDay, language: Language = "en") -> str:
    kept = write_run(folder, day)
    return report(kept, kept.read(), language)


def report(kept: RunFolder, run: Run, language: Language = "en") -> str:
    path = kept.path / REPORT_FILE
    with opened(kept) as bus:
        written = write_report(bus, run, language, path)
    assert written.bytes == path.stat().st_size
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_begins_with_what_came_of_it_and_that_it_is_paper_money(
    tmp_path: Path, day: TradingDay, language: Language
) -> None:
    text = page(tmp_path / "run", day, language)
    voice = Voice(language)
    end = voice.money(day.equity() / COIN)
    change = voice.money((day.equity() - 10_000 * COIN) / COIN, signed=True)
    verdict = voice.say(
        "verdict",
        start=voice.money(10_000),
        end=end,
        asset="USDT",
        change=change,
        change_pct=voice.signed(day.equity() / COIN / 100 - 100),
    )
    fees, slippage = voice.money(day.fees / COIN), voice.money(day.slipped)
    for sentence in (
        voice.words["paper"],
        verdict,
        voice.say("cost", fees=fees, slippage=slippage, asset="USDT"),
    ):
        assert sentence in text
    assert f'<html lang="{language}">' in text


def test_counts_are_those_of_the_log(day: TradingDay, story: Story) -> None:
    assert story.counts["OrderFilled"] == day.count(orders.OrderFilled) > 20
    assert story.counts["orders"] == day.count(orders.OrderIntended)
    assert story.counts["approved"] == day.count(portfolio.RiskDecision, approved=True)
    assert story.denied.total() == day.count(portfolio.RiskDecision, approved=False)
    assert set(story.denied) == {"HALTED", *REASONS}
    assert story.counts["won"] + story.counts["lost"] == day.count(portfolio.PositionClosed)
    assert story.counts["OrderTriggered"] == day.count(orders.OrderTriggered) > 0
    fills = sum(each.fills.count for each in story.instruments.values())
    assert fills == day.count(orders.OrderFilled)


def test_halts_and_breakers_are_shaded_from_their_begin_to_their_end(story: Story) -> None:
    lengths_s = {each.kind: (each.ts_end - each.ts_begin) / 1e9 for each in story.shades.kept}
    assert lengths_s == {"breaker 1": 144, "halt": 72}


def test_halt_that_is_not_ended_lasts_to_the_end_of_the_run() -> None:
    story = Story((), 0.5)
    story.take(message(portfolio.CommandTaken, ts_event=5, action="halt", accepted=True))
    story.take(message(portfolio.CommandTaken, ts_event=6, action="resume", accepted=False))
    story.take(message(portfolio.PortfolioValued, ts_event=9))
    story.finish()
    (shade,) = story.shades.kept
    assert (shade.kind, shade.ts_begin, shade.ts_end) == ("halt", 5, 9)


def test_orders_stand_from_their_acceptance_to_their_end(story: Story) -> None:
    lines = [line for each in story.instruments.values() for line in each.orders.kept]
    assert {line.leg for line in lines} == {"entry", "stop", "target"}
    assert all(line.ts_begin for line in lines)
    ended = [line for line in lines if line.ts_end]
    assert all(line.ts_begin <= line.ts_end for line in ended)
    still = [line for line in story.working.values() if line.ts_begin]
    assert len(lines) - len(ended) == len(still) <= 4  # the last positions' stops and targets


def test_closed_position_shows_what_each_of_its_legs_slipped(day: TradingDay, story: Story) -> None:
    table = closed_table(story, Voice("en"))
    assert len(table.rows) == day.count(portfolio.PositionClosed)
    names = [name for name, _ in table.columns]
    slippage = names.index(REPORT["slippage"].en)
    total = sum(
        float(row[slippage].replace("\N{MINUS SIGN}", "-").split()[0]) for row in table.rows
    )
    held = sum(each.entry != day.prices[each.instrument] for each in day.held.values())
    assert total == pytest.approx(day.slipped, abs=0.005 * (len(table.rows) + held))
    assert all(len(row) == len(table.columns) for row in table.rows)
    legs = leg_table(story, Voice("en"))
    assert [row[0] for row in legs.rows] == ["entry", "exit", "stop", "target"]


def test_position_whose_end_is_not_told_shows_no_slippage() -> None:
    story = Story((), 0.5)
    told = {"instrument": "BTC-USDT.SIM", "client_order_id": "a"}
    story.take(message(orders.OrderIntended, **told, leg="entry", decision_id="d", side="buy"))
    story.take(message(orders.OrderFilled, **told, side="buy"))
    story.take(message(portfolio.PositionClosed, instrument="BTC-USDT.SIM", exit_reason="exit"))
    (row,) = closed_table(story, Voice("en")).rows
    assert row[5:8] == ["—", "—", "—"]


def test_only_the_last_positions_are_listed_and_the_page_says_so() -> None:
    story = Story((), 0.5)
    for number in range(ROWS_MAX + 1):
        closed = message(portfolio.PositionClosed, instrument="BTC-USDT.SIM", ts_event=number + 1)
        story.take(closed)
    table = closed_table(story, Voice("es"))
    assert len(table.rows) == ROWS_MAX
    assert table.note == "Las últimas 200 de 201."


def test_denials_are_ranked_and_grouped_by_who_said_no(story: Story) -> None:
    by_risk, by_execution, by_venue = denial_groups(story, Voice("en"))
    counts = [int(each.told) for each in by_risk.reasons]
    assert counts == sorted(counts, reverse=True)
    assert by_risk.reasons[0].share_pct == 100
    assert [each.code for each in by_execution.reasons] == ["EXPIRED"]
    assert [each.code for each in by_venue.reasons] == ["POST_ONLY"]
    assert [each.said for each in by_execution.reasons] == ["its time is over"]


def test_page_loads_nothing_and_runs_no_text_of_the_log(tmp_path: Path) -> None:
    day = TradingDay(seconds=30).make()
    evil = '</script><script>alert(1)</script><img src="https://a.b/c">'
    day.say(portfolio.RiskDecision, approved=False, reason=evil)
    day.say(portfolio.Mark, instrument=evil, bid_price=1, ask_price=2)
    text = page(tmp_path / "run", day)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("<script") == 2
    assert not re.search(r'(src|href|action)\s*=\s*"(?!data:,")', text)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", text)


def test_run_without_trading_is_told_as_such(tmp_path: Path) -> None:
    day = TradingDay(seconds=0)
    day.features = TradingDay(seconds=30).make().features
    text = page(tmp_path / "run", day)
    assert REPORT["untraded"].en in text
    assert REPORT["price_bars"].en in text
    assert REPORT["no_denied"].en in text


def test_run_that_was_cut_off_says_so(tmp_path: Path) -> None:
    kept = write_run(tmp_path / "run", TradingDay(seconds=5).make())
    run = kept.read()
    run.status = "interrupted"
    assert "The run did not reach its end (status: interrupted)" in report(kept, run)


def test_run_of_a_build_without_signals_has_a_report_too(tmp_path: Path) -> None:
    kept = write_run(tmp_path / "run", TradingDay(seconds=5).make())
    run = msgspec.structs.replace(kept.read(), settings={})
    assert REPORT["verdict"].en.partition("{")[0] in report(kept, run)


def test_report_that_cannot_be_written_names_the_file_and_leaves_none(tmp_path: Path) -> None:
    kept = write_run(tmp_path / "run", TradingDay(seconds=5).make())
    nowhere = tmp_path / "no" / REPORT_FILE
    with (
        opened(kept) as bus,
        pytest.raises(BadInput, match=r"no/report.html can't be written .*--out"),
    ):
        write_report(bus, kept.read(), "en", nowhere)
    assert not nowhere.exists()


def test_report_never_takes_the_place_of_what_is_no_file(tmp_path: Path) -> None:
    kept = write_run(tmp_path / "run", TradingDay(seconds=5).make())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with opened(kept) as bus, pytest.raises(BadInput, match=r"pipe is no file: .*--out"):
        write_report(bus, kept.read(), "en", pipe)
    assert pipe.is_fifo()


def test_every_word_is_used(root: Path) -> None:
    folder = root / "services" / "standalone" / "report"
    files = [*folder.glob("*.py"), folder / "report.html"]
    text = "".join(each.read_text() for each in files)
    made = {"halt_shade", "breaker_shade", "halt", "breaker"}  # named by what the log says
    unused = [key for key in REPORT if not re.search(rf"\b{key}\b", text)]
    assert set(unused) - made == set()


def test_numbers_are_written_as_the_language_does() -> None:
    spanish, english = Voice("es"), Voice("en")
    assert spanish.number(-1234.5, 2) == "\N{MINUS SIGN}1.234,50"
    assert english.number(-1234.5, 2) == "\N{MINUS SIGN}1,234.50"
    assert english.signed(-0.001) == english.signed(0.001) == "0.00"
    assert english.money(0.0042) == "0.0042"
    assert english.money(3, signed=True) == "+3.00"
