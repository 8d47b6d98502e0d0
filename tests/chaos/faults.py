"""What happens to a stage: one function for each kind of accident.

Each takes the stage and the chance that decides the rest; what takes a while goes on beside.
"""

import shutil
import signal
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from random import Random
from types import MappingProxyType

import redis

from services.standalone.child import Child
from tests.chaos.stage import PAIRED, POLL_S, Stage, Strike, owns
from tests.chaos.stores import Stores, Way

PAUSE_S = (1.0, 60.0)
OWNER_S = 1.0
"""After so long an owner is looked for again, where nobody was one."""
AWAY_S = (0.5, 5.0)
"""So long a server that was killed stays away."""
HOST_AWAY_S = (8.0, 25.0)
FULL_S_MAX = 20.0
ROLL_OUT_S = 8.0
"""Between the restarts of two services in an upgrade."""
STORES: Mapping[str, str] = MappingProxyType(
    {"PostgreSQL": "postgres", "InfluxDB": "influx", "S3": "minio"}
)
"""Their servers."""

Fault = Callable[[Stage, Random], None]


def kill_a_service(stage: Stage, draw: Random) -> None:
    """SIGKILL for one process of a service."""
    running = [child for child in stage.fleet.children.values() if child.is_running]
    if running:
        child = draw.choice(running)
        stage.note("kill a service", child.name)
        child.kill()


def pause_an_owner(stage: Stage, draw: Random) -> None:
    """SIGSTOP for the owner of risk or of execution; it wakes up and still thinks it is."""
    service = draw.choice(PAIRED)
    owner = _owner(stage, service)
    if owner is None:
        stage.after(OWNER_S, partial(pause_an_owner, stage, draw))
    else:
        pause_s = draw.uniform(*PAUSE_S)
        stage.note("pause an owner", owner.name, pause_s)
        owner.send(signal.SIGSTOP)
        stage.after(pause_s, partial(owner.send, signal.SIGCONT))


def flush_redis(stage: Stage, _: Random) -> None:
    """FLUSHALL."""
    stage.note("flush Redis", "redis")
    with redis.Redis.from_url(stage.servers.address("redis")) as client:
        client.flushall()


def kill_redis(stage: Stage, draw: Random) -> None:
    """SIGKILL for Redis; it comes back with its data."""
    _kill_server(stage, "kill Redis", "redis", draw.uniform(*AWAY_S))


def empty_redis(stage: Stage, draw: Random) -> None:
    """SIGKILL for Redis; it comes back without its data."""

    def empty() -> None:
        data = stage.servers.status("redis").data
        shutil.rmtree(data)

    _kill_server(stage, "empty Redis", "redis", draw.uniform(*AWAY_S), empty)


def kill_kafka(stage: Stage, draw: Random) -> None:
    """SIGKILL for a broker; it comes back on its data."""
    broker = draw.choice(stage.scene.brokers)
    _kill_server(stage, "kill Kafka", broker, draw.uniform(*AWAY_S))


def upgrade(stage: Stage, draw: Random) -> None:
    """Each service begins anew, one after the other, and risk with another limit."""
    limit = {"MAREA__RISK__ASSET_PCT_MAX": str(draw.choice((5.0, 10.0, 15.0)))}
    for place, child in enumerate(stage.fleet.children.values()):
        stage.after(place * ROLL_OUT_S / len(stage.fleet.children), _restart(stage, child, limit))


def cut_the_host(stage: Stage, draw: Random) -> None:
    """The host of one of each pair is gone for a while; its processes go on, alone."""
    host = stage.host
    assert host is not None, "the scene has no second host"
    away_s = draw.uniform(*HOST_AWAY_S)
    for service in PAIRED:
        stage.note("cut the host", f"{service}-a", away_s)
    host.cut()
    stage.after(away_s, host.mend)


def lose_a_store(stage: Stage, draw: Random, *, name: str, store: str) -> None:
    """SIGKILL or SIGSTOP for a store of the recorder; it comes back on its data."""
    stores = _stores(stage)
    _go_without(stage, f"{name} away", store, draw.choice((stores.killed, stores.hanging)))


def fill_a_disk(stage: Stage, _: Random, *, name: str, store: str) -> None:
    """A store has no room for more; then it has again."""
    _go_without(stage, f"{name}'s disk full", store, _stores(stage).full, FULL_S_MAX)


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "kill a service": kill_a_service,
        "pause an owner": pause_an_owner,
        "flush Redis": flush_redis,
        "kill Redis": kill_redis,
        "empty Redis": empty_redis,
        "kill Kafka": kill_kafka,
        "upgrade": upgrade,
        "cut the host": cut_the_host,
        **{f"{name} away": partial(lose_a_store, name=name, store=STORES[name]) for name in STORES},
        **{
            f"{name}'s disk full": partial(fill_a_disk, name=name, store=STORES[name])
            for name in STORES
        },
    }
)


def _stores(stage: Stage) -> Stores:
    assert stage.stores is not None, "the scene has no stores"
    return stage.stores


def _go_without(stage: Stage, fault: str, store: str, way: Way, away_s_max: float = inf) -> None:
    away_s, stores = min(away_s_max, stage.scene.store_away_s), _stores(stage)
    note = partial(stage.note, fault, store, away_s)
    stage.aside(partial(stores.go_without, store, way, away_s, note))


def _restart(stage: Stage, child: Child, given: Mapping[str, str]) -> Callable[[], None]:
    def begin() -> None:
        if child.is_running:
            stage.after(POLL_S, begin)
        else:
            stage.change(child, given)
            stage.fleet.start(child.start.place.service, child.start.place.instance)

    def drain() -> None:
        stage.note("upgrade", child.name)
        child.send(signal.SIGTERM)
        begin()

    return drain


def _owner(stage: Stage, service: str) -> Child | None:
    for (name, instance), health in stage.fleet.health().items():
        if name == service and health is not None and owns(service, health):
            return stage.fleet.of(service, instance)
    return None


def _kill_server(
    stage: Stage, fault: str, name: str, away_s: float, meanwhile: Callable[[], None] = lambda: None
) -> None:
    struck = stage.note(fault, name)
    stage.servers.kill(name)
    meanwhile()
    stage.after(away_s, lambda: stage.aside(lambda: _bring_back(stage, name, struck)))


def _bring_back(stage: Stage, name: str, struck: Strike) -> None:
    stage.servers.up(name)
    stage.note_over(struck)
