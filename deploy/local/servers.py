"""The servers that stand in one folder: start them, end them, and let them meet with accidents."""

import fcntl
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

from deploy.local import ports as port_choice
from deploy.local import process
from deploy.local.apicurio import Apicurio
from deploy.local.errors import ServerAway
from deploy.local.influx import Influx
from deploy.local.kafka import BROKERS, KAFKA
from deploy.local.minio import Minio
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres
from deploy.local.process import Process
from deploy.local.redis import Redis
from deploy.local.server import Place, Server

READY_S_MAX = 90
END_S_MAX = 30
POLL_S = 0.05
LOG_LINES = 8

KINDS: Sequence[Server] = (KAFKA, Redis(), Postgres(), Influx(), Minio(), Apicurio(), *BROKERS)
SERVERS = {server.name: server for server in KINDS}
USUAL = ("kafka", "redis", "postgres", "influx", "minio")
"""What Marea needs; the others are started by name."""
FIXED: Ports = {name: port for server in KINDS for name, port in server.ports.items()}
"""The ports as a user has them."""


class Status(NamedTuple):
    """How it is with one server."""

    name: str
    state: str
    """`running`, `ended` (without being asked to), or `down`."""
    address: str
    pid: int | None
    memory_mb: int
    data: Path


class _Record(NamedTuple):
    """What the next command finds of one server."""

    data: Path
    started: Process | None
    """None once it was asked to end."""


class Servers:
    """What runs on one folder's data, at one folder's ports."""

    def __init__(
        self,
        folder: Path,
        draw_ports: Callable[[], Ports] = lambda: FIXED,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.absolute()
        self.say = say
        self._draw_ports = draw_ports

    @property
    def ports(self) -> Ports:
        """The port of each server by its name, and those that a server has besides."""
        return port_choice.kept(self.folder, self._draw_ports)

    def up(self, *names: str, data: Mapping[str, Path] | None = None) -> None:
        """Let these run, each on a folder where one is given; returns when all of them answer."""
        servers = [_known(name) for name in names]
        missing = [text for server in servers if (text := server.missing())]
        if missing:
            raise ServerAway("; ".join(missing))
        with self._alone_with(names):
            for server in servers:
                self._begin(server, (data or {}).get(server.name))
            for server in servers:
                self._wait_for(server)

    def down(self, *names: str) -> None:
        """End these, their data whole."""
        with self._alone_with(names):
            for server in map(_known, names):
                running = self.process(server.name)
                if running:
                    running.send(server.ends_on)  # so that they end side by side
            for server in map(_known, names):
                self._end(server, server.ends_on)

    def restart(self, name: str) -> None:
        """End one, and let it run again on its data."""
        self.down(name)
        self.up(name)

    def kill(self, name: str) -> None:
        """End one by SIGKILL, as its machine would."""
        with self._alone_with([name]):
            self._end(_known(name), signal.SIGKILL)

    def address(self, name: str) -> str:
        """What a client of it is given."""
        return _known(name).address(self.ports)

    def move(self, ports: Ports) -> None:
        """Let servers that are down listen elsewhere, from their next start on."""
        for name in ports:
            if self.process(name.partition(".")[0]):
                text = f"{name} is at {self.ports[name]}, where its server runs"
                raise ServerAway(f"{text}: end it first, with `down {name.partition('.')[0]}`")
        port_choice.change(self.folder, {**self.ports, **ports})

    def process(self, name: str) -> Process | None:
        """The process of one that runs."""
        started = self._record(name).started
        return started if started and started.is_alive else None

    def status(self, name: str) -> Status:
        """How it is with one now."""
        running = self.process(name)
        ended = "ended" if self._record(name).started else "down"
        return Status(
            name=name,
            state="running" if running else ended,
            address=self.address(name),
            pid=running.pid if running else None,
            memory_mb=running.memory_mb if running else 0,
            data=self._place(name).data,
        )

    def _begin(self, server: Server, data: Path | None) -> None:
        """Start one that doesn't run."""
        place = self._place(server.name)
        is_elsewhere = data is not None and data.absolute() != place.data
        if self.process(server.name):
            if is_elsewhere:
                text = f"{server.name} runs on {place.data}, not on {data}"
                raise ServerAway(f"{text}: end it first, with `down {server.name}`")
            return
        if data and is_elsewhere:
            place = Place(place.folder, data.absolute(), place.ports)
        port_choice.check_free(server, place.ports)
        if self._record(server.name).started:
            self.say(f"{server.name} had ended without being asked to; it goes on with its data")
        place.folder.mkdir(parents=True, exist_ok=True)
        place.data.mkdir(parents=True, exist_ok=True)
        server.prepare(place)
        command = server.command(place)
        started = process.start(command.argv, command.environment, place.folder / "log")
        self._write(server.name, _Record(place.data, started))

    def _wait_for(self, server: Server) -> None:
        """Return when it listens itself on all its ports, and answers there."""
        place = self._place(server.name)
        wanted = {place.ports[name] for name in server.ports}
        until_s = time.monotonic() + READY_S_MAX
        while time.monotonic() < until_s:
            running = self.process(server.name)
            if running is None:
                self._write(server.name, _Record(place.data, None))
                raise ServerAway(f"{server.name} ended while it started; {_log_end(place)}")
            if wanted <= running.ports and server.answers(place):
                return
            time.sleep(POLL_S)
        self._end(server, signal.SIGKILL)
        raise ServerAway(f"{server.name} did not answer within {READY_S_MAX} s; {_log_end(place)}")

    def _end(self, server: Server, by: signal.Signals) -> None:
        running = self.process(server.name)
        if running:
            running.end(by, END_S_MAX)
        self._write(server.name, self._record(server.name)._replace(started=None))

    def _place(self, name: str) -> Place:
        return Place(self.folder / name, self._record(name).data, self.ports)

    def _record(self, name: str) -> "_Record":
        file = self.folder / name / "server.json"
        if not file.exists():
            return _Record(self.folder / name / "data", None)
        told = json.loads(file.read_text(encoding="utf-8"))
        return _Record(Path(told["data"]), Process(*told["process"]) if told["process"] else None)

    def _write(self, name: str, record: "_Record") -> None:
        told = astuple(record.started) if record.started else None
        text = json.dumps({"data": str(record.data), "process": told}) + "\n"
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "server.json").write_text(text, encoding="utf-8")

    @contextmanager
    def _alone_with(self, names: Sequence[str]) -> Iterator[None]:
        """Nobody else starts or ends these meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as locks:
            for name in sorted(names):  # the same order for all, or two would wait for each other
                lock = locks.enter_context((self.folder / f"{name}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _known(name: str) -> Server:
    if name not in SERVERS:
        raise ServerAway(f"there is no server '{name}': take one of {', '.join(SERVERS)}")
    return SERVERS[name]


def _log_end(place: Place) -> str:
    log = place.folder / "log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    return f"the end of {log}:\n" + "\n".join(lines)
