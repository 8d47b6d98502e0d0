"""A plugin of pytest: it runs the tests with a bug in the product, and writes down which fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.simulation.plants.catalogue import PLANTS

FAILED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which bug, and where to."""
    parser.addoption("--planted", choices=sorted(PLANTS), required=True)
    parser.addoption("--failed-into", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Draw the same examples every time; that they fail is enough, the smallest is not sought."""
    config.stash[FAILED] = []
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("planted", phases=phases, derandomize=True, database=None)
    settings.load_profile("planted")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Run the tests with the bug, and write the ids of those that fail, one on a line."""
    with PLANTS[session.config.getoption("planted")].plant():
        answer: None = yield
    failed: Path = session.config.getoption("failed_into")
    names = session.config.stash[FAILED]
    failed.write_text("\n".join(names), encoding="utf-8")
    return answer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note each test that fails, also as it is set up."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment, unused-ignore] # pluggy sends it
    if report.failed:
        item.session.config.stash[FAILED].append(item.nodeid)
    return report  # type: ignore[return-value, unused-ignore] # pluggy takes it back
