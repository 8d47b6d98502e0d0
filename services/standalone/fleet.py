"""Every service as a child of this process: started, watched, started again, drained.

    with Fleet(environment, None, folder) as fleet:
        for service in SERVICES:
            fleet.start(service)
        fleet.wait_ready(30)
        fleet.of("risk").kill()
        fleet.keep_up()
        exits = fleet.stop(30)

Whatever becomes of this process, its children end with it.
"""

import secrets
import signal
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from marea.errors import BadInput, Broken, Unavailable
from marea.runtime.facts import Health
from marea.runtime.processes import ProcessSettings, load_process_settings
from marea.runtime.settings import find_config_dir
from services.standalone.child import Child, Start

POLL_S = 0.1
DRAIN_S_MAX = 30.0
AGAIN_S_MIN, AGAIN_S_MAX = 0.2, 10.0
"""After so long what ended is started again: longer each time that it ended soon."""
SOON_S = 10.0
"""What lived longer is started again at once."""
BUGS_MAX = 3
"""So many bugs in a row, each soon after the start, and it is left alone."""
PORT_MIN, PORT_MAX = 20_000, 32_767
"""Below those that clients are given, one of which could have taken a service's when it comes again."""
PAPER_VARIABLE = "MAREA__PAPER_URL"


@dataclass(slots=True)
class _Ends:
    """How often one has ended soon, one time after the other."""

    in_a_row: int = 0
    bugs_in_a_row: int = 0
    again_at_s: float | None = None
    """When it is started again; none: it runs, or is left alone."""


class Fleet:
    """The services that this process started."""

    def __init__(
        self,
        environment: Mapping[str, str],
        config: Path | None,
        folder: Path,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Each process tells its log to `folder`; `ports` are of first instances, others any free.

        Raises `BadInput` where the settings of processes can't be used.
        """
        self.settings: ProcessSettings = load_process_settings(
            find_config_dir(config, environment), environment
        )
        self.children: dict[tuple[str, str], Child] = {}
        """By service and instance, in the order of their first starts."""
        self._ends: dict[tuple[str, str], _Ends] = {}
        self._folder = folder
        self._arguments = ["--config", str(config)] if config is not None else []
        self._ports = {name: port for name, port in (ports or {}).items() if port}
        self._drawn: set[int] = set()
        self._environment = dict(environment)
        host = self.settings.http.host
        self._host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 # it is what is not asked
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
        for child in self.children.values():
            child.kill()
        self._starter.shutdown()

    def of(self, service: str, instance: str = "a") -> Child:
        """An instance that was started, whether it still runs or not."""
        return self.children[service, instance]

    def start(self, service: str, instance: str = "a") -> Child:
        """Start an instance of a service, the first time or again; it keeps its port and its log."""
        key = service, instance
        if key not in self.children:
            self._folder.mkdir(parents=True, exist_ok=True)
            start = Start(
                service=service,
                instance=instance,
                host=self._host,
                port=self._port(service),
                arguments=self._arguments,
                environment=self._environment,
                log=self._folder / f"{service}-{instance}.log",
            )
            self.children[key], self._ends[key] = Child(start), _Ends()
        self._ends[key].again_at_s = None
        self._starter.submit(self.children[key].begin).result()
        return self.children[key]

    def wait_ready(self, timeout_s: float) -> None:
        """Return once every one that was started is live and ready.

        Raises `BadInput`, `Unavailable` or `Broken` where one has ended, as it said; `Unavailable`
        where one is not ready in time.
        """
        until_s = time.monotonic() + timeout_s
        waiting = list(self.children.values())
        while waiting:
            waiting = [each for each in waiting if not _is_ready(each)]
            if waiting and time.monotonic() > until_s:
                told = "; ".join(f"{each.name}: {_why(each)}" for each in waiting)
                raise Unavailable(f"not ready after {timeout_s:g} s: {told} (logs: {self._folder})")
            time.sleep(POLL_S if waiting else 0)

    def health(self) -> dict[tuple[str, str], Health | None]:
        """What each one says of itself, all asked at the same time; none for who does not answer."""
        with ThreadPoolExecutor(max_workers=max(1, len(self.children))) as asking:
            said = asking.map(Child.health, self.children.values())
            return dict(zip(self.children, said, strict=True))

    def keep_up(self) -> list[Child]:
        """Start again what has ended, those whose turn it is; give them. To be called often.

        One that ended by itself in order, on bad settings, or on one bug after the other, is left
        alone: nothing would be otherwise the next time.
        """
        now_s, started = time.monotonic(), []
        for key, child in self.children.items():
            if child.is_running or child.exit_code is None:
                continue
            ends = self._ends[key]
            if ends.again_at_s is None:
                ends.again_at_s = self._again_at_s(child, ends)
            if ends.again_at_s <= now_s:
                started.append(self.start(*key))
        return started

    def is_left_alone(self, service: str, instance: str = "a") -> bool:
        """Whether it has ended, and `keep_up` will not start it again."""
        ends = self._ends[service, instance]
        return not self.of(service, instance).is_running and ends.again_at_s == float("inf")

    def stop(self, timeout_s: float = DRAIN_S_MAX) -> dict[tuple[str, str], int]:
        """Have all of them drain; give their exit codes, SIGKILL's for one that took too long."""
        until_s = time.monotonic() + timeout_s
        for child in self.children.values():
            child.send(signal.SIGTERM)
            child.resume()
        while any(child.is_running for child in self.children.values()):
            if time.monotonic() > until_s:
                for child in self.children.values():
                    child.kill()
            time.sleep(POLL_S)
        codes = {key: child.exit_code for key, child in self.children.items()}
        return {key: code for key, code in codes.items() if code is not None}

    def _again_at_s(self, child: Child, ends: _Ends) -> float:
        code, now_s = child.exit_code, time.monotonic()
        if now_s - child.started_s > SOON_S:
            ends.in_a_row = ends.bugs_in_a_row = 0
        ends.in_a_row += 1
        ends.bugs_in_a_row += code == Broken.exit_code
        if code in (0, BadInput.exit_code) or ends.bugs_in_a_row > BUGS_MAX:
            return float("inf")
        return now_s + min(AGAIN_S_MAX, AGAIN_S_MIN * 2.0 ** (ends.in_a_row - 1))

    def _port(self, service: str) -> int:
        is_first = not any(started == service for started, _ in self.children)
        given = self._ports.get(service) if is_first else None
        return given or self._free_port()

    def _free_port(self) -> int:
        while True:
            port = PORT_MIN + secrets.randbelow(PORT_MAX - PORT_MIN + 1)
            with socket.socket() as probe, suppress(OSError):
                probe.bind((self._host, port))
                if port not in self._drawn:
                    self._drawn.add(port)
                    return port


def _is_ready(child: Child) -> bool:
    health = child.health()
    if health is None and not child.is_running:
        kinds = {kind.exit_code: kind for kind in (BadInput, Unavailable)}
        kind = kinds.get(child.exit_code or 0, Broken)
        raise kind(f"{child.name} has ended ({child.exit_code}): {child.last_words()}")
    return health is not None and health.live and health.ready


def _why(child: Child) -> str:
    health = child.health()
    return "; ".join(health.why) if health is not None else "it does not answer"
