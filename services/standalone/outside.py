"""Are the servers there that the services need, and the packages?"""

import socket
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from marea.errors import Unavailable
from marea.runtime.processes import ProcessSettings

CONNECT_S_MAX = 3.0
PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "postgresql": 5432}
"""Where an address names none."""
PACKAGES = (
    *("aiohttp", "aiokafka", "fastavro", "orjson", "prometheus_client", "redis", "structlog"),
    *("asyncpg", "obstore", "polars", "psycopg", "yoyo"),
)
"""What services import as processes, by its name in Python, beside those of the embedded run."""


class Server(NamedTuple):
    """One that must be there, at any of its addresses."""

    name: str
    key: str
    """Of the setting that says where it is."""
    addresses: tuple[tuple[str, int], ...]


def check_packages(names: Sequence[str] = PACKAGES) -> None:
    """Raises `Unavailable` where one of these is not installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise Unavailable(
            f"services run as processes with packages that are not installed here ({', '.join(missing)}):"
            " install marea[distributed], in a checkout by `sh tools/install.sh distributed`"
        )


def servers_of(settings: ProcessSettings, services: Collection[str]) -> list[Server]:
    """The servers that these services need."""
    kafka = tuple(_host_and_port(f"kafka://{each}") for each in settings.kafka.servers.split(","))
    needed = [
        Server("Kafka", "kafka.servers", kafka),
        _one("Redis", "redis.url", settings.redis.url),
    ]
    if "recorder" in services:
        needed += [
            _one("PostgreSQL", "postgres.dsn", settings.postgres.dsn),
            _one("InfluxDB", "influx.url", settings.influx.url),
        ]
        if settings.objects.endpoint:  # else that of the region, far from here
            needed.append(_one("the S3 store", "objects.endpoint", settings.objects.endpoint))
    return needed


def check_servers(servers: Collection[Server]) -> None:
    """Raises `Unavailable`, which names all that are away, each with its address."""
    with ThreadPoolExecutor(max_workers=len(servers)) as asking:
        there = list(asking.map(_answers, servers))
    away = [
        f"{server.name} at {','.join(f'{host}:{port}' for host, port in server.addresses)} ({server.key})"
        for server, is_there in zip(servers, there, strict=True)
        if not is_there
    ]
    if away:
        raise Unavailable(
            f"nobody listens where these should be: {'; '.join(away)}: start them with `make up`, or "
            "say in processes.yaml where they are"
        )


def _one(name: str, key: str, url: str) -> Server:
    return Server(name, key, (_host_and_port(url),))


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def _answers(server: Server) -> bool:
    return any(map(_is_listened_at, server.addresses))


def _is_listened_at(address: tuple[str, int]) -> bool:
    with suppress(OSError), socket.create_connection(address, CONNECT_S_MAX):
        return True
    return False
