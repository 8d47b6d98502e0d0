"""Every service as a child of this process: started, watched, started again, drained.

    with Fleet(environment, None, folder) as fleet:
        for service in SERVICES:
            fleet.start(service)
        fleet.wait_ready(60)
        fleet.of("risk").kill()
        fleet.keep_up()
        exits = fleet.stop()

Whatever becomes of this process, its children end with it.
"""

import secrets
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from marea.errors import BadInput, Broken, Refused, Unavailable
from marea.runtime.facts import Health
from marea.runtime.processes import load_process_settings
from marea.runtime.settings import find_config_dir
from services.standalone.child import Child, Start
from services.standalone.vitals import Place, health_at, of_all

POLL_S = 0.2
DRAIN_S_MAX = 30.0
FREE_PORT_MIN, FREE_PORT_MAX = 20_000, 32_767
"""Below those that clients are given, one of which could have taken a service's when it comes again."""
PAPER_VARIABLE = "MAREA__PAPER_URL"


class Fleet:
    """The services that this process started."""

    def __init__(
        self,
        environment: Mapping[str, str],
        config: Path | None,
        folder: Path,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Each process tells its log to `folder`.

        `ports` are of the first instances of services; for whom it names none, or 0, takes any free one.
        Raises `BadInput` where the settings of processes can't be used.
        """
        settings = load_process_settings(find_config_dir(config, environment), environment)
        self.children: dict[tuple[str, str], Child] = {}
        """By service and instance, in the order of their first starts."""
        self._folder = folder
        self._arguments = ["--config", str(config)] if config is not None else []
        self._host = asked_at(settings.http.host)
        self._ports = {name: port for name, port in (ports or {}).items() if port}
        self._drawn: set[int] = set()
        self._environment = dict(environment)
        # Else each start compiles all of Marea again, which takes longer than all the rest of it.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if "paper" not in self._ports and PAPER_VARIABLE not in environment:
            self._ports["paper"] = self._free_port()  # known before the services that call there
            self._environment[PAPER_VARIABLE] = f"http://{self._host}:{self._ports['paper']}"
        # The kernel ends children with the thread that began them: one thread begins them all.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleet")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self.kill()
        self._starter.shutdown()

    def of(self, service: str, instance: str = "a") -> Child:
        """An instance that was started, whether it still runs or not."""
        return self.children[service, instance]

    def start(
        self, service: str, instance: str = "a", port: int = 0, through: Sequence[str] = ()
    ) -> Child:
        """Start an instance of a service, the first time or again; it keeps its port and its log.

        `port` 0 is the one of `ports`, else any free one; `through` is a command that becomes it.
        """
        key = service, instance
        if key not in self.children:
            self._folder.mkdir(parents=True, exist_ok=True)
            start = Start(
                place=Place(service, instance, self._host, port or self._port(service)),
                arguments=self._arguments,
                environment=self._environment,
                log=self._folder / f"{service}-{instance}.log",
                through=through,
            )
            self.children[key] = Child(start)
        self._starter.submit(self.children[key].begin).result()
        return self.children[key]

    def wait_ready(self, timeout_s: float) -> None:
        """Return once every one that was started is live and ready.

        Raises `BadInput`, `Unavailable`, `Refused` or `Broken` where one has ended, as it ended;
        `Unavailable` where one is not ready in time.
        """
        until_s = time.monotonic() + timeout_s
        waiting = list(self.children.values())
        while waiting:
            waiting = [child for child in waiting if not _is_ready(child)]
            if waiting and time.monotonic() > until_s:
                told = "; ".join(f"{child.name}: {_why(child)}" for child in waiting)
                raise Unavailable(
                    f"not ready after {timeout_s:g} s: {told}: see the logs in {self._folder}"
                )
            time.sleep(POLL_S)

    def health(self) -> dict[tuple[str, str], Health | None]:
        """What each one says of itself; None for who does not answer."""
        places = [child.start.place for child in self.children.values()]
        return dict(zip(self.children, of_all(health_at, places), strict=True))

    def keep_up(self) -> list[Child]:
        """Start again what has ended, as far as its time has come; give them. To be called often."""
        started = []
        for key, child in self.children.items():
            if child.exit_code is None:
                continue
            if child.again_at_s is None:
                child.end()
            elif not child.is_left_alone and child.again_at_s <= time.monotonic():
                started.append(self.start(*key))
        return started

    def stop(self, timeout_s: float = DRAIN_S_MAX) -> dict[tuple[str, str], int]:
        """Have all of them drain; give their exit codes, SIGKILL's for one that took too long."""
        until_s = time.monotonic() + timeout_s
        for child in self.children.values():
            child.send(signal.SIGTERM)
            child.send(signal.SIGCONT)  # one that is stopped would not hear it
        while any(child.is_running for child in self.children.values()):
            if time.monotonic() > until_s:
                self.kill()
            time.sleep(POLL_S)
        codes = {key: child.exit_code for key, child in self.children.items()}
        return {key: code for key, code in codes.items() if code is not None}

    def kill(self) -> None:
        """End all of them at once, and wait until they have ended."""
        for child in self.children.values():
            child.kill()

    def _port(self, service: str) -> int:
        is_first = not any(started == service for started, _ in self.children)
        return (self._ports.get(service) if is_first else None) or self._free_port()

    def _free_port(self) -> int:
        while True:
            port = FREE_PORT_MIN + secrets.randbelow(FREE_PORT_MAX - FREE_PORT_MIN + 1)
            if port not in self._drawn and is_free(self._host, port):
                self._drawn.add(port)
                return port


def asked_at(host: str) -> str:
    """Where one that listens on this host is asked from this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 # it is compared, nobody listens there


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there, and who runs this may."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that just ended is no one
        probe.bind((host, port))
        return True
    return False


def _is_ready(child: Child) -> bool:
    health = health_at(child.start.place)
    if health is None and not child.is_running:
        kinds = {kind.exit_code: kind for kind in (BadInput, Unavailable, Refused)}
        kind = kinds.get(child.exit_code or 0, Broken)
        raise kind(f"{child.name} has ended {child.how_it_ended()}")
    return health is not None and health.live and health.ready


def _why(child: Child) -> str:
    health = health_at(child.start.place)
    return "; ".join(health.why) if health is not None else "it does not answer"
