"""`marea up`: real services over a real Kafka and a real Redis, from one command."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import psutil
import pytest

from deploy.local import ports
from marea.runtime.processes import SERVICES
from services.standalone.vitals import Place, health_at
from tests.system.conftest import Marea
from tools import command

WAIT_S = 200
STARTED = ("ingestion", "features", "risk")


@pytest.fixture
def settings() -> dict[str, str]:
    """Ports of their own, and no server."""
    drawn = ports.free(dict.fromkeys(SERVICES, 0))
    ours = {f"MAREA__HTTP__PORTS__{name.upper()}": str(port) for name, port in drawn.items()}
    nobody = {"MAREA__KAFKA__SERVERS": "127.0.0.1:9", "MAREA__REDIS__URL": "redis://127.0.0.1:9/0"}
    return ours | nobody


@pytest.fixture
def servers(settings: dict[str, str], kafka: str, redis: str) -> dict[str, str]:
    """The servers, too, with names of their own on them."""
    prefix = f"up{token_hex(4)}."
    return settings | {
        "MAREA__KAFKA__SERVERS": kafka,
        "MAREA__KAFKA__PREFIX": prefix,
        "MAREA__REDIS__URL": redis,
        "MAREA__REDIS__PREFIX": prefix,
    }


def place_of(service: str, settings: dict[str, str]) -> Place:
    return Place(service, "a", "127.0.0.1", int(settings[f"MAREA__HTTP__PORTS__{service.upper()}"]))


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until_s = time.monotonic() + WAIT_S
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until_s
        time.sleep(0.2)


def is_ready(service: str, settings: dict[str, str]) -> bool:
    health = health_at(place_of(service, settings))
    return health is not None and health.ready


def children_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [
        child for child in psutil.Process(process.pid).children() if "--port" in child.cmdline()
    ]


def test_killed_service_comes_back_and_all_drain_when_told(
    servers: dict[str, str], runs: Path, marea: Marea
) -> None:
    with command.start(["up", "--json", "--services", ",".join(STARTED)], runs, servers) as up:
        wait_for(lambda: all(is_ready(each, servers) for each in STARTED), up)
        (killed,) = [child for child in children_of(up) if "features" in child.cmdline()]
        killed.kill()
        wait_for(lambda: not is_ready("features", servers), up)
        wait_for(lambda: is_ready("features", servers), up)
        seen = marea("up", "--watch", "--json", "--services", ",".join(STARTED), **servers)
        table = marea("up", "--watch", "--lang", "es", **servers)
        time.sleep(1.5)  # so that it has looked once more
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=WAIT_S)
    assert up.returncode == 0, err
    told = json.loads(out)
    assert told["ok"]
    assert told["exits"] == {"ingestion-a": 0, "features-a": 0, "risk-a": 0}
    rows = {row["service"]: row for row in told["services"]}
    assert {name: row["restarts"] for name, row in rows.items()} == {
        "ingestion": 0,
        "features": 1,
        "risk": 0,
    }
    assert rows["features"]["last_error"].startswith("(-9)")
    assert [row["state"] for row in told["services"]] == ["runs", "runs", "runs"]
    assert "features-a: runs" in err
    assert (Path(told["logs"]) / "risk-a.log").exists()
    watched = json.loads(seen.out)
    assert (seen.code, watched["ok"]) == (0, True)
    assert [row["service"] for row in watched["services"]] == list(STARTED)
    assert all(row["hops"]["append"]["p99_ms"] > 0 for row in watched["services"])
    assert "en marcha" in table.out
    assert table.code == 1  # others do not run
    assert "no responde" in table.out


def test_no_service_outlives_a_command_that_was_killed(servers: dict[str, str], runs: Path) -> None:
    with command.start(["up", "--services", "ingestion,risk"], runs, servers) as up:
        wait_for(lambda: len(children_of(up)) == 2, up)
        children = children_of(up)
        up.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_command_ends_when_its_time_is_over(servers: dict[str, str], marea: Marea) -> None:
    ended = marea("up", "--services", "paper", "--for", "2", **servers)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("paper-a  ")
    assert "logs: " in ended.out


def test_servers_that_are_away_are_named_with_what_starts_them(
    settings: dict[str, str], marea: Marea
) -> None:
    ended = marea("up", "--services", "risk", **settings)
    assert (ended.code, ended.out) == (4, "")
    assert "Kafka at 127.0.0.1:9 (kafka.servers); Redis at 127.0.0.1:9 (redis.url)" in ended.err
    assert "start them with `make up`" in ended.err
    assert "PostgreSQL" not in ended.err
    stores = {
        "MAREA__POSTGRES__DSN": "postgresql://marea@127.0.0.1:9/marea",
        "MAREA__INFLUX__URL": "http://127.0.0.1:9",
        "MAREA__OBJECTS__ENDPOINT": "http://127.0.0.1:9",
    }
    ended = marea("up", **(settings | stores))
    assert ended.code == 4
    assert "PostgreSQL at 127.0.0.1:9 (postgres.dsn)" in ended.err
    assert "the S3 store at 127.0.0.1:9 (objects.endpoint)" in ended.err


def test_what_can_not_be_used_is_refused_before_anything_is_started(
    settings: dict[str, str], marea: Marea
) -> None:
    bad = marea("up", **(settings | {"MAREA__KAFKA__TIMEOUT_S": "soon"}))
    assert bad.code == 3
    assert "kafka.timeout_s is 'soon': write a number" in bad.err
    unknown = marea("up", "--services", "risk,rsik", **settings)
    assert unknown.code == 3
    assert "--services: 'rsik' is no service: give some of ingestion," in unknown.err
    port = settings["MAREA__HTTP__PORTS__RISK"]
    twice = marea(
        "up",
        "--services",
        "paper,risk",
        **(settings | {"MAREA__HTTP__PORTS__PAPER": port}),
    )
    assert twice.code == 3
    assert f"127.0.0.1:{port} is that of risk-a and of paper-a: give each its own" in twice.err


def test_watch_needs_services_that_run_at_ports_that_are_known(
    settings: dict[str, str], marea: Marea
) -> None:
    nobody = marea("up", "--watch", "--json", **settings)
    assert nobody.code == 4
    assert json.loads(nobody.out)["error"].endswith("start them with `marea up`")
    any_port = marea("up", "--watch", **(settings | {"MAREA__HTTP__PORTS__RISK": "0"}))
    assert any_port.code == 3
    assert "http.ports.risk is 0: who watches it must know its port" in any_port.err
