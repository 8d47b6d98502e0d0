"""A service that runs as a child of this process: how does it do, and how did it end?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import msgspec

from marea.runtime.facts import Health

HEALTH_S_MAX = 1.0
"""A process that answers later counts as one that doesn't: it may be stopped, or on its knees."""
WORDS_BYTES_MAX = 4096
"""Of its log's end, where its last words are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What one start of a service takes."""

    service: str
    instance: str
    host: str
    port: int
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path


@dataclass(slots=True)
class Child:
    """One instance of a service, over all its lives."""

    start: Start
    process: subprocess.Popen[bytes] | None = None
    """Of its present life, or of the last."""
    started_s: float = 0.0
    """When that began, by the monotonic clock."""
    restarts: int = 0
    _told_from: int = field(default=0, repr=False)
    """Where in its log that begins."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.start.service}-{self.start.instance}"

    @property
    def pid(self) -> int:
        """The process that it is, or was last."""
        assert self.process is not None, f"{self.name} has never been started"
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, a signal as a negative number; none while it runs."""
        return self.process.poll() if self.process is not None else None

    @property
    def is_running(self) -> bool:
        """Whether its process is there, be it paused."""
        return self.process is not None and self.exit_code is None

    @property
    def uptime_s(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started_s if self.is_running else 0.0

    def begin(self) -> None:
        """Start its process, the first time or anew; it ends with the thread that calls this."""
        assert not self.is_running, f"{self.name} runs already"
        given = self.start
        self.restarts += self.process is not None
        with given.log.open("ab") as log:
            self._told_from = log.tell()
            self.process = subprocess.Popen(  # noqa: S603 # it is this Python with a module of ours
                [
                    *(sys.executable, "-m", "services.standalone.bound", str(os.getpid())),
                    *(given.service, "--instance", given.instance, "--port", str(given.port)),
                    *given.arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=given.environment,
                process_group=0,  # Ctrl-C is for its parent, which drains it
            )
        self.started_s = time.monotonic()

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it has ended."""
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def pause(self) -> None:
        """Have it stand still, as a machine that hangs."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self.send(signal.SIGCONT)

    def send(self, by: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.process is not None:
            self.process.send_signal(by)

    def ask(self, path: str) -> bytes | None:
        """What it answers over HTTP, whatever the status; none where it doesn't, or not in time."""
        connection = HTTPConnection(self.start.host, self.start.port, timeout=HEALTH_S_MAX)
        with suppress(OSError, HTTPException):
            connection.request("GET", path)
            return connection.getresponse().read()
        connection.close()
        return None

    def health(self) -> Health | None:
        """What it says of itself; none where it does not answer, or another does in its place."""
        answer = self.ask("/health")
        with suppress(msgspec.DecodeError):
            health = msgspec.json.decode(answer or b"", type=Health)
            if (health.service, health.instance) == (self.start.service, self.start.instance):
                return health
        return None

    def last_words(self) -> str:
        """Why its last life ended, or what it told last."""
        with self.start.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._told_from, end - WORDS_BYTES_MAX))
            lines = log.read().decode(errors="replace").splitlines()
        for line in reversed(lines):
            with suppress(msgspec.DecodeError):
                told = msgspec.json.decode(line, type=dict[str, object])
                return str(told.get("error", told.get("event", line)))
        return lines[-1] if lines else ""
