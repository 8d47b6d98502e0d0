"""A disk of its own for a server, which can be full and have room again.

It is a tmpfs: full is one that is no larger any more than what stands on it.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

ROOM_BYTES = 4 << 30
"""Memory is taken only for what is written."""
TRIES_MAX = 1_000


def missing() -> str:
    """Why this machine can mount no disk; empty: it can."""
    if os.geteuid() != 0:
        return "a disk that can be full is a tmpfs, and only root may mount one"
    return ""


class Disk:
    """One disk, from its mount to its end."""

    def __init__(self) -> None:
        self.path = Path()

    def __enter__(self) -> Self:
        self.path = Path(tempfile.mkdtemp(prefix="marea-disk-"))
        size = f"size={ROOM_BYTES},mode=0755"
        _run("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        _run("umount", str(self.path))
        self.path.rmdir()

    def fill(self) -> None:
        """Leave no room on it."""
        for _ in range(TRIES_MAX):  # one is refused that would be smaller than what is written now
            if self._resize(max(1, shutil.disk_usage(self.path).used)):
                return
        raise AssertionError(f"{self.path} has grown faster than it was filled")

    def make_room(self) -> None:
        """Let it have room again."""
        assert self._resize(ROOM_BYTES), f"{self.path} can't be {ROOM_BYTES} bytes large"

    def _resize(self, size_bytes: int) -> bool:
        options = f"remount,size={size_bytes}"
        return not _run("mount", "-o", options, str(self.path), check=False).returncode


def _run(*words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, capture_output=True, check=check)
