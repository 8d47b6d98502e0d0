"""Days of trading: their money adds up to the last unit, and a crash stops what it should."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import command
from tools.trading_days import Day, Played, list_days, play, table

MINUTES = 2


def day(name: str, folder: Path) -> Day:
    (found,) = [each for each in list_days([], MINUTES, folder) if each.name == name]
    return found


def events(played: Played, *kinds: str) -> list[dict[str, Any]]:
    options = [option for kind in kinds for option in ("--type", kind)]
    ended = command.run(["log", played.run, *options, "--json"], played.run.parent)
    found: list[dict[str, Any]] = json.loads(ended.out)["events"]
    return found


def seconds(event: dict[str, Any]) -> float:
    """Of the day."""
    return float(event["envelope"]["ts_known"] / 10**9 - 1_767_571_200)


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The day on which prices fall by 40 % at 02:30, and people give orders."""
    folder = tmp_path_factory.mktemp("crash")
    return play(day("crash", folder), folder / "runs")


@pytest.mark.parametrize("name", ["seed 7", "seed 11", "seed 23"])
def test_simulated_day_adds_up(name: str, tmp_path: Path) -> None:
    played = play(day(name, tmp_path), tmp_path / "runs")
    assert played.problems == []
    assert played.compared > 60 * MINUTES  # a valuation each second
    assert played.result["fills"] > 0


def test_recorded_day_adds_up(long_tape: Path, tmp_path: Path) -> None:
    (recorded, *_) = list_days([long_tape], MINUTES, tmp_path)
    played = play(recorded, tmp_path / "runs")
    assert played.problems == []
    assert played.result["partial_fills"] > 0


def test_two_strategies_that_are_acted_on_share_their_fills_to_the_last_unit(
    tmp_path: Path,
) -> None:
    options = day("seed 11", tmp_path).options
    both = Day("both", options, {"MAREA__SIGNALS__TRADES": '["weighted", "voting"]'})
    played = play(both, tmp_path / "runs")
    assert played.problems == []
    assert {each["strategy"] for each in events(played, "PositionClosed")} == {"weighted", "voting"}


def test_crash_adds_up_and_trips_every_level(crash: Played) -> None:
    assert crash.problems == []
    assert crash.result["breakers"] == {"1": 1, "2": 1, "3": 1}
    tripped = events(crash, "BreakerTripped")
    assert [each["level"] for each in tripped] == [1, 2, 3]
    assert all(each["drawdown_pct"] > each["drawdown_pct_max"] for each in tripped)


def test_nothing_opens_while_a_level_is_open_or_trading_is_halted(crash: Played) -> None:
    first = seconds(events(crash, "BreakerTripped")[0])
    entries = [seconds(e) for e in events(crash, "OrderIntended") if e["leg"] == "entry"]
    assert min(entries) < first
    assert not [at for at in entries if first <= at < 250]
    assert max(entries) > 250  # reset at 04:10
    denied = [e for e in events(crash, "RiskDecision") if not e["approved"]]
    assert {e["reason"] for e in denied if 190.1 < seconds(e) < 225} == {"HALTED"}
    assert "BREAKER_OPEN" in {e["reason"] for e in denied if 225.1 < seconds(e) < 250}
    assert "BREAKER_OPEN" not in {e["reason"] for e in denied if seconds(e) > 250.1}


def test_every_command_has_its_answer(crash: Played) -> None:
    told = [(e["action"], e["actor"], e["reason"]) for e in events(crash, "CommandTaken")]
    assert told == [
        ("halt", "ana", "APPROVED"),
        ("resume", "eva", "ROLE_NOT_ALLOWED"),
        ("resume", "ana", "REASON_MISSING"),
        ("resume", "ana", "APPROVED"),
        ("resume", "ana", "DUPLICATE"),
        ("reset", "ana", "APPROVED"),
    ]
    assert [(e["level"], e["cause"]) for e in events(crash, "BreakerEnded")] == [
        (1, "reset"),
        (2, "reset"),
        (3, "reset"),
    ]


def test_table_has_a_column_for_each_day(crash: Played) -> None:
    head, rule, *lines = table([crash])
    assert (head, rule) == ("| | crash |", "|---|---|")
    assert f"| denied: HALTED | {crash.result['denials']['HALTED']} |" in lines
    assert "| breaker 3 | 1 |" in lines
    assert "| problems | 0 |" in lines
