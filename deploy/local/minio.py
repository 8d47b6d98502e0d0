"""MinIO, an S3 store, with one bucket named marea."""

import os
import signal
from collections.abc import Mapping
from types import MappingProxyType

from deploy.local import asking, builds
from deploy.local.server import HOST, Command, Place

BUCKET = "marea"
KEY = "marea"
SECRET = "marea-local"  # noqa: S105 # of a server that only this machine reaches


class Minio:
    """The community's server in its last state."""

    name = "minio"
    ports = MappingProxyType({"minio": 19000})
    ends_on = signal.SIGTERM
    build = builds.MINIO

    def missing(self) -> str | None:
        """Its binary."""
        return builds.MINIO.missing()

    def prepare(self, place: Place) -> None:
        """A folder in its data is a bucket."""
        (place.data / BUCKET).mkdir(exist_ok=True)

    def command(self, place: Place) -> Command:
        """Its key and secret are those that Marea's settings take from the environment, where they are set."""
        environment = {
            "MINIO_ROOT_USER": os.environ.get("MAREA_S3_KEY", KEY),
            "MINIO_ROOT_PASSWORD": os.environ.get("MAREA_S3_SECRET", SECRET),
            "MINIO_UPDATE": "off",
            "MINIO_CALLHOME_ENABLE": "off",
            "MINIO_BROWSER": "off",
        }
        where = f"{HOST}:{place.ports[self.name]}"
        return Command([builds.MINIO.path, "server", place.data, "--address", where], environment)

    def answers(self, place: Place) -> bool:
        """Whether it serves its buckets."""
        return asking.has_page(place.ports[self.name], "/minio/health/ready")

    def address(self, ports: Mapping[str, int]) -> str:
        """Its S3 interface."""
        return f"http://{HOST}:{ports[self.name]}"
