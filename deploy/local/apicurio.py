"""Apicurio, a schema registry, which also speaks as Confluent's does."""

import signal
from collections.abc import Mapping
from types import MappingProxyType

from deploy.local import asking, builds
from deploy.local.java import java
from deploy.local.server import HOST, Command, Place

JAVA_MIN = 21
CONFLUENT = "/apis/ccompat/v7"


class Apicurio:
    """The registry, with its schemas in a file."""

    name = "apicurio"
    ports = MappingProxyType({"apicurio": 18081, "apicurio.health": 18082})
    ends_on = signal.SIGTERM
    build = builds.APICURIO

    def missing(self) -> str | None:
        """Its jars, or a Java that runs them."""
        return builds.APICURIO.missing() or java(JAVA_MIN).missing

    def prepare(self, place: Place) -> None:
        """Nothing: it begins with an empty folder."""

    def command(self, place: Place) -> Command:
        """All settings stand here, none in a file."""
        settings = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": place.ports["apicurio"],
            "quarkus.http.access-log.enabled": "false",
            "quarkus.management.host": HOST,
            "quarkus.management.port": place.ports["apicurio.health"],
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            "apicurio.datasource.url": f"jdbc:h2:file:{place.data / 'registry'}",
        }
        words = [f"-D{name}={value}" for name, value in settings.items()]
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *words]
        return Command([java(JAVA_MIN).binary, *options, "-jar", builds.APICURIO.path])

    def answers(self, place: Place) -> bool:
        """Whether it lists its subjects."""
        return asking.has_page(place.ports[self.name], f"{CONFLUENT}/subjects")

    def address(self, ports: Mapping[str, int]) -> str:
        """Its interface that is as Confluent's."""
        return f"http://{HOST}:{ports[self.name]}{CONFLUENT}"
