"""Where do lines of a log go? To stdout, and to a file that several processes may share.

An output that takes no more lines is told once on stderr, without the line, and stops nobody.
"""

import fcntl
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from marea.errors import BadInput

FILES_KEPT = 5
"""Full ones: `name.1` is the latest of them."""


class _Output(logging.Handler, ABC):
    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._is_failing = False

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record) + "\n"
        try:
            self.write(line)
            self._is_failing = False
        except (OSError, ValueError) as err:  # a full disk, a broken pipe; what is closed
            if not self._is_failing:
                self._is_failing = True
                with suppress(OSError, ValueError):
                    sys.stderr.write(f"{self._what} takes no lines of the log: {err}\n")

    @abstractmethod
    def write(self, line: str) -> None:
        """Put a line there whole."""


class StandardOutput(_Output):
    """The stdout of the process."""

    def __init__(self) -> None:
        super().__init__("stdout")

    def write(self, line: str) -> None:
        """Put a line there at once."""
        sys.stdout.write(line)
        sys.stdout.flush()


class LogFile(_Output):
    """A file that is moved aside when it is full; each line in it is whole, and none is lost.

    Who writes holds a lock on the file beside it, `name.lock`: so no process moves away what
    another one is writing to.
    """

    def __init__(self, file: Path, bytes_max: int) -> None:
        """Raises `BadInput` where nothing can be written."""
        super().__init__(str(file))
        self._file = file
        self._bytes_max = bytes_max
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab"):
                self._lock_file = file.with_name(f"{file.name}.lock").open("ab")
        except OSError as err:
            raise BadInput(
                f"logs.file is '{file}' and can't be written ({err.strerror}): name another, or ''"
                " for none"
            ) from err

    def write(self, line: str) -> None:
        """Append a line, to a new file if it has no place in this one."""
        encoded = line.encode()
        with self._alone():
            if self._length() + len(encoded) > self._bytes_max:
                self._move_aside()
            length = self._length()
            with self._file.open("ab", buffering=0) as out:
                if out.write(encoded) < len(encoded):  # the disk is full
                    out.truncate(length)
                    raise OSError("there is no place for a whole line")

    def close(self) -> None:
        """Let go of the lock's file."""
        self._lock_file.close()
        super().close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def _length(self) -> int:
        return self._file.stat().st_size if self._file.exists() else 0

    def _move_aside(self) -> None:
        if not self._length():
            return  # a line that is longer than a file may be stands alone in one
        for number in range(FILES_KEPT, 1, -1):
            older = self._aside(number - 1)
            if older.exists():
                older.replace(self._aside(number))
        self._file.replace(self._aside(1))

    def _aside(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}")
