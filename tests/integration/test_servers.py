"""The runner of servers: what it starts answers, keeps its data, and is gone when it is ended."""

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from deploy.local import builds, java, process
from deploy.local.errors import ServerAway
from deploy.local.kafka import CLUSTER
from deploy.local.minio import BUCKET
from deploy.local.process import Process
from deploy.local.servers import FIXED, SERVERS, USUAL, Servers
from marea.runtime.processes import load_process_settings
from tests.servers import need

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
TOPIC = "kept"


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on which the test itself listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def family(servers: Servers, name: str) -> list[psutil.Process]:
    running = servers.process(name)
    assert running is not None
    main = psutil.Process(running.pid)
    return [main, *main.children(recursive=True)]


def redis_of(servers: Servers) -> Redis:
    return Redis.from_url(servers.address("redis"), decode_responses=True)


def test_each_server_is_up_when_its_own_process_listens_on_this_machine_alone(
    own_servers: Servers,
) -> None:
    need(*USUAL)
    own_servers.up(*USUAL)
    own_servers.up(*USUAL)  # changes nothing
    for name in USUAL:
        status = own_servers.status(name)
        running = own_servers.process(name)
        assert status.state == "running"
        assert running is not None
        assert running.pid == status.pid
        assert running.ports == {own_servers.ports[port] for port in SERVERS[name].ports}
        sockets = psutil.Process(running.pid).net_connections("tcp")
        assert {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN} <= LOOPBACK
    assert (own_servers.status("minio").data / BUCKET).is_dir()

    processes = [one for name in USUAL for one in family(own_servers, name)]
    assert len(processes) > len(USUAL)  # PostgreSQL has several
    own_servers.down(*USUAL)
    assert [one for one in processes if Process.of(one.pid)] == []
    assert {own_servers.status(name).state for name in USUAL} == {"down"}


def test_processes_look_for_servers_where_they_are_started(root: Path) -> None:
    settings = load_process_settings(root / "config", {})
    looked_for = {
        "kafka": settings.kafka.servers,
        "redis": settings.redis.url,
        "postgres": settings.postgres.dsn,
        "influx": settings.influx.url,
        "minio": settings.objects.endpoint,
    }
    assert looked_for == {name: SERVERS[name].address(FIXED) for name in USUAL}
    assert settings.objects.url == f"s3://{BUCKET}"


def test_redis_keeps_a_key_over_a_restart_and_a_kill(own_servers: Servers) -> None:
    need("redis")
    own_servers.up("redis")
    first = own_servers.process("redis")
    redis_of(own_servers).set("key", "told")
    own_servers.restart("redis")
    assert own_servers.process("redis") != first
    assert redis_of(own_servers).get("key") == "told"
    own_servers.kill("redis")
    assert own_servers.status("redis").state == "down"
    own_servers.up("redis")
    assert redis_of(own_servers).get("key") == "told"


def test_postgres_keeps_a_row_over_a_kill(own_servers: Servers) -> None:
    need("postgres")
    own_servers.up("postgres")

    async def ask(question: str) -> list[asyncpg.Record]:
        session = await asyncpg.connect(own_servers.address("postgres"))
        try:
            return await session.fetch(question)
        finally:
            await session.close()

    asyncio.run(ask("create table kept as select 7 as number"))
    own_servers.kill("postgres")
    own_servers.up("postgres")
    assert asyncio.run(ask("select number from kept"))[0]["number"] == 7


def test_kafka_keeps_a_topic_over_a_kill_and_makes_none_by_itself(own_servers: Servers) -> None:
    need("kafka")
    own_servers.up("kafka")
    asyncio.run(append(own_servers.address("kafka"), b"one", make_topic=True))
    own_servers.kill("kafka")
    own_servers.up("kafka")
    asyncio.run(append(own_servers.address("kafka"), b"two"))
    assert asyncio.run(read(own_servers.address("kafka"), 2)) == [b"one", b"two"]
    assert asyncio.run(topics(own_servers.address("kafka"))) == [TOPIC]


def test_three_brokers_go_on_with_one_killed(own_servers: Servers) -> None:
    need(*CLUSTER)
    own_servers.up(*CLUSTER)
    brokers = own_servers.address("kafka-1")
    assert brokers.count(",") == 2
    asyncio.run(append(brokers, b"one", make_topic=True, copies=3))
    own_servers.kill("kafka-1")
    asyncio.run(append(brokers, b"two"))
    assert asyncio.run(read(brokers, 2)) == [b"one", b"two"]
    own_servers.up("kafka-1")
    asyncio.run(append(brokers, b"three"))


async def append(brokers: str, body: bytes, *, make_topic: bool = False, copies: int = 1) -> None:
    if make_topic:
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
        await admin.start()
        settings = {"min.insync.replicas": str(max(1, copies - 1))}
        await admin.create_topics([NewTopic(TOPIC, 1, copies, topic_configs=settings)])
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(TOPIC, body), 30)
    finally:
        await producer.stop()


async def read(brokers: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, 0)])
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def topics(brokers: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        return [name for name in await admin.list_topics() if not name.startswith("__")]
    finally:
        await admin.close()


def test_server_that_died_says_so_and_goes_on_with_its_data(own_servers: Servers) -> None:
    need("redis")
    said: list[str] = []
    servers = Servers(own_servers.folder, lambda: own_servers.ports, said.append)
    servers.up("redis")
    redis_of(servers).set("key", "told")
    psutil.Process(servers.status("redis").pid).kill()
    while servers.process("redis"):
        time.sleep(0.01)
    assert servers.status("redis").state == "ended"
    servers.up("redis")
    assert redis_of(servers).get("key") == "told"
    assert said == ["redis had ended without being asked to; it goes on with its data"]


def test_server_stands_on_the_folder_that_it_is_given(own_servers: Servers, tmp_path: Path) -> None:
    need("redis")
    own_servers.up("redis", data={"redis": tmp_path})
    assert (tmp_path / "appendonlydir").is_dir()
    own_servers.restart("redis")
    assert own_servers.status("redis").data == tmp_path
    with pytest.raises(ServerAway, match=f"runs on {tmp_path}, not on {tmp_path}2.*`down redis`"):
        own_servers.up("redis", data={"redis": Path(f"{tmp_path}2")})


def test_port_that_another_listens_on_is_refused(own_servers: Servers, listener: int) -> None:
    need("redis")
    own_servers.move({"redis": listener})
    taken = (
        rf"port {listener}, where redis should listen, is taken by pid \d+ \(.+\).*--port redis="
    )
    with pytest.raises(ServerAway, match=taken):
        own_servers.up("redis")
    assert own_servers.process("redis") is None


def test_port_of_a_server_that_runs_stays(own_servers: Servers) -> None:
    need("redis")
    own_servers.up("redis")
    with pytest.raises(ServerAway, match=r"redis is at \d+, where its server runs.*`down redis`"):
        own_servers.move({"redis": 1})


def test_server_that_can_not_start_shows_the_end_of_its_log(own_servers: Servers) -> None:
    need("redis")
    data = own_servers.status("redis").data / "appendonlydir"
    data.mkdir(parents=True)
    (data / "appendonly.aof.manifest").write_text("no manifest")
    with pytest.raises(
        ServerAway, match=r"redis ended while it started; the end of .*/log:\n(.*\n)*.*AOF"
    ):
        own_servers.up("redis")


def test_server_that_is_not_installed_says_what_to_install(
    own_servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("MAREA_CACHE", str(tmp_path))
    remedies = {
        "redis": "apt-get install redis-server",
        "influx": "apt-get install influxdb",
        "kafka": "kafka 4.3.1 is not built: python -m deploy.local install kafka",
        "minio": "is not built: python -m deploy.local install minio",
        "apicurio": "is not built: python -m deploy.local install apicurio",
    }
    for name, remedy in remedies.items():
        with pytest.raises(ServerAway, match=remedy):
            own_servers.up(name)
    with pytest.raises(ServerAway, match="mvn is not installed: install it"):
        builds.install([builds.KAFKA], lambda _: None)
    assert java.java(99).missing == "no Java 99 or newer is here: install one, or set JAVA_HOME"


def test_build_is_there_as_a_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAREA_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tool, said = tmp_path / "mvn", list[str]()
    tool.write_text("#!/bin/sh\necho 'no route to it'\nexit 1\n")
    tool.chmod(0o755)
    with pytest.raises(ServerAway, match=r"mvn ended with 1; is its registry in reach.\nno route"):
        builds.install([builds.KAFKA], said.append)
    assert builds.KAFKA.missing()
    tool.write_text(f'#!/bin/sh\nfor last; do :; done\n: >"${{last#*=}}/{builds.KAFKA.product}"\n')
    builds.install([builds.KAFKA], said.append)
    builds.install([builds.KAFKA], said.append)  # it is there
    assert builds.KAFKA.missing() is None
    assert said == ["building kafka 4.3.1 ..."] * 2


def test_server_of_another_name_is_refused(own_servers: Servers) -> None:
    with pytest.raises(ServerAway, match=r"there is no server 'rediss': take one of kafka, redis"):
        own_servers.up("rediss")


def test_process_that_has_ended_is_not_taken_for_the_one_that_has_its_pid(tmp_path: Path) -> None:
    sleeping = process.start(["sleep", "60"], {}, tmp_path / "log")
    assert sleeping.is_alive
    assert not Process(sleeping.pid, sleeping.started_ticks - 1).is_alive
    sleeping.end(signal.SIGTERM, 5)
    assert not sleeping.is_alive
