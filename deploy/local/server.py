"""What a server is to the runner: what it needs, how it is started, when it answers."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deploy.local.builds import Build

HOST = "127.0.0.1"
ANSWER_S_MAX = 1.0
"""How long one question may take that asks whether a server is ready."""


@dataclass(frozen=True)
class Place:
    """Where one server stands."""

    folder: Path
    """Its settings and its log."""
    data: Path
    ports: Mapping[str, int]
    """The ports of every server: its own by its name, more of them by `name.what`."""


@dataclass(frozen=True)
class Command:
    """What starts a server."""

    argv: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)


class Server(Protocol):
    """One kind of server."""

    name: str
    ends_on: signal.Signals
    """What ends it, its data whole."""

    @property
    def ports(self) -> Mapping[str, int]:
        """What it listens on, as a user has it: `{"kafka": 19092, "kafka.controller": 19093}`."""

    @property
    def build(self) -> Build | None:
        """What of it no package of the system brings."""

    def missing(self) -> str | None:
        """What isn't installed, and how to mend that."""

    def prepare(self, place: Place) -> None:
        """Write its settings; on its first start, make what its data begin with."""

    def command(self, place: Place) -> Command:
        """How it is started."""

    def answers(self, place: Place) -> bool:
        """Whether it does what it is for, now."""

    def address(self, ports: Mapping[str, int]) -> str:
        """What a client is given."""
