"""What only a service that runs as a process of its own uses: addresses, ports, its share of the work.

It stands apart from `Settings`, which runs record: where a server listens changes no decision.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from marea.runtime.settings import MINUTES_MAX, Count, Section, read_layers
from marea.runtime.sources import SECRET_VARIABLES, nearest
from marea.runtime.validation import validated

SERVICES = ("ingestion", "features", "signals", "risk", "execution", "paper", "recorder")
"""What runs as a process of its own, in flow order."""

ACTIVITY_MAX = 1_000.0
"""Beyond it no machine keeps pace: about 100,000 messages a second."""

Of = TypeVar("Of")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
TopicPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{0,100}$")]
"""Without underscores, which Kafka's metrics fold together with dots."""
KeyPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{0,100}$")]
PORT_MAX = 65_535
Port = Annotated[int, Field(ge=0, le=PORT_MAX)]
_WITH_TLS = {"http": ("http", "https"), "redis": ("redis", "rediss")}
Instances = Annotated[int, Field(ge=1, le=9)]


SinkName = Literal["postgres", "influx", "objects", "tables", "mirrors", "dead-letters"]


def _of_each_service(given: dict[str, Of]) -> dict[str, Of]:
    for name in given:
        if name not in SERVICES:
            guess = nearest(name, list(SERVICES))
            raise ValueError(f"'{name}' is no service; did you mean '{guess}'?")
    for name in SERVICES:
        if name not in given:
            raise ValueError(f"'{name}' is missing: add it")
    return given


PortOfEach = Annotated[dict[str, Port], AfterValidator(_of_each_service)]
InstancesOfEach = Annotated[dict[str, Instances], AfterValidator(_of_each_service)]


def _address(form: str, *, may_be_empty: bool = False) -> AfterValidator:
    # Of the form, as in http://host:port, and without a password: what is refused is printed.
    scheme = urlsplit(form).scheme
    schemes = _WITH_TLS.get(scheme, (scheme,))

    def check(text: str) -> str:
        if may_be_empty and not text:
            return text
        if re.search("//.*:.*@|password=", text, re.IGNORECASE):
            raise ValueError(
                "a password stands in it (not shown): take it out; what may be secret is set as"
                f" {', '.join(SECRET_VARIABLES)}"
            )
        try:
            parts = urlsplit(text)
            is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError(f"'{text}' is no address: write {form}")
        return text

    return AfterValidator(check)


def _servers(text: str) -> str:
    for server in text.split(","):
        host, _, port = server.rpartition(":")
        is_host = re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:]+\]", host)
        if not is_host or not re.fullmatch(r"\d{1,5}", port) or not 0 < int(port) <= PORT_MAX:
            raise ValueError(f"'{server}' is no address of a server: write host:port")
    return text


class KafkaSettings(Section):
    """The brokers, and what topics are called and copied there."""

    servers: Annotated[str, AfterValidator(_servers)]
    prefix: TopicPrefix
    replication: Annotated[int, Field(ge=1, le=100)]
    timeout_s: Annotated[float, Field(gt=0, le=600)]
    registry_url: Annotated[str, _address("http://host:port", may_be_empty=True)]


class RedisSettings(Section):
    """The fast copy, and how much of it is kept."""

    url: Annotated[str, _address("redis://host:port/0")]
    prefix: KeyPrefix
    stream_mb_max: Count


class HttpSettings(Section):
    """Where a process answers for its health and its figures."""

    host: Annotated[str, Field(min_length=1)]
    ports: PortOfEach


class MarketSettings(Section):
    """Where the market data come from that ingestion takes."""

    source: Literal["simulated", "tape"]
    seed: Annotated[int, Field(ge=0)]
    minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)]
    activity: Annotated[float, Field(gt=0, le=ACTIVITY_MAX)]
    speed: Annotated[float, Field(ge=0)]
    tape: tuple[Annotated[Path, Field(strict=False)], ...]

    @model_validator(mode="after")
    def _tape_has_files(self) -> Self:
        if self.source == "tape" and not self.tape:
            raise ValueError("source is 'tape' and tape is []: name its files, or write simulated")
        return self


class ShardSettings(Section):
    """The instruments that the processes of features and signals look at together."""

    name: Name
    instruments: tuple[str, ...]


class PostgresSettings(Section):
    """The database of the recorder."""

    dsn: Annotated[str, _address("postgresql://user@host:port/database")]


class InfluxSettings(Section):
    """The InfluxDB of the recorder, by the first version of its interface or the second."""

    url: Annotated[str, _address("http://host:port")]
    version: Literal[1, 2]
    database: Name
    org: Name
    bucket: Name


class ObjectSettings(Section):
    """The S3 store of the recorder."""

    url: Annotated[str, _address("s3://bucket")]
    endpoint: Annotated[str, _address("http://host:port", may_be_empty=True)]
    region: Name


class RecorderSettings(Section):
    """Which stores the recorder fills, and how often those that take large pieces."""

    sinks: tuple[SinkName, ...]
    objects_every_s: Annotated[float, Field(gt=0, le=3_600)]
    tables_every_s: Annotated[float, Field(gt=0, le=86_400)]

    @model_validator(mode="after")
    def _each_once_and_on_what_it_rests(self) -> Self:
        for name in self.sinks:
            if self.sinks.count(name) > 1:
                raise ValueError(f"sinks names {name} twice: leave one")
        if "tables" in self.sinks and "objects" not in self.sinks:
            raise ValueError("sinks has tables, which are made of the archive: add objects")
        return self


class LogSettings(Section):
    """What a process tells, and where beside its output."""

    level: Literal["debug", "info", "warning", "error"]
    file: str
    file_mb_max: Count


class ProcessSettings(Section):
    """Everything that can be set of processes."""

    kafka: KafkaSettings
    redis: RedisSettings
    http: HttpSettings
    snapshot_every_s: Count
    paper_url: Annotated[str, _address("http://host:port")]
    market: MarketSettings
    shard: ShardSettings
    instances: InstancesOfEach
    postgres: PostgresSettings
    influx: InfluxSettings
    objects: ObjectSettings
    recorder: RecorderSettings
    logs: LogSettings


def load_process_settings(folder: Path, environment: Mapping[str, str]) -> ProcessSettings:
    """The settings of processes in force. Raises `BadInput`, which lists everything that is wrong."""
    return validated(ProcessSettings, read_layers(folder, environment))
