"""Marea's processes over real servers, under the faults of a seed: a selection of `make chaos`.

How long an outage lasted is told and only loosely bounded here, where many tests share the cores; the
targets are those of `make chaos`.
"""

import shutil
import tempfile
from itertools import chain
from pathlib import Path

import pytest

from tests import servers
from tests.chaos import disks, hosts
from tests.chaos.running import Outcome, run
from tests.chaos.scenes import selection
from tests.chaos.stores import SINKS

SEED = 6
PLAYS = selection(SEED)


def _played(name: str) -> Outcome:
    play = PLAYS[name]
    servers.need(*play.scene.brokers, "redis", *(SINKS if play.scene.store_away_s else ()))
    folder = Path(tempfile.mkdtemp(prefix="marea-chaos-"))
    with servers.own() as own:
        outcome = run(play.scene, play.every_s, own, folder)
    assert not outcome.findings, f"{outcome.findings}: its logs are in {folder}"
    assert not outcome.unrecovered, f"{outcome.unrecovered}: its logs are in {folder}"
    shutil.rmtree(folder)
    return outcome


def test_nothing_is_lost_or_doubled_whatever_dies_hangs_or_is_emptied_on_one_host() -> None:
    outcome = _played("one host")
    assert set(outcome.strikes) == set(PLAYS["one host"].every_s)


def test_nothing_is_lost_when_one_of_three_brokers_dies() -> None:
    assert _played("three brokers").strikes["kill Kafka"]


@pytest.mark.skipif(bool(hosts.missing()), reason=hosts.missing())
def test_standby_on_another_host_goes_on_when_the_owners_host_is_gone() -> None:
    outcome = _played("two hosts")
    assert outcome.strikes["cut the host"]
    assert any(each.is_takeover for each in outcome.outages)


@pytest.mark.skipif(bool(disks.missing()), reason=disks.missing())
def test_stores_hold_all_of_the_logs_though_each_was_away_and_one_full() -> None:
    outcome = _played("stores")
    assert set(outcome.strikes) == set(PLAYS["stores"].every_s)
    assert {lag.sink for lag in outcome.lags if lag.away_s} == set(chain(*SINKS.values()))
