"""One process of this machine: is it the one that was started, what does it listen on, how does it end?"""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.02
KILL_S_MAX = 10
LISTENING = "0A"
"""The state of a listening socket in the kernel's tables."""


@dataclass(frozen=True)
class Process:
    """A process by its pid and the moment it started: a pid alone may long be another's."""

    pid: int
    started_ticks: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this pid now; none where it has ended."""
        fields = _stat(pid)
        return None if fields is None or _is_left(pid, fields) else cls(pid, int(fields[19]))

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        now = Process.of(self.pid)
        if now is None:
            with suppress(ChildProcessError):  # a child of ours that has ended waits to be asked
                os.waitpid(self.pid, os.WNOHANG)
        return now == self

    @property
    def ports(self) -> frozenset[int]:
        """The ports that it listens on, in its own network namespace."""
        return frozenset(_listening(self.pid))

    @property
    def name(self) -> str:
        """What the kernel calls it."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/comm").read_text(encoding="utf-8").strip()
        return "?"

    @property
    def memory_mb(self) -> int:
        """What it holds in memory."""
        pages = (_stat(self.pid) or [])[21:22]
        return int(pages[0]) * os.sysconf("SC_PAGE_SIZE") // 2**20 if pages else 0

    @property
    def family(self) -> list["Process"]:
        """It and its children."""
        return [self, *_children(self.pid)]

    def send(self, by: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.is_alive:
            os.kill(self.pid, by)

    def end(self, by: signal.Signals, patience_s: float) -> None:
        """End it, as it ends on this signal; by SIGKILL, with its children, where it takes too long."""
        family = self.family
        if by is not signal.SIGKILL:
            self.send(by)
            if _have_ended(family, patience_s):
                return
        for one in family:
            one.send(signal.SIGKILL)
        assert _have_ended(family, KILL_S_MAX), f"SIGKILL does not end pid {self.pid} ({self.name})"


def start(argv: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> Process:
    """A process in a session of its own, which outlives who started it and says all into a log."""
    words = [str(word) for word in argv]
    pid = os.posix_spawnp(
        words[0],
        words,
        {**os.environ, **environment},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Process.of(pid) or Process(pid, 0)


def holder_of(port: int) -> Process | None:
    """Which process listens on a port of this machine, as far as we may look."""
    holders = (one for one in map(Process.of, _pids()) if one and port in one.ports)
    return next(holders, None)


def _have_ended(family: Sequence[Process], patience_s: float) -> bool:
    until_s = time.monotonic() + patience_s
    while any(one.is_alive for one in family):
        if time.monotonic() > until_s:
            return False
        time.sleep(POLL_S)
    return True


def _pids() -> Iterator[int]:
    return (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())


def _children(pid: int) -> list[Process]:
    pids = [each for each in _pids() if (_stat(each) or ["", ""])[1] == str(pid)]
    return [one for one in map(Process.of, pids) if one]


def _stat(pid: int) -> list[str] | None:
    """The fields behind the name, which may hold anything: state, parent, …."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    return None


def _is_left(pid: int, fields: list[str]) -> bool:
    """Whether only its entry is left: one whose first thread has ended may still hold its ports."""
    with suppress(OSError):
        return fields[0] in "ZX" and len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    return True


def _listening(pid: int) -> Iterator[int]:
    held = set(_sockets(pid))
    for table in ("tcp", "tcp6"):
        with suppress(OSError):  # ended, or another user's: then it holds nothing that we may see
            lines = Path(f"/proc/{pid}/net/{table}").read_text(encoding="utf-8").splitlines()
            for fields in map(str.split, lines[1:]):
                if fields[3] == LISTENING and fields[9] in held:
                    yield int(fields[1].rpartition(":")[2], 16)


def _sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(entry.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")
