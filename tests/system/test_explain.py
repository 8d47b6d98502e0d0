"""Asking a run why, and whether all holds that must."""

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from marea.bus.sqlite import SqliteBus
from marea.messages.envelope import Log
from marea.messages.features import FeatureVector
from tests.system.conftest import Marea
from tools import command
from tools.command import Ended

FEATURES = Log("features", "embedded")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs with one run that is done."""
    runs = tmp_path_factory.mktemp("done")
    assert command.run(["demo", "--minutes", "1"], runs).code == 0
    return runs


@pytest.fixture(scope="module")
def vector(done: Path) -> str:
    """The id of the last vector of a bar."""
    told = ask(done, "log", "last", "--type", "FeatureVector", "--json")
    found = [event for event in told["events"] if event["bar_id"]]
    return str(found[-1]["envelope"]["id"])


def ask(runs: Path, *arguments: str) -> dict[str, Any]:
    ended = command.run(arguments, runs)
    assert (ended.code, ended.err) == (0, "")
    told: dict[str, Any] = json.loads(ended.out)
    return told


def explain(runs: Path, *arguments: str, **settings: str) -> Ended:
    return command.run(["explain", "last", *arguments], runs, settings)


def test_vector_is_explained_from_the_trade_and_the_book_on(done: Path, vector: str) -> None:
    told = ask(done, "explain", "last", vector, "--json")
    kinds = [step["type"] for step in told["steps"]]
    assert kinds[-1] == "FeatureVector"
    assert {"Trade", "Quote", "Clock", "Bar"} <= set(kinds)
    times = [step["ts_event"] for step in told["steps"]]
    assert times == sorted(times)
    (decider,) = told["deciders"]
    assert decider["producer"].startswith("features/")
    assert decider["config"]["indicators"]


def test_begin_of_an_id_is_enough_and_a_person_reads_the_same(done: Path, vector: str) -> None:
    out = explain(done, vector[:10]).out
    assert out.startswith("The features of ")
    assert "From begin to end\n" in out
    assert "  features: the features of " in out
    assert "What decided\n  features/" in out


@pytest.mark.parametrize(
    "language", [{"LANG": "es_ES.UTF-8"}, {"LC_ALL": "es_MX.UTF-8", "LANG": "en_US.UTF-8"}]
)
def test_language_is_that_of_the_environment(
    done: Path, vector: str, language: dict[str, str]
) -> None:
    assert explain(done, vector, **language).out.startswith("Los valores de ")
    assert explain(done, vector, "--lang", "en", **language).out.startswith("The features of ")


def test_terminal_of_few_letters_is_no_obstacle(done: Path, vector: str) -> None:
    ended = explain(done, vector, "--lang", "es", PYTHONIOENCODING="ascii")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()


def test_name_that_is_none_is_refused_with_what_can_be_explained(done: Path) -> None:
    ended = explain(done, "nothing-like-it", "--json")
    assert ended.code == 3
    told = json.loads(ended.out)["error"]
    assert "has no order and no event named 'nothing-like-it'" in told
    assert "Give the client id of an order (`marea log " in told


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["id", "--at", "2026-01-05T00:00:30", "--instrument", "BTC-USDT.SIM"],
        ["--at", "2026-01-05T00:00:30"],
        ["id", "--instrument", "BTC-USDT.SIM"],
    ],
)
def test_either_an_id_or_a_time_with_its_instrument_is_asked_for(
    done: Path, arguments: list[str]
) -> None:
    ended = explain(done, *arguments)
    assert ended.code == 2
    assert "give the ID of what was done, or else --at and --instrument" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--at", "noon", "--instrument", "BTC-USDT.SIM"], "--at is 'noon', which is no time"),
        (
            ["--at", "2026-01-05T00:00:30", "--instrument", "BTC"],
            "--instrument is 'BTC', and the run has none such; take one of BTC-USDT.SIM, ETH-",
        ),
    ],
)
def test_question_that_means_nothing_is_refused(
    done: Path, arguments: list[str], told: str
) -> None:
    ended = explain(done, *arguments)
    assert ended.code == 3
    assert told in ended.err


def test_run_that_is_sound_passes_its_inspection(done: Path) -> None:
    told = ask(done, "doctor", "last", "--json")
    assert (told["ok"], told["breaches"]) == (True, [])
    assert command.run(["doctor", "last"], done).out.startswith("everything that must hold of run ")
    spanish = command.run(["doctor", "last", "--lang", "es"], done).out
    assert spanish.startswith("todo lo que debe cumplir ")


def test_log_that_was_meddled_with_fails_it_with_the_event_and_its_lineage(
    done: Path, vector: str, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    asyncio.run(meddle(next(tmp_path.glob("*/log.sqlite")), vector))
    ended = command.run(["doctor", "last", "--json"], tmp_path)
    assert ended.code == 1
    breaches = json.loads(ended.out)["breaches"]
    (breach,) = [each for each in breaches if each["violation"]["code"] == "ID_HAS_ONE_PAYLOAD"]
    assert breach["violation"]["event"] == vector
    assert "Trade" in [step["type"] for step in breach["lineage"]]
    shown = command.run(["doctor", "last"], tmp_path)
    assert shown.code == 1
    assert "ID_HAS_ONE_PAYLOAD" in shown.out
    assert "\nNext: marea explain " in shown.out


async def meddle(log_path: Path, vector: str) -> None:
    """Append the vector once more, with another number in it."""
    with closing(SqliteBus(log_path)) as bus:
        records = await bus.read(FEATURES, 0, 1_000_000)
        (found,) = [record for record in records if record.message.id == vector]
        assert isinstance(found.message, FeatureVector)
        found.message = replace(found.message, values={"mid": 1.0})
        found.seq = records[-1].seq + 1
        await bus.append(FEATURES, [found])


def test_configuration_is_none_of_a_runs_inspection(marea: Marea) -> None:
    ended = marea("doctor", "last", "--config", "config")
    assert ended.code == 2
    assert "--config is of the machine's check; leave it out" in ended.err


def test_run_ends_in_the_language_asked_for(marea: Marea) -> None:
    out = marea("demo", "--minutes", "1", "--lang", "es").out
    assert out.startswith("mercado simulado, semilla 7, 1 min\nmensajes ")
    assert "\nSiguiente" in out
    assert marea("demo", "--resume", "last", LANG="es_AR").out.startswith("mercado simulado")
