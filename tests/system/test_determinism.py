"""The same command says the same, whatever the process and its hash seed."""

import json
from pathlib import Path

import pytest

from tests.system.conftest import Marea


@pytest.mark.parametrize("source", ["simulated", "tape"])
def test_two_processes_write_the_same_log(source: str, short_tape: Path, marea: Marea) -> None:
    options: list[str | Path] = ["--minutes", "2"]
    if source == "tape":
        options = ["--tape", short_tape]
    hashes = {
        json.loads(marea("demo", *options, "--json", PYTHONHASHSEED=seed).out)["log_hash"]
        for seed in ("0", "4294967295")
    }
    assert len(hashes) == 1


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
