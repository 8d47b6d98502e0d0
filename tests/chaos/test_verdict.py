"""When has a run missed what it must reach?"""

import time
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.chaos.__main__ import is_missed
from tests.chaos.judging import Finding
from tests.chaos.lag import Lag
from tests.chaos.outages import Outage
from tests.chaos.page import render, told, write
from tests.chaos.running import Outcome
from tests.chaos.stage import Scene, Stage, Strike

STRIKE = Strike(fault="kill a service", target="risk-a", at_ms=0)


def _outcome(
    *lasted_s: float, is_takeover: bool = False, findings: int = 0, kafka_away_s: float = 0.0
) -> Outcome:
    return Outcome(
        strikes={"kill a service": len(lasted_s)},
        records={"market": 500, "paper": 3},
        findings=[Finding(code="KAFKA lost", what="much")] * findings,
        exits=[("risk-a", 4)],
        outages=[
            Outage(
                loop="risk/main",
                strike=STRIKE,
                lasted_s=each,
                kafka_away_s=kafka_away_s,
                undisturbed_s=each / 2,
                is_takeover=is_takeover,
            )
            for each in lasted_s
        ],
        unrecovered=[],
        seconds=5,
        folder=Path(),
        kafka_away_s=[7.4, 11.52],
        lags=[
            Lag(sink="postgres", away_s=60, behind_s=61.2, caught_up_s=3.4, else_s=0.6),
            Lag(sink="mirrors", else_s=1.0),
        ],
    )


def test_recovery_and_takeover_have_limits_of_their_own() -> None:
    assert not is_missed(_outcome(9.9))
    assert is_missed(_outcome(10.0))
    assert is_missed(_outcome(*[1.0] * 200, 15.0, is_takeover=True))
    assert not is_missed(_outcome(*[1.0] * 200, 15.0))


def test_time_without_kafka_excuses_nothing() -> None:
    assert is_missed(_outcome(10.0, kafka_away_s=9.0))
    assert is_missed(_outcome(15.0, is_takeover=True, kafka_away_s=14.0))


def test_anything_wrong_with_the_logs_misses() -> None:
    assert is_missed(_outcome(1.0, findings=1))


def test_page_tells_what_was_done_and_what_came_of_it() -> None:
    page = render({"One host": told(_outcome(1.0, 2.0, 4.0, findings=1, kafka_away_s=0.5))})
    assert "\n## One host\n" in page
    assert "5 s at 100 records of the market a second" in page
    assert "| kill a service | 3 |" in page
    assert "| all | 3 | 2.0 s | 4.0 s | 4.0 s |" in page
    assert "| all, while Kafka answered | 3 | 1.5 s | 3.5 s | 3.5 s |" in page
    assert "Kafka's only broker answered again after 7.4 to 11.5 s." in page
    assert "| all, from the last fault on | 3 | 1.0 s | 2.0 s | 2.0 s |" in page
    assert "| that a standby ended | 0 | | | |" in page
    assert "| postgres | 60 s | 61 s | 3 s | 1 s |" in page
    assert "| mirrors |  |  |  | 1 s |" in page
    assert "Violations: 1." in page
    assert "- KAFKA lost: much" in page
    assert "1 with 4" in page


def test_what_was_noted_is_over_when_that_is_told(tmp_path: Path) -> None:
    stage = Stage(Scene(seed=1, faulty_s=1), Servers(tmp_path), tmp_path)
    struck = stage.note("kill Kafka", "kafka")
    stage.note("kill Redis", "redis")
    time.sleep(0.02)
    stage.note_over(struck)
    kafka, other = stage.strikes
    assert kafka.at_ms == struck.at_ms
    assert kafka.until_ms >= struck.at_ms + 15
    assert other.until_ms == other.at_ms


def test_section_is_written_anew_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "chaos.md"
    monkeypatch.setattr("tests.chaos.page.PAGE", page)
    write({"One host": "3 kills", "Soak": "level"})
    write({"Poison": "none", "One host": "5 kills"})
    titles = [line for line in page.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert titles == ["## One host", "## Soak", "## Poison"]
    assert "3 kills" not in page.read_text("utf-8")
    assert "5 kills" in page.read_text("utf-8")
