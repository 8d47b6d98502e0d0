"""Which Java of this machine runs a server: the one on the path, or a newer one beside it."""

import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

JVMS = Path("/usr/lib/jvm")


class Java(NamedTuple):
    """A Java, or that there is none."""

    binary: str
    missing: str | None


@cache
def java(version_min: int) -> Java:
    """The first Java that is new enough: JAVA_HOME's, the path's, then those of /usr/lib/jvm."""
    for home in _homes():
        if _version(home) >= version_min:
            return Java(str(home / "bin" / "java"), None)
    return Java("java", f"no Java {version_min} or newer is here: install one, or set JAVA_HOME")


def _homes() -> Iterator[Path]:
    if "JAVA_HOME" in os.environ:
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parents[1]
    if JVMS.is_dir():
        yield from sorted(JVMS.iterdir())


def _version(home: Path) -> int:
    """The major version that its `release` file names; 0 where there is none."""
    release = home / "release"
    told = release.read_text(encoding="utf-8") if release.is_file() else ""
    found = re.search(r'^JAVA_VERSION="(\d+)', told, re.MULTILINE)
    return int(found[1]) if found else 0
