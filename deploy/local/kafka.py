"""Kafka by its own jars: one broker, or three that are a cluster."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.local import asking, builds
from deploy.local.errors import ServerAway
from deploy.local.java import java
from deploy.local.server import HOST, Command, Place

JAVA_MIN = 17
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
"""Any 16 bytes; those of its data folder must be the same at each start."""

SETTINGS = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
# A broker that was killed comes back when its last life counts as over: 9 s, unless said here.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# It reads its last segments and both indexes of each of hundreds of logs then: 10 MB each, unless
# said here, of which many a disk reads 8 ahead; and an index that is full ends its segment.
log.index.size.max.bytes=262144
auto.create.topics.enable=false
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
min.insync.replicas={in_sync}
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""
LOGGING = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
"""


class Kafka:
    """A broker that is its own controller, by KRaft."""

    ends_on = signal.SIGTERM
    build = builds.KAFKA

    def __init__(
        self, name: str, ports: Mapping[str, int], voters: tuple[str, ...], heap_mb: int
    ) -> None:
        self.name = name
        self.ports = ports
        self.voters = voters
        self.heap_mb = heap_mb

    @property
    def node(self) -> int:
        """Its number in the cluster."""
        return self.voters.index(self.name) + 1

    def missing(self) -> str | None:
        """Its jars, or a Java that runs them."""
        return builds.KAFKA.missing() or java(JAVA_MIN).missing

    def prepare(self, place: Place) -> None:
        """Write its settings, and format a folder without a log."""
        logs = place.data / "logs"
        settings = SETTINGS.format(
            node=self.node,
            voters=",".join(
                f"{number}@{HOST}:{place.ports[f'{name}.controller']}"
                for number, name in enumerate(self.voters, 1)
            ),
            host=HOST,
            port=place.ports[self.name],
            controller=place.ports[f"{self.name}.controller"],
            data=logs,
            replicas=len(self.voters),
            in_sync=max(1, len(self.voters) - 1),
        )
        (place.folder / "server.properties").write_text(settings, encoding="utf-8")
        (place.folder / "log4j2.properties").write_text(LOGGING, encoding="utf-8")
        if not (logs / "meta.properties").exists():
            self._format(place)

    def command(self, place: Place) -> Command:
        """One Java, compiled as little as a server that lives for minutes needs."""
        return Command(
            [*self._java(place, self.heap_mb), "kafka.Kafka", place.folder / "server.properties"]
        )

    def answers(self, place: Place) -> bool:
        """Whether it counts itself among the brokers of its cluster."""
        return asking.knows_broker(place.ports[self.name], self.node)

    def address(self, ports: Mapping[str, int]) -> str:
        """Of it, and of those that are a cluster with it."""
        return ",".join(f"{HOST}:{ports[name]}" for name in self.voters)

    def _format(self, place: Place) -> None:
        command = [*self._java(place, 128), "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID]
        done = subprocess.run(
            [*command, "-c", place.folder / "server.properties"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerAway(f"{self.name} can't begin a log in {place.data}: {done.stdout}")

    def _java(self, place: Place, heap_mb: int) -> list[str | Path]:
        return [
            java(JAVA_MIN).binary,
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # C1 only: ready in half the time
            f"-Dlog4j2.configurationFile={place.folder / 'log4j2.properties'}",
            "-cp",
            f"{builds.KAFKA.folder}/*",
        ]


KAFKA = Kafka("kafka", {"kafka": 19092, "kafka.controller": 19093}, ("kafka",), 512)
CLUSTER = ("kafka-1", "kafka-2", "kafka-3")
BROKERS = [
    Kafka(name, {name: 19192 + 10 * n, f"{name}.controller": 19193 + 10 * n}, CLUSTER, 256)
    for n, name in enumerate(CLUSTER)
]
