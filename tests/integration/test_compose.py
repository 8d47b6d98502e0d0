"""The compose file, as the real `docker compose` reads it, and what `make up` does with it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.__main__ import SECRETS, SERVERS
from deploy.local import builds
from deploy.local.minio import BUCKET
from deploy.local.servers import FIXED
from marea.runtime.processes import SERVICES, load_process_settings
from marea.runtime.sources import SECRET_VARIABLES

COMPOSE = "deploy/compose/compose.yaml"
IN_PROFILE = {
    "core": {"kafka", "redis", "apicurio"} | {*SERVICES} - {"recorder"},
    "stores": {"kafka", "redis", "timescaledb", "influxdb", "s3", "recorder"},
    "observability": {"prometheus"},
}
FLOORS = {"kafka": (4, 3, 1), "redis": (8, 6, 3), "timescaledb": (2, 18, 0)}
"""What each has that makes an older one unfit: docs/guides/servers.md."""
GIVEN = {name: f"given-as-{name.lower()}" for name in SECRETS}

Config = dict[str, Any]


def read(root: Path, profile: str, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    missing = builds.COMPOSE.missing()
    if missing:
        pytest.skip(missing)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAREA")}
    command = ["-f", str(root / COMPOSE), "--env-file", os.devnull, "--profile", profile]
    return subprocess.run(
        [builds.COMPOSE.path, *command, "config", "--format", "json"],
        env=bare | given,
        capture_output=True,
        text=True,
        check=False,
    )


def config(root: Path, profile: str = "*") -> Config:
    done = read(root, profile, GIVEN)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told: Config = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("profile", IN_PROFILE)
def test_each_profile_is_whole(profile: str, root: Path) -> None:
    assert config(root, profile)["services"].keys() == IN_PROFILE[profile]


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_that_is_not_given_is_asked_for(secret: str, root: Path) -> None:
    done = read(root, "*", {name: text for name, text in GIVEN.items() if name != secret})
    assert done.returncode != 0
    assert f"{secret} is missing a value: set it, or let `make up` write" in done.stderr


def test_secrets_stand_nowhere_in_the_file(root: Path) -> None:
    assert SECRETS == SECRET_VARIABLES
    for service in config(root)["services"].values():
        for name, told in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|ACCESS_KEY|_S3_KEY", name):
                assert told in GIVEN.values(), name


def test_ports_are_published_on_this_machine_alone_where_the_runner_has_them(root: Path) -> None:
    services = config(root)["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert {port["host_ip"] for each in ports.values() for port in each} == {"127.0.0.1"}
    published = {name: int(each[0]["published"]) for name, each in ports.items()}
    same = {"timescaledb": "postgres", "influxdb": "influx", "s3": "minio"}
    for name in {*SERVERS, "apicurio"}:
        assert published[name] == FIXED[same.get(name, name)]


def test_images_are_pinned_at_or_above_their_floors(root: Path) -> None:
    services = config(root)["services"]
    images = {name: one["image"] for name, one in services.items() if "build" not in one}
    for name, image in images.items():
        found = re.fullmatch(r"[\w/-]+:v?(\d+)\.(\d+)\.(\d+)(-pg15)?", image)
        assert found, f"{name}: {image} names no version"
        assert tuple(map(int, found.groups()[:3])) >= FLOORS.get(name, (0,))


def test_servers_are_watched_and_their_data_have_a_name(root: Path) -> None:
    told = config(root)
    for name, service in told["services"].items():
        if name not in SERVICES:
            assert service["healthcheck"]["test"][0] == "CMD"
            volumes = [one for one in service.get("volumes", []) if one["type"] == "volume"]
            assert [one["source"] for one in volumes] == [name] * (name != "apicurio")
    assert told["volumes"].keys() == {*SERVERS, "prometheus"}


def test_services_of_marea_are_built_here_and_hold_no_rights(root: Path) -> None:
    services = config(root)["services"]
    for name in SERVICES:
        one = services[name]
        assert one["build"] == {"context": str(root), "dockerfile": f"services/{name}/Dockerfile"}
        assert (root / one["build"]["dockerfile"]).exists()
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["depends_on"].keys() >= {"kafka", "redis"}


def test_services_of_marea_know_what_is_said_to_them(root: Path) -> None:
    services = config(root)["services"]
    for name in SERVICES:
        settings = load_process_settings(root / "config", services[name]["environment"])
        assert settings.kafka.servers == "kafka:9092"
        assert settings.redis.url == "redis://redis:6379/0"
    execution = load_process_settings(root / "config", services["execution"]["environment"])
    assert execution.paper_url == f"http://paper:{execution.http.ports['paper']}"
    recorder = load_process_settings(root / "config", services["recorder"]["environment"])
    assert recorder.postgres.dsn == "postgresql://marea@timescaledb:5432/marea"
    assert (recorder.influx.url, recorder.influx.version) == ("http://influxdb:8086", 2)
    assert recorder.objects.endpoint == "http://s3:7070"
    assert services["s3"]["volumes"][0]["target"] == f"/data/{BUCKET}"


def test_prometheus_asks_every_service_at_its_port(root: Path) -> None:
    told = yaml.safe_load((root / "deploy/prometheus/prometheus.yml").read_text())
    (asked,) = told["scrape_configs"][0]["static_configs"]
    ports = load_process_settings(root / "config", {}).http.ports
    assert asked["targets"] == [f"{name}:{ports[name]}" for name in SERVICES]
    volumes = config(root)["services"]["prometheus"]["volumes"]
    assert volumes[0]["source"] == str(root / "deploy/prometheus/prometheus.yml")


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of `deploy/`, which may write a file of secrets, beside an engine that runs nothing."""
    shutil.copytree(root / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns(".env"))
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\necho "$@" >> "$SAID"\n[ "$1" != info ] || exit "$ENGINE"\n')
    engine.chmod(0o755)
    return tmp_path


def make(copy: Path, action: str, engine: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy", action],
        cwd=copy,
        env=os.environ
        | {
            "PATH": f"{copy}:{os.environ['PATH']}",
            "PYTHONPATH": "",
            "SAID": str(copy / "said"),
            "ENGINE": engine,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_uses_containers_where_an_engine_runs(copy: Path) -> None:
    assert make(copy, "up").returncode == 0
    secrets = (copy / "deploy/compose/.env").read_text()
    assert (copy / "deploy/compose/.env").stat().st_mode & 0o077 == 0
    names = [line.partition("=")[0] for line in secrets.splitlines()]
    assert names == [*SECRETS, "MAREA__INFLUX__VERSION"]
    make(copy, "down")
    assert (copy / "deploy/compose/.env").read_text() == secrets
    folder = copy / "deploy/compose"
    assert (copy / "said").read_text().splitlines() == [
        "info",
        f"compose --project-directory {folder} up --detach --wait {' '.join(SERVERS)}",
        "info",
        f"compose --project-directory {folder} --profile * down",
    ]


def test_make_uses_processes_where_none_runs(copy: Path) -> None:
    told = make(copy, "ps", engine="1").stdout
    assert [line.split()[:2] for line in told.splitlines()[1:]] == [
        [name, "down"] for name in ("kafka", "redis", "postgres", "influx", "minio")
    ]
    assert not (copy / "deploy/compose/.env").exists()


def test_make_says_what_it_can_do(copy: Path) -> None:
    done = make(copy, "start")
    assert done.returncode == 1
    assert "'start' is none of up, down, ps: give one of them" in done.stderr
