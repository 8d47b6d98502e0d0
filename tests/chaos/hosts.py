"""A second host: a network namespace, joined to this one by a wire that can be cut.

Everything here listens on 127.0.0.1, and so does everything there: what one side may call of the
other is passed on over the wire (`relay`).
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from tests.chaos import relay

LOCAL = "127.0.0.1"
READY = b"ready\n"


def missing() -> str:
    """Why this machine can have no second host; empty: it can."""
    if os.geteuid() != 0:
        return "a second host is a network namespace, and only root may make one"
    tried = _ip("netns", "list", check=False)
    return f"ip netns: {tried.stderr.decode()}" if tried.returncode else ""


class Host:
    """The second host, from its begin to its end."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"marea-{number}"
        self._wire = f"mh{number}", f"mt{number}"
        net = f"10.{213 + number % 32}.{number // 64 % 256}"
        self._here, self._there = (f"{net}.{number % 64 * 4 + each}" for each in (1, 2))
        self._relays: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        here, there = self._wire
        _ip("netns", "add", self.name)
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
        _ip("addr", "add", f"{self._here}/30", "dev", here)
        _ip("link", "set", here, "up")
        for words in (
            ("addr", "add", f"{self._there}/30", "dev", there),
            ("link", "set", there, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", self.name, *words)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        for each in self._relays:
            each.kill()
            each.communicate()
        _ip("link", "del", self._wire[0])
        _ip("netns", "del", self.name)

    @property
    def through(self) -> tuple[str, ...]:
        """What a command is started through that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def join(self, ours: Iterable[int], theirs: Iterable[int]) -> None:
        """Let them call these ports of ours, and us these of theirs."""
        ours, theirs = list(ours), list(theirs)
        self._relay(
            (),
            [f"{self._here}:{port}={LOCAL}:{port}" for port in ours]
            + [f"{LOCAL}:{port}={self._there}:{port}" for port in theirs],
        )
        self._relay(
            self.through,
            [f"{LOCAL}:{port}={self._here}:{port}" for port in ours]
            + [f"{self._there}:{port}={LOCAL}:{port}" for port in theirs],
        )

    def cut(self) -> None:
        """Take the wire out."""
        _ip("link", "set", self._wire[0], "down")

    def mend(self) -> None:
        """Put it in again."""
        _ip("link", "set", self._wire[0], "up")

    def _relay(self, through: tuple[str, ...], pairs: list[str]) -> None:
        command = [*through, sys.executable, "-m", relay.__name__, *pairs]
        begun = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._relays.append(begun)
        assert begun.stdout is not None
        assert begun.stdout.readline() == READY, f"a relay has ended: {pairs}"


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ip", *words], capture_output=True, check=check)
