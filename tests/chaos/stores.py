"""The stores that the recorder writes to: what may happen to one, and how the others fare meanwhile."""

import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Self

from deploy.local.minio import KEY, SECRET
from deploy.local.servers import Servers
from services.standalone.vitals import Place
from tests.chaos.disks import Disk
from tests.chaos.lag import SLOW, Absence, Watch, passed_s
from tests.chaos.lookout import LOOK_S
from tests.integration.recorder.comparing import TAKES

SINKS: Mapping[str, Collection[str]] = MappingProxyType(
    {"postgres": ("postgres",), "influx": ("influx",), "minio": ("objects", "tables")}
)
"""The sinks that write to each."""
FULL_FOR_EVER = ("influx",)
"""It writes nothing more until it begins anew, whatever room there is: influxdata/influxdb#9923."""
PASS_S_MAX = 60.0
"""A store stays away until the other sinks hold what there was when it went, or so much longer."""
CATCH_UP_S_MAX = 120.0
"""The next one goes when this one's sinks hold what there was when it came back, or after so long."""

Way = Callable[[str], AbstractContextManager[None]]
"""How a store is away."""


class Stores:
    """Three stores, each on a disk of its own; one of them at a time meets with an accident."""

    def __init__(self, servers: Servers) -> None:
        self.absences: list[Absence] = []
        self._servers = servers
        self._disks: dict[str, Disk] = {}
        self._watch: Watch | None = None
        self._alone = Lock()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._disks = {name: stack.enter_context(Disk()) for name in SINKS}
            stack.callback(self._servers.down, *SINKS)
            data = {name: disk.path for name, disk in self._disks.items()}
            self._servers.up(*SINKS, data=data)
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """What the recorder is told of them."""
        address = self._servers.address
        return {
            "MAREA__POSTGRES__DSN": address("postgres"),
            "MAREA__INFLUX__URL": address("influx"),
            "MAREA__OBJECTS__ENDPOINT": address("minio"),
            "MAREA__RECORDER__OBJECTS_EVERY_S": "3.0",
            "MAREA__RECORDER__TABLES_EVERY_S": "5.0",
            "MAREA_S3_KEY": KEY,
            "MAREA_S3_SECRET": SECRET,
        }

    @property
    def watch(self) -> Watch:
        """Who looks at the sinks."""
        assert self._watch is not None, "nobody looks on"
        return self._watch

    def look_on(self, kafka: str, recorder: Place) -> None:
        """Have somebody look at the recorder's sinks from now on."""
        self._watch = Watch(kafka, recorder)
        self._watch.start()
        self._closing.callback(self._watch.stop)

    def go_without(self, store: str, way: Way, away_s: float, note: Callable[[], object]) -> None:
        """Have one away for so long; return when its sinks have caught up. To be called in a thread.

        It waits until no other is, and `note` is called then.
        """
        others = [sink for sink in TAKES if sink not in (*SINKS[store], *SLOW)]
        own = [sink for sink in SINKS[store] if sink not in SLOW]
        with self._alone:
            note()
            begun_s = time.monotonic()
            with way(store):
                time.sleep(away_s)
                self._wait_until_passed(others, begun_s, PASS_S_MAX)
            back_s = time.monotonic()
            self.absences.append(Absence(sinks=SINKS[store], begun_s=begun_s, back_s=back_s))
            self._wait_until_passed(own, back_s, CATCH_UP_S_MAX)

    def _wait_until_passed(self, sinks: Collection[str], at_s: float, wait_s_max: float) -> None:
        until_s = time.monotonic() + wait_s_max
        while time.monotonic() < until_s and any(
            passed_s(self.watch.samples, sink, at_s) is None for sink in sinks
        ):
            time.sleep(LOOK_S)

    # How one is away

    @contextmanager
    def killed(self, store: str) -> Iterator[None]:
        """By SIGKILL; it comes back on its data."""
        self._servers.kill(store)
        yield
        self._servers.up(store)

    @contextmanager
    def hanging(self, store: str) -> Iterator[None]:
        """By SIGSTOP: it takes calls and answers none."""
        process = self._servers.process(store)
        assert process is not None, f"{store} does not run"
        family = process.family
        for each in family:
            each.send(signal.SIGSTOP)
        yield
        for each in family:
            each.send(signal.SIGCONT)
        self._servers.up(store)

    @contextmanager
    def full(self, store: str) -> Iterator[None]:
        """By its disk, which has no room; where that ended it, it begins again when there is room."""
        disk = self._disks[store]
        disk.fill()
        yield
        disk.make_room()
        if store in FULL_FOR_EVER:
            self._servers.down(store)
        self._servers.up(store)
