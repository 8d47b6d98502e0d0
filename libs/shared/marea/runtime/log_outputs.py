"""Where do lines of a log go? To stdout, and to a file that several processes may share.

Each output is written to by a thread of its own, so that one that stands still, as a pipe that nobody
reads, holds up nobody who tells something: lines that find no place any more are dropped and counted.
One that takes no more lines is told once on stderr, without the line.
"""

import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Protocol

from marea.errors import BadInput

STDOUT = 1
FILES_KEPT = 5
"""Full ones: `name.1` is the latest of them."""
LINES_WAITING_MAX = 10_000
CLOSE_S_MAX = 1.0
"""So long the end of a process waits for lines that are still to be written."""


class Output(Protocol):
    """Where lines go."""

    name: str

    def write(self, line: str) -> None:
        """Put a line there whole; may take any time. Raises `OSError`."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def writing(output: Output, lines_max: int = LINES_WAITING_MAX) -> logging.Handler:
    """What has the lines of a log written to an output, and never waits for it."""
    return _Writing(output, lines_max)


class _Writing(logging.Handler):
    def __init__(self, output: Output, lines_max: int) -> None:
        super().__init__()
        self._output = output
        self._lines: Queue[str | None] = Queue(lines_max)
        self._dropped = 0
        # Not waited for at the end: where it is stuck in a write, nothing would end it.
        self._thread = Thread(target=self._write, name=f"log to {output.name}", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._dropped:
                self._lines.put_nowait(self.format(self._told_of_dropped()))
                self._dropped = 0
            self._lines.put_nowait(self.format(record))
        except Full:
            self._dropped += 1

    def close(self) -> None:
        with suppress(Full):  # it stands still: what waits for it is lost
            self._lines.put(None, timeout=CLOSE_S_MAX)
            self._thread.join(CLOSE_S_MAX)
        if not self._thread.is_alive():
            self._output.close()
        super().close()

    def _told_of_dropped(self) -> logging.LogRecord:
        told = f"{self._dropped} lines were dropped: {self._output.name} took none of them in time"
        return logging.LogRecord(__name__, logging.WARNING, __file__, 0, told, None, None)

    def _write(self) -> None:
        is_failing = False
        while (line := self._lines.get()) is not None:
            try:
                self._output.write(line + "\n")
                is_failing = False
            except OSError as err:  # a full disk, a broken pipe; what is closed
                if not is_failing:
                    is_failing = True
                    with suppress(OSError, ValueError):
                        sys.stderr.write(f"{self._output.name} takes no lines of the log: {err}\n")


class StandardOutput:
    """The stdout of the process."""

    name = "stdout"

    def __init__(self, descriptor: int = STDOUT) -> None:
        self._descriptor = descriptor

    def write(self, line: str) -> None:
        """Put a line there at once."""
        # Not by `sys.stdout`: whoever is stuck there holds a lock that the interpreter's end needs.
        left = line.encode()
        while left:
            left = left[os.write(self._descriptor, left) :]

    def close(self) -> None:
        """It stays open."""


class LogFile:
    """A file that is moved aside when it is full; each line in it is whole, and none is lost.

    Who writes holds a lock on the file beside it, `name.lock`: so no process moves away what
    another one is writing to.
    """

    def __init__(self, file: Path, bytes_max: int) -> None:
        """Raises `BadInput` where nothing can be written."""
        self.name = str(file)
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
