"""The soak measures what it says: its line, and its figures from a fleet at work.

A minute tells nothing of a leak of some MB an hour; `python -m tests.chaos.soak` does.
"""

import shutil
import tempfile
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from benchmarks.machine import machine
from tests.chaos.soak import FIGURES, SERVICES, Soak, run, sums_of, told
from tests.chaos.trend import trend

FULL_S = 3_600
RISE_MAX = {"memory, MB": 3_000.0, "descriptors": 600.0, "tasks": 600.0, "lag, records": 60_000.0}
"""In an hour, for so short a time on cores that many tests share."""


@pytest.mark.parametrize("rise", [-40.0, 0.0, 40.0])
def test_line_through_noise_that_clings_to_itself_has_the_slope_within_its_bounds(
    rise: float,
) -> None:
    inside = 0
    for seed in range(200):
        draw, noise, samples = Random(seed), 0.0, []
        for at_s in range(0, FULL_S, 5):
            noise = 0.7 * noise + draw.gauss(0, 1)
            samples.append((float(at_s), rise * at_s / FULL_S + noise))
        slope = trend(samples)
        inside += slope.low <= rise <= slope.high
        assert slope.is_flat(5.0) == (rise <= 0)
    assert inside >= 180  # of 190 that are expected


def test_few_samples_are_refused() -> None:
    with pytest.raises(AssertionError, match="3 samples, take 20 or more"):
        trend([(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)])


def test_metrics_are_summed_over_their_labels() -> None:
    text = '# HELP lag\nlag{loop="a"} 2.0\nlag{loop="b"} 3.0\nfds 7\n'
    assert sums_of(text) == {"lag": 5.0, "fds": 7.0}


def test_fleet_at_work_is_measured_and_runs_away_in_nothing(kafka: str, redis: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="marea-soak-"))
    soak = Soak(seed=6, warm_up_s=15, measured_s=30, every_s=1, activity=3.0)
    outcome = run(soak, kafka, redis, f"soak-{uuid4().hex[:8]}.", folder)
    print(told(outcome, machine()))
    assert not outcome.findings, f"{outcome.findings}: its logs are in {folder}"
    assert len(outcome.levels) == len(SERVICES) * len(FIGURES)
    for level in outcome.levels:
        assert level.trend.is_flat(RISE_MAX[level.figure.name]), level
    assert outcome.market_per_s > 0
    shutil.rmtree(folder)
