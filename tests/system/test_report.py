"""`marea report`: the page of a run, as the command writes it and as a demo leaves it."""

import json
from pathlib import Path

import pytest

from tests.system.conftest import Marea


@pytest.fixture
def run(marea: Marea, runs: Path) -> Path:
    """The folder of a short demo."""
    ended = marea("demo", "--minutes", "1", LANG="es_ES.UTF-8", LC_ALL="")
    (folder,) = runs.iterdir()
    assert (ended.code, ended.err) == (0, "")
    assert f"informe     {folder}/report.html" in ended.out
    return folder


def test_demo_leaves_a_report_in_the_language_of_the_terminal(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    assert '<html lang="es">' in text
    assert "BTC-USDT.SIM" in text


def test_report_is_written_anew_where_and_how_it_is_asked_for(
    marea: Marea, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "day.html"
    told = marea("report", "last", "--lang", "en", "--out", out, "--json")
    assert told.code == 0
    assert json.loads(told.out) == {
        "run": run.name,
        "report": str(out),
        "language": "en",
        "bytes": out.stat().st_size,
    }
    assert '<html lang="en">' in out.read_text(encoding="utf-8")
    plain = marea("report", run.name[:8])
    assert (plain.code, plain.out) == (0, f"report  {run}/report.html\n")


def test_report_of_what_there_isnt_says_what_helps(marea: Marea, run: Path) -> None:
    ended = marea("report", "last", "--lang", "fr")
    assert (ended.code, ended.out) == (2, "")
    assert "'fr' is not one of 'en', 'es'" in ended.err
    ended = marea("report", "last", "--out", run / "no" / "day.html")
    assert ended.code == 3
    assert "name a file that you may write with --out" in ended.err
    assert marea("report", "2031").code == 3
