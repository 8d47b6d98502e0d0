"""Where the command reads the logs of processes: what it takes, and what it says where nothing is."""

import os
from pathlib import Path

import pytest

from tests.system.conftest import Marea
from tools.command import ROOT

NOBODY = {"MAREA__KAFKA__SERVERS": "127.0.0.1:9", "MAREA__KAFKA__TIMEOUT_S": "2.0"}
SOURCE = ("--source", "kafka", "--portfolio", "main")


@pytest.mark.parametrize("asked", [("log",), ("replay",), ("doctor",), ("explain", "7q2nb")])
def test_kafka_that_is_away_is_told_with_its_address_and_what_mends_it(
    asked: tuple[str, ...], marea: Marea
) -> None:
    ended = marea(*asked, *SOURCE, **NOBODY)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("marea: kafka.servers 127.0.0.1:9 with kafka.prefix '': Kafka: ")
    assert "see to its brokers" in ended.err
    assert "MAREA__KAFKA__SERVERS" in ended.err
    assert ended.err.count("\n") == 1


def test_archive_that_is_away_is_told_with_what_mends_it(marea: Marea) -> None:
    where = {"MAREA__OBJECTS__ENDPOINT": "http://127.0.0.1:9"}
    opened_by = {"MAREA_S3_KEY": "k", "MAREA_S3_SECRET": "s"}
    ended = marea("log", "--source", "archive", *SOURCE[2:], **where, **opened_by)
    assert (ended.code, ended.out) == (4, "")
    assert "see to the store" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("log",), "give RUN, or --source and --portfolio"),
        (("log", "last", *SOURCE), "RUN and --source are two places: give one of them"),
        (("log", "--source", "kafka"), "--source and --portfolio go together"),
        (("replay", "--portfolio", "main"), "--source and --portfolio go together"),
        (("doctor", "last", "--until", "2026-01-05"), "--since and --until go with --source"),
        (("explain", *SOURCE), "give the ID of what was done, or else --at and --instrument"),
        (("replay", "last", "--config", "config"), "--config goes with --source"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    arguments: tuple[str, ...], told: str, marea: Marea
) -> None:
    ended = marea(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_packages_that_are_not_installed_are_named(tmp_path: Path, marea: Marea) -> None:
    missing = 'raise ModuleNotFoundError("there is none", name="aiokafka")\n'
    (tmp_path / "aiokafka.py").write_text(missing)
    path = os.pathsep.join(map(str, (tmp_path, ROOT / "libs" / "shared", ROOT)))
    ended = marea("log", *SOURCE, PYTHONPATH=path)
    assert (ended.code, ended.out) == (3, "")
    told = "--source kafka takes packages that are not installed (aiokafka): install marea[distributed]"
    assert told in ended.err
