"""What a row of `marea up` shows of what a process says of itself."""

from msgspec.structs import replace

from marea.runtime.facts import LoopFacts, health_of
from services.standalone.board import Board
from services.standalone.up_screen import table_of
from services.standalone.vitals import Hop, Place, Vitals, hops_of
from services.standalone.words import Words
from services.standalone.words.text import Language

PLACE = Place("risk", "a", "127.0.0.1", 8104)
RISK = LoopFacts(loop="risk/main", phase="runs", role="owner", lag=3, position=100, epoch=7)
MARKS = replace(RISK, loop="risk/marks/BTC-USDT.SIM", lag=4, position=50, epoch=9)

FIGURES = """\
# HELP marea_hop_seconds Time that one step of a loop spends in a hop
# TYPE marea_hop_seconds histogram
marea_hop_seconds_bucket{hop="append",le="0.001",loop="risk/main",service="risk"} 50.0
marea_hop_seconds_bucket{hop="append",le="0.002",loop="risk/main",service="risk"} 98.0
marea_hop_seconds_bucket{hop="append",le="+Inf",loop="risk/main",service="risk"} 98.0
marea_hop_seconds_bucket{hop="append",le="0.001",loop="odd \\"name\\"",service="risk"} 0.0
marea_hop_seconds_bucket{hop="append",le="0.002",loop="odd \\"name\\"",service="risk"} 0.0
marea_hop_seconds_bucket{hop="append",le="+Inf",loop="odd \\"name\\"",service="risk"} 2.0
marea_hop_seconds_bucket{hop="read",le="0.001",loop="risk/main",service="risk"} 0.0
marea_hop_seconds_bucket{hop="read",le="+Inf",loop="risk/main",service="risk"} 0.0
process_start_time_seconds 1.7e+09
"""


def vitals(*loops: LoopFacts) -> Vitals:
    return Vitals(health=health_of("risk", "a", loops))


def test_row_shows_the_lag_of_all_loops_and_the_latest_epoch() -> None:
    row = Board().row(PLACE, vitals(RISK, MARKS), 0.0)
    assert (row.state, row.ready, row.role) == ("runs", True, "owner")
    assert (row.lag, row.epoch) == (7, 9)


def test_row_is_in_the_state_of_the_loop_that_is_furthest_behind() -> None:
    row = Board().row(PLACE, vitals(RISK, replace(MARKS, phase="recovers")), 0.0)
    assert (row.state, row.ready) == ("recovers", False)
    assert row.why == ("risk/marks/BTC-USDT.SIM recovers",)
    row = Board().row(PLACE, vitals(replace(RISK, phase="has not started"), MARKS), 0.0)
    assert row.state == "has not started"


def test_row_is_both_where_one_loop_is_the_owner_and_another_stands_by() -> None:
    standby = replace(MARKS, phase="follows", role="standby", epoch=-1)
    row = Board().row(PLACE, vitals(RISK, standby), 0.0)
    assert (row.state, row.role, row.epoch) == ("follows", "both", 7)


def test_row_shows_what_went_wrong_and_what_is_degraded() -> None:
    bad = replace(MARKS, is_degraded=True, last_error="Unavailable: Kafka: no answer")
    row = Board().row(PLACE, vitals(RISK, bad), 0.0)
    assert row.is_degraded
    assert row.last_error == "Unavailable: Kafka: no answer"


def test_rate_is_what_was_read_between_two_looks() -> None:
    board = Board()
    assert board.row(PLACE, vitals(RISK, MARKS), 10.0).records_per_s == 0
    later = vitals(replace(RISK, position=300), replace(MARKS, position=150))
    assert board.row(PLACE, later, 12.0).records_per_s == 150
    assert board.row(PLACE, vitals(RISK, MARKS), 13.0).records_per_s == 0  # it began anew


def test_process_that_says_nothing_has_a_row_of_its_own() -> None:
    row = Board().row(PLACE, Vitals(), 0.0)
    assert (row.state, row.ready, row.lag, row.epoch) == ("does not answer", False, 0, -1)


def test_hops_of_all_loops_are_taken_together() -> None:
    hops = hops_of(FIGURES)
    # 100 steps, two of them beyond the last bucket: the 50th is where 1 ms ends.
    assert hops["append"] == Hop(p50_ms=1.0, p99_ms=2.0)
    assert hops["read"] == Hop(p50_ms=0.0, p99_ms=0.0)


def test_table_is_told_in_both_languages() -> None:
    rows = [
        Board().row(PLACE, replace(vitals(RISK), hops=hops_of(FIGURES), uptime_s=3725.0), 0.0),
        Board().row(PLACE, Vitals(), 0.0),
    ]
    told: dict[Language, tuple[str, str]] = {
        "en": ("records/s", "runs"),
        "es": ("registros/s", "en marcha"),
    }
    for language, (heading, state) in told.items():
        table = table_of(rows, Words(language))
        columns = {str(column.header): list(map(str, column.cells)) for column in table.columns}
        assert columns[heading] == ["0", "·"]
        assert state in [cells[0] for cells in columns.values()]
        assert "append 1.0/2.0" in [cells[0] for cells in columns.values()]
        assert "1:02:05" in [cells[0] for cells in columns.values()]
