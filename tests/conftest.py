"""Where the test data stands, and what a skipped test means where `CI` is set."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded market data: `MAREA_DATA`, else `../shared/data`."""
    folder = Path(os.environ.get("MAREA_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no market data: {folder} is not a folder; set MAREA_DATA")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where `CI` is set, a test that could not run has failed."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment, unused-ignore] # pluggy sends it
    return _judged(report)  # type: ignore[return-value, unused-ignore] # pluggy takes it back


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """So has a file that leaves itself out as a whole."""
    report: pytest.CollectReport = yield  # type: ignore[misc, assignment, unused-ignore] # pluggy sends it
    return _judged(report)  # type: ignore[return-value, unused-ignore] # pluggy takes it back


def _judged(report: Report) -> Report:
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI is set: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, also when none was."""
    skipped = len(terminalreporter.stats.get("skipped", []))
    terminalreporter.write_line(f"skipped tests: {skipped}")
