"""The images of the services: what stands in their Dockerfiles, and that the linter agrees."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from marea.runtime.facts import Health, health_of
from marea.runtime.health import HealthServer
from marea.runtime.metrics import Metrics
from marea.runtime.processes import SERVICES, load_process_settings

BASE = "deploy/docker/base.Dockerfile"
DOCKERFILES = [BASE, *(f"services/{service}/Dockerfile" for service in SERVICES)]
EACH_SERVICE = pytest.mark.parametrize("service", SERVICES)


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "hadolint"
    return subprocess.run(
        [program, "--no-color", file], capture_output=True, text=True, check=False
    )


def instructions(file: Path) -> Iterator[tuple[str, str]]:
    """Each instruction of a Dockerfile with what it is given, on one line."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    for instruction in "\n".join(lines).replace("\\\n", " ").splitlines():
        if instruction:
            word, _, given = instruction.partition(" ")
            yield word, " ".join(given.split())


def all_of(file: Path, word: str) -> list[str]:
    return [given for found, given in instructions(file) if found == word]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_linter_finds_nothing_to_say(root: Path, name: str) -> None:
    done = hadolint(root / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_linter_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd /tmp\n")
    done = hadolint(tmp_path / "Dockerfile")
    assert done.returncode != 0
    assert {"DL3003", "DL3007"} <= set(re.findall(r"DL\d+", done.stdout))


def test_python_of_all_images_is_one_and_pinned(root: Path) -> None:
    stages = [stage for name in DOCKERFILES for stage in all_of(root / name, "FROM")]
    pythons = {stage.split()[0] for stage in stages if stage.startswith("python")}
    assert len(pythons) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", pythons.pop())


def test_base_copies_all_that_marea_is_built_from(root: Path, tmp_path: Path) -> None:
    let_in = set(re.findall(r"^!(\S+)", (root / ".dockerignore").read_text(), re.MULTILINE))
    for copied in all_of(root / BASE, "COPY"):
        *sources, target = copied.split()
        for source in sources:
            place = tmp_path / target / ("" if (root / source).is_dir() else source.split("/")[-1])
            assert source.split("/")[0] in let_in
            if (root / source).is_dir():
                shutil.copytree(root / source, place)
            else:
                place.parent.mkdir(exist_ok=True)
                shutil.copy(root / source, place)
    (build,) = (run for run in all_of(root / BASE, "RUN") if "hatchling" in run)
    _, *arguments = build.replace("/wheel", str(tmp_path / "wheel")).split()
    subprocess.run([sys.executable, *arguments], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {"marea/schemas/channels.yaml", "marea/config/processes.yaml"} <= held
    assert {f"services/{service}/__init__.py" for service in SERVICES} <= held


@EACH_SERVICE
def test_image_of_a_service_is_the_base_with_its_packages(root: Path, service: str) -> None:
    file = root / f"services/{service}/Dockerfile"
    assert all_of(file, "FROM")[1:] == ["marea-base"]
    copied = all_of(file, "COPY")
    assert copied == [f"requirements/{service}.txt .", "--from=packages /packages /packages"]
    (installs,) = all_of(file, "RUN")
    assert installs.endswith(f"--no-deps --require-hashes --requirement {service}.txt")


@EACH_SERVICE
def test_image_starts_its_service_as_the_process_that_a_stop_reaches(
    root: Path, service: str
) -> None:
    file = root / f"services/{service}/Dockerfile"
    (entrypoint,) = all_of(file, "ENTRYPOINT")
    assert json.loads(entrypoint) == ["python", "-m", f"services.{service}"]
    assert all_of(file, "CMD") == []


@EACH_SERVICE
def test_image_is_asked_where_its_service_listens(root: Path, service: str) -> None:
    port = load_process_settings(root / "config", {}).http.ports[service]
    file = root / f"services/{service}/Dockerfile"
    assert all_of(file, "ENV") == [f"HEALTH_PORT={port}"]
    assert all_of(file, "EXPOSE") == [str(port)]


def test_nobody_in_an_image_has_rights(root: Path) -> None:
    users = [given for name in DOCKERFILES for given in all_of(root / name, "USER")]
    assert users == ["10001"], "the base names the user, as a number, and no service another"


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (health_of("risk", "a", ()), 0),
        (health_of("risk", "a", (), waits_for=("it drains",)), 1),
        (None, 1),
    ],
    ids=["well", "not ready", "not there"],
)
def test_question_after_the_health_says_whether_a_service_is_well(
    root: Path, health: Health | None, code: int
) -> None:
    (asked,) = all_of(root / BASE, "HEALTHCHECK")
    _, *command = json.loads(asked.partition("CMD ")[2])

    async def ask() -> int | None:
        registry = Metrics("risk", tuple).registry
        server = HealthServer("127.0.0.1", 0, lambda: health or health_of("", "", ()), registry)
        await server.start()
        if health is None:
            await server.stop()
        asking = await asyncio.create_subprocess_exec(
            *(sys.executable, *command),
            env=os.environ | {"HEALTH_PORT": str(server.port)},
            stderr=subprocess.DEVNULL,
        )
        code = await asking.wait()
        await server.stop()
        return code

    assert asyncio.run(ask()) == code
