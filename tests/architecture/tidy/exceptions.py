"""The listed exceptions: each has its reason, and may shrink, never grow."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.architecture.tidy.tree import Finding

LIST = "tests/architecture/exceptions.toml"


@dataclass(frozen=True)
class Exempt:
    """One exception: of which check, where, why, and how large it may be."""

    check: str
    where: str
    """As a finding says it; `*` stands for anything."""
    reason: str
    ceiling: int = 0


def read_exceptions(root: Path) -> list[Exempt]:
    """The exceptions of a checkout."""
    listed = tomllib.loads((root / LIST).read_text(encoding="utf-8"))
    return [Exempt(**entry) for entry in listed["exception"]]


def judge(check: str, findings: Iterable[Finding], exceptions: Iterable[Exempt]) -> list[Finding]:
    """What is left to mend: findings without an exception, and exceptions that say too much."""
    left = sorted(set(findings))
    for exempt in exceptions:
        if exempt.check != check:
            continue
        met = [one for one in left if fnmatchcase(one.where, exempt.where)]
        largest = max((one.measure for one in met), default=0)
        left = [one for one in left if one not in met or one.measure > exempt.ceiling]
        if not met:
            left.append(Finding(LIST, f"'{exempt.where}' of {check} is not needed: remove it"))
        elif largest < exempt.ceiling:
            text = f"'{exempt.where}' of {check} has shrunk: write ceiling = {largest}"
            left.append(Finding(LIST, text))
        if len(exempt.reason.split()) < 3:
            left.append(Finding(LIST, f"'{exempt.where}' of {check} has no reason: write it"))
    return left
