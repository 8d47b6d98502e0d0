"""Redis, with its log of appends synced each second."""

import shutil
import signal
from collections.abc import Mapping
from types import MappingProxyType

from deploy.local import asking
from deploy.local.server import HOST, Command, Place


class Redis:
    """The server of the system's package."""

    name = "redis"
    ports = MappingProxyType({"redis": 16379})
    ends_on = signal.SIGTERM
    build = None

    def missing(self) -> str | None:
        """The package."""
        if shutil.which("redis-server"):
            return None
        return "redis-server is not installed: apt-get install redis-server"

    def prepare(self, place: Place) -> None:
        """Nothing: it begins with an empty folder."""

    def command(self, place: Place) -> Command:
        """All settings stand here, none in a file."""
        settings = {
            "bind": HOST,
            "port": str(place.ports[self.name]),
            "dir": str(place.data),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return Command(["redis-server", *words])

    def answers(self, place: Place) -> bool:
        """Whether it answers, its data loaded."""
        return asking.says(place.ports[self.name], b"PING\r\n", b"+PONG\r\n")

    def address(self, ports: Mapping[str, int]) -> str:
        """Its first database."""
        return f"redis://{HOST}:{ports[self.name]}/0"
