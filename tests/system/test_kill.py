"""A run that is killed at any moment, once resumed, leaves the log of a run that never was.

On a piece of the tape, to be short; `tools/kill_demo.py` does the same with any tape.
"""

from itertools import islice
from pathlib import Path

import pytest

from marea.venues.simulated.market import SimulatedMarket
from marea.venues.simulated.parameters import load_parameters
from tests.system import tapes
from tools.kill_demo import (
    Kill,
    Moment,
    Trial,
    Undisturbed,
    draw_moments,
    kill_and_resume,
    kill_many,
    play_undisturbed,
    show,
)

SEED = 20_240_808
OFTEN = {"MAREA__LOG__COMMIT_MS_MAX": "20"}
"""Many writes, so that the kills find the log at many positions."""
SELDOM = {"MAREA__LOG__COMMIT_MS_MAX": "60000", "MAREA__LOG__COMMIT_EVENTS_MAX": "14000"}
"""Two long writes, which a kill that waits for them is sure to meet."""


@pytest.fixture
def piece(lines: list[bytes], tmp_path: Path) -> Path:
    return tapes.write(tmp_path / "piece.raw.zst", lines[:25_000])


@pytest.fixture
def simulated(tmp_path: Path) -> Trial:
    """A simulated market that loses a diff, and so asks for a snapshot in its middle."""
    loss_ns = {seed: min(lost_at_ns(seed)) for seed in range(60)}
    seed = min(loss_ns, key=lambda seed: loss_ns[seed])
    minutes = loss_ns[seed] // 60_000_000_000 + 1
    return Trial(["--seed", str(seed), "--minutes", str(minutes)], OFTEN, tmp_path)


def lost_at_ns(seed: int) -> list[int]:
    instruments = SimulatedMarket(load_parameters(), seed, 0).state.instruments
    return [each.lost_diff_ns for each in instruments if each.lost_diff_ns > 0]


def test_run_of_a_tape_survives_a_kill_at_any_moment(lines: list[bytes], tmp_path: Path) -> None:
    piece = tapes.write(tmp_path / "piece.raw.zst", lines[:12_000])
    trial = Trial(["--tape", piece], OFTEN, tmp_path)
    like = play_undisturbed(trial)
    kills = kill_many(trial, like, draw_moments(SEED, like.seconds, 0), 12, 0)
    assert_equal(kills, like)
    assert len(kills) >= 12
    assert len({tuple(kill.positions.values()) for kill in kills}) >= 6


def test_run_of_a_tape_survives_a_kill_inside_a_write(piece: Path, tmp_path: Path) -> None:
    trial = Trial(["--tape", piece], SELDOM, tmp_path)
    like = play_undisturbed(trial)
    kills = kill_many(trial, like, draw_moments(SEED, like.seconds / 2, 1), 5, 5)
    assert_equal(kills, like)
    assert sum(kill.torn_pages > 0 for kill in kills) >= 5


def test_run_survives_one_kill_after_the_other(piece: Path, tmp_path: Path) -> None:
    trial = Trial(["--tape", piece], OFTEN, tmp_path)
    like = play_undisturbed(trial)
    moments = [Moment(like.seconds * share) for share in (0.4, 0.3, 0.02, 0.3, 0.2)]
    kills = kill_and_resume(trial, like, moments)
    assert_equal(kills, like)
    assert len(kills) >= 3


def test_run_of_the_simulated_market_survives_kills(simulated: Trial) -> None:
    like = play_undisturbed(simulated)
    assert like.result["quality"]["sequence"] > 0
    assert {book["status"] for book in like.result["books"].values()} == {"LIVE"}
    kills = kill_many(simulated, like, draw_moments(SEED, like.seconds, 2), 2, 0)
    moments = draw_moments(SEED, like.seconds * 0.7, 0)
    kills += kill_and_resume(simulated, like, list(islice(moments, 2)))
    assert_equal(kills, like)
    assert len(kills) >= 3


def assert_equal(kills: list[Kill], like: Undisturbed) -> None:
    show(kills, like)
    assert [kill.differences for kill in kills if kill.differences] == []
