"""What no package of the system brings: built once by Maven or Go, and kept in the cache."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import ServerAway

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent / "builds"
BUILD_S_MAX = 1800
SAID_LINES = 5


@dataclass(frozen=True)
class Build:
    """One thing to build, in one version."""

    name: str
    version: str
    product: str
    """A file that it consists of."""
    make: Callable[["Build", Path], None]
    """Makes it in an empty folder."""

    @property
    def folder(self) -> Path:
        """Where it stands; it is there as a whole or not at all."""
        return cache() / f"{self.name}-{self.version}"

    @property
    def path(self) -> Path:
        """The file that it consists of."""
        return self.folder / self.product

    def missing(self) -> str | None:
        """That it isn't built, and how to mend that."""
        if self.path.exists():
            return None
        return (
            f"{self.name} {self.version} is not built: python -m deploy.local install {self.name}"
        )


def cache() -> Path:
    """Where it is kept: `MAREA_CACHE`, else `.cache` of the checkout."""
    return Path(os.environ.get("MAREA_CACHE", ROOT / ".cache")).absolute() / "servers"


def install(builds: Iterable[Build], say: Callable[[str], None]) -> None:
    """Build what isn't there; one of all that want to build does, the others wait for it."""
    wanted = [build for build in builds if build.missing()]
    if not wanted:
        return
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for build in wanted:
            if build.missing():
                say(f"building {build.name} {build.version} ...")
                _make_whole(build)
        for left in ("go", "go-build"):  # gigabytes that only a build needs
            shutil.rmtree(cache() / left, ignore_errors=True)


def _make_whole(build: Build) -> None:
    begun = cache() / f"{build.name}.begun"
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    build.make(build, begun)
    begun.rename(build.folder)


def _kafka(build: Build, folder: Path) -> None:
    jars = ["dependency:copy-dependencies", f"-Dkafka={build.version}", "-DincludeScope=runtime"]
    _maven("-f", HERE / "kafka.xml", *jars, f"-DoutputDirectory={folder}")


def _apicurio(build: Build, folder: Path) -> None:
    name = "apicurio-registry-app"
    packed = f"{name}-{build.version}-all.tar.gz"
    artifact = f"-Dartifact=io.apicurio:{name}:{build.version}:tar.gz:all"
    plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
    _maven(plugin, artifact, f"-DoutputDirectory={folder}")
    _run("tar", ["xzf", packed], folder, {})
    (folder / packed).unlink()


def _minio(build: Build, folder: Path) -> None:
    module = f"github.com/minio/minio@{build.version}"
    _go(["install", "-ldflags", "-s -w", module], folder, {"GOBIN": str(folder)})


def _compose(build: Build, folder: Path) -> None:
    target = str(folder / build.product)
    command = ["build", "-trimpath", "-ldflags", "-s -w", "-o", target]
    _go([*command, "github.com/docker/compose/v2/cmd"], HERE / "compose", {})


KAFKA = Build("kafka", "4.3.1", "kafka_2.13-4.3.1.jar", _kafka)
APICURIO = Build("apicurio", "3.3.3", "quarkus-run.jar", _apicurio)
MINIO = Build("minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "minio", _minio)
COMPOSE = Build("compose", "2.40.3", "docker-compose", _compose)
"""Of the version that `builds/compose/go.mod` names: it checks a compose file without an engine."""

BUILDS = {build.name: build for build in (KAFKA, APICURIO, MINIO, COMPOSE)}


def _maven(*words: str | Path) -> None:
    _run("mvn", ["-q", "-B", f"-Dmaven.repo.local={cache().parent / 'm2'}", *words], HERE, {})


def _go(words: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> None:
    caches = {"GOPATH": str(cache() / "go"), "GOCACHE": str(cache() / "go-build")}
    _run("go", words, folder, {**caches, "GOFLAGS": "-modcacherw", **environment})


def _run(
    tool: str, words: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
) -> None:
    if shutil.which(tool) is None:
        raise ServerAway(f"{tool} is not installed: install it, then run this again")
    done = subprocess.run(
        [tool, *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_S_MAX,
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-SAID_LINES:])
        raise ServerAway(f"{tool} ended with {done.returncode}; is its registry in reach?\n{said}")
