"""The tidy test: what the checkout must hold, beyond what other gates see."""

from pathlib import Path

import pytest

from tests.architecture.tidy.checks import CHECKS
from tests.architecture.tidy.exceptions import Exempt, judge, read_exceptions
from tests.architecture.tidy.tree import Finding, Tree


@pytest.fixture(scope="session")
def tree(root: Path) -> Tree:
    return Tree.of_checkout(root)


@pytest.mark.parametrize("check", CHECKS)
def test_checkout_is_tidy(check: str, tree: Tree, root: Path) -> None:
    left = judge(check, CHECKS[check](tree), read_exceptions(root))
    assert not left, "\n" + "\n".join(map(str, left))


def test_every_exception_is_of_a_check_that_exists(root: Path) -> None:
    assert {exempt.check for exempt in read_exceptions(root)} <= set(CHECKS)


LONG = Finding("a.py:f lines", "70 lines where 60 may be", 1, 70)
REASON = "a table reads best in one piece"


def test_exception_lets_its_finding_pass_and_no_other() -> None:
    other = Finding("b.py:f lines", "61 lines where 60 may be", 1, 61)
    assert judge("ceilings", [LONG, other], [Exempt("ceilings", LONG.where, REASON, 70)]) == [other]


def test_exception_of_another_check_lets_nothing_pass() -> None:
    assert judge("ceilings", [LONG], [Exempt("names", LONG.where, REASON, 70)]) == [LONG]


@pytest.mark.parametrize(
    ("exempt", "text"),
    [
        (Exempt("ceilings", "a.py:* lines", REASON, 69), "70 lines where 60 may be"),
        (Exempt("ceilings", "a.py:* lines", REASON, 71), "has shrunk: write ceiling = 70"),
        (Exempt("ceilings", "c.py:g lines", REASON, 70), "is not needed: remove it"),
        (Exempt("ceilings", "a.py:* lines", "so", 70), "has no reason: write it"),
    ],
)
def test_exception_may_shrink_and_never_grow(exempt: Exempt, text: str) -> None:
    assert text in "\n".join(map(str, judge("ceilings", [LONG], [exempt])))


def test_tree_is_what_git_tracks_and_would_track(tree: Tree) -> None:
    assert {"Makefile", "pyproject.toml", "tests/architecture/test_tidy.py"} <= set(tree.files)
    assert not [path for path in tree.files if path.startswith((".venv/", ".cache/", ".git/"))]
