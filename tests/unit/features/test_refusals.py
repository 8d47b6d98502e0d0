"""Indicators that can't be made: what the user is told, and with which exit code."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marea.errors import BadInput
from marea.kernels.registry import KERNELS
from marea.runtime.settings import load_settings
from services.features.core import begin
from services.features.main import features_config
from tests.unit.features.market import config, indicator

TWIN = "has the name of one of indicators.macd; give it another name"
WRONG = {
    "kernel": (
        "fast: {kernel: emma, period: 5}",
        f"indicators.fast: there is no kernel 'emma'; give one of: {', '.join(sorted(KERNELS))}",
    ),
    "parameter": (
        "fast: {kernel: macd, window: 5}",
        "indicators.fast: macd has no parameter window; it takes: fast, slow, signal",
    ),
    "parameter of a kernel that takes none": (
        "fast: {kernel: mid, period: 5}",
        "indicators.fast: mid has no parameter period; it takes: none",
    ),
    "value": (
        "fast: {kernel: sma, period: 2.5}",
        "indicators.fast: period is 2.5; give a whole number of rows in 1…10000",
    ),
    "value out of all bounds": (
        f"fast: {{kernel: sma, period: 1{'0' * 400}}}",
        f"indicators.fast: period is 1{'0' * 400}; give a whole number of rows in 1…10000",
    ),
    "two values together": (
        "fast: {kernel: macd, fast: 9, slow: 9}",
        "indicators.fast: fast is 9; give fewer bars than slow has, 9",
    ),
    "name": (
        "macd: {kernel: macd}\n  macd_signal: {kernel: sma}",
        f"indicators.macd_signal: its value 'macd_signal' {TWIN}",
    ),
}


@pytest.fixture
def config_dir(root: Path, tmp_path: Path) -> Path:
    """The settings that Marea comes with, for a test to change."""
    return Path(shutil.copytree(root / "config", tmp_path / "config"))


def write_indicators(config_dir: Path, lines: str) -> None:
    file = config_dir / "strategies.yaml"
    _, signals = file.read_text(encoding="utf-8").split("\nsignals:")
    file.write_text(f"indicators:\n  {lines}\nsignals:{signals}", encoding="utf-8")


def run_marea(root: Path, runs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    command = "from services.standalone.main import main; main()"
    places = [str(root / "libs" / "shared"), str(root)]
    return subprocess.run(
        [sys.executable, "-c", command, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "MAREA_RUNS": str(runs)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("lines", "told"), WRONG.values(), ids=WRONG)
def test_settings_that_name_no_possible_indicator_are_bad_input(
    config_dir: Path, lines: str, told: str
) -> None:
    write_indicators(config_dir, lines)
    settings = load_settings(config_dir, {})
    with pytest.raises(BadInput) as refused:
        features_config(settings, "any")
    assert str(refused.value) == told
    assert refused.value.exit_code == 3


def test_core_itself_refuses_to_begin_with_such_a_configuration() -> None:
    with pytest.raises(ValueError, match=r"^indicators\.a: there is no kernel 'b'; give one of: "):
        begin(config(indicator("a", "b")))
    with pytest.raises(ValueError, match=r"^indicators\.a: period is 0\.0; give a whole number"):
        begin(config(indicator("a", "sma", period=0)))
    with pytest.raises(ValueError, match=r"^indicators\.mid: its value 'mid' has the name of one"):
        begin(config(indicator("mid"), indicator("mid", "sma")))


@pytest.mark.parametrize("case", ["kernel", "parameter", "value"])
def test_demo_with_an_impossible_indicator_ends_with_3_names_it_and_leaves_no_run(
    root: Path, tmp_path: Path, config_dir: Path, case: str
) -> None:
    lines, told = WRONG[case]
    write_indicators(config_dir, lines)
    runs = tmp_path / "runs"
    ended = run_marea(root, runs, "demo", "--minutes", "1", "--config", str(config_dir))
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.strip() == f"marea: {told}"
    assert not runs.exists()


def test_demo_with_json_says_so_in_one_object(root: Path, tmp_path: Path, config_dir: Path) -> None:
    lines, told = WRONG["value"]
    write_indicators(config_dir, lines)
    ended = run_marea(root, tmp_path / "runs", "demo", "--json", "--config", str(config_dir))
    assert ended.returncode == 3
    assert json.loads(ended.stdout) == {"error": told, "exit": 3}


def test_doctor_reports_an_impossible_indicator_as_a_failed_check(
    root: Path, tmp_path: Path, config_dir: Path
) -> None:
    lines, told = WRONG["kernel"]
    write_indicators(config_dir, lines)
    ended = run_marea(root, tmp_path / "runs", "doctor", "--json", "--config", str(config_dir))
    assert (ended.returncode, ended.stderr) == (1, "")
    report = json.loads(ended.stdout)
    failed = [each for each in report["checks"] if not each["ok"]]
    assert [(each["check"], each["found"]) for each in failed] == [("settings", told)]
    assert report["ok"] is False
