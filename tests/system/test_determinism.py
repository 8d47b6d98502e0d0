"""The same command says the same, whatever the process and its hash seed."""

import json
from pathlib import Path

import pytest

from tests.system.conftest import Marea

SEED = 1
"""Of a simulated market in which orders fill and positions close within four minutes."""


@pytest.mark.parametrize("source", ["simulated", "tape"])
def test_two_processes_write_the_same_log(source: str, long_tape: Path, marea: Marea) -> None:
    options: list[str | Path] = ["--seed", str(SEED), "--minutes", "4"]
    if source == "tape":
        options = ["--tape", long_tape]
    results = [
        json.loads(marea("demo", *options, "--json", PYTHONHASHSEED=seed).out)
        for seed in ("0", "4294967295")
    ]
    assert results[0]["fills"] > 0
    assert results[0]["positions_closed"] > 0
    assert len({result["decisions_hash"] for result in results}) == 1
    assert len({result["log_hash"] for result in results}) == 1


def test_another_seed_is_another_market(marea: Marea) -> None:
    hashes = {
        json.loads(marea("demo", "--minutes", "1", "--seed", seed, "--json").out)["log_hash"]
        for seed in ("7", "8")
    }
    assert len(hashes) == 2


def test_log_does_not_depend_on_how_often_it_is_written(short_tape: Path, marea: Marea) -> None:
    hashes = {
        json.loads(marea("demo", "--tape", short_tape, "--json", **settings).out)["log_hash"]
        for settings in (
            {"MAREA__LOG__COMMIT_MS_MAX": "1", "MAREA__LOG__SYNCHRONOUS": "NORMAL"},
            {"MAREA__LOG__COMMIT_MS_MAX": "100000", "MAREA__LOG__COMMIT_EVENTS_MAX": "999999"},
        )
    }
    assert len(hashes) == 1
