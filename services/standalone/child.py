"""A service that runs as a child of this process, over all its lives."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from services.standalone import bound
from services.standalone.patience import Patience
from services.standalone.vitals import Place

WORDS_BYTES_MAX = 4096
"""Of its log's end, where its last words are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What each start of a child takes."""

    place: Place
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    through: Sequence[str] = ()
    """The command that it is started through, which becomes it: `ip netns exec NAME`."""


@dataclass(slots=True)
class Child:
    """One instance of a service."""

    start: Start
    restarts: int = 0
    last_end: str = ""
    """How the life before this one ended."""
    is_left_alone: bool = False
    """Whether it has ended, and `end` said that it is not started again."""
    again_at_s: float | None = None
    """When it is, by the monotonic clock; None: that isn't known yet."""
    _patience: Patience = field(default_factory=Patience)
    _process: subprocess.Popen[bytes] | None = None
    """Of its present life, or of the last."""
    _begun_s: float = 0.0
    _told_from: int = 0
    """Where in its log that life begins."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.start.place.name

    @property
    def pid(self) -> int:
        """The process that it is, or was last."""
        assert self._process is not None, f"{self.name} has never been started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, a signal as a negative number; None while it runs."""
        return self._process.poll() if self._process is not None else None

    @property
    def is_running(self) -> bool:
        """Whether its process is there, be it paused."""
        return self._process is not None and self.exit_code is None

    def begin(self) -> None:
        """Start its process, the first time or anew; it ends with the thread that calls this."""
        assert not self.is_running, f"{self.name} runs already"
        if self._process is not None:
            self.restarts += 1
            self.last_end = self.how_it_ended()
        place = self.start.place
        with self.start.log.open("ab") as log:
            self._told_from = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 # it is this Python with a module of ours
                [
                    *self.start.through,
                    *(sys.executable, "-m", bound.__name__, str(os.getpid()), place.service),
                    *("--instance", place.instance, "--port", str(place.port)),
                    *self.start.arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.start.environment,
                process_group=0,  # Ctrl-C is for its parent, which drains it
            )
        self._begun_s, self.again_at_s, self.is_left_alone = time.monotonic(), None, False

    def end(self) -> None:
        """Take note that its life has ended, and decide when the next one begins."""
        assert self.exit_code is not None, f"{self.name} has not ended"
        now_s = time.monotonic()
        again_in_s = self._patience.again_in_s(self.exit_code, now_s - self._begun_s)
        self.is_left_alone = again_in_s is None
        self.again_at_s = now_s + (again_in_s or 0)

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it has ended."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def send(self, by: signal.Signals) -> None:
        """Send it a signal, if it runs: SIGSTOP has it hang, SIGCONT go on."""
        if self._process is not None:
            self._process.send_signal(by)

    def how_it_ended(self) -> str:
        """Its exit code, and why its last life ended, or what it told last."""
        return f"({self.exit_code}) {self._last_words()}".rstrip()

    def _last_words(self) -> str:
        with self.start.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._told_from, end - WORDS_BYTES_MAX))
            lines = log.read().decode(errors="replace").splitlines()
        for line in reversed(lines):
            with suppress(msgspec.DecodeError):
                told = msgspec.json.decode(line, type=dict[str, object])
                if "error" in told:  # a traceback's last line says what it is about
                    return str(told["error"]).strip().rpartition("\n")[2]
        return lines[-1] if lines else ""
