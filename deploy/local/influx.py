"""InfluxDB, as Debian has it: version 1.6, which takes lines at `/write`."""

import shutil
import signal
from collections.abc import Mapping
from types import MappingProxyType

from deploy.local import asking
from deploy.local.server import HOST, Command, Place

SETTINGS = """\
reporting-disabled = true
bind-address = "{host}:{rpc}"
[meta]
dir = "{data}/meta"
[data]
dir = "{data}/data"
wal-dir = "{data}/wal"
query-log-enabled = false
[http]
bind-address = "{host}:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""


class Influx:
    """The server of the system's package."""

    name = "influx"
    ports = MappingProxyType({"influx": 18086, "influx.rpc": 18088})
    ends_on = signal.SIGTERM
    build = None

    def missing(self) -> str | None:
        """The package."""
        return (
            None
            if shutil.which("influxd")
            else "InfluxDB is not installed: apt-get install influxdb"
        )

    def prepare(self, place: Place) -> None:
        """Write its settings."""
        port, rpc = place.ports["influx"], place.ports["influx.rpc"]
        settings = SETTINGS.format(host=HOST, port=port, rpc=rpc, data=place.data)
        (place.folder / "influxdb.conf").write_text(settings, encoding="utf-8")

    def command(self, place: Place) -> Command:
        """Its settings stand in the file."""
        return Command(["influxd", "run", "-config", place.folder / "influxdb.conf"])

    def answers(self, place: Place) -> bool:
        """Whether it answers a ping."""
        return asking.has_page(place.ports[self.name], "/ping")

    def address(self, ports: Mapping[str, int]) -> str:
        """Its HTTP interface."""
        return f"http://{HOST}:{ports[self.name]}"
